"""The poller over the real store: what is kept, what ends, what is asked, and a real scheduler on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog.testing

from notifier.clock import SystemClock, VirtualClock
from notifier.metrics import REGISTRY
from notifier.model.signal import Freshness, Level, Signal, SignalClass
from notifier.net.fetch import ETAG
from notifier.ports import Answer, Failure, Reading, Source, SourceState, StoreUnavailable
from notifier.sources.freshness import freshness
from notifier.sources.pages import statuspage
from notifier.sources.pages.statuspage import StatuspageSettings
from notifier.sources.poller import Poller, UnknownSource
from notifier.sources.settings import Placing, PollingSettings
from notifier.store import SqlStore
from tests.net.test_fetch import reply, serving

from .examples import SUMMARY
from .support import NOW, answer, memory_store, tree

BUDGET = timedelta(minutes=10)
KNOWN = Reading(known=True)
UNREADABLE = Reading(known=False, why="HTML")
DOWN = Failure(NOW, "timed_out", "after 20 s")


def signal(fingerprint: str = "f", region: str = "US", level: Level = Level.MAJOR) -> Signal:
    return Signal("s", SignalClass.OFFICIAL, "data", region, level, NOW, NOW, fingerprint)


class Scripted:
    """A source whose answers and readings are given in advance; keeps what it was asked with."""

    def __init__(self, source_id: str = "s", host: str = "h") -> None:
        self.id, self.host = source_id, host
        self.every, self.freshness = timedelta(minutes=1), BUDGET
        self.answers: list[Answer | Failure] = []
        self.readings: list[Reading] = []
        self.asked_with: list[Mapping[str, str]] = []
        self.read_with: list[Mapping[str, str]] = []

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        self.asked_with.append(dict(memory))
        return self.answers.pop(0) if self.answers else answer(b"x")

    def read(self, given: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        self.read_with.append(dict(memory))
        if given.status == 304:
            return Reading(known=True, memory=memory)
        return self.readings.pop(0)


class World:
    """A poller with one scripted source."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW)
        self.store: SqlStore = memory_store()
        self.source = Scripted()
        self.tapped: list[tuple[str, Answer | Failure]] = []
        self.poller = Poller(
            {"s": self.source}, self.store, self.clock, PollingSettings(), tap=lambda *one: self.tapped.append(one)
        )

    def poll(self, *readings: Reading) -> None:
        """Poll once for each reading, a minute apart."""
        for reading in readings:
            self.source.readings.append(reading)
            self.poller.poll("s")
            self.clock.advance(timedelta(minutes=1))

    def open(self) -> set[tuple[str, str]]:
        with self.store.transaction() as tx:
            return {(s.fingerprint, s.region) for s in tx.open_signals(self.clock.now())}

    def state(self) -> SourceState:
        self.poller.run_once()
        with self.store.transaction() as tx:
            found = tx.source_state("s")
        assert found is not None
        return found


@pytest.fixture
def world() -> World:
    return World()


# ── freshness ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([KNOWN], Freshness.FRESH, id="known"),
        pytest.param([DOWN], Freshness.FAILING, id="never answered"),
        pytest.param([UNREADABLE], Freshness.SUSPECT, id="never readable"),
        pytest.param([KNOWN, DOWN], Freshness.FRESH, id="one failure within the budget changes nothing"),
        pytest.param([KNOWN, UNREADABLE], Freshness.SUSPECT, id="an unreadable answer counts at once"),
        pytest.param([KNOWN, UNREADABLE, DOWN], Freshness.SUSPECT, id="a failure does not heal it"),
        pytest.param([KNOWN, DOWN, 10], Freshness.FAILING, id="failures until the budget is out"),
        pytest.param([KNOWN, 9], Freshness.FRESH, id="nine minutes of ten"),
        pytest.param([KNOWN, 10], Freshness.STALE, id="ten minutes of ten"),
        pytest.param([KNOWN, 10, KNOWN], Freshness.FRESH, id="heard again"),
        pytest.param([KNOWN, 10, DOWN], Freshness.FAILING, id="stale, then failing"),
        pytest.param([10], Freshness.UNPROVEN, id="never tried"),
    ],
)
def test_freshness(steps: list[Reading | Failure | int], expected: Freshness) -> None:
    state, now = SourceState("s"), NOW
    for step in steps:
        if isinstance(step, int):
            now += timedelta(minutes=step)
            state = freshness(state, None, BUDGET, now)
        else:
            state = freshness(state, step, BUDGET, now)
    assert state.freshness is expected
    assert bool(state.why) is (expected not in (Freshness.FRESH, Freshness.UNPROVEN) or state.failures > 0)


def test_memory_is_kept_from_known_readings_only() -> None:
    state = freshness(SourceState("s"), replace(KNOWN, memory={"a": "1"}), BUDGET, NOW)
    assert freshness(state, replace(UNREADABLE, memory={"a": "2"}), BUDGET, NOW).memory == {"a": "1"}
    assert freshness(state, DOWN, BUDGET, NOW).memory == {"a": "1"}


def test_memory_of_an_unknown_reading_is_kept_where_it_asks_for_that() -> None:
    """Single places have told, too few of them for anything to be known: the next one must not start from nothing."""
    state = freshness(SourceState("s"), replace(KNOWN, memory={"a": "1"}), BUDGET, NOW)
    after = freshness(state, replace(UNREADABLE, memory={"a": "2"}, noted=True), BUDGET, NOW)
    assert (after.memory, after.last_known_at) == ({"a": "2"}, state.last_known_at)


def test_what_a_known_reading_says_of_itself_is_shown_to_staff() -> None:
    state = freshness(SourceState("s"), replace(KNOWN, why="without a vote: btv"), BUDGET, NOW)
    assert (state.freshness, state.why) == (Freshness.FRESH, "without a vote: btv")
    assert freshness(state, KNOWN, BUDGET, NOW).why == ""


# ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_complete_reading_ends_what_it_no_longer_lists(world: World) -> None:
    world.poll(Reading(True, (signal("a"), signal("b"))), Reading(True, (signal("b"),), complete=True))
    assert world.open() == {("b", "US")}


def test_an_incomplete_reading_ends_only_what_it_calls_over(world: World) -> None:
    world.poll(Reading(True, (signal("a"), signal("b"))), Reading(True, (signal("a", level=Level.OK),)))
    assert world.open() == {("b", "US")}


def test_a_trouble_no_longer_told_for_a_place_ends_there(world: World) -> None:
    world.poll(Reading(True, (signal("a"), signal("a", "CA"))), Reading(True, (signal("a"),)))
    assert world.open() == {("a", "US")}


def test_a_trouble_called_over_ends_wherever_it_was_told(world: World) -> None:
    world.poll(Reading(True, (signal("a"), signal("a", "CA"))), Reading(True, (signal("a", level=Level.OK),)))
    assert world.open() == set()


@pytest.mark.parametrize("bad", [UNREADABLE, Reading(known=False, why="empty", complete=True)])
def test_an_unknown_reading_neither_opens_nor_ends(world: World, bad: Reading) -> None:
    world.poll(Reading(True, (signal("a"),)), bad)
    assert world.open() == {("a", "US")}
    assert world.state().freshness is Freshness.SUSPECT


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(DOWN, id="a failed fetch"),
        pytest.param(answer(b"<html>", status=503), id="a recorded 503"),
        pytest.param(answer(b"", status=304), id="not modified"),
    ],
)
def test_no_news_changes_no_signal(world: World, bad: Answer | Failure) -> None:
    world.poll(Reading(True, (signal("a"),), memory={"m": "1"}))
    world.poller.accept("s", bad)
    assert world.open() == {("a", "US")}
    assert world.state().memory == {"m": "1"}
    assert world.state().freshness is Freshness.FRESH


def test_not_modified_renews_the_source_and_nothing_else(world: World) -> None:
    world.poll(KNOWN)
    world.clock.advance(timedelta(minutes=8))
    world.poller.accept("s", answer(b"", status=304))
    assert world.state().last_known_at == world.clock.now()


def test_not_modified_before_anything_was_read_is_worth_nothing(world: World) -> None:
    world.poller.accept("s", answer(b"", status=304))
    assert world.state().freshness is Freshness.SUSPECT


def test_lists_of_resolved_incidents_are_not_written(world: World) -> None:
    world.poll(Reading(True, tuple(signal(f"old{n}", level=Level.OK) for n in range(50))))
    with world.store.transaction() as tx:
        assert tx.ended_signals(NOW - timedelta(days=1), NOW + timedelta(days=1)) == ()


def test_other_sources_signals_are_left_alone(world: World) -> None:
    with world.store.transaction() as tx:
        tx.put_signals([replace(signal("theirs"), source="other")])
    world.poll(Reading(True, (), complete=True))
    assert world.open() == {("theirs", "US")}


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_validators_are_kept_beside_the_sources_own_memory_and_hidden_from_it(world: World) -> None:
    world.source.answers = [answer(b"x", headers={"etag": '"v1"'}), answer(b"", status=304)]
    world.poll(replace(KNOWN, memory={"mine": "1"}), KNOWN)
    assert world.source.asked_with == [{}, {"mine": "1", ETAG: '"v1"'}]
    assert world.source.read_with[1] == {"mine": "1"}


def test_after_a_restart_or_an_edit_the_whole_answer_is_asked_for(world: World) -> None:
    world.source.answers = [answer(b"x", headers={"etag": '"v1"'}), answer(b"x", headers={"etag": '"v1"'})]
    world.poll(KNOWN)
    world.poller.replace({"s": world.source})
    world.poll(KNOWN)
    assert ETAG not in world.source.asked_with[1]
    again = Poller({"s": world.source}, world.store, world.clock, PollingSettings())
    world.source.readings = [KNOWN]
    again.poll("s")
    assert ETAG not in world.source.asked_with[2]


def test_a_host_that_asks_for_patience_is_left_alone_until_then(world: World) -> None:
    world.source.answers = [Failure(NOW, "rate_limited", "HTTP 429", NOW + timedelta(minutes=5))]
    world.poller.poll("s")
    for _ in range(4):
        world.clock.advance(timedelta(minutes=1))
        world.poller.poll("s")
    assert len(world.source.asked_with) == 1
    world.clock.advance(timedelta(minutes=1))
    world.poll(KNOWN)
    assert len(world.source.asked_with) == 2


def test_recordings_see_every_answer_before_it_is_read(world: World) -> None:
    world.poller.accept("s", DOWN)
    world.poll(UNREADABLE)
    assert [one[0] for one in world.tapped] == ["s", "s"]
    assert world.tapped[0][1] is DOWN


def test_a_source_nobody_configured_is_refused(world: World) -> None:
    with pytest.raises(UnknownSource):
        world.poller.accept("nobody", DOWN)


# ── time alone ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_run_once_marks_a_stale_source_once_and_says_when_it_is_due(world: World) -> None:
    assert world.poller.run_once() is False
    assert world.poller.due(NOW) == ()
    world.poll(KNOWN)
    assert world.poller.due(world.clock.now()) == (NOW + BUDGET,)
    world.clock.set(NOW + BUDGET)
    assert world.poller.run_once() is True
    assert world.state().freshness is Freshness.STALE
    assert world.poller.run_once() is False
    assert world.poller.due(world.clock.now()) == ()


def test_a_failing_source_is_logged_once_and_its_recovery_once(world: World) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            world.poller.accept("s", DOWN)
        world.poll(KNOWN, KNOWN)
    events = [line["event"] for line in lines]
    assert events.count("source.failing") == 1
    assert events.count("source.recovered") == 1


# ── the real scheduler ───────────────────────────────────────────────────────────────────────────────────────────────


def until(done: Callable[[], bool], seconds: float = 15) -> None:
    """Wait for something another thread does."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_real_scheduler_polls_a_real_server_until_it_is_stopped() -> None:
    body: dict[str, Any] = {**SUMMARY, "page": {"id": "p"}}
    body["incidents"] = [{**SUMMARY["incidents"][0], "started_at": "2020-01-01T00:00:00Z", "created_at": None}]
    body["incidents"][0]["incident_updates"] = []
    polls: list[str] = []

    def respond(handler: Any) -> None:
        polls.append(handler.path)
        reply(handler, json.dumps(body).encode())

    store = memory_store()
    with serving(respond) as url:
        settings = StatuspageSettings(
            id="page", url=url, allow_private=True, every="1s", placing=Placing(service="data", regions=("US",))
        )
        source: Source = statuspage.make(settings, regions=tree())
        polling = PollingSettings(threads=2, spread="50ms", jitter="10ms")
        poller = Poller({"page": source}, store, SystemClock(), polling)
        poller.start()
        try:
            until(lambda: len(polls) >= 2)
            with store.transaction() as tx:
                (told,) = tx.open_signals(SystemClock().now())
            assert told.fingerprint == "incident:i1"
            body["incidents"] = []
            seen = len(polls)
            until(lambda: len(polls) >= seen + 2)
            with store.transaction() as tx:
                assert tx.open_signals(SystemClock().now()) == ()
            poller.replace({})
            seen = len(polls)
        finally:
            poller.stop()
    assert len(polls) <= seen + 1
    assert set(polls) == {"/api/v2/summary.json"}


def test_a_poll_that_still_runs_is_not_started_again_and_that_is_counted() -> None:
    release = threading.Event()
    running: list[int] = []

    class Slow(Scripted):
        def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
            running.append(1)
            release.wait(20)
            return Failure(now, "timed_out")

    slow = Slow("slow")
    slow.every = timedelta(seconds=0.3)
    store = memory_store()
    poller = Poller({"slow": slow}, store, SystemClock(), PollingSettings(threads=2, spread="10ms", jitter="1ms"))

    def overruns() -> float:
        return REGISTRY.get_sample_value("notifier_polls_overrun_total", {"source": "slow"}) or 0.0

    poller.start()
    try:
        until(lambda: overruns() >= 1)
        assert len(running) == 1
    finally:
        release.set()
        poller.stop()


def test_a_store_that_fails_costs_the_poll_and_is_counted_and_the_next_one_is_kept() -> None:
    class Failing:
        """The real store, out of order at first."""

        def __init__(self) -> None:
            self.real, self.broken = memory_store(), True

        def transaction(self) -> Any:
            if self.broken:
                raise StoreUnavailable("the disk is full")
            return self.real.transaction()

    def errors() -> float:
        return REGISTRY.get_sample_value("notifier_polls_total", {"source": "kept", "result": "error"}) or 0.0

    store: Any = Failing()
    source = Scripted("kept")
    source.every = timedelta(seconds=0.1)
    source.readings = [Reading(True, (replace(signal("f"), source="kept"),))] + [KNOWN] * 1000
    poller = Poller({"kept": source}, store, SystemClock(), PollingSettings(threads=1, spread="10ms", jitter="1ms"))
    poller.start()
    try:
        until(lambda: errors() >= 1)
        store.broken = False
        until(lambda: len(source.readings) <= 999)
        with store.transaction() as tx:
            assert [one.fingerprint for one in tx.open_signals(SystemClock().now())] == ["f"]
    finally:
        poller.stop()
