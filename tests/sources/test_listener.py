"""The listener: every post once, back-off that spreads, silence that counts as blind, one word a failure."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from notifier.clock import SystemClock, VirtualClock
from notifier.model.mention import Mention
from notifier.model.signal import Freshness
from notifier.sources import listener as listener_module
from notifier.sources.listener import BACKOFF_MOST, Ear, Listener, Seen, backoff, state_of

from .hearing import until

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Script:
    """What a scripted source's settings are; two that are equal are the same source to a reload."""

    id: str
    freshness: timedelta = timedelta(minutes=5)


@dataclass
class Scripted:
    """A source that does one step a connection, then waits to be stopped."""

    settings: Script
    steps: list[Callable[[Callable[[Mention], None], Callable[[], None]], str]] = field(default_factory=list)
    connections: int = 0
    stopped: int = 0

    @property
    def id(self) -> str:
        return self.settings.id

    @property
    def freshness(self) -> timedelta:
        return self.settings.freshness

    def listen(self, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]) -> str:
        step = self.steps[self.connections] if self.connections < len(self.steps) else None
        self.connections += 1
        if step is not None:
            return step(take, alive)
        alive()
        ended = threading.Event()
        while not stop():
            ended.wait(0.01)
        self.stopped += 1
        return "asked to stop"


class WaitedFor(SystemClock):
    """The machine's clock, but waiting is only written down."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def wait(self, seconds: float, stop: Callable[[], bool], ring: threading.Event | None = None) -> None:
        self.pauses.append(seconds)


def mention(id: str, network: str = "x") -> Mention:
    return Mention(id=id, created_at=NOW, network=network, text="no signal")


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def started() -> Iterator[Callable[[Listener], Listener]]:
    running: list[Listener] = []

    def start(listener: Listener) -> Listener:
        running.append(listener)
        listener.start()
        return listener

    yield start
    for one in running:
        assert one.stop()


def test_a_post_is_handed_on_once_however_often_and_by_whichever_source_it_comes(started) -> None:
    heard: list[tuple[str, str]] = []
    both = threading.Barrier(2, timeout=10)

    def tells(take: Callable[[Mention], None], alive: Callable[[], None]) -> str:
        alive()
        both.wait()
        for id in ("1", "2", "1"):
            take(mention(id))
        take(mention("1", "mastodon"))
        return "ended"

    before = metric("notifier_mentions_dropped_total", source="once-a", reason="duplicate")
    sources = {id: Scripted(Script(id), [tells]) for id in ("once-a", "once-b")}
    listener = started(Listener(sources, lambda source, one: heard.append((one.network, one.id)), WaitedFor()))
    until(lambda: all(source.connections == 2 for source in sources.values()), "both to have told")
    assert sorted(heard) == [("mastodon", "1"), ("x", "1"), ("x", "2")]
    dropped = metric("notifier_mentions_dropped_total", source="once-a", reason="duplicate") - before
    dropped += metric("notifier_mentions_dropped_total", source="once-b", reason="duplicate")
    assert dropped >= 5
    assert listener.stop()


def test_only_so_many_posts_are_remembered() -> None:
    seen = Seen(most=3)
    assert [seen.add(mention(id)) for id in ("1", "2", "3", "1", "4", "2", "1")] == [
        True, True, True, False, True, True, False]


def test_a_failure_is_said_once_and_its_end_once(started) -> None:
    def fails(take: Callable[[Mention], None], alive: Callable[[], None]) -> str:
        return "no route"

    def breaks(take: Callable[[Mention], None], alive: Callable[[], None]) -> str:
        raise RuntimeError("a mistake of ours")

    source = Scripted(Script("said-once"), [fails, breaks, fails])
    with capture_logs() as logs:
        listener = started(Listener({"said-once": source}, lambda *_: None, WaitedFor()))
        until(lambda: source.connections == 4, "the connection that holds")
        until(lambda: len(logs) >= 2, "the recovery to be said")
        (state,) = listener.states(SystemClock().now())
    assert [(entry["event"], entry["source"]) for entry in logs] == [
        ("listener.disconnected", "said-once"), ("listener.recovered", "said-once")]
    assert logs[0]["why"] == "no route"
    assert logs[1]["failures"] == 3
    assert state.freshness is Freshness.FRESH
    assert metric("notifier_listener_connected", source="said-once") == 1


def test_a_far_side_that_takes_and_drops_is_tried_less_and_less_often(started) -> None:
    def drops(take: Callable[[Mention], None], alive: Callable[[], None]) -> str:
        alive()
        return "dropped"

    clock = WaitedFor()
    source = Scripted(Script("drops"), [drops] * 12)
    started(Listener({"drops": source}, lambda *_: None, clock, dice=random.Random(1)))
    until(lambda: source.connections == 13, "the last connection")
    assert len(clock.pauses) == 12
    for number, pause in enumerate(clock.pauses):
        most = min(2.0**number, BACKOFF_MOST)
        assert most / 2 <= pause <= most


def test_a_connection_that_lasted_is_made_again_soon(started, monkeypatch) -> None:
    monkeypatch.setattr(listener_module, "STEADY_SECONDS", 0.0)

    def lasts(take: Callable[[Mention], None], alive: Callable[[], None]) -> str:
        alive()
        return "ended"

    clock = WaitedFor()
    source = Scripted(Script("lasts"), [lasts] * 8)
    started(Listener({"lasts": source}, lambda *_: None, clock))
    until(lambda: source.connections == 9, "the last connection")
    assert all(pause <= 1.0 for pause in clock.pauses)


@given(st.integers(0, 10_000), st.integers())
def test_back_off_stays_within_its_bounds(failures: int, seed: int) -> None:
    assert 0.5 <= backoff(failures, random.Random(seed)) <= BACKOFF_MOST


def test_one_receiver_that_fails_costs_neither_the_connection_nor_the_other(started) -> None:
    recorded: list[str] = []

    def tells(take: Callable[[Mention], None], alive: Callable[[], None]) -> str:
        for id in ("1", "2"):
            take(mention(id))
        return "ended"

    def refuses(source: str, one: Mention) -> None:
        raise ValueError("cannot take that")

    source = Scripted(Script("fails"), [tells])
    with capture_logs() as logs:
        started(Listener({"fails": source}, refuses, WaitedFor(), tap=lambda _, one: recorded.append(one.id)))
        until(lambda: source.connections == 2, "the next connection")
    assert recorded == ["1", "2"]
    assert [entry["event"] for entry in logs].count("mention.not_taken") == 1
    assert metric("notifier_mentions_dropped_total", source="fails", reason="internal") == 2


@pytest.mark.parametrize(("ear", "freshness"), [
    pytest.param({}, Freshness.UNPROVEN, id="never heard of"),
    pytest.param({"failures": 1, "why": "refused"}, Freshness.FAILING, id="never connected"),
    pytest.param({"last_known_at": NOW - timedelta(minutes=5)}, Freshness.FRESH, id="just within its budget"),
    pytest.param({"last_known_at": NOW - timedelta(minutes=4), "failures": 2}, Freshness.FRESH, id="gone for a moment"),
    pytest.param({"last_known_at": NOW - timedelta(minutes=6)}, Freshness.STALE, id="silent for too long"),
    pytest.param({"last_known_at": NOW - timedelta(minutes=6), "failures": 2, "why": "refused"}, Freshness.FAILING,
                 id="gone for too long"),
])
def test_what_a_sources_silence_is_worth(ear: dict, freshness: Freshness) -> None:
    state = state_of(Ear(Scripted(Script("s")), **ear), NOW)
    assert state.freshness is freshness
    assert (state.why == "") == (freshness is Freshness.FRESH)
    assert state.why in (ear.get("why"), "", "not connected yet", "no sign of life for over 0:05:00")


def test_states_are_told_to_metrics_too(started) -> None:
    clock = SystemClock()
    source = Scripted(Script("told", timedelta(hours=1)))
    listener = started(Listener({"told": source}, lambda *_: None, clock))
    until(lambda: source.connections == 1 and listener.states(clock.now())[0].last_known_at is not None, "a sign")
    listener.states(clock.now() + timedelta(hours=2))
    assert metric("notifier_source_freshness", source="told", state="stale") == 1
    assert not metric("notifier_source_freshness", source="told", state="fresh")


def test_a_reload_touches_only_what_changed(started) -> None:
    kept, changed, gone = (Scripted(Script(id)) for id in ("kept", "changed", "gone"))
    listener = started(Listener({"kept": kept, "changed": changed, "gone": gone}, lambda *_: None, SystemClock()))
    until(lambda: kept.connections == changed.connections == gone.connections == 1, "all connections")
    again, new = Scripted(Script("kept")), Scripted(Script("new"))
    other = Scripted(Script("changed", timedelta(days=1)))
    listener.replace({"kept": again, "changed": other, "new": new})
    until(lambda: other.connections == new.connections == 1, "the new connections")
    assert (kept.connections, kept.stopped, again.connections) == (1, 0, 0)
    assert (changed.stopped, gone.stopped) == (1, 1)
    assert [state.source for state in listener.states(SystemClock().now())] == ["changed", "kept", "new"]
    assert REGISTRY.get_sample_value("notifier_listener_connected", {"source": "gone"}) is None


def test_a_post_by_another_door_counts_like_any_other(clock: VirtualClock) -> None:
    heard: list[str] = []
    source = Scripted(Script("pushed"))
    listener = Listener({"pushed": source}, lambda _, one: heard.append(one.id), clock)
    assert listener.hear("pushed", mention("1")) is True
    assert listener.hear("pushed", mention("1")) is False
    assert listener.hear("unknown", mention("2")) is False
    assert heard == ["1"]
    (state,) = listener.states(clock.now())
    assert (state.freshness, state.last_known_at) == (Freshness.FRESH, clock.now())


def test_stopping_is_harmless_before_start_and_when_repeated() -> None:
    source = Scripted(Script("idle"))
    listener = Listener({"idle": source}, lambda *_: None, SystemClock())
    assert listener.stop()
    listener.start()
    until(lambda: source.connections == 1, "the connection")
    assert listener.stop()
    assert listener.stop()
    assert source.stopped == 1


def test_a_source_that_does_not_stop_holds_nobody_up() -> None:
    release = threading.Event()

    class Deaf(Scripted):
        def listen(self, take: object, alive: object, stop: object) -> str:
            self.connections += 1
            release.wait(20)
            return "at last"

    heard: list[Mention] = []
    source = Deaf(Script("deaf"))
    listener = Listener({"deaf": source}, lambda _, one: heard.append(one), SystemClock())
    listener.start()
    until(lambda: source.connections == 1, "the connection")
    with capture_logs() as logs:
        assert listener.stop(timeout=0.1) is False
    assert logs[0]["event"] == "listener.slow_to_stop"
    release.set()
    assert listener.stop()
