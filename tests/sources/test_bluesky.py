"""Bluesky: events understood, hostile clocks tamed, the place in the stream remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from notifier.clock import VirtualClock
from notifier.sources.posts.bluesky import BlueskyMentions, BlueskySettings, event_time, mention_from

from .hearing import Bluesky, post, session, until

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def event(created_at: Any = "2026-01-15T11:59:50Z", at: Any = None, **commit: Any) -> dict[str, Any]:
    record = {"$type": "app.bsky.feed.post", "text": "outage", "createdAt": created_at, "langs": ["en", "de"]}
    return {
        "did": "did:plc:a",
        "time_us": micros(NOW - timedelta(seconds=5)) if at is None else at,
        "kind": "commit",
        "commit": {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "r", "record": record, **commit},
    }


def test_an_event_is_mapped() -> None:
    found = mention_from(event(), NOW)
    assert found is not None
    assert (found.id, found.author, found.text) == ("at://did:plc:a/app.bsky.feed.post/r", "did:plc:a", "outage")
    assert (found.lang, found.url) == ("en", "https://bsky.app/profile/did:plc:a/post/r")
    assert found.created_at == NOW - timedelta(seconds=10)


@pytest.mark.parametrize(
    ("created_at", "expected"),
    [
        pytest.param("2026-01-15T11:30:00Z", NOW - timedelta(minutes=30), id="half an hour late is believed"),
        pytest.param("2026-01-15T12:00:01Z", NOW - timedelta(seconds=5), id="the future is not"),
        pytest.param("2026-01-15T10:59:59Z", NOW - timedelta(seconds=5), id="over an hour ago is not"),
        pytest.param("1970-01-01T00:00:00Z", NOW - timedelta(seconds=5), id="an imported archive is not"),
        pytest.param("2026-01-15T11:59:00", NOW - timedelta(seconds=5), id="no time zone"),
        pytest.param("0001-01-01T00:00:00+23:59", NOW - timedelta(seconds=5), id="before all time"),
        pytest.param(None, NOW - timedelta(seconds=5), id="nothing"),
    ],
)
def test_a_hostile_clock_is_replaced_by_the_relays(created_at: Any, expected: datetime) -> None:
    found = mention_from(event(created_at), NOW)
    assert found is not None
    assert found.created_at == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(micros(NOW - timedelta(hours=1)), NOW - timedelta(hours=1), id="an hour ago"),
        pytest.param(micros(NOW + timedelta(seconds=30)), NOW, id="a little ahead is now"),
        pytest.param(micros(NOW + timedelta(days=1)), None, id="tomorrow"),
        pytest.param(micros(NOW - timedelta(days=3)), None, id="longer ago than anything is kept"),
        pytest.param(10**400, None, id="no number of a clock"),
        pytest.param(-1, None, id="below zero"),
        pytest.param(True, None, id="a truth"),
        pytest.param("1", None, id="text"),
    ],
)
def test_the_relays_own_time_is_believed_within_reason(at: Any, expected: datetime | None) -> None:
    assert event_time({"time_us": at}, NOW) == expected


@pytest.mark.parametrize(
    "commit",
    [
        pytest.param({"operation": "delete", "record": None}, id="a deletion"),
        pytest.param({"operation": "update"}, id="an edit"),
        pytest.param({"collection": "app.bsky.feed.like"}, id="a like"),
        pytest.param({"collection": "app.bsky.feed.repost"}, id="a repost"),
        pytest.param({"record": {"text": ""}}, id="a picture without words"),
    ],
)
def test_only_new_posts_with_words_count(commit: dict[str, Any]) -> None:
    assert mention_from(event(**commit), NOW) is None


def test_a_new_connection_begins_a_little_before_the_last_event(tmp_path: Path) -> None:
    rig = Bluesky(tmp_path, rewind="3s")
    try:
        with session(rig.source) as running:
            until(rig.connected, "a connection")
            rig.push(post("1"))
            until(lambda: running.has("outage 1"), "the post")
        seen = rig.source.seen_until
        with session(rig.source) as running:
            until(lambda: running.has("outage 1"), "the same post again: at least once")
        first, second = (parse_qs(urlsplit(path).query) for path in rig.far.requests)
        assert first["wantedCollections"] == ["app.bsky.feed.post"]
        assert "cursor" not in first
        assert int(second["cursor"][0]) == micros(seen) - 3_000_000
    finally:
        rig.close()


def test_a_place_in_the_stream_that_is_too_old_is_forgotten(clock: VirtualClock) -> None:
    listening = BlueskyMentions(BlueskySettings(id="b", kind="bluesky", terms=("outage",)), clock=clock)
    listening.seen_until = clock.now()
    assert "cursor=" in listening.address()
    clock.advance(timedelta(hours=37))
    assert "cursor=" not in listening.address()


def test_a_relay_that_falls_silent_is_left(tmp_path: Path) -> None:
    rig = Bluesky(tmp_path, silence="300ms")
    try:
        with session(rig.source) as running:
            until(lambda: running.over, "an end")
        assert running.why == "no event for 0:00:00.300000"
    finally:
        rig.close()


def test_terms_and_languages_sift_the_whole_network(tmp_path: Path) -> None:
    rig = Bluesky(tmp_path, languages=("de",))
    try:
        with session(rig.source) as running:
            until(rig.connected, "a connection")
            rig.push(post("1", text="kein Netz", lang="de"))
            rig.push(post("2", text="an outage", lang="en"))
            rig.push(post("3", text="#VTelOutage!", lang="de"))
            until(lambda: running.has("#VTelOutage!"), "the wanted post")
        assert len(running.heard) == 1
    finally:
        rig.close()
