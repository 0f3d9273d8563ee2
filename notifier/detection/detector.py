"""Posts → signals of the class "crowd": judge each post, place it, count its person, watch the counts.

Posts are judged as they arrive, in the listener's threads; counting waits for the next look, in the order the posts
were written, so that the order of arrival within a tick changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from .. import metrics
from ..model.mention import Mention
from ..model.region import RegionTree
from ..model.service import Service
from ..model.signal import Signal
from ..ports import Clock, Store
from .alarms import Watch
from .board import Board, Post
from .complaint import Judge, Kind
from .keeping import CannotRead, dump, load
from .people import voice_of
from .place import PlaceFinder
from .settings import DetectionSettings, Vocabulary
from .telling import Teller, shown

log = structlog.get_logger(__name__)

PENDING_MOST = 10_000
"""Posts that wait for the next look before they are counted out of turn."""
CHECKPOINT_EVERY = timedelta(minutes=1)


@dataclass
class Counts:
    """Posts since the start: taken, found to be complaints, and complaints a region was found for."""

    mentions: int = 0
    complaints: int = 0
    located: int = 0


class Detector:
    """Hears posts and tells which services seem to fail where. Safe to use from several threads."""

    def __init__(self, settings: DetectionSettings, vocabulary: Vocabulary, *, regions: RegionTree,
                 services: Mapping[str, Service]) -> None:
        self.counts = Counts()
        self._settings = settings
        self._regions = regions
        self._services = services
        self._judge = Judge(vocabulary, services)
        self._places = PlaceFinder(regions, home=settings.home_region, nowhere=vocabulary.nowhere,
                                   not_places=vocabulary.not_places)
        self._lock = threading.Lock()
        self._start_fresh()

    def _start_fresh(self) -> None:
        self._pending: list[Post] = []
        self._board = Board(self._settings, self._regions)
        self._watch = Watch(self._settings, self._regions)
        self._teller = Teller(self._settings, self._regions, self._services)

    def take(self, source: str, mention: Mention, now: datetime) -> None:
        """Judge one post and keep it for the next look. It counts at the time it was written: one from the future
        counts now, one older than `late_within` not at all. Never raises for anything a post may hold."""
        second = int(now.timestamp())
        at = min(int(mention.created_at.timestamp()), second)
        if second - at > self._settings.late_within.total_seconds():
            with self._lock:
                self.counts.mentions += 1
            return
        post = self._read(mention, at)
        with self._lock:
            self.counts.mentions += 1
            self._board.heard(at)
            if post is None:
                return
            if post.kind is Kind.COMPLAINT:
                self.counts.complaints += 1
                self.counts.located += bool(post.region)
            self._pending.append(post)
            if len(self._pending) >= PENDING_MOST:
                self._count()

    def _read(self, mention: Mention, at: int) -> Post | None:
        """What one post says; None where that is nothing to us."""
        verdict = self._judge.judge(mention)
        if verdict.kind is Kind.NONE:
            return None
        placed = self._places.find(mention)
        if verdict.kind is Kind.COMPLAINT:
            for service in verdict.services:
                metrics.COMPLAINTS.labels(service).inc()
                if placed:
                    metrics.COMPLAINTS_LOCATED.labels(service).inc()
        voice = voice_of(mention, verdict.words)
        return Post(at=at, person=voice.person, voice=voice, kind=verdict.kind, services=verdict.services,
                    words=verdict.words, region=placed.region if placed else "", shown=shown(mention.text))

    def signals(self, now: datetime) -> tuple[Signal, ...]:
        """What is new, renewed or over since the last call."""
        second = int(now.timestamp())
        with self._lock:
            self._count()
            self._board.learn(second)
            self._board.forget(second)
            self._watch.look(self._board, second)
            return self._teller.tell(self._board, self._watch, second)

    def _count(self) -> None:
        """Count the posts that wait, in the order they were written."""
        posts, self._pending = sorted(self._pending), []
        for post in posts:
            self._board.count(post)

    def history(self, service: str, region: str, *, minutes: int,
                now: datetime) -> tuple[tuple[datetime, float, float], ...]:
        """(minute, people heard, people usual) of the last `minutes` (at most 180), oldest first."""
        last = int(now.timestamp()) // 60
        with self._lock:
            self._count()
            return tuple((datetime.fromtimestamp(minute * 60, UTC), float(heard), usual) for minute, heard, usual
                         in self._board.history(service, region, last, minutes))

    def checkpoint(self) -> bytes:
        """All that was learnt and is under way, without any name or unreported text."""
        with self._lock:
            self._count()
            return dump(self._board, self._watch, self._teller)

    def restore(self, kept: bytes) -> None:
        """Continue from a checkpoint; what cannot be read is logged and left, what names a region or service that is no
        longer configured is dropped."""
        with self._lock:
            self._start_fresh()
            try:
                load(kept, self._board, self._watch, self._teller, services=self._services)
            except CannotRead as error:
                self._start_fresh()
                log.warning("detector.checkpoint_unreadable", reason=str(error))


class DetectorLoop:
    """Looks at the counts every tick and keeps what it finds."""

    def __init__(self, detector: Detector, store: Store, clock: Clock, settings: DetectionSettings) -> None:
        self._store = store
        self._clock = clock
        self._waiting: dict[tuple[str, str, str, str], Signal] = {}
        self._kept_at: datetime | None = None
        self.replace(detector, settings)

    def replace(self, detector: Detector, settings: DetectionSettings) -> None:
        """Use another detector from the next turn on."""
        self._detector = detector
        self._settings = settings

    def run_once(self) -> bool:
        """One look. Signals that could not be stored are kept and stored with the next ones; True where any were."""
        now = self._clock.now()
        self._waiting.update((signal.key, signal) for signal in self._detector.signals(now))
        due = self._kept_at is None or now - self._kept_at >= CHECKPOINT_EVERY
        if not self._waiting and not due:
            return False
        found = tuple(self._waiting.values())
        state = self._detector.checkpoint() if due else None
        with self._store.transaction() as tx:
            if found:
                tx.put_signals(found)
            if state is not None:
                tx.put_checkpoint("detector", state, now)
        self._waiting.clear()
        self._kept_at = now if due else self._kept_at
        self._counted(found)
        return bool(found)

    @staticmethod
    def _counted(signals: Iterable[Signal]) -> None:
        for signal in signals:
            metrics.SIGNALS.labels(signal.klass.value, signal.level.name.lower()).inc()
            log.info("signal.crowd", service=signal.service, region=signal.region, level=signal.level.name,
                     score=round(signal.score, 3), people=signal.facts.get("people"))
