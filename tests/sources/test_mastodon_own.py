"""Our own accounts' statuses on Mastodon: read page by page, each once, with the time of what they answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.clock import VirtualClock
from notifier.model.mention import Mention
from notifier.secret import Secret
from notifier.sources.posts.mastodon import MastodonMentions, MastodonSettings
from notifier.sources.posts.mastodon_own import OwnStatuses
from notifier.standins.mastodon_listen import MastodonListening, status_of

from .hearing import TOKEN, Mastodon, hostile, post

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 1, 14, 21, 42, tzinfo=UTC)
CARE = "care@social.example"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def far() -> Iterator[MastodonListening]:
    with MastodonListening() as made:
        made.accounts.add(CARE)
        yield made


def _own(far: MastodonListening, clock: VirtualClock, **more: Any) -> OwnStatuses:
    return OwnStatuses((CARE,), far.url, source="m", every=MINUTE, clock=clock, **more)


def _reply(n: int, at: datetime, **more: Any) -> Mention:
    answered = str(int(NIGHT.timestamp() * 1000) << 16)
    return post(f"reply {n}", author=CARE, created_at=at, **{"reply_to": answered, **more})


def test_each_status_is_handed_on_once_and_oldest_first(far: MastodonListening) -> None:
    """Of what is older than the first look nothing; later as many pages as it takes, and none while it is not due."""
    clock = VirtualClock(NOW)
    own, heard = _own(far, clock), list[Mention]()
    for n, ago in enumerate((90, 20, 10)):
        far.push(_reply(n, NOW - ago * MINUTE))
    own.look(heard.append)
    assert [one.text[-1] for one in heard] == ["1", "2"]
    far.push(_reply(3, NOW))
    own.look(heard.append)
    assert len(heard) == 2, "it is not due"
    for n in range(4, 100):
        far.push(_reply(n, NOW + timedelta(seconds=n / 100)))
    clock.advance(timedelta(seconds=61))
    own.look(heard.append)
    assert [int(one.text.split()[-1]) for one in heard] == list(range(1, 100))
    assert {(one.author, one.reply_to_at) for one in heard} == {(CARE, NIGHT)}
    clock.advance(timedelta(seconds=61))
    own.look(heard.append)
    assert len(heard) == 99


def test_a_thread_of_our_own_answers_nobody(far: MastodonListening, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second part of what we say is no reply to a post of last night."""
    own, heard = _own(far, VirtualClock(NOW)), list[Mention]()
    far.push(_reply(1, NOW))
    plain = far.statuses_of
    monkeypatch.setattr(far, "statuses_of", lambda account, asked: [
        {**one, "in_reply_to_account_id": account} for one in plain(account, asked)])
    own.look(heard.append)
    assert [(one.author, one.reply_to, one.reply_to_at) for one in heard] == [(CARE, None, None)]


def test_an_account_that_cannot_be_read_is_told_once_and_ends_nothing(far: MastodonListening) -> None:
    """The customers of the stream are still heard; once it can be read it is."""
    clock = VirtualClock(NOW)
    own, heard = _own(far, clock), list[Mention]()
    far.air.refuse("/lookup", 503, times=2)
    for _ in range(2):
        own.look(heard.append)
        clock.advance(timedelta(seconds=61))
    far.push(_reply(1, NOW + 2 * MINUTE))
    own.look(heard.append)
    assert [one.text for one in heard] == ["mobile data outage reply 1"]


@pytest.mark.parametrize(("status", "body", "why"), [
    (404, None, "the server answered with status 404"), (200, b"{", "something that is not JSON"),
    (200, b"[" * 100_000, "something that is not JSON"), (200, b"[]", "the server names no id for it"),
    (200, b'{"id": "../../x"}', "the server names no id for it"),
])
def test_why_an_account_cannot_be_read(far: MastodonListening, status: int, body: bytes | None, why: str) -> None:
    """In words, for `notifier doctor`."""
    far.air.refuse("/lookup", status, body=body)
    assert why in _own(far, VirtualClock(NOW)).missing()


def test_doctor_names_an_account_that_is_not_there(tmp_path: Path) -> None:
    """The stream connects, and still the source is not whole."""
    rig = Mastodon(tmp_path, own_accounts=("nobody@social.example",))
    try:
        found = rig.source.check()
        assert not found.ok
        assert "nobody@social.example cannot be read: the server answered with status 404" in found.text
    finally:
        rig.close()


def test_nothing_a_server_sends_raises(far: MastodonListening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field of a status by every hostile value, and answers that are no list."""
    clock = VirtualClock(NOW)
    good = {**status_of(_reply(1, NOW)), "id": "115900000000000001"}
    for answer in [*hostile(good), None, 7, "x", {"a": 1}]:
        monkeypatch.setattr(far, "statuses_of", lambda account, asked, answer=answer: [answer])
        heard = list[Mention]()
        _own(far, clock).look(heard.append)
        for one in heard:
            assert one.author == CARE
            assert one.created_at <= NOW


def test_the_token_goes_to_its_own_server_only(far: MastodonListening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our account is asked for elsewhere, without."""
    monkeypatch.setenv(TOKEN, "a token")
    given = {"id": "m", "kind": "mastodon", "stream": "public", "token": Secret(env=TOKEN), "own_accounts": (CARE,)}
    far.token = "a token"
    here = MastodonMentions(MastodonSettings(base_url=far.url, **given), clock=VirtualClock(NOW))
    assert here.own.missing() == ""
    elsewhere = MastodonMentions(MastodonSettings(base_url="http://127.0.0.1:1", own_url=far.url, **given),
                                 clock=VirtualClock(NOW))
    assert "status 401" in elsewhere.own.missing()
