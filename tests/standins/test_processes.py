"""Each stand-in in its own process: it tells its port, takes orders, and keeps its ledger across kills."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from notifier.model.delivery import OutcomeKind
from notifier.standins.__main__ import main
from notifier.standins.ledger import read_ledger
from tests.channels.far_sides import SECRETS, SIDES, email_channel, message, now

NAMES = {"x": "x", "mastodon": "mastodon", "bluesky": "bluesky", "sms": "twilio", "email": "smtp", "webhook": "webhook"}


@contextmanager
def running(kind: str, ledger: Path, *more: str) -> Iterator[tuple[Any, str, subprocess.Popen[str]]]:
    """A stand-in's process; yields where it serves, where faults are ordered, and the process."""
    command = [sys.executable, "-m", "notifier.standins", NAMES[kind], "--port", "0", "--ledger", str(ledger), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        try:
            word, port = process.stdout.readline().split()
            assert word == "listening"
            control = process.stdout.readline().split()[1] if kind == "email" else port
            far = SimpleNamespace(url=f"http://127.0.0.1:{port}", port=int(port))
            yield far, f"http://127.0.0.1:{control}/_faults", process
        finally:
            process.kill()


def channel_of(kind: str, far: Any) -> Any:
    return email_channel(far.port, username=None, password=None) if kind == "email" else SIDES[kind].channel(far)


@pytest.mark.parametrize("kind", sorted(SIDES))
def test_it_serves_breaks_and_remembers(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    ledger, address = tmp_path / "ledger.jsonl", SIDES[kind].address
    with running(kind, ledger) as (far, orders, process):
        channel = channel_of(kind, far)
        channel.check()
        assert channel.send(message(address, key="k1", body="first words"), now()).kind is OutcomeKind.SENT
        assert requests.post(orders, json={"mode": "accept_then_drop", "times": 1}, timeout=5).status_code == 200
        assert requests.post(orders, json={"mode": "nonsense"}, timeout=5).status_code == 400
        lost = message(address, key="k2", body="second words")
        assert channel.send(lost, now()).kind is OutcomeKind.UNKNOWN
        process.kill()
        process.wait(10)
    assert [entry["body"] for entry in read_ledger(ledger)] == ["first words", "second words"]
    with running(kind, ledger) as (far, _, process):
        channel = channel_of(kind, far)
        found = channel.find(lost, now())
        if SIDES[kind].readable:
            assert getattr(found, "provider_id", None) == read_ledger(ledger)[1]["id"]
        process.terminate()
        assert process.wait(10) == 0, "SIGTERM ends it in order"


def test_one_that_is_far_away_answers_later(tmp_path: Path) -> None:
    with running("sms", tmp_path / "ledger.jsonl", "--slow", "200") as (far, _, _process):
        began = time.monotonic()
        requests.get(f"{far.url}/2010-04-01/Accounts/AC0.json", timeout=5)
        assert time.monotonic() - began >= 0.2


def test_what_a_stand_in_cannot_do_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["smtp", "--slow", "5"])
