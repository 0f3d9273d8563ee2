"""What is kept in memory is what the store keeps; what only says "heard again" is written together, and a crash loses
no more than that."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.model.signal import Freshness, Level, Signal, SignalClass
from notifier.ports import SourceState
from notifier.sources.heard import Heard
from notifier.store import SqlStore

from .support import NOW, memory_store

MINUTE = timedelta(minutes=1)
STATE = SourceState("s", Freshness.FRESH, last_known_at=NOW)


def signal(fingerprint: str, level: Level = Level.MAJOR, at: datetime = NOW, lasts: datetime | None = None) -> Signal:
    return Signal("s", SignalClass.OFFICIAL, "data", "US", level, at, at, fingerprint, lasts_until=lasts)


def stored(store: SqlStore, now: datetime) -> set[Signal]:
    with store.transaction() as tx:
        return set(map(_plain, tx.open_signals(now)))


def _plain(one: Signal) -> Signal:
    return replace(one, facts=())  # type: ignore[arg-type] # hashable, for comparing sets


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([Level.OK, Level.NOTICE, Level.MINOR, Level.CRITICAL]),
              st.integers(min_value=0, max_value=5), st.sampled_from([None, 1, 3])),
    max_size=25,
)


@given(steps)
@settings(deadline=None, max_examples=60)
def test_memory_and_store_agree_whatever_is_told(told: list[tuple[str, Level, int, int | None]]) -> None:
    store = memory_store()
    heard, now = Heard(store), NOW
    for fingerprint, level, minutes, lasts in told:
        now += minutes * MINUTE
        until = None if lasts is None else now + lasts * MINUTE
        heard.keep(STATE, [signal(fingerprint, level, now, until)], now)
        assert set(map(_plain, heard.open("s", now).values())) == stored(store, now)
        assert set(map(_plain, Heard(store).open("s", now).values())) == stored(store, now), "after a restart"
    store.close()


def test_heard_again_is_written_later_and_everything_else_at_once() -> None:
    store = memory_store()
    heard = Heard(store)

    def kept() -> SourceState | None:
        with store.transaction() as tx:
            return tx.source_state("s")

    heard.keep(STATE, (), NOW)
    assert kept() == STATE, "unproven to fresh"
    again = replace(STATE, last_known_at=NOW + MINUTE)
    heard.keep(again, (), NOW + MINUTE)
    assert kept() == STATE
    assert heard.state("s", NOW) == again
    assert heard.write() == 1
    assert kept() == again
    assert heard.write() == 0
    suspect = replace(again, freshness=Freshness.SUSPECT, why="HTML")
    heard.keep(suspect, (), NOW)
    assert kept() == suspect
