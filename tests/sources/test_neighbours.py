"""An empty list is believed unless its neighbours report trouble in the same place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.clock import VirtualClock
from notifier.model.signal import Freshness, Level, Signal, SignalClass
from notifier.ports import Answer, Failure, Reading, SourceState
from notifier.sources.neighbours import is_bare, is_silent, went_empty
from notifier.sources.poller import Poller
from notifier.sources.settings import PollingSettings

from .support import NOW, answer, memory_store, tree
from .test_poller import Scripted
from .vendors import vendors

CROWD, MEASURED, OFFICIAL, STAFF = (
    SignalClass.CROWD, SignalClass.MEASUREMENT, SignalClass.OFFICIAL, SignalClass.STAFF)
EMPTY = Reading(True, complete=True)


def signal(source: str, klass: SignalClass = OFFICIAL, *, service: str = "data", region: str = "US-VT",
           level: Level = Level.MAJOR) -> Signal:
    return Signal(source, klass, service, region, level, NOW, NOW, "f")


MINE = signal("feed")


@pytest.mark.parametrize(
    ("reading", "near", "doubted"),
    [
        pytest.param(EMPTY, [signal("x", CROWD)], True, id="empty while customers complain"),
        pytest.param(EMPTY, [signal("probe", MEASURED)], True, id="empty while our probe fails"),
        pytest.param(EMPTY, [signal("other", OFFICIAL)], True, id="empty while another page reports it"),
        pytest.param(EMPTY, [signal("x", CROWD, region="US-VT-007")], True, id="a county in the same state"),
        pytest.param(EMPTY, [signal("x", CROWD, region="US")], True, id="the whole country"),
        pytest.param(EMPTY, [signal("x", CROWD, region="US-NY")], False, id="trouble in another state"),
        pytest.param(EMPTY, [signal("x", CROWD, service="sms")], False, id="trouble with another service"),
        pytest.param(EMPTY, [signal("person", STAFF)], False, id="only a person keeps it open"),
        pytest.param(EMPTY, [], False, id="nobody else reports anything"),
        pytest.param(Reading(True), [signal("x", CROWD)], False, id="a list that ends nothing by silence"),
        pytest.param(replace(EMPTY, affirmed=True), [signal("x", CROWD)], False, id="it says what is well"),
        pytest.param(Reading(True, (signal("feed", service="sms"),), complete=True), [signal("x", CROWD)], False,
                     id="it still lists something else"),
        pytest.param(Reading(True, (signal("feed", level=Level.OK),), complete=True), [signal("x", CROWD)], False,
                     id="it says that it is over"),
    ],
)
def test_a_list_that_goes_empty(reading: Reading, near: list[Signal], doubted: bool) -> None:
    why = went_empty(reading, [MINE], near, tree().related)
    assert bool(why) is doubted
    if doubted:
        assert near[0].source in why


@pytest.mark.parametrize(
    ("near", "doubted"),
    [
        pytest.param([signal("x", CROWD)], True, id="customers complain"),
        pytest.param([signal("probe", MEASURED)], True, id="our probe fails"),
        pytest.param([signal("other", OFFICIAL)], False, id="another vendor's trouble is not this one's"),
    ],
)
def test_a_list_that_was_always_empty(near: list[Signal], doubted: bool) -> None:
    assert bool(is_silent(near, lambda service, region: True)) is doubted
    assert not is_silent(near, lambda service, region: False)


def test_what_is_bare() -> None:
    assert is_bare(EMPTY)
    assert not is_bare(Reading(True, unplaced=("somewhere",)))
    assert not is_bare(Reading(True, present=("f",)))


# ── through the poller ───────────────────────────────────────────────────────────────────────────────────────────────


class World:
    """A feed that lists what is open, and neighbours' signals put beside it."""

    def __init__(self, covers: Callable[[str, str], bool] | None = None) -> None:
        self.clock, self.store, self.feed = VirtualClock(NOW), memory_store(), Scripted("feed")
        if covers is not None:
            self.feed.covers = covers  # type: ignore[attr-defined]
        self.poller = Poller({"feed": self.feed}, self.store, self.clock, PollingSettings(), regions=tree())

    def poll(self, reading: Reading | None, given: Answer | Failure | None = None) -> None:
        if reading is not None:
            self.feed.readings.append(reading)
        self.poller.accept("feed", given or answer(b"x"))
        self.clock.advance(timedelta(minutes=1))
        self.poller.run_once()

    def put(self, *signals: Signal, state: SourceState | None = None) -> None:
        with self.store.transaction() as tx:
            tx.put_signals(signals)
            if state is not None:
                tx.put_source_state(state)
        self.poller.run_once()

    def open(self) -> set[str]:
        with self.store.transaction() as tx:
            return {one.source for one in tx.open_signals(self.clock.now())}

    def state(self) -> SourceState:
        with self.store.transaction() as tx:
            found = tx.source_state("feed")
        assert found is not None
        return found


LISTED = Reading(True, (MINE,), complete=True)


def test_what_an_empty_list_would_end_is_held_until_the_neighbours_are_calm() -> None:
    world = World()
    world.poll(LISTED)
    world.put(signal("crowd", CROWD))
    world.poll(EMPTY)
    assert world.open() == {"feed", "crowd"}
    assert world.state().freshness is Freshness.SUSPECT
    assert "crowd report trouble with data in US-VT" in world.state().why
    world.put(signal("crowd", CROWD, level=Level.OK))
    world.poll(EMPTY)
    assert world.open() == set()
    assert world.state().freshness is Freshness.FRESH


def test_neighbours_that_cannot_be_heard_do_not_count() -> None:
    """Two lists that went empty must not hold each other for ever."""
    world = World()
    world.poll(LISTED)
    world.put(signal("other"), state=SourceState("other", Freshness.SUSPECT, "it lists nothing any more"))
    world.poll(EMPTY)
    assert world.open() == {"other"}


def test_a_feed_that_was_always_empty_is_suspect_while_customers_complain_and_not_modified_does_not_heal_it() -> None:
    """The morning of 23 July 2026."""
    world = World(covers=lambda service, region: service == "data")
    world.poll(EMPTY)
    assert world.state().freshness is Freshness.FRESH
    world.put(signal("crowd", CROWD))
    world.poll(EMPTY)
    assert world.state().freshness is Freshness.SUSPECT
    world.poll(None, answer(b"", status=304))
    assert world.state().freshness is Freshness.SUSPECT
    world.put(signal("crowd", CROWD, level=Level.OK))
    world.poll(EMPTY)
    assert world.state().freshness is Freshness.FRESH


def test_azures_empty_channel_is_not_believed_while_customers_complain() -> None:
    """The real reader of the real format: valid, empty, freshly built; and customers in the same region."""
    (azure,) = [one for one in vendors() if one.name == "azure"]
    source = azure.make(tree())
    clock, store = VirtualClock(NOW), memory_store()
    poller = Poller({source.id: source}, store, clock, PollingSettings(), regions=tree())

    def state() -> SourceState:
        poller.run_once()
        with store.transaction() as tx:
            found = tx.source_state(source.id)
        assert found is not None
        return found

    built = azure.bodies["empty"].replace(b"13:0", b"12:0")  # the same channel, an hour earlier
    poller.accept(source.id, answer(built))
    assert state().freshness is Freshness.FRESH, state().why
    with store.transaction() as tx:
        tx.put_signals([signal("crowd", CROWD)])
    poller.run_once()
    poller.accept(source.id, answer(built))
    assert state().freshness is Freshness.SUSPECT
    assert "lists nothing at all, while crowd report trouble with data in US-VT" in state().why
