"""How posts reach one deployment's detector: read in the daemon, in processes beside it, and counted by nodes.

One object for the daemon to start, reload, ask and stop; which of the three ways are in use is the configuration's to
say, and changes on a reload without a post being lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from .. import metrics
from ..detection.detector import Detector
from ..detection.detector_loop import DetectorLoop
from ..detection.report import Hearing, Report
from ..model.mention import Mention
from ..ports import Clock, SourceState
from ..runner import Loop
from .merging import SOURCE, Nodes, open_nodes
from .readers import GATHER_SECONDS, Readers, start_readers
from .settings import IntakeSettings, NodeSettings

log = structlog.get_logger(__name__)

FETCH_SECONDS = 1.0
"""Between two looks for counts of nodes, where there were none."""


class Intake:
    """Until it is started, and where nothing else is configured, posts are read by the thread that brings them."""

    def __init__(self, clock: Clock, detector: Callable[[], Detector], detecting: DetectorLoop) -> None:
        """`detector` tells the one in force; `detecting` turns it."""
        self._clock = clock
        self._detector = detector
        self._detecting = detecting
        self._settings = IntakeSettings()
        self._hearing: Hearing | None = None
        self._readers: Readers | None = None
        self._nodes: Nodes | None = None
        self._loops: dict[str, Loop] = {}

    @property
    def loops(self) -> tuple[Loop, ...]:
        """Loops that turn now."""
        return tuple(self._loops.values())

    def take(self, source: str, mention: Mention, now: datetime) -> None:
        """Hand one post to the detector, read here or in another process."""
        detector, readers = self._detector(), self._readers
        if detector.hear(mention, now) and (readers is None or not readers.put(source, mention)):
            detector.read(mention, now)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, settings: IntakeSettings, hearing: Hearing, kept: bytes | None = None) -> None:
        """Begin. `kept`: how far the counts of nodes were taken into the detector's memory, from the checkpoint."""
        self._settings, self._hearing = settings, hearing
        self._read_by(start_readers(hearing, settings, self._take_reports, self._clock))
        if settings.nats is not None:
            self._merge(settings.nats, kept)

    def replace(self, settings: IntakeSettings, hearing: Hearing) -> None:
        """Another configuration. Processes that know other words are begun before those of today end."""
        if self._hearing is None:
            return  # never started: replay and tests read by themselves
        before, known = self._settings, self._hearing
        self._settings, self._hearing = settings, hearing
        if hearing != known or _processes(settings) != _processes(before):
            self._read_by(start_readers(hearing, settings, self._take_reports, self._clock))
        if settings.nats != before.nats:
            kept = self._nodes.dump if self._nodes else None
            with self._detecting.paused():
                position = kept() if kept else None
                self._no_nodes()
                if settings.nats is not None:
                    self._merge(settings.nats, position)

    def stop(self) -> None:
        """Hand over and answer for all that was heard, and end."""
        self._read_by(None)
        self._end("nodes")
        if self._nodes is not None:  # the detector's last checkpoint still asks for its position
            self._nodes.close()

    def _take_reports(self, reports: Sequence[Report], now: datetime) -> None:
        self._detector().take_reports(reports, now)

    def _read_by(self, readers: Readers | None) -> None:
        before, self._readers = self._readers, readers
        self._end("readers")
        if before is not None:
            before.stop()
        if readers is not None:
            self._begin(Loop("readers", readers.run_once, self._clock, every=GATHER_SECONDS))

    def _merge(self, settings: NodeSettings, kept: bytes | None) -> None:
        nodes = open_nodes(settings, settings.url or os.environ.get("NOTIFIER_NATS", ""), self._clock)
        if kept is not None:
            nodes.load(kept)
        self._nodes = self._detecting.elsewhere = nodes
        self._begin(Loop("nodes", nodes.run_once, self._clock, every=FETCH_SECONDS))

    def _no_nodes(self) -> None:
        self._end("nodes")
        if self._nodes is not None:
            self._nodes.close()
            metrics.forget_source(SOURCE)
        self._nodes = self._detecting.elsewhere = None

    def _begin(self, loop: Loop) -> None:
        self._loops[loop.name] = loop
        loop.start()

    def _end(self, name: str) -> None:
        loop = self._loops.pop(name, None)
        if loop is not None and not loop.stop():
            log.warning("loop.slow_to_stop", loop=name)

    # ── what it says of itself ───────────────────────────────────────────────────────────────────────────────────────

    def states(self, now: datetime) -> tuple[SourceState, ...]:
        """What the silence of nodes is worth, where there are any."""
        return (self._nodes.state(now),) if self._nodes is not None else ()

    def status(self) -> Mapping[str, int]:
        """Processes that are to read posts, and that do; also kept as a metric."""
        at_work = self._readers.at_work() if self._readers is not None else 0
        metrics.WORKERS.set(at_work)
        return {"workers": self._settings.workers, "workers_at_work": at_work}


def _processes(settings: IntakeSettings) -> tuple[int, int, int]:
    return settings.workers, settings.batch, settings.waiting_most
