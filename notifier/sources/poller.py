"""Polls every source in time, and keeps what its answers say.

APScheduler keeps the times: starts are spread, a late poll is skipped and counted rather than queued, and a source is
never polled twice at once. `poll` fetches; `accept` reads and stores, in one transaction, and is the same code for a
scheduled poll, a webhook's body and a recording.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from notifier import metrics
from notifier.model.signal import Freshness, Level, Signal
from notifier.net.fetch import judge, unconditional, validators
from notifier.ports import Answer, Clock, Failure, Reading, Source, SourceState, Store, Transaction

from .freshness import freshness, runs_out_at
from .settings import PollingSettings

log = structlog.get_logger(__name__)

_HOST_PATIENCE = 5.0
"""Seconds a poll waits for its turn at a busy host before it is skipped: its thread is needed elsewhere."""
Tap = Callable[[str, Answer | Failure], None]


class UnknownSource(KeyError):
    """No source of that id is configured: check the id in sources.yaml, or the webhook's address."""


class Poller:
    """Drives the polled sources. Safe to call from several threads."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        clock: Clock,
        settings: PollingSettings,
        tap: Tap | None = None,
    ) -> None:
        self._sources = dict(sources)
        self._store = store
        self._clock = clock
        self._settings = settings
        self._tap = tap
        self._scheduler: BackgroundScheduler | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._source_locks: dict[str, threading.RLock] = {}
        self._hosts: dict[str, threading.BoundedSemaphore] = {}
        self._parked: dict[str, datetime] = {}
        self._proven: set[str] = set()
        """Sources read in full since they were configured: only these are asked conditionally. After a restart or an
        edit "not modified" would keep what older settings made of the answer."""

    @property
    def ids(self) -> frozenset[str]:
        """The sources it reads."""
        return frozenset(self._sources)

    @property
    def pushable(self) -> frozenset[str]:
        """The sources whose far side may push to our webhook: those that say so by `takes_pushes`."""
        return frozenset(id for id, source in self._sources.items() if getattr(source, "takes_pushes", False))

    # ── scheduling ───────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin polling. May be called once."""
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(self._settings.threads)},
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": max(1, round(self._settings.misfire_grace.total_seconds())),
            },
            timezone=UTC,
        )
        self._scheduler.add_listener(self._noticed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR)
        with self._lock:
            for source in self._sources.values():
                self._schedule(source)
        self._scheduler.start()

    def stop(self) -> None:
        """End polling. Polls under way finish their request and are dropped; what is being stored is stored."""
        self._stopping.set()
        if self._scheduler is not None and self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for lock in list(self._source_locks.values()):
            with lock:
                pass

    def replace(self, sources: Mapping[str, Source]) -> None:
        """Take a new set of sources. What removed ones had reported stays as it was: nobody said it was over."""
        with self._lock:
            gone = self._sources.keys() - sources.keys()
            self._sources = dict(sources)
            self._proven.clear()
            self._parked.clear()
            if self._scheduler is None:
                return
            for source in gone:
                try:
                    self._scheduler.remove_job(source)
                except JobLookupError:
                    continue
            for one in sources.values():
                self._schedule(one)

    def _schedule(self, source: Source) -> None:
        if getattr(source, "pushed", False):
            return
        assert self._scheduler is not None
        every = source.every.total_seconds()
        spread = min(every, self._settings.spread.total_seconds())
        dice = random.Random()  # noqa: S311 spreading load, not secrecy
        self._scheduler.add_job(
            self.poll,
            IntervalTrigger(seconds=every, jitter=min(self._settings.jitter.total_seconds(), every / 4), timezone=UTC),
            args=[source.id],
            id=source.id,
            next_run_time=self._clock.now() + timedelta(seconds=spread * dice.random()),
            replace_existing=True,
        )

    def _noticed(self, event: Any) -> None:
        if event.code == EVENT_JOB_MISSED:
            metrics.POLLS_MISSED.labels(event.job_id).inc()
        elif event.code == EVENT_JOB_MAX_INSTANCES:
            metrics.POLLS_OVERRUN.labels(event.job_id).inc()
        else:
            metrics.POLLS.labels(event.job_id, "error").inc()
            log.error("poll.broke", source=event.job_id, error=type(event.exception).__name__, exc_info=event.exception)

    # ── one poll ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def poll(self, source_id: str) -> None:
        """Fetch and accept. Skipped while the host asked to be left alone, or has as many polls as it may."""
        source = self._source(source_id)
        now = self._clock.now()
        if (until := self._parked.get(source.host)) is not None and now < until:
            metrics.POLLS.labels(source_id, "parked").inc()
            return
        with self._turn(source.host) as free:
            if not free:
                metrics.POLLS_OVERRUN.labels(source_id).inc()
                return
            with self._store.transaction() as tx:
                memory = (tx.source_state(source_id) or SourceState(source_id)).memory
            if source_id not in self._proven:
                memory = unconditional(memory)
            began = self._clock.monotonic()
            answer = source.fetch(memory, now)
            metrics.POLL_SECONDS.labels(_kind(source)).observe(self._clock.monotonic() - began)
        if not self._stopping.is_set() and self._sources.get(source_id) is source:
            self.accept(source_id, answer)

    def accept(self, source_id: str, answer: Answer | Failure) -> None:
        """Read an answer and keep what it says: signals, endings and the source's state, all in one transaction.

        Raises UnknownSource, and StoreUnavailable where it cannot be kept; nothing for what the answer holds.
        """
        source = self._source(source_id)
        if self._tap is not None:
            self._tap(source_id, answer)
        if isinstance(answer, Answer) and (failure := judge(answer.status, answer.headers, self._clock.now())):
            answer = failure
        if isinstance(answer, Failure) and answer.retry_at is not None:
            self._parked[source.host] = answer.retry_at
        with self._source_lock(source_id):
            self._accept(source, answer, self._clock.now())

    def _accept(self, source: Source, answer: Answer | Failure, now: datetime) -> None:
        with self._store.transaction() as tx:
            before = tx.source_state(source.id) or SourceState(source.id)
            result = answer if isinstance(answer, Failure) else read(source, answer, before, now)
            after = freshness(before, result, source.freshness, now)
            if isinstance(result, Reading) and result.known and not _unchanged(answer):
                keep(tx, source.id, result, now)
            tx.put_source_state(after)
        if isinstance(result, Reading) and result.known and not _unchanged(answer):
            self._proven.add(source.id)
        _report(before, after, result, answer)

    # ── time alone ───────────────────────────────────────────────────────────────────────────────────────────────────

    def run_once(self) -> bool:
        """Mark the sources whose freshness budget has run out; True if any was."""
        now = self._clock.now()
        changed = False
        with self._store.transaction() as tx:
            for source in list(self._sources.values()):
                before = tx.source_state(source.id)
                if before is None or (after := freshness(before, None, source.freshness, now)) == before:
                    continue
                tx.put_source_state(after)
                changed = True
                log.warning("source.stale", source=source.id, state=str(after.freshness), why=after.why)
                _show(after)
        return changed

    def due(self, now: datetime) -> tuple[datetime, ...]:
        """When fresh sources will have run out of their budget, for replay: moments after `now`, in no order."""
        with self._store.transaction() as tx:
            states = {state.source: state for state in tx.source_states()}
        found = (runs_out_at(states[s.id], s.freshness) for s in list(self._sources.values()) if s.id in states)
        return tuple(at for at in found if at is not None and at > now)

    # ── shared ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _source(self, source_id: str) -> Source:
        source = self._sources.get(source_id)
        if source is None:
            raise UnknownSource(source_id)
        return source

    def _source_lock(self, source_id: str) -> threading.RLock:
        with self._lock:
            return self._source_locks.setdefault(source_id, threading.RLock())

    @contextmanager
    def _turn(self, host: str) -> Iterator[bool]:
        with self._lock:
            gate = self._hosts.setdefault(host, threading.BoundedSemaphore(self._settings.per_host))
        free = gate.acquire(timeout=_HOST_PATIENCE)
        try:
            yield free
        finally:
            if free:
                gate.release()


def read(source: Source, answer: Answer, state: SourceState, now: datetime) -> Reading:
    """What an answer says, with what the next request needs to be conditional kept beside the source's own memory."""
    if _unchanged(answer) and state.last_known_at is None:
        return Reading(known=False, why="not modified, but nothing was ever read")
    reading = source.read(answer, unconditional(state.memory), now)
    if not reading.known:
        return reading
    held = state.memory if _unchanged(answer) else {**unconditional(reading.memory), **validators(answer)}
    return replace(reading, memory=held)


def keep(tx: Transaction, source: str, reading: Reading, now: datetime) -> None:
    """Store what a known reading says.

    Endings are written only for what is open: lists of resolved incidents are long. A trouble still told but no longer
    for some place ends there. What is told again word for word is not written again.
    """
    open_now = {signal.key: signal for signal in tx.open_signals(now) if signal.source == source}
    told = {signal.key for signal in reading.signals}
    present = {signal.fingerprint for signal in reading.signals}
    written = [signal for signal in reading.signals if _is_news(signal, open_now.get(signal.key))]
    for signal in open_now.values():
        if signal.fingerprint in reading.gone:
            written.append(replace(signal, level=Level.OK, observed_at=now, why="taken back by the source"))
        elif signal.fingerprint in present and signal.key not in told:
            written.append(replace(signal, level=Level.OK, observed_at=now, why="no longer named for this place"))
    for signal in written:
        metrics.SIGNALS.labels(str(signal.klass), signal.level.name.lower()).inc()
    if written:
        tx.put_signals(written)
    if reading.complete:
        tx.end_missing(source, present | set(reading.present), now, "no longer listed by the source")


def _is_news(signal: Signal, before: Signal | None) -> bool:
    if before is None:
        return signal.level is not Level.OK
    return replace(signal, observed_at=before.observed_at, started_at=before.started_at) != before


def _unchanged(answer: Answer | Failure) -> bool:
    return isinstance(answer, Answer) and answer.status == 304


def _kind(source: Source) -> str:
    return str(getattr(source, "kind", type(source).__name__))


def _report(before: SourceState, after: SourceState, result: Reading | Failure, answer: Answer | Failure) -> None:
    """Metrics of one poll; a line in the log when a source begins to fail and when it is well again, once each."""
    if isinstance(result, Failure):
        outcome = result.reason
    elif not result.known:
        outcome = "unknown"
    else:
        outcome = "unchanged" if _unchanged(answer) else "known"
    metrics.POLLS.labels(after.source, outcome).inc()
    _show(after)
    if after.failures == 1 and before.failures == 0:
        log.warning("source.failing", source=after.source, why=after.why)
    elif before.failures and not after.failures:
        log.info("source.recovered", source=after.source, failures=before.failures)


def _show(state: SourceState) -> None:
    if state.last_known_at is not None:
        metrics.SOURCE_LAST_KNOWN.labels(state.source).set(state.last_known_at.timestamp())
    for one in Freshness:
        metrics.SOURCE_FRESHNESS.labels(state.source, str(one)).set(1 if one is state.freshness else 0)
