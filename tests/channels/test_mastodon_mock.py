"""Mastodon against a server we did not write: mastodon-mock, in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from notifier.channels.mastodon import MastodonChannel
from notifier.model.delivery import OutcomeKind, Reason
from notifier.ports import Found, NotFound
from tests.channels.far_sides import mastodon_channel, message, now, unused_port

STARTS_WITHIN = 60.0
PATIENT = (5.0, 30.0)
"""Seconds: a whole server on a busy machine takes longer than the half second a stand-in is given."""


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{url}/api/v2/instance", timeout=2).status_code == 200
    return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = unused_port(), tmp_path_factory.mktemp("mastodon")
    command = [sys.executable, "-m", "mastodon_mock", "serve", "--in-memory", "--host", "127.0.0.1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--port", str(port)], stdout=log, stderr=log, cwd=folder)
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + STARTS_WITHIN
    try:
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                pytest.skip(f"mastodon-mock does not start here: {_end_of(folder / 'log')}")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-300:]


@pytest.fixture
def channel(server: str, monkeypatch: pytest.MonkeyPatch) -> MastodonChannel:
    monkeypatch.setenv("T_MASTODON", "mock_token")
    return mastodon_channel(server, PATIENT)


def test_posting_repeating_finding(channel: MastodonChannel) -> None:
    assert [finding.ok for finding in channel.check()] == [True, True, True]
    ours = message(key="mock/1")
    assert channel.find(ours, now()) == NotFound()
    first = channel.send(ours, now())
    again = channel.send(ours, now())
    assert first.kind is again.kind is OutcomeKind.SENT
    assert first.provider_id == again.provider_id
    assert channel.find(ours, now()) == Found(str(first.provider_id))


def test_too_long_for_the_server(channel: MastodonChannel) -> None:
    outcome = channel.send(message(key="mock/2", body="word " * 101), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.REJECTED, Reason.TOO_LONG)


def test_a_wrong_token_stops_the_channel(channel: MastodonChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_MASTODON", "nobody's")
    outcome = channel.send(message(key="mock/3"), now())
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (OutcomeKind.RETRY, Reason.AUTHENTICATION, True)
