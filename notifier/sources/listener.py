"""Keeps every mention source listening, each in a thread of its own, and hands each post on exactly once.

Streams end all the time; what matters is that they come back soon but not all at once, that nobody is told about it
more than once, and that a silent one counts as blind rather than as calm.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from .. import metrics
from ..model.mention import Mention
from ..model.signal import Freshness
from ..ports import Clock, MentionSource, SourceState

log = structlog.get_logger(__name__)

BACKOFF_FIRST = 1.0
BACKOFF_MOST = 300.0
REMEMBERED = 100_000
"""Posts remembered so that none counts twice: hours of the busiest outage, some 20 MB."""
STOP_SECONDS = 25.0
STEADY_SECONDS = 60.0
"""A connection that lasted so long is trusted again: the next back-off starts from the shortest pause. X allows 50
connections in 15 minutes, and a far side that accepts and drops at once would use them up in one."""

Take = Callable[[str, Mention], None]


class Seen:
    """The last posts heard, by (network, id). Safe from several threads."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._keys: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, mention: Mention) -> bool:
        """Remember a post. False if it was remembered already."""
        key = (mention.network, mention.id)
        with self._lock:
            if key in self._keys:
                self._keys.move_to_end(key)
                return False
            self._keys[key] = None
            if len(self._keys) > self._most:
                self._keys.popitem(last=False)
            return True


@dataclass
class Ear:
    """One source in its thread, and what is known of its connection. `failures` counts endings since it last proved
    itself."""

    source: MentionSource
    stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    failures: int = 0
    short: int = 0
    """Connections in a row that did not last."""
    proved: bool = False
    """Whether the present connection has shown a sign of life."""
    why: str = ""
    last_known_at: datetime | None = None
    last_try_at: datetime | None = None
    blamed: bool = False
    """Whether a failure to take a post was already reported."""


def backoff(failures: int, dice: random.Random) -> float:
    """Seconds to wait before connecting again after this many endings in a row: doubling, capped, the upper half
    random, so that all daemons cut off by one failure do not come back in one moment."""
    most = min(BACKOFF_FIRST * 2.0 ** min(max(failures - 1, 0), 20), BACKOFF_MOST)
    return most * (0.5 + dice.random() / 2)


def state_of(ear: Ear, now: datetime) -> SourceState:
    """What a source's silence is worth at `now`."""
    id, budget = ear.source.id, ear.source.freshness
    if ear.last_known_at is None:
        freshness = Freshness.FAILING if ear.failures else Freshness.UNPROVEN
        why = ear.why or "not connected yet"
    elif now - ear.last_known_at <= budget:
        freshness, why = Freshness.FRESH, ""
    else:
        freshness = Freshness.FAILING if ear.failures else Freshness.STALE
        why = ear.why or f"no sign of life for over {budget}"
    return SourceState(id, freshness, why, ear.last_known_at, ear.last_try_at, ear.failures)


class Listener:
    """Runs mention sources. `take` gets each post once, `tap` (a recorder) just before it; both may be called from
    several threads at once."""

    def __init__(
        self, sources: Mapping[str, MentionSource], take: Take, clock: Clock, tap: Take | None = None, *,
        dice: random.Random | None = None,
    ) -> None:
        self._take = take
        self._tap = tap
        self._clock = clock
        self._dice = dice or random.Random()  # noqa: S311 spreading reconnects, not secrets
        self._seen = Seen()
        self._ears = {id: Ear(source) for id, source in sources.items()}
        self._started = False
        self._lock = threading.RLock()

    def start(self) -> None:
        """Begin listening to every source. May be called once."""
        with self._lock:
            self._started = True
            for ear in self._ears.values():
                self._open(ear)

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """Ask all to end and wait; True if all did. Harmless before start and when called again."""
        with self._lock:
            self._started = False
            ears = list(self._ears.values())
        return self._close(ears, timeout)

    def replace(self, sources: Mapping[str, MentionSource]) -> None:
        """Take another set of sources after a reload: those whose settings did not change go on undisturbed."""
        with self._lock:
            before = self._ears
            kept = {id: ear for id, ear in before.items() if _same(ear.source, sources.get(id))}
            gone = [ear for id, ear in before.items() if id not in kept]
            self._ears = {id: kept.get(id) or Ear(source) for id, source in sources.items()}
        self._close(gone, STOP_SECONDS)  # not under the lock: states() must answer meanwhile
        for ear in gone:
            if ear.source.id not in sources:
                _forget(ear.source.id)
        with self._lock:
            for ear in self._ears.values():
                if self._started and ear.thread is None:
                    self._open(ear)

    def states(self, now: datetime) -> tuple[SourceState, ...]:
        """The freshness of every source at `now`, ordered by id, for the store; also kept as metrics."""
        with self._lock:
            found = tuple(state_of(ear, now) for _, ear in sorted(self._ears.items()))
        for state in found:
            metrics.show_freshness(state.source, state.freshness.value)
        return found

    def hear(self, source: str, mention: Mention) -> bool:
        """Take a post that came by another door (a signed push). True if it was new; False for an unknown source."""
        with self._lock:
            ear = self._ears.get(source)
        if ear is None:
            return False
        self._alive(ear)
        return self._heard(ear, mention)

    def _open(self, ear: Ear) -> None:
        metrics.LISTENER_CONNECTED.labels(ear.source.id).set(0)
        ear.thread = threading.Thread(target=self._turn, args=(ear,), name=f"listen-{ear.source.id}", daemon=True)
        ear.thread.start()

    def _close(self, ears: list[Ear], timeout: float) -> bool:
        ears = [ear for ear in ears if ear.thread is not None]
        for ear in ears:
            ear.stopping.set()
        until = self._clock.monotonic() + timeout
        for ear in ears:
            if ear.thread is not None:
                ear.thread.join(max(0.1, until - self._clock.monotonic()))
                if ear.thread.is_alive():
                    log.warning("listener.slow_to_stop", source=ear.source.id)
        return not any(ear.thread is not None and ear.thread.is_alive() for ear in ears)

    def _turn(self, ear: Ear) -> None:
        while not ear.stopping.is_set():
            self._session(ear)
            if not ear.stopping.is_set():
                self._clock.wait(backoff(ear.short, self._dice), ear.stopping.is_set)

    def _session(self, ear: Ear) -> None:
        """One connection, from its beginning to its end."""
        ear.last_try_at = self._clock.now()
        ear.proved = False
        begun = self._clock.monotonic()
        error: Exception | None = None
        try:
            why = ear.source.listen(
                lambda mention: self._heard_if_on(ear, mention), lambda: self._alive(ear), ear.stopping.is_set
            )
        except Exception as raised:  # noqa: BLE001 as in runner.py: one broken source must not end the others
            why, error = f"internal error: {type(raised).__name__}", raised
        metrics.LISTENER_CONNECTED.labels(ear.source.id).set(0)
        if ear.stopping.is_set():
            return
        ear.failures += 1
        steady = ear.proved and self._clock.monotonic() - begun >= STEADY_SECONDS
        ear.short = 1 if steady else ear.short + 1
        ear.why = why[:500]
        if ear.failures == 1:
            log.warning("listener.disconnected", source=ear.source.id, why=ear.why, exc_info=error)

    def _alive(self, ear: Ear) -> None:
        if ear.stopping.is_set():
            return
        now = self._clock.now()
        ear.last_known_at = now
        metrics.SOURCE_LAST_KNOWN.labels(ear.source.id).set(now.timestamp())
        if ear.proved:
            return
        ear.proved = True
        metrics.LISTENER_CONNECTED.labels(ear.source.id).set(1)
        if ear.failures:
            log.info("listener.recovered", source=ear.source.id, failures=ear.failures)
        else:
            log.info("listener.connected", source=ear.source.id)
        ear.failures, ear.why = 0, ""

    def _heard_if_on(self, ear: Ear, mention: Mention) -> None:
        if not ear.stopping.is_set():
            self._heard(ear, mention)

    def _heard(self, ear: Ear, mention: Mention) -> bool:
        id = ear.source.id
        if not self._seen.add(mention):
            metrics.MENTIONS_DROPPED.labels(id, "duplicate").inc()
            return False
        metrics.MENTIONS.labels(id).inc()
        if self._tap is not None:
            self._hand(self._tap, ear, mention)
        self._hand(self._take, ear, mention)
        return True

    def _hand(self, receiver: Take, ear: Ear, mention: Mention) -> None:
        try:
            receiver(ear.source.id, mention)
        except Exception as error:  # a post nobody can take must not cut the connection for all others
            metrics.MENTIONS_DROPPED.labels(ear.source.id, "internal").inc()
            if not ear.blamed:
                ear.blamed = True
                log.error("mention.not_taken", source=ear.source.id, error=type(error).__name__, exc_info=error)


def _same(old: MentionSource, new: MentionSource | None) -> bool:
    """Whether a reload left a source as it was: equal settings where it has them, else the very same object."""
    if new is None:
        return False
    return type(old) is type(new) and bool(getattr(old, "settings", old) == getattr(new, "settings", new))


def _forget(source: str) -> None:
    """Drop the series of a source that is no longer configured."""
    metrics.clear(metrics.LISTENER_CONNECTED, source)
    metrics.forget_source(source)
