"""Posts that listeners heard, read in other processes: gathered for a moment, handed over in batches, handed back as
reports.

A listener's thread decodes a post anyway; judging, placing and reading it for copies is nine tenths of the work, and
that is what goes elsewhere. Where no process can be started the daemon reads by itself: slower is better than deaf.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from .. import metrics
from ..detection.report import Hearing, Report
from ..model.mention import Mention
from ..ports import Clock
from .reader import Batch
from .settings import IntakeSettings
from .workers import CannotStart, Workers

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.2
"""How long a post may wait for others before its batch is handed over."""

TakeReports = Callable[[Sequence[Report], datetime], None]


class Readers:
    """The processes of one configuration. Safe to use from several threads."""

    def __init__(self, workers: Workers, most: int, clock: Clock) -> None:
        self._workers = workers
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._gathered: dict[str, list[Mention]] = {}
        self._stopped = False

    def put(self, source: str, mention: Mention) -> bool:
        """Hand a post over, soon; waits while too many do. False where that cannot be: it cannot cross to another
        process, or the end was asked for."""
        if not _crosses(mention):
            return False
        with self._lock:
            if self._stopped:
                return False
            gathered = self._gathered.setdefault(source, [])
            gathered.append(mention)
            full = len(gathered) >= self._most
            if full:
                del self._gathered[source]
        if full:
            self._workers.put_mentions(source, gathered, self._clock.now())
        return True

    def run_once(self) -> bool:
        """Hand over what was gathered. Never finds more work: the next turn comes after GATHER_SECONDS."""
        with self._lock:
            waiting, self._gathered = self._gathered, {}
        for source, mentions in waiting.items():
            self._workers.put_mentions(source, mentions, self._clock.now())
        return False

    def at_work(self) -> int:
        """How many processes can read posts now."""
        return self._workers.at_work()

    def stop(self) -> None:
        """Hand over what was gathered, and end once it is answered for."""
        with self._lock:
            self._stopped = True
        self.run_once()
        self._workers.stop()


def start_readers(hearing: Hearing, settings: IntakeSettings, take: TakeReports, clock: Clock) -> Readers | None:
    """The processes that `settings` ask for, ready to read; None where they ask for none, or none can be started."""
    metrics.WORKERS_WANTED.set(settings.workers)
    if not settings.workers:
        return None

    def taken(source: str, batch: Batch) -> None:
        if batch.unreadable:
            metrics.MENTIONS_DROPPED.labels(source, "internal").inc(len(batch.unreadable))
        take([report for _, report in batch.reports], clock.now())

    try:
        workers = Workers(hearing, {}, taken, count=settings.workers, waiting_most=settings.waiting_most)
    except (CannotStart, OSError) as error:
        log.error("workers.cannot_start", reason=str(error), instead="posts are read in the daemon itself")
        return None
    return Readers(workers, settings.batch, clock)


def _crosses(mention: Mention) -> bool:
    """Whether a post's texts are whole characters: half a surrogate pair has no bytes."""
    try:
        for text in (mention.id, mention.text, mention.author or "", mention.author_location or "",
                     mention.place or "", mention.reply_to or "", mention.url or "", mention.lang or "",
                     mention.network):
            text.encode()
    except UnicodeEncodeError:
        return False
    return True
