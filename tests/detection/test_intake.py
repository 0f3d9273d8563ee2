"""Posts as the networks send them, in batches, in this process and in others."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.context import SpawnProcess
from typing import Any

import pytest

from notifier import metrics
from notifier.config.registry import MENTION_SOURCES
from notifier.detection.report import Hearing
from notifier.intake.counting import CannotRead, Collapse
from notifier.intake.reader import Batch, Tally
from notifier.intake.shapes import Feed, Shape, Unread, feed_of, read
from notifier.intake.workers import CannotStart, Here, Workers
from notifier.model.mention import Mention

from .node_process import reader
from .scene import regions, services, settings, vocabulary

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
TEXT = "no power in Burlington, VT since seven"
X = {"data": {"id": "19", "author_id": "7", "text": TEXT, "created_at": "2026-01-15T11:59:00Z"},
     "includes": {"users": [{"id": "7", "location": "Boston, MA"}]}, "matching_rules": [{"tag": "notifier:x"}]}
BLUESKY = {"did": "did:plc:a", "time_us": 1768478340000000, "commit": {
    "operation": "create", "collection": "app.bsky.feed.post", "rkey": "r",
    "record": {"text": TEXT, "createdAt": "2026-01-15T11:59:00Z"}}}
MASTODON = {"id": "5", "uri": "https://m.example/5", "created_at": "2026-01-15T11:59:00Z", "visibility": "public",
            "content": "<p>no <b>power</b> in Burlington, VT&nbsp;since seven</p>", "account": {"acct": "ann"}}
EXPORT = {"id": "1", "text": TEXT, "created_at": "2026-01-15T11:59:00Z", "network": "forum", "author": "ann"}


def _hearing(**more: Any) -> Hearing:
    return Hearing(settings(**more), vocabulary(), regions(), services())


def _changed(record: Mapping[str, Any], *path: str, to: Any) -> dict[str, Any]:
    """The record with one field changed."""
    first, *rest = path
    return {**record, first: _changed(record[first], *rest, to=to) if rest else to}


FEEDS = {"x": Feed(Shape.X, tag="notifier:x"), "sky": Feed(Shape.BLUESKY),
         "toot": Feed(Shape.MASTODON, host="m.example"), "export": Feed(Shape.EXPORT)}


@pytest.mark.parametrize(("feed", "post"), [("x", X), ("sky", BLUESKY), ("toot", MASTODON), ("export", EXPORT)])
def test_a_complaint_is_reported_from_whichever_network_it_comes(feed: str, post: dict[str, Any]) -> None:
    """What, where and when are those of the post."""
    batch = reader().read(FEEDS[feed], [json.dumps(post).encode()], NOW)
    (_, report), = batch.reports
    assert (report.kind, report.services, report.region) == ("complaint", ("power",), "US-VT")
    assert report.at == int(NOW.timestamp()) - 60
    assert batch.tally == Tally(posts=1, reported=1, placed=1)


@pytest.mark.parametrize(("sentence", "feed", "post", "field"), [
    ("broken JSON is counted as unreadable", "x", b"{", "unreadable"),
    ("so is X's own error line", "x", {"errors": [{"title": "gone"}]}, "unreadable"),
    ("a post of another account's rule is not ours", "x", _changed(X, "matching_rules", to=[{"tag": "b"}]), "no_post"),
    ("a deletion is no post", "sky", _changed(BLUESKY, "commit", "operation", to="delete"), "no_post"),
    ("a picture without words is no post", "toot", _changed(MASTODON, "content", to=""), "no_post"),
    ("a private status is none of our business", "toot", _changed(MASTODON, "visibility", to="private"), "no_post"),
    ("other talk ends at the sieve", "x", _changed(X, "data", "text", to="lovely day"), "no_trigger"),
    ("a trigger alone is no complaint", "x", _changed(X, "data", "text", to="power of love"), "no_verdict"),
    ("an hour-old one is late", "x", _changed(X, "data", "created_at", to="2026-01-15T11:00:00Z"), "late"),
    ("a text that is a number is no complaint", "export", {**EXPORT, "text": 5}, "no_verdict"),
    ("an export's line without a time is unreadable", "export", {"id": "1", "text": TEXT}, "unreadable"),
])
def test_what_is_no_report_is_counted_by_its_reason(sentence: str, feed: str, post: Any, field: str) -> None:
    """Every post ends in one count."""
    raw = post if isinstance(post, bytes) else json.dumps(post).encode()
    batch = reader().read(FEEDS[feed], [raw], NOW)
    assert batch.reports == []
    assert batch.tally == replace_tally(Tally(posts=1), field), sentence
    assert batch.unreadable == ([0] if field == "unreadable" else [])


def replace_tally(tally: Tally, field: str) -> Tally:
    setattr(tally, field, 1)
    return tally


def test_each_source_has_its_feed() -> None:
    """A kind of mention source that is added needs a shape, or hands over a recording's lines."""
    assert set(MENTION_SOURCES) == {"x", "bluesky", "mastodon", "export"}
    made = {kind: feed_of(entry.settings.model_validate(_least(kind))) for kind, entry in MENTION_SOURCES.items()}
    assert {kind: feed.shape.value for kind, feed in made.items()} == {kind: kind for kind in MENTION_SOURCES}
    assert (made["x"].tag, made["mastodon"].host, made["bluesky"].terms) == ("notifier:a", "m.example", ("power",))


def _least(kind: str) -> dict[str, Any]:
    return {"id": "a", "kind": kind, **{
        "x": {"bearer_token": {"env": "TOKEN"}, "terms": ["power"]}, "bluesky": {"terms": ["power"]},
        "mastodon": {"base_url": "https://m.example", "stream": "public"}, "export": {"stdin": True}}[kind]}


def test_a_sources_own_filters_hold_here_too() -> None:
    """Terms and languages are the source's settings, not the connection's."""
    raw = json.dumps(BLUESKY).encode()
    assert read(Feed(Shape.BLUESKY, terms=("internet",)), raw, NOW) is Unread.UNWANTED
    assert isinstance(read(Feed(Shape.BLUESKY, terms=("power",), languages=("en",)), raw, NOW), Mention)
    german = _changed(BLUESKY, "commit", "record", to={"text": TEXT, "langs": ["de"]})
    assert read(Feed(Shape.BLUESKY, languages=("en",)), json.dumps(german).encode(), NOW) is Unread.UNWANTED


def test_mentions_go_the_same_way() -> None:
    """What a listener has read already is sieved, judged and placed like bytes."""
    found = read(FEEDS["x"], json.dumps(X).encode(), NOW)
    assert isinstance(found, Mention)
    batch = reader().mentions([found, replace(found, text="lovely day")], NOW)
    assert batch.reports == reader().read(FEEDS["x"], [json.dumps(X).encode()], NOW).reports
    assert batch.tally == Tally(posts=2, no_trigger=1, reported=1, placed=1)


def test_complaints_from_outside_the_territory_are_not_reported() -> None:
    """They would only fill the memory of who was counted."""
    post = json.dumps(_changed(X, "data", "text", to="no power here in Houston, TX")).encode()
    assert reader().read(FEEDS["x"], [post], NOW).reports == []


def test_a_window_that_is_damaged_says_so() -> None:
    """And nothing else happens."""
    for kept in (b"", b"x", Collapse(settings()).dump()[:-3], b"x\x9c\x03\x00\x00\x00\x00\x01"):
        with pytest.raises(CannotRead):
            Collapse(settings()).load(kept)


# ── processes ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Took:
    """Keeps what was answered."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tally, self.reports, self.batches = Tally(), 0, 0

    def __call__(self, source: str, batch: Batch) -> None:
        with self.lock:
            self.tally.add(batch.tally)
            self.reports += len(batch.reports)
            self.batches += 1


BATCH = [json.dumps(X).encode(), json.dumps(_changed(X, "data", "text", to="lovely day")).encode(), b"{"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_processes_read_what_one_thread_reads_and_a_dead_one_loses_nothing() -> None:
    """Two processes, of which each is ended with SIGKILL in the middle of the work: every batch is answered once."""
    here, there = Took(), Took()
    alone = Here(_hearing(), FEEDS, here)
    workers = Workers(_hearing(), FEEDS, there, count=2, waiting_most=4)
    for number in range(60):
        alone.put("x", BATCH, NOW)
        workers.put("x", BATCH, NOW)
        if number in (20, 40):
            pid = workers.pids()[number // 40]
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
    workers.stop()
    assert (there.batches, there.reports, there.tally) == (60, 60, here.tally)


@pytest.mark.timeout(120)
def test_processes_that_cannot_start_say_so_at_once() -> None:
    """A daemon must not start deaf: what fails is not a post."""
    broken = replace(_hearing(), regions=None)  # type: ignore[arg-type]
    with pytest.raises(CannotStart, match="ended with 1 before it read a post"):
        Workers(broken, FEEDS, Took(), count=1)


class Failing(Took):
    """Takes batches, and fails at the calls it is told to."""

    def __init__(self, errors: dict[int, Exception]) -> None:
        super().__init__()
        self.errors = errors
        self.calls = 0

    def __call__(self, source: str, batch: Batch) -> None:
        self.calls += 1
        if self.calls in self.errors:
            raise self.errors[self.calls]
        super().__call__(source, batch)


def _dropped() -> float:
    return metrics.MENTIONS_DROPPED.labels("x", "not taken")._value.get()


@pytest.mark.timeout(120)
def test_whoever_takes_batches_may_fail() -> None:
    """A batch is told again once, then given up; no process pays for it, and those behind it are taken."""
    took = Failing({1: OSError("disk"), 4: ValueError("a mistake"), 5: ValueError("a mistake")})
    workers = Workers(_hearing(), FEEDS, took, count=1, waiting_most=1)
    before, dropped = workers.pids(), _dropped()
    for _ in range(6):
        workers.put("x", BATCH, NOW)
    workers.stop()
    assert workers.pids() == before
    assert (took.batches, took.calls) == (5, 8)
    assert _dropped() - dropped == len(BATCH)


@pytest.mark.timeout(120)
def test_no_process_is_left_where_one_cannot_be_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without room for the second process: the first is ended, and the daemon hears why."""
    begun = 0
    begin = SpawnProcess.start

    def start(process: SpawnProcess) -> None:
        nonlocal begun
        begun += 1
        if begun == 2:
            raise OSError(11, "Resource temporarily unavailable")
        begin(process)

    monkeypatch.setattr(SpawnProcess, "start", start)
    with pytest.raises(CannotStart, match="temporarily unavailable"):
        Workers(_hearing(), FEEDS, Took(), count=2)
    assert not multiprocessing.active_children()
