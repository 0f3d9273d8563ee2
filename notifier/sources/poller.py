"""Polls every source in time, and keeps what its answers say.

APScheduler keeps the times and `lanes` the threads: starts are even, a late poll is skipped and counted rather than
queued, and a source is never polled twice at once. `poll` fetches; `accept` reads and keeps, and is the same code for a
scheduled poll, a webhook's body and a recording.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from apscheduler.executors.base import BaseExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from notifier import metrics
from notifier.model.region import RegionTree
from notifier.model.signal import Level, Signal
from notifier.net.fetch import judge, unconditional, validators
from notifier.ports import Answer, Clock, Failure, Reading, Source, SourceState, Store, StoreUnavailable

from .freshness import freshness, runs_out_at
from .heard import Heard, Key, trouble_of
from .lanes import Lanes
from .neighbours import is_bare, is_silent, went_empty
from .settings import PollingSettings
from .timetable import EvenTrigger, places, window

log = structlog.get_logger(__name__)

Tap = Callable[[str, Answer | Failure], None]


class UnknownSource(KeyError):
    """No source of that id is configured: check the id in sources.yaml, or the webhook's address."""


class _Hand(BaseExecutor):  # type: ignore[misc] # apscheduler has no types
    """Hands what APScheduler finds due to `take(id, due)` at once; the threads are the lanes'."""

    def __init__(self, take: Callable[[str, datetime], None]) -> None:
        super().__init__()
        self._take = take

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        self._take(job.id, run_times[-1])
        self._run_job_success(job.id, [])


class Poller:
    """Drives the polled sources. Safe to call from several threads."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        clock: Clock,
        settings: PollingSettings,
        tap: Tap | None = None,
        regions: RegionTree | None = None,
    ) -> None:
        self._sources = dict(sources)
        self._store = store
        self._clock = clock
        self._settings = settings
        self._tap = tap
        self._regions = regions
        self._heard = Heard(store)
        self._scheduler: BackgroundScheduler | None = None
        self._lanes: Lanes | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._source_locks: dict[str, threading.RLock] = {}
        self._parked: dict[str, datetime] = {}
        self._trouble: tuple[Signal, ...] = ()
        """What everybody reports now, seconds old: the neighbours of a source that says nothing."""
        self._bare: set[str] = set()
        """Sources whose last whole answer named nothing."""
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
        self._lanes = Lanes(
            self._turn,
            threads=self._settings.threads_for([source.every for source in self._sources.values()]),
            per_host=self._settings.per_host,
            grace=self._settings.misfire_grace.total_seconds(),
            monotonic=self._clock.monotonic,
            late=metrics.POLL_LATENESS.observe,
            missed=lambda source: metrics.POLLS_MISSED.labels(source).inc(),
        )
        self._lanes.start()
        self._scheduler = BackgroundScheduler(
            executors={"default": _Hand(self._due)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        with self._lock:
            self._schedule()
        self._scheduler.start()

    def stop(self) -> None:
        """End polling. Polls under way finish their request and are dropped; what is being stored is stored."""
        self._stopping.set()
        if self._scheduler is not None and self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._lanes is not None:
            self._lanes.stop()
        for lock in list(self._source_locks.values()):
            with lock:
                pass
        try:
            self._heard.write()
        except StoreUnavailable as error:  # costs only the last seconds of "heard again"
            log.error("poller.unwritten", error=str(error))

    def replace(self, sources: Mapping[str, Source], regions: RegionTree | None = None) -> None:
        """Take a new set of sources. What removed ones had reported stays as it was: nobody said it was over. Raises
        StoreUnavailable, and then the old set stays."""
        self._heard.write()
        with self._lock:
            gone = self._sources.keys() - sources.keys()
            self._sources = dict(sources)
            self._regions = regions or self._regions
            self._proven.clear()
            self._bare.clear()
            self._parked.clear()
            self._heard.forget()
            for source in gone:
                metrics.forget_source(source)
            if self._scheduler is None:
                return
            for source in gone:
                try:
                    self._scheduler.remove_job(source)
                except JobLookupError:
                    continue
            self._schedule()

    def _schedule(self) -> None:
        """Give every polled source its place; all at once, since the places depend on each other."""
        assert self._scheduler is not None
        polled = [one for one in self._sources.values() if not getattr(one, "pushed", False)]
        found = places((one.id, one.every) for one in polled)
        now = self._clock.now()
        numbers = Counter(one.every for one in polled)
        for one in polled:
            first = window(one.every, numbers[one.every], self._settings.spread)
            trigger = EvenTrigger(one.every, found[one.id], start=now, first=first, jitter=self._settings.jitter)
            self._scheduler.add_job(self.poll, trigger, args=[one.id], id=one.id, replace_existing=True)

    def _due(self, source_id: str, due: datetime) -> None:
        source = self._sources.get(source_id)
        if source is None or self._lanes is None:
            return
        late = max(0.0, (self._clock.now() - due).total_seconds())
        if not self._lanes.put(source_id, source.host, self._clock.monotonic() - late):
            metrics.POLLS_OVERRUN.labels(source_id).inc()

    def _turn(self, source_id: str) -> None:
        """One poll in a thread. A store that cannot be used costs this poll, and is counted; the next tries again."""
        try:
            self.poll(source_id)
        except StoreUnavailable as error:
            metrics.STORE_ERRORS.inc()
            metrics.POLLS.labels(source_id, "error").inc()
            log.error("poll.not_kept", source=source_id, error=str(error))
        except Exception:
            metrics.POLLS.labels(source_id, "error").inc()
            raise

    # ── one poll ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def poll(self, source_id: str) -> None:
        """Fetch and accept. Skipped while the host asked to be left alone."""
        source = self._sources.get(source_id)
        if source is None:
            return  # removed while it waited for its turn
        now = self._clock.now()
        if (until := self._parked.get(source.host)) is not None and now < until:
            metrics.POLLS.labels(source_id, "parked").inc()
            return
        memory = self._heard.state(source_id, now).memory
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
        before, held = self._heard.state(source.id, now), self._heard.open(source.id, now)
        result = answer if isinstance(answer, Failure) else read(source, answer, before, now)
        news: tuple[Signal, ...] = ()
        if isinstance(result, Reading) and result.known:
            if not _unchanged(answer):
                (self._bare.add if is_bare(result) else self._bare.discard)(source.id)
            if doubt := self._doubt(source, result, held, now):
                result = Reading(known=False, why=doubt)
            elif not _unchanged(answer):
                news = changes(result, held, now)
                self._proven.add(source.id)
        after = freshness(before, result, source.freshness, now)
        self._heard.keep(after, news, now)
        for signal in news:
            metrics.SIGNALS.labels(str(signal.klass), signal.level.name.lower()).inc()
        _report(before, after, result, answer)

    def _doubt(self, source: Source, reading: Reading, held: Mapping[Key, Signal], now: datetime) -> str:
        """Why a known answer is not believed, because it names nothing while its neighbours report trouble; "" where
        it is."""
        if source.id not in self._bare:
            return ""
        if held and reading.complete:
            with self._store.transaction() as tx:
                trouble = trouble_of((s for s in tx.open_signals(now) if s.source != source.id), tx.silent_sources())
            return went_empty(reading, held.values(), trouble, self._related)
        covers = getattr(source, "covers", None)
        return is_silent(self._trouble, covers) if covers is not None and self._trouble and not held else ""

    def _related(self, one: str, other: str) -> bool:
        if self._regions is None or one not in self._regions or other not in self._regions:
            return one == other
        return self._regions.related(one, other)

    # ── time alone ───────────────────────────────────────────────────────────────────────────────────────────────────

    def run_once(self) -> bool:
        """Mark the sources whose freshness budget has run out, write who was heard again, and look at what everybody
        reports; True if any source was marked."""
        now = self._clock.now()
        changed = False
        for source in list(self._sources.values()):
            before = self._heard.known(source.id, now)
            if before is None or (after := freshness(before, None, source.freshness, now)) == before:
                continue
            with self._source_lock(source.id):
                before = self._heard.state(source.id, now)
                after = freshness(before, None, source.freshness, now)
                self._heard.keep(after, (), now)
            changed = True
            log.warning("source.stale", source=source.id, state=str(after.freshness), why=after.why)
            _show(before, after)
        self._heard.write()
        with self._store.transaction() as tx:
            self._trouble = trouble_of(tx.open_signals(now), tx.silent_sources())
        return changed

    def due(self, now: datetime) -> tuple[datetime, ...]:
        """When fresh sources will have run out of their budget, for replay: moments after `now`, in no order."""
        states = [(self._heard.known(s.id, now), s.freshness) for s in list(self._sources.values())]
        found = (runs_out_at(state, budget) for state, budget in states if state is not None)
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


def read(source: Source, answer: Answer, state: SourceState, now: datetime) -> Reading:
    """What an answer says, with what the next request needs to be conditional kept beside the source's own memory."""
    if _unchanged(answer) and state.last_known_at is None:
        return Reading(known=False, why="not modified, but nothing was ever read")
    reading = source.read(answer, unconditional(state.memory), now)
    if not reading.known:
        return reading
    held = state.memory if _unchanged(answer) else {**unconditional(reading.memory), **validators(answer)}
    return replace(reading, memory=held)


def changes(reading: Reading, held: Mapping[Key, Signal], now: datetime) -> tuple[Signal, ...]:
    """What a known reading changes of what its source has open. Pure.

    Endings are told only of what is open: lists of resolved incidents are long. A trouble still told but no longer for
    some place ends there. What is told again word for word is no change.
    """
    told = {signal.key for signal in reading.signals}
    heard = {signal.fingerprint for signal in reading.signals}
    listed = heard | set(reading.present)
    found = [signal for signal in reading.signals if _is_news(signal, held.get(signal.key))]
    for key, signal in held.items():
        if signal.fingerprint in reading.gone:
            why = "taken back by the source"
        elif key not in told and signal.fingerprint in heard:
            why = "no longer named for this place"
        elif reading.complete and signal.fingerprint not in listed:
            why = "no longer listed by the source"
        else:
            continue
        found.append(replace(signal, level=Level.OK, observed_at=now, why=why))
    return tuple(found)


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
    _show(before, after)
    if after.failures == 1 and before.failures == 0:
        log.warning("source.failing", source=after.source, why=after.why)
    elif before.failures and not after.failures:
        log.info("source.recovered", source=after.source, failures=before.failures)


def _show(before: SourceState, after: SourceState) -> None:
    """Set the gauges of a source."""
    if after.last_known_at is not None:
        metrics.SOURCE_LAST_KNOWN.labels(after.source).set(after.last_known_at.timestamp())
    metrics.show_freshness(after.source, str(after.freshness), before=str(before.freshness))
