"""What the polled sources have said, in memory beside the store.

Most polls bring nothing new. They must not cost a transaction each: what a source has open and its state are kept here,
read from the store once, and written when something changes; that a source was heard again is written for all of them
together, every few seconds. A crash loses those seconds of "heard again", which errs towards stale, and nothing else.
The poller is the only writer of its sources' signals.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from notifier.model.signal import Level, Signal
from notifier.ports import SourceState, Store

Key = tuple[str, str, str, str]


class Heard:
    """States and open signals of the polled sources. Safe to call from several threads, for one source by one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._loaded = False
        self._states: dict[str, SourceState] = {}
        self._open: dict[str, dict[Key, Signal]] = {}
        self._unwritten: set[str] = set()

    def state(self, source: str, now: datetime) -> SourceState:
        """What is remembered of a source."""
        self._load(now)
        return self._states.get(source) or SourceState(source)

    def known(self, source: str, now: datetime) -> SourceState | None:
        """What is remembered of a source; None where it was never tried."""
        self._load(now)
        return self._states.get(source)

    def open(self, source: str, now: datetime) -> dict[Key, Signal]:
        """What a source has open at `now`."""
        self._load(now)
        return {key: one for key, one in self._open.get(source, {}).items()
                if one.lasts_until is None or one.lasts_until > now}

    def keep(self, after: SourceState, news: Iterable[Signal], now: datetime) -> None:
        """Keep a source's state and what changed. Written at once where anything changed that others decide by; else
        with the next `write`. Raises StoreUnavailable, and then nothing has changed here either."""
        written = tuple(news)
        before = self.state(after.source, now)
        if written or after.freshness is not before.freshness or after.why != before.why:
            with self._store.transaction() as tx:
                if written:
                    tx.put_signals(written)
                tx.put_source_state(after)
            self._unwritten.discard(after.source)
        else:
            self._unwritten.add(after.source)
        self._states[after.source] = after
        self._apply(after.source, written, now)

    def write(self) -> int:
        """Write the states that only say "heard again"; returns how many. Raises StoreUnavailable and keeps them."""
        waiting = [state for source in list(self._unwritten) if (state := self._states.get(source)) is not None]
        if waiting:
            with self._store.transaction() as tx:
                for state in waiting:
                    tx.put_source_state(state)
            for state in waiting:
                if self._states.get(state.source) is state:
                    self._unwritten.discard(state.source)
        return len(waiting)

    def forget(self) -> None:
        """Read everything anew at the next question: the set of sources has changed, and what waited was written."""
        with self._lock:
            self._loaded = False

    def _load(self, now: datetime) -> None:
        if self._loaded:
            return
        with self._lock:
            if self._loaded:
                return
            with self._store.transaction() as tx:
                states, signals = tx.source_states(), tx.open_signals(now)
            self._states = {state.source: state for state in states}
            self._open = {}
            for signal in signals:
                self._open.setdefault(signal.source, {})[signal.key] = signal
            self._loaded = True

    def _apply(self, source: str, news: Iterable[Signal], now: datetime) -> None:
        """Do to the memory what the store did: first times stay while the same trouble lasts (see put_signals)."""
        mine = self._open.get(source, {})
        for signal in news:
            before = mine.pop(signal.key, None)
            if signal.level is Level.OK:
                continue
            if before is not None and (before.lasts_until is None or before.lasts_until > now):
                signal = replace(signal, observed_at=before.observed_at, started_at=before.started_at)
            mine[signal.key] = signal
        live = {key: one for key, one in mine.items() if one.lasts_until is None or one.lasts_until > now}
        if live:
            self._open[source] = live
        else:
            self._open.pop(source, None)


def trouble_of(signals: Iterable[Signal], silent: Collection[str]) -> tuple[Signal, ...]:
    """The signals that report trouble and whose source can be heard."""
    return tuple(one for one in signals if one.level.is_trouble and one.source not in silent)
