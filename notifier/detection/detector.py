"""Posts → signals of the class "crowd": judge each post, place it, count its person, watch the counts.

A post may say several things, each of other services: "power is back but the internet is down". Each is counted.

Posts are judged as they arrive, in the listener's threads or in other processes; counting waits for the next look, in
the order the posts were written, so that the order of arrival within a tick changes nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from .. import metrics
from ..model.mention import Mention
from ..model.region import RegionTree
from ..model.service import Service
from ..model.signal import Signal
from .alarms import Watch
from .board import SERVICES_MOST, Board
from .complaint import Kind
from .counted import Counts, of_services
from .keeping import CannotRead, dump, dump_parts, load
from .old_queue import OwnAccounts
from .parts import Read
from .people import number, voice_of
from .report import Hearing, Report, Reporter, advice, in_order
from .seen import Seen, seen
from .settings import DetectionSettings, Vocabulary
from .telling import Teller

log = structlog.get_logger(__name__)

PENDING_MOST = 10_000
"""Posts that wait for the next look before they are counted out of turn."""
CHECKPOINT = "detector"
"""Name of the detector's checkpoint in the store."""


@dataclass
class Tally:
    """Posts since the start: taken, found to be complaints of their author's own, and those of them a region was found
    for. Of what nodes counted, people stand for complaints, and posts are not known."""

    mentions: int = 0
    complaints: int = 0
    located: int = 0


class Detector:
    """Hears posts and tells which services seem to fail where. Safe to use from several threads."""

    def __init__(self, settings: DetectionSettings, vocabulary: Vocabulary, *, regions: RegionTree,
                 services: Mapping[str, Service]) -> None:
        self.counts = Tally()
        self.own = OwnAccounts(settings.own_accounts)
        self._settings = settings
        self._regions = regions
        self._services = services
        self._reporter = Reporter(Hearing(settings, vocabulary, regions, services))
        self._lock = threading.Lock()
        self._heir: Detector | None = None
        """Who continues from here since the configuration changed."""
        self._start_fresh()
        if cut := self._board.not_watched:
            log.warning("detector.regions_not_watched", kinds=sorted({regions[region].kind for region in cut}),
                        regions=len(cut), watched=len(self._board.territory) - len(cut),
                        needs=len(self._board.territory) * SERVICES_MOST, setting="detection.series_most")

    def _start_fresh(self) -> None:
        self._pending: list[tuple[Report, int]] = []
        """Reports with when they arrived."""
        self._board = Board(self._settings, self._regions, self._services)
        self._watch = Watch(self._settings, self._regions)
        self._teller = Teller(self._settings, self._regions, self._services)

    # ── hearing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, source: str, mention: Mention, now: datetime) -> None:
        """Judge one post and keep it for the next look. It counts at the time it was written: one from the future
        counts now, one older than `late_within` not at all. Never raises for anything a post may hold."""
        if self.hear(mention, now):
            self.read(mention, now)

    def read(self, mention: Mention, now: datetime) -> None:
        """Read a post's words here."""
        self.take_reports(self._reporter.reports(mention, now), now)

    def hear(self, mention: Mention, now: datetime) -> bool:
        """What a post means before its words are read. True where they are worth reading, here or in another process:
        its reports go to `take_reports`."""
        ours = self.own.name_of(mention) is not None
        verdicts = self._reporter.verdicts(mention.text) if ours else ()
        counts = not ours and not self._reporter.is_late(mention, now)
        with self._lock:
            heir, answers = self._heir, False
            if heir is None:
                self.own.hear(mention, now, tuple(service for verdict in verdicts for service in verdict.services))
                self.counts.mentions += 1
                if not counts:
                    return False
                self._board.heard(int(min(mention.created_at, now).timestamp()), int(now.timestamp()))
                answers = mention.reply_to is not None and number(mention.reply_to) in self._board.miner.posts
        if heir is not None:
            return heir.hear(mention, now)
        if answers:  # only here is it known what was answered
            self.take_reports(self._reporter.reports(mention, now) or (_answer(mention, now),), now)
        return not answers

    def take_reports(self, reports: Iterable[Report], now: datetime) -> None:
        """Keep what posts say, read here or elsewhere, for the next look; it arrives at `now`."""
        second = int(now.timestamp())
        found = tuple(reports)
        complaints = [report for report in found if report.complains]
        with self._lock:
            heir = self._heir
            if heir is None:
                _measure(Counter((service, bool(one.region)) for one in complaints for service in one.services))
                self.counts.complaints += len(complaints)
                self.counts.located += sum(bool(one.region) for one in complaints)
                self._pending.extend((report, second) for report in found)
                if len(self._pending) >= PENDING_MOST:
                    self._count()
        if heir is not None:
            heir.take_reports(found, now)

    def take_counts(self, counts: Counts, heard: int, now: datetime) -> None:
        """Take up what others counted and collapsed, once. `heard`: second the newest post of theirs was stored at,
        whatever it said; 0 where nobody knows. Services that are not configured here are left out."""
        second = int(now.timestamp())
        known = of_services(counts, self._services)
        complaints = [one for one in known.counts if one.kind is Kind.COMPLAINT]
        people: Counter[tuple[str, bool]] = Counter()
        for one in complaints:
            people[one.service, bool(one.region)] += one.people
        _measure(people)
        with self._lock:
            self.counts.complaints += sum(one.people for one in complaints)
            self.counts.located += sum(one.people for one in complaints if one.region)
            self._board.heard(min(heard, second), second)
            self._board.add(known, second)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def signals(self, now: datetime) -> tuple[Signal, ...]:
        """What is new, renewed or over since the last call."""
        second = int(now.timestamp())
        with self._lock:
            heir = self._heir
            if heir is None:
                self._count()
                self._board.look(second)
                self._board.forget(second)
                self._watch.look(self._board, second)
                return self._teller.tell(self._board, self._watch, second)
        return heir.signals(now)

    def seen(self, now: datetime) -> Seen:
        """What the last look, which was at `now`, held against the threshold. Changes nothing."""
        with self._lock:
            return seen(self._board, int(now.timestamp()))

    def _count(self) -> None:
        """Count the reports that wait, in the order their posts were written."""
        waiting, self._pending = sorted(self._pending, key=lambda one: (in_order(one[0]), one[1])), []
        for report, arrived in waiting:
            self._board.count(report, arrived)

    def history(self, service: str, region: str, *, minutes: int,
                now: datetime) -> tuple[tuple[datetime, float, float], ...]:
        """(minute, people heard, people usual) of the last `minutes` (at most 180), oldest first."""
        last = int(now.timestamp()) // 60
        with self._lock:
            heir = self._heir
            if heir is None:
                self._count()
                return tuple((datetime.fromtimestamp(minute * 60, UTC), float(heard), usual) for minute, heard, usual
                             in self._board.history(service, region, last, minutes))
        return heir.history(service, region, minutes=minutes, now=now)

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def checkpoint(self) -> bytes:
        """All that was learnt and is under way, without any name or unreported text."""
        with self._lock:
            heir = self._heir
            if heir is None:
                self._count()
                return dump(self._board, self._watch, self._teller)
        return heir.checkpoint()

    def hand_over(self, heir: Detector) -> None:
        """Let a fresh detector, of another configuration, continue from here at once. Whoever still holds this one from
        then on speaks to that: no post, look or checkpoint falls between the two."""
        with self._lock:
            self._count()
            heir.restore(dump(self._board, self._watch, self._teller))
            heir.own.continue_from(self.own)
            heir.counts = replace(self.counts)
            self._heir = heir

    def parts(self) -> tuple[bytes, Iterator[tuple[str, bytes]]]:
        """The same in parts: see `keeping.dump_parts`."""
        with self._lock:
            self._count()
            return dump_parts(self._board, self._watch, self._teller, CHECKPOINT)

    def restore(self, kept: bytes, read: Read = lambda name: None) -> None:
        """Continue from a checkpoint, whose parts `read` gives; what cannot be read is logged and left, what names a
        region or service that is no longer configured is dropped."""
        with self._lock:
            self._start_fresh()
            try:
                unread = load(kept, self._board, self._watch, self._teller, services=self._services, name=CHECKPOINT,
                              read=read)
            except CannotRead as error:
                self._start_fresh()
                log.warning("detector.checkpoint_unreadable", reason=str(error))
                return
        for service, reason in unread.items():
            log.warning("detector.territory_unreadable", service=service, reason=reason)


def _measure(complaints: Mapping[tuple[str, bool], int]) -> None:
    """Complaints by service and whether a region is known."""
    for (service, located), number_of in complaints.items():
        metrics.COMPLAINTS.labels(service).inc(number_of)
        if located:
            metrics.COMPLAINTS_LOCATED.labels(service).inc(number_of)


def _answer(mention: Mention, now: datetime) -> Report:
    """A post that is nothing by itself but answers one that said what helps: it may say whether it did."""
    voice, at = voice_of(mention), int(min(mention.created_at, now).timestamp())
    return Report(at=at, voice=voice, kind=Kind.NONE, services=(), region="", words=(), shown="",
                  said=advice(mention, voice, at, "", ""))
