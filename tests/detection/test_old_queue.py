"""Answering last night's posts while this morning's outage goes unsaid: told, and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import metrics
from notifier.clock import VirtualClock
from notifier.detection.old_queue import GRACE, LEAST, OwnAccounts, OwnPost, Spike, old_queue
from notifier.detection.old_queue_loop import KEPT, OldQueueLoop
from notifier.model.incident import Incident, IncidentState, Move
from notifier.model.mention import Mention
from notifier.model.post_ids import TID_LETTERS, X_EPOCH_MS, posted_at
from notifier.model.signal import Level
from notifier.store import open_store
from notifier.store.settings import StoreSettings

from .scene import detector, post, regions, services

NIGHT = datetime(2024, 9, 18, 1, 40, tzinfo=UTC)
"""21:40 in Vermont, the evening before."""
BEGAN = datetime(2024, 9, 18, 11, 32, tzinfo=UTC)
NOW = BEGAN + timedelta(minutes=40)
MINUTE = timedelta(minutes=1)
SPIKE = Spike("mobile-data", ("US-VT",), BEGAN, "mobile data", "Vermont", "America/New_York", incident="I1")


def _reply(answers: datetime | None, minutes_ago: int = 5) -> OwnPost:
    return OwnPost(NOW - minutes_ago * MINUTE, "@GMMobile", answers, is_reply=True)


def _x_id(at: datetime) -> str:
    return str((int(at.timestamp() * 1000) - X_EPOCH_MS) << 22)


def _mastodon_id(at: datetime) -> str:
    return str(int(at.timestamp() * 1000) << 16)


def _tid(at: datetime) -> str:
    number = int(at.timestamp()) * 1_000_000 << 10
    return "".join(TID_LETTERS[number >> shift & 31] for shift in range(60, -1, -5))


# ── the rule ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_last_nights_queue() -> None:
    """The story, told as staff should read it, in the region's time."""
    found = old_queue([_reply(NIGHT + n * MINUTE) for n in range(5)], SPIKE, NOW)
    assert found is not None
    assert found.why == ("@GMMobile is answering posts from 21:42 yesterday; mobile data has been failing in Vermont "
                         "since 07:32 and nothing has been said")
    assert found.older == BEGAN - NIGHT - 2 * MINUTE


@pytest.mark.parametrize(("own", "spike", "now", "why"), [
    ([], SPIKE, NOW, "nobody answers anybody"),
    ([_reply(NIGHT)] * (LEAST - 1), SPIKE, NOW, "too few replies to conclude anything"),
    ([_reply(None)] * 9, SPIKE, NOW, "replies to posts nobody can date"),
    ([_reply(NIGHT)] * 3 + [_reply(BEGAN + MINUTE)] * 3, SPIKE, NOW, "they answer this morning's posts too"),
    ([_reply(NIGHT, minutes_ago=35)] * 9, SPIKE, NOW, "that was half an hour ago"),
    ([_reply(NIGHT)] * 9, Spike("mobile-data", ("US-VT",), BEGAN, "", "", acknowledged=True), NOW, "it was said"),
    ([OwnPost(BEGAN + timedelta(seconds=30), "@GMMobile", NIGHT, is_reply=True)] * 9, SPIKE, BEGAN + GRACE - MINUTE,
     "it has only just begun"),
    ([*[_reply(NIGHT)] * 9, OwnPost(BEGAN + 9 * MINUTE, "@GMMobile", speaks_of=("mobile-data",))], SPIKE, NOW,
     "the account itself has spoken of it"),
])
def test_when_nothing_is_said(own: list[OwnPost], spike: Spike, now: datetime, why: str) -> None:
    """Nobody is blamed without evidence."""
    assert old_queue(own, spike, now) is None, why


def test_what_was_said_of_another_service_or_before_excuses_nothing() -> None:
    """A post of broadband, or of last week's outage, acknowledges nothing."""
    own = [*[_reply(NIGHT)] * 9, OwnPost(NOW, "@GMMobile", speaks_of=("broadband",)),
           OwnPost(BEGAN - MINUTE, "@GMMobile", speaks_of=("mobile-data",))]
    assert old_queue(own, SPIKE, NOW) is not None


# ── ids ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("network", "id", "at"), [
    ("x", "1541815603606036480", datetime(2022, 6, 28, 16, 7, 40, 105_000, tzinfo=UTC)),
    ("x", _x_id(NIGHT), NIGHT), ("mastodon", _mastodon_id(NIGHT), NIGHT),
    ("bluesky", f"at://did:plc:abc/app.bsky.feed.post/{_tid(NIGHT)}", NIGHT),
    ("bluesky", "3l25zusnsfctk", datetime(2024, 8, 20, 16, 31, 35, 793_000, tzinfo=UTC)),
    ("x", _x_id(NOW + timedelta(hours=1)), None), ("mastodon", "4711", None), ("bluesky", "2222222222222", None),
    ("bluesky", "zzzzzzzzzzzzz", None), ("bluesky", "self", None), ("export", _x_id(NIGHT), None), ("x", None, None),
    ("x", "-5", None), ("x", "１２３", None), ("x", "9" * 400, None),
])
def test_ids_that_hold_their_time(network: str, id: str | None, at: datetime | None) -> None:
    """X's, Mastodon's and Bluesky's ids date a post nobody heard; what cannot be is no time."""
    assert posted_at(network, id, NOW) == at


@given(st.sampled_from(["x", "mastodon", "bluesky"]), st.text(max_size=40) | st.integers().map(str))
def test_any_id_is_read(network: str, id: str) -> None:
    """Whatever an id holds, its time is none or one that can be."""
    found = posted_at(network, id, NOW)
    assert found is None or found <= NOW


# ── hearing our own ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_own_posts_are_told_from_others_and_their_answers_are_dated() -> None:
    """By network and author, whatever the case; a post answered is dated by what was heard of it, else by its id."""
    own = OwnAccounts({"@GMMobile": ("x:42", "export:Care"), "care": ("mastodon:Care@social.example",)})
    told = [Mention(id="e1", created_at=NIGHT, network="export", text="no 3G", author="ann"),
            Mention(id="1", created_at=NOW, network="x", text="sorry", author="42", reply_to=_x_id(NIGHT)),
            Mention(id="e2", created_at=NOW, network="export", text="sorry", author="care", reply_to="e1"),
            Mention(id="2", created_at=NOW, network="mastodon", text="sorry", author="care@social.example",
                    reply_to=_mastodon_id(NIGHT)),
            Mention(id="3", created_at=NOW, network="bluesky", text="sorry", author="42")]
    assert [own.hear(one, NOW) for one in told] == [False, True, True, True, False]
    assert [(one.account, one.answers) for one in own.lately(NOW)] == [
        ("@GMMobile", NIGHT), ("@GMMobile", NIGHT), ("care", NIGHT)]


def test_the_time_a_listener_gives_is_believed_and_our_own_threads_answer_nobody() -> None:
    """A time after the reply itself is not believed; what goes on with a post of ours is no answer."""
    own = OwnAccounts({"@us": ("export:care", "bluesky:did:plc:us")})
    ours = [Mention(id="1", created_at=NOW, network="export", text="sorry", author="care", reply_to="?",
                    reply_to_at=NIGHT),
            Mention(id="2", created_at=NOW, network="export", text="sorry", author="care", reply_to="?",
                    reply_to_at=NOW + MINUTE),
            Mention(id="3", created_at=NOW, network="export", text="(2/2)", author="care", reply_to="1",
                    reply_to_at=NOW),
            Mention(id="at://did:plc:us/app.bsky.feed.post/b", created_at=NOW, network="bluesky", text="(2/2)",
                    author="did:plc:us", reply_to="at://did:plc:us/app.bsky.feed.post/3kznmn7xqxl22")]
    assert all(own.hear(one, NOW) for one in ours)
    assert [(one.is_reply, one.answers) for one in own.lately(NOW)] == [
        (True, NIGHT), (True, None), (False, None), (False, None)]


def test_our_own_posts_are_no_complaints() -> None:
    """Twenty replies of ours about "no 3G in Rutland" raise no alarm."""
    heard = detector(own_accounts={"@GMMobile": ["x:42"]})
    for n in range(20):
        heard.take("test", post(f"@ann{n} we hear you have no 3G in Rutland, VT", at=NOW, who="42"), NOW)
    assert heard.signals(NOW) == ()
    assert (heard.counts.mentions, heard.counts.complaints) == (20, 0)
    assert len(heard.own.lately(NOW)) == 20
    assert heard.own.lately(NOW)[0].speaks_of == ("mobile-data",)


# ── the loop ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_loop_says_so_and_stops_saying_so(tmp_path: Path) -> None:
    """In the store and as a metric while it holds; gone from both once the outage is acknowledged."""
    store = open_store(StoreSettings(path=str(tmp_path / "n.db")))
    own = OwnAccounts({"@GMMobile": ("x:42",)})
    loop = OldQueueLoop(own, store, VirtualClock(NOW), regions(), services())
    incident = Incident("I1", "mobile-data", ("US-VT",), IncidentState.SUSPECTED, Level.MAJOR, BEGAN, BEGAN, "default",
                        "generic")
    with store.transaction() as tx:
        tx.put_incident(incident, Move("I1", BEGAN, None, IncidentState.SUSPECTED, "heard"))
    assert loop.run_once() is False
    for n in range(4):
        own.hear(Mention(id=str(n), created_at=NOW, network="x", text="sorry", author="42", reply_to=_x_id(NIGHT)), NOW)
    assert loop.run_once() is True
    assert loop.run_once() is False
    assert metrics.OLD_QUEUE.labels("mobile-data", "US-VT")._value.get() == pytest.approx(592)
    with store.transaction() as tx:
        kept = tx.checkpoint(KEPT)
        assert kept is not None
        assert b"@GMMobile is answering posts from 21:40 yesterday" in kept
        found = tx.incident("I1")
        assert found is not None
    told = Incident(**{**{name: getattr(found, name) for name in found.__slots__}, "acknowledged_at": NOW,
                       "version": found.version + 1})
    with store.transaction() as tx:
        tx.put_incident(told, None)
    assert loop.run_once() is True
    with store.transaction() as tx:
        assert tx.checkpoint(KEPT) == b"[]"
    assert "US-VT" not in {sample.labels["region"] for metric in metrics.OLD_QUEUE.collect()
                           for sample in metric.samples}
    store.close()
