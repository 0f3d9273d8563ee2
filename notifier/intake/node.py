"""A node: reads posts from the queue group, and owns those partitions nobody else does.

It keeps nothing that cannot be worked out again. Posts are answered for once their reports are stored, so a node that
dies loses none; reports have their post's place, so one that is stored twice counts once; counts are stored only next
to the ones before, so two owners cannot both hand on. Each step has a name the crash tests end the process at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from .. import metrics
from ..detection.settings import DetectionSettings
from ..failpoints import failpoint
from ..ports import Clock
from .counting import CannotRead, Collapse
from .jetstream import Jetstream, Taken
from .reader import PostReader
from .shapes import Feed
from .shares import (
    UNREADABLE,
    Ledger,
    Placed,
    encode,
    handed_of,
    message,
    messages,
    reports_of,
    shares,
    window_of,
)

log = structlog.get_logger(__name__)

READING = ("node.taken", "node.read", "node.between_partitions", "node.stored", "node.done")
OWNING = ("owner.leased", "owner.floor", "owner.counted", "owner.handed_on", "owner.kept")
NODE_PATH = (*READING, *OWNING)
"""Every step between a post and its count after which a node may die."""
WAIT_SECONDS = 1.0
BEAT_SECONDS = 10.0
"""An owner with nothing to count says so, since silence could be a dead node."""
DEAD_BYTES = 65_536
"""Bytes of a dead letter that are kept."""
ALONE_MOST = 2
"""Nodes a message may take down that read it and no other."""


class Reading:
    """Takes posts, stores their reports, answers for them."""

    def __init__(self, jetstream: Jetstream, reader: PostReader, feeds: Mapping[str, Feed]) -> None:
        self._jetstream = jetstream
        self._settings = jetstream.settings
        self._reader = reader
        self._feeds = feeds
        self._marked: set[int] = set()
        """Messages this node marked itself: that it tries them again is no death."""

    def run_once(self) -> bool:
        """Take what there is; True where there was anything."""
        taken = self._jetstream.take(self._settings.fetch, WAIT_SECONDS)
        if not taken:
            return False
        failpoint("node.taken")
        suspects = [one for one in taken if one.deliveries > self._settings.deliveries_most]
        if len(suspects) < len(taken):
            self._store([one for one in taken if one.deliveries <= self._settings.deliveries_most])
        for one in suspects:
            self._alone(one)
        return True

    def _alone(self, one: Taken) -> None:
        """Read a message that was with many nodes that died, and no other, so that none is blamed for what another
        does. It is marked before; whoever finds the mark of a node that is gone knows what that one died of."""
        deaths = 0
        if one.sequence not in self._marked:
            deaths = self._jetstream.mark(one.sequence)
            self._marked.add(one.sequence)
        if deaths < ALONE_MOST:
            self._store([one])
        else:
            self._set_aside(one, 0, one.data, f"{deaths} nodes died that read it alone")
            self._jetstream.done([one])
        self._jetstream.unmark(one.sequence)
        self._marked.discard(one.sequence)

    def _store(self, taken: Sequence[Taken]) -> None:
        """Read messages, store their reports, answer for them."""
        found = self._placed(taken)
        failpoint("node.read")
        for number, (partition, reports) in enumerate(shares(found, self._settings.partitions).items()):
            if number:
                failpoint("node.between_partitions")
            self._jetstream.put_all("reports", [(str(partition), data) for data in messages(reports)])
        failpoint("node.stored")
        self._jetstream.done(taken)
        failpoint("node.done")

    def _placed(self, taken: Sequence[Taken]) -> list[Placed]:
        """Reports of messages, by their posts' places."""
        by_source: dict[str, list[Taken]] = {}
        for one in taken:
            if one.source not in self._feeds:
                self._set_aside(one, 0, one.data, "of a source that is not configured")
            else:
                by_source.setdefault(one.source, []).append(one)
        return [placed for source, mine in by_source.items() for placed in self._read(source, mine)]

    def _read(self, source: str, taken: Sequence[Taken]) -> list[Placed]:
        lines = [(one, number, line) for one in taken for number, line in enumerate(one.data.split(b"\n"))
                 if line.strip()]
        batch = self._reader.read(self._feeds[source], [line for _, _, line in lines],
                                  [one.stored for one, _, _ in lines])
        metrics.MENTIONS.labels(source).inc(len(lines))
        for at in batch.unreadable:
            one, number, line = lines[at]
            self._set_aside(one, number, line, "unreadable")
        found: list[Placed] = []
        before = None
        for at, report in batch.reports:
            one, number, _ = lines[at]
            place = (one.sequence, number, found[-1].place[2] + 1 if at == before else 0)
            found.append(Placed(place, report))
            before = at
        return found

    def _set_aside(self, one: Taken, line: int, data: bytes, why: str) -> None:
        """Keep what nobody can read where staff can look at it. The key makes a second time none."""
        source = one.source if one.source in self._feeds else "unknown"
        metrics.MENTIONS_DROPPED.labels(source, "unreadable").inc()
        self._jetstream.put("dead", source, data[:DEAD_BYTES],
                            {"Nats-Msg-Id": f"{one.sequence}.{line}", "Notifier-Why": why,
                             "Notifier-Place": f"{one.sequence}.{line}"})


@dataclass
class Owned:
    """A partition that is ours: its lease's revision and when it was renewed, its ledger, the message of reports to
    read next, the last message of counts, when anything was handed on and when the window was kept (monotonic)."""

    revision: int
    renewed: float
    ledger: Ledger
    position: int
    last: int
    handed_on: float
    kept: float
    kept_upto: int = field(default=-1)


class Owning:
    """Owns partitions: counts their reports up to the floor, and hands the counts on."""

    def __init__(self, jetstream: Jetstream, detection: DetectionSettings, clock: Clock, name: str) -> None:
        self._jetstream = jetstream
        self._settings = jetstream.settings
        self._detection = detection
        self._clock = clock
        self._name = name
        self.owned: dict[int, Owned] = {}

    def run_once(self) -> bool:
        """Renew what is ours, take what is nobody's, count; True where anything was counted."""
        found = False
        for partition in range(self._settings.partitions):
            try:
                if self._is_mine(partition):
                    found |= self._count(partition, self.owned[partition])
            except BaseException:
                self._lose(partition, "a step failed")
                raise
        return found

    def stop(self) -> None:
        """Keep what was counted and let others take over at once."""
        for partition, mine in list(self.owned.items()):
            self._keep(partition, mine)
            self._jetstream.release(partition, mine.revision)
            self._lose(partition, "stopped")

    # ── whose it is ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_mine(self, partition: int) -> bool:
        now = self._clock.monotonic()
        mine = self.owned.get(partition)
        if mine is None:
            revision = self._jetstream.lease(partition, self._name, None)
            if revision is None:
                return False
            failpoint("owner.leased")
            self.owned[partition] = self._begin(partition, revision, now)
            log.info("partition.owned", partition=partition)
        elif now - mine.renewed > self._settings.lease.total_seconds() / 3:
            renewed = self._jetstream.lease(partition, self._name, mine.revision)
            if renewed is None:
                self._lose(partition, "its lease ran out")
                return False
            mine.revision, mine.renewed = renewed, now
        return True

    def _lose(self, partition: int, why: str) -> None:
        if self.owned.pop(partition, None) is not None:
            log.info("partition.let_go", partition=partition, why=why)
        self._jetstream.forget(partition)

    def _begin(self, partition: int, revision: int, now: float) -> Owned:
        """Where the last owner was: its window, and counted again what it counted since."""
        last = self._jetstream.last_counts(partition)
        upto = handed_of(last[1]).upto if last else 0
        collapse = Collapse(self._detection)
        begun, position = self._window(partition, collapse)
        ledger = Ledger(partition, collapse, upto=begun)
        position = self._read(partition, ledger, position)
        ledger.replay(upto)
        return Owned(revision, now, ledger, position, last[0] if last else 0, now, now)

    def _window(self, partition: int, collapse: Collapse) -> tuple[int, int]:
        kept = self._jetstream.kept_window(partition)
        if kept is None:
            return 0, 1
        try:
            window = window_of(kept)
            collapse.load(window.collapse)
        except (CannotRead, *UNREADABLE) as error:
            log.error("partition.window_unreadable", partition=partition, error=type(error).__name__)
            return 0, 1
        return window.upto, window.resume

    # ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _count(self, partition: int, mine: Owned) -> bool:
        floor = self._jetstream.floor()
        failpoint("owner.floor")
        mine.position = self._read(partition, mine.ledger, mine.position)
        found = floor > mine.ledger.upto and self._counted(partition, mine, floor)
        every = self._settings.window_every.total_seconds()
        if partition in self.owned and self._clock.monotonic() - mine.kept > every:
            self._keep(partition, mine)
        return found

    def _counted(self, partition: int, mine: Owned, floor: int) -> bool:
        """Count up to the floor; hand on what that came to, and now and then that there was nothing."""
        stored = self._jetstream.stored(floor)
        heard = int(stored.timestamp()) if stored else 0
        found = False
        for handed in mine.ledger.count(floor, heard):
            failpoint("owner.counted")
            if not self._hand_on(partition, mine, message(handed)):
                return False
            found = True
        if not found and self._clock.monotonic() - mine.handed_on > BEAT_SECONDS:
            if not self._hand_on(partition, mine, encode(mine.ledger.nothing(heard))):
                return False
            mine.ledger.handed = mine.ledger.upto
        return found

    def _read(self, partition: int, ledger: Ledger, position: int) -> int:
        """Take in every report stored by now; returns the message to read next."""
        messages, position = self._jetstream.reports(partition, position)
        for sequence, data in messages:
            try:
                ledger.take(reports_of(data), sequence)
            except UNREADABLE as error:
                log.error("partition.reports_unreadable", partition=partition, error=type(error).__name__)
        return position

    def _hand_on(self, partition: int, mine: Owned, data: bytes) -> bool:
        last = self._jetstream.hand_on(partition, data, mine.last)
        if last is None:
            self._lose(partition, "another owner counts it")
            return False
        failpoint("owner.handed_on")
        mine.last, mine.handed_on = last, self._clock.monotonic()
        return True

    def _keep(self, partition: int, mine: Owned) -> None:
        if mine.kept_upto != mine.ledger.upto:
            self._jetstream.keep_window(partition, encode(mine.ledger.window(mine.position)))
            failpoint("owner.kept")
            mine.kept_upto = mine.ledger.upto
        mine.kept = self._clock.monotonic()
