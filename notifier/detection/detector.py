"""Posts → signals of the class "crowd": judge each post, place it, count its person, watch the counts.

A post may say several things, each of other services: "power is back but the internet is down". Each is counted.

Posts are judged as they arrive, in the listener's threads; counting waits for the next look, in the order the posts
were written, so that the order of arrival within a tick changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
from .complaint import Judge, Kind, Verdict
from .helping.miner import Said
from .keeping import CannotRead, dump, load
from .old_queue import OwnAccounts
from .people import Voice, is_repost, number, voice_of
from .place import Placed, PlaceFinder
from .settings import DetectionSettings, Vocabulary
from .telling import Teller, shown

log = structlog.get_logger(__name__)

PENDING_MOST = 10_000
"""Posts that wait for the next look before they are counted out of turn."""
CHECKPOINT_EVERY = timedelta(minutes=1)
LIKELY = 0.5
"""A place less sure than this is more likely wrong than right: the post counts as one without a place."""


@dataclass
class Counts:
    """Posts since the start: taken, found to be complaints of their author's own, and those of them a region was found
    for."""

    mentions: int = 0
    complaints: int = 0
    located: int = 0


class Detector:
    """Hears posts and tells which services seem to fail where. Safe to use from several threads."""

    def __init__(self, settings: DetectionSettings, vocabulary: Vocabulary, *, regions: RegionTree,
                 services: Mapping[str, Service]) -> None:
        self.counts = Counts()
        self.own = OwnAccounts(settings.own_accounts)
        self._settings = settings
        self._regions = regions
        self._services = services
        self._judge = Judge(vocabulary, services)
        self._places = PlaceFinder(regions, home=settings.home_region, nowhere=vocabulary.nowhere,
                                   not_places=vocabulary.not_places)
        self._lock = threading.Lock()
        self._start_fresh()

    def _start_fresh(self) -> None:
        self._pending: list[tuple[Post, int]] = []
        """Posts with when they arrived."""
        self._board = Board(self._settings, self._regions)
        self._watch = Watch(self._settings, self._regions)
        self._teller = Teller(self._settings, self._regions, self._services)

    def take(self, source: str, mention: Mention, now: datetime) -> None:
        """Judge one post and keep it for the next look. It counts at the time it was written: one from the future
        counts now, one older than `late_within` not at all. Never raises for anything a post may hold."""
        if self.own.name_of(mention) is not None:
            spoken = (service for verdict in self._judge.verdicts(mention) for service in verdict.services)
            self.own.hear(mention, now, tuple(spoken))
            with self._lock:
                self.counts.mentions += 1
            return
        self.own.hear(mention, now)
        second = int(now.timestamp())
        at = min(int(mention.created_at.timestamp()), second)
        if second - at > self._settings.late_within.total_seconds():
            with self._lock:
                self.counts.mentions += 1
            return
        posts = self._read(mention, at)
        with self._lock:
            self.counts.mentions += 1
            self._board.heard(at)
            for post in posts:
                if post.kind is Kind.COMPLAINT and not post.voice.passed_on:
                    self.counts.complaints += 1
                    self.counts.located += bool(post.region)
            self._pending.extend((post, second) for post in posts)
            if len(self._pending) >= PENDING_MOST:
                self._count()

    def _read(self, mention: Mention, at: int) -> tuple[Post, ...]:
        """What a post says, once for each kind of thing it says; empty where that is nothing to us."""
        verdicts = self._judge.verdicts(mention)
        if not verdicts:
            return self._answer(mention, at)
        placed = self._placed(mention)
        voice = voice_of(mention, tuple(word for verdict in verdicts for word in verdict.words))
        posts = [self._said(mention, verdict, voice, placed, at) for verdict in verdicts]
        for post in posts:
            if post.kind is Kind.COMPLAINT and not post.voice.passed_on:
                _measure(post)
        return _with_advice(posts, mention)

    def _placed(self, mention: Mention) -> Placed | None:
        """Where a post speaks of, None where that is unknown or more likely wrong than right."""
        placed = self._places.find(mention)
        return placed if placed is not None and placed.certainty >= LIKELY else None

    @staticmethod
    def _said(mention: Mention, verdict: Verdict, voice: Voice, placed: Placed | None, at: int) -> Post:
        passed_on = voice.passed_on or is_repost(mention, verdict.words)  # "power is back! RT @ann: no internet"
        return Post(at=at, person=voice.person, voice=voice._replace(passed_on=passed_on), kind=verdict.kind,
                    services=verdict.services, words=verdict.words, region=placed.region if placed else "",
                    shown=shown(mention.text), placed_by=shown(placed.reason) if placed else "")

    def _answer(self, mention: Mention, at: int) -> tuple[Post, ...]:
        """A post that is nothing by itself but answers one that said what helps: it may say whether it did."""
        if mention.reply_to is None or number(mention.reply_to) not in self._board.miner.posts:
            return ()
        voice = voice_of(mention)
        return (Post(at=at, person=voice.person, voice=voice, kind=Kind.NONE, services=(), words=(), region="",
                     shown="", said=_advice(mention, voice, at, "", "")),)

    def signals(self, now: datetime) -> tuple[Signal, ...]:
        """What is new, renewed or over since the last call."""
        second = int(now.timestamp())
        with self._lock:
            self._count()
            self._board.look(second)
            self._board.forget(second)
            self._watch.look(self._board, second)
            return self._teller.tell(self._board, self._watch, second)

    def _count(self) -> None:
        """Count the posts that wait, in the order they were written."""
        posts, self._pending = sorted(self._pending), []
        for post, arrived in posts:
            self._board.count(post, arrived)

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


def _measure(post: Post) -> None:
    for service in post.services:
        metrics.COMPLAINTS.labels(service).inc()
        if post.region:
            metrics.COMPLAINTS_LOCATED.labels(service).inc()


def _with_advice(posts: list[Post], mention: Mention) -> tuple[Post, ...]:
    """The same posts; the first that is no complaint may say what helps."""
    advising = next((post for post in posts if post.kind is not Kind.COMPLAINT), None)
    return tuple(replace(post, said=_advice(mention, post.voice, post.at, post.services[0], post.region))
                 if post is advising else post for post in posts)


def _advice(mention: Mention, voice: Voice, at: int, service: str, region: str) -> Said:
    return Said(at, voice.person, service, region, mention.text, number(mention.id),
                number(mention.reply_to) if mention.reply_to else 0)


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
                     score=round(signal.score, 3), people=signal.facts.get("people"),
                     unusual=signal.facts.get("unusual"), by_chance=signal.facts.get("by_chance"))
