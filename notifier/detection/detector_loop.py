"""The detector at work: a look every tick, its signals and its memory stored together."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from .. import metrics
from ..failpoints import failpoint
from ..model.signal import Signal
from ..ports import Clock, Store, Transaction
from .counted import Counts
from .detector import CHECKPOINT, Detector
from .parts import Written
from .settings import DetectionSettings

log = structlog.get_logger(__name__)

CHECKPOINT_EVERY = timedelta(minutes=1)
"""How often what was learnt is kept where there is nothing to tell; with each signal it is."""


def bring_back(detector: Detector, tx: Transaction) -> None:
    """Continue from what the store holds, if it holds anything."""
    learnt = tx.checkpoint(CHECKPOINT)
    if learnt is not None:
        detector.restore(learnt, tx.checkpoint)


class Elsewhere(Protocol):
    """Counts that other machines made. What `counts` gave is in the detector's memory; `dump` says how far that goes,
    and is kept with it, so that a restart neither loses nor repeats any."""

    name: str

    def counts(self) -> Iterable[tuple[Counts, int]]:
        """What came since the last call, each with the second its newest post was stored at."""
        ...

    def dump(self) -> bytes: ...


class DetectorLoop:
    """Looks at the counts every tick and keeps what it finds. Counts made `elsewhere` are taken up and kept in the same
    turn, and their position in the same transaction as the memory they went into."""

    def __init__(self, detector: Detector, store: Store, clock: Clock, settings: DetectionSettings,
                 elsewhere: Elsewhere | None = None) -> None:
        self._store = store
        self._clock = clock
        self._waiting: dict[tuple[str, str, str, str], Signal] = {}
        self._kept_at: datetime | None = None
        self._turning = threading.Lock()
        """Between a checkpoint and the detector that continues from it nothing may be counted."""
        self._detector, self._settings = detector, settings
        self.elsewhere = elsewhere
        self._written = Written()

    def replace(self, detector: Detector, settings: DetectionSettings) -> None:
        """Use another detector from the next turn on, which continues from what the one before learnt."""
        with self._turning:
            self._detector.hand_over(detector)
            self._detector, self._settings = detector, settings

    def paused(self) -> AbstractContextManager[object]:
        """While it lasts nothing is counted or kept: for whoever changes `elsewhere`."""
        return self._turning

    def run_once(self) -> bool:
        """One look. Signals are stored with the state that made them, so that who dies after it goes on with the same
        outages; what could not be stored is kept and stored with the next ones. True where signals were."""
        with self._turning:
            return self._look(self._clock.now())

    def _look(self, now: datetime) -> bool:
        for counts, heard in self.elsewhere.counts() if self.elsewhere else ():
            self._detector.take_counts(counts, heard, now)
        failpoint("merge.counted")
        self._waiting.update((signal.key, signal) for signal in self._detector.signals(now))
        due = self._kept_at is None or now - self._kept_at >= CHECKPOINT_EVERY
        if not self._waiting and not due:
            return False
        found = tuple(self._waiting.values())
        kept = self._kept()
        with self._store.transaction() as tx:
            if found:
                tx.put_signals(found)
            for name, state in kept.items():
                tx.put_checkpoint(name, state, now)
            failpoint("merge.before_commit")
        failpoint("merge.after_commit")
        self._written.done()
        self._waiting.clear()
        self._kept_at = now
        self._counted(found)
        return bool(found)

    def kept(self) -> Mapping[str, bytes]:
        """Checkpoints by name, to be put into one transaction: the daemon ends."""
        with self._turning:
            return self._kept()

    def _kept(self) -> Mapping[str, bytes]:
        """Checkpoints by name: of the detector's parts those that changed since they were written."""
        head, parts = self._detector.parts()
        kept = {CHECKPOINT: head, **self._written.changed(parts)}
        return kept | {self.elsewhere.name: self.elsewhere.dump()} if self.elsewhere else kept

    @staticmethod
    def _counted(signals: Iterable[Signal]) -> None:
        for signal in signals:
            metrics.SIGNALS.labels(signal.klass.value, signal.level.name.lower()).inc()
            log.info("signal.crowd", service=signal.service, region=signal.region, level=signal.level.name,
                     score=round(signal.score, 3), people=signal.facts.get("people"),
                     unusual=signal.facts.get("unusual"), by_chance=signal.facts.get("by_chance"))
