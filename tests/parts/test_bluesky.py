"""Bluesky against a real personal data server: the no-op put, the refused swap, limits and sessions are its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from notifier.channels.bluesky import BlueskyChannel, BlueskySettings
from notifier.channels.bluesky_session import Session
from notifier.model.delivery import OutcomeKind, Reason
from notifier.ports import Found, NotFound
from tests.channels.far_sides import message, now

from .running import HERE, node_part, running

pytestmark = [pytest.mark.parts, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    node_part("@atproto/dev-env")
    folder = tmp_path_factory.mktemp("pds")
    told = folder / "url"
    command = ["node", str(HERE / "bluesky.mjs"), str(told)]
    with running(command, folder / "log", lambda: told.exists() and bool(told.read_text())):
        url = told.read_text()
        account = {"handle": "noticeboard.test", "email": "status@example.com", "password": "a real password"}
        made = requests.post(f"{url}/xrpc/com.atproto.server.createAccount", json=account, timeout=30)
        assert made.status_code == 200, made.text
        yield url


@pytest.fixture
def channel(server: str, monkeypatch: pytest.MonkeyPatch) -> BlueskyChannel:
    monkeypatch.setenv("T_PDS", "a real password")
    settings = {"id": "bluesky", "kind": "bluesky", "base_url": server, "handle": "noticeboard.test",
                "app_password": {"env": "T_PDS"}}
    return BlueskyChannel(BlueskySettings.model_validate(settings))


def posts(server: str) -> list[str]:
    asked = {"repo": "noticeboard.test", "collection": "app.bsky.feed.post", "limit": "100"}
    answer = requests.get(f"{server}/xrpc/com.atproto.repo.listRecords", params=asked, timeout=10).json()
    return [record["value"]["text"] for record in answer["records"]]


def test_sending_again_changes_nothing(channel: BlueskyChannel, server: str) -> None:
    ours = message(key="pds/1", body="Mobile data is failing: https://status.example.com/vt ☎ Café")
    assert channel.find(ours, now()) == NotFound()
    outcomes = [channel.send(ours, now()) for _ in range(3)]
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SENT}
    assert len({outcome.provider_id for outcome in outcomes}) == 1
    assert posts(server).count(ours.body) == 1
    assert channel.find(ours, now()) == Found(str(outcomes[0].provider_id))


def test_another_text_under_the_same_key_is_refused(channel: BlueskyChannel, server: str) -> None:
    first = message(key="pds/2", body="first words")
    assert channel.send(first, now()).kind is OutcomeKind.SENT
    outcome = channel.send(replace(first, body="other words"), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.REJECTED, Reason.DUPLICATE)
    assert "first words" in posts(server)
    assert "other words" not in posts(server)


@pytest.mark.parametrize(("length", "kind"), [(300, OutcomeKind.SENT), (301, OutcomeKind.REJECTED)])
def test_the_limit_is_300_graphemes(channel: BlueskyChannel, length: int, kind: OutcomeKind) -> None:
    outcome = channel.send(message(key=f"pds/long/{length}", body="é" * length), now())
    assert outcome.kind is kind
    assert kind is OutcomeKind.SENT or outcome.reason is Reason.TOO_LONG


def test_a_session_the_server_forgot_is_opened_anew(channel: BlueskyChannel) -> None:
    assert [finding.ok for finding in channel.check()] == [True]
    session = channel._session
    session._tokens = {**session.open(), "access": "not.a.token", "refresh": "not.a.token"}
    assert channel.send(message(key="pds/3", body="after the session"), now()).kind is OutcomeKind.SENT


def test_a_kept_session_is_refreshed_and_shared(
    server: str, channel: BlueskyChannel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real server takes the refresh token of the file, and both processes go on with what it gave."""
    channel.check()
    kept = channel._settings.model_copy(update={"session_file": tmp_path / "session"})
    first, second = BlueskyChannel(kept), BlueskyChannel(kept)
    before = first._session.open()
    assert second._session.open() == before, "from the file"
    stale = {**before, "access": "not.a.token"}
    first._session._tokens = second._session._tokens = stale
    first._session._keep(stale, "a real password")
    monkeypatch.setattr(Session, "_logged_in", lambda *_: pytest.fail("logged in"))
    assert first.send(message(key="pds/5", body="after the refresh"), now()).kind is OutcomeKind.SENT
    after = first._session.open()
    assert after["access"] != stale["access"]
    assert second.send(message(key="pds/6", body="by the other process"), now()).kind is OutcomeKind.SENT
    assert second._session.open() == after


def test_a_wrong_password_stops_the_channel(
    channel: BlueskyChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_PDS", "wrong")
    outcome = channel.send(message(key="pds/4"), now())
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (OutcomeKind.RETRY, Reason.AUTHENTICATION, True)
