"""What nodes hand each other: reports on their way to a partition's owner, counts on their way to the detector. Pure.

Every post has a place: the sequence number its message was stored under, and its line in it. All that follows is worked
out in the order of places, so that whoever does it, and however often, comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import groupby

import msgspec

from ..detection.counted import Counts
from ..detection.report import Report
from .counting import Collapse

Place = tuple[int, int, int]
"""A report's: sequence number of the post's message, line in the message, number among the post's reports."""
REPORTS_MOST = 500
"""Reports in one message …"""
MESSAGE_BYTES = 512 * 1024
"""… as long as they take no more than this: half of what a NATS server takes by default."""
COUNTED_MOST = 2_000
"""Reports counted into one batch, but for those of one message, which stay together."""


class Placed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A report and its post's place."""

    place: Place
    report: Report


class Handed(msgspec.Struct, frozen=True, array_like=True):
    """Counts of one partition: of the posts after place `after` up to and with `upto` (sequence numbers). `heard`: the
    second the newest of those posts was stored at, which proves that something was heard at all."""

    partition: int
    after: int
    upto: int
    heard: int
    counts: Counts


class Window(msgspec.Struct, frozen=True, array_like=True):
    """Who was counted once everything up to `upto` was; reports after that are in messages from `resume` on."""

    upto: int
    resume: int
    collapse: bytes


encode = msgspec.msgpack.Encoder().encode
reports_of = msgspec.msgpack.Decoder(list[Placed]).decode
handed_of = msgspec.msgpack.Decoder(Handed).decode
window_of = msgspec.msgpack.Decoder(Window).decode
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def partition_of(service: str, partitions: int) -> int:
    """Where a service's reports are collapsed; the same on every machine. By service, not by a text's or person's key:
    copies, even near ones, and one person's repeats count against each other within a service, and no other key brings
    both together."""
    return int.from_bytes(blake2b(service.encode(), digest_size=4).digest()) % partitions


def shares(reports: Iterable[Placed], partitions: int) -> dict[int, list[Placed]]:
    """Each partition's reports, in order; a report of services in several goes to each, for its services there."""
    found: dict[int, list[Placed]] = {}
    for placed in reports:
        services: dict[int, list[str]] = {}
        for service in placed.report.services:
            services.setdefault(partition_of(service, partitions), []).append(service)
        for partition, mine in sorted(services.items()):
            report = placed.report
            if len(mine) < len(report.services):
                report = msgspec.structs.replace(report, services=tuple(mine))
            found.setdefault(partition, []).append(Placed(placed.place, report))
    return found


def messages(reports: Sequence[Placed]) -> Iterator[bytes]:
    """The reports as bytes, in as few messages as they fit into. However long the posts are that strangers write, one
    report takes some 30 KB at most."""
    for at in range(0, len(reports), REPORTS_MOST):
        yield from _halved(reports[at:at + REPORTS_MOST])


def _halved(reports: Sequence[Placed]) -> Iterator[bytes]:
    data = encode(reports)
    if len(data) <= MESSAGE_BYTES or len(reports) == 1:
        yield data
        return
    half = len(reports) // 2
    yield from _halved(reports[:half])
    yield from _halved(reports[half:])


def message(handed: Handed) -> bytes:
    """Counts as bytes; without the posts beside them where they would not fit. Counts are never left out."""
    data = encode(handed)
    if len(data) <= MESSAGE_BYTES:
        return data
    return encode(msgspec.structs.replace(handed, counts=Counts(handed.counts.counts)))


class Ledger:
    """One partition: the reports that wait, and those that are counted up to `upto`. The same reports, in whatever
    order and however often they come, give the same counts.

    A report is counted once its place lies below the floor: the place up to which all posts are read, so that none can
    come that belongs before it.
    """

    def __init__(self, partition: int, collapse: Collapse, *, upto: int = 0) -> None:
        self.partition = partition
        self.upto = upto
        """Everything up to here is counted."""
        self.handed = upto
        """… and up to here handed on."""
        self._collapse = collapse
        self._waiting: dict[Place, tuple[int, Report]] = {}

    def take(self, reports: Iterable[Placed], sequence: int) -> None:
        """Keep reports that came in message `sequence`, but for those known already."""
        for placed in reports:
            if placed.place[0] > self.upto:
                self._waiting.setdefault(placed.place, (sequence, placed.report))

    def count(self, floor: int, heard: int) -> Iterator[Handed]:
        """Count what lies up to the floor; yields what is to be handed on, batch by batch. A batch counts as handed on
        once the next is asked for."""
        ready = sorted(place for place in self._waiting if place[0] <= floor)
        batch: list[Place] = []
        for sequence, places in groupby(ready, key=lambda place: place[0]):
            batch.extend(places)
            if len(batch) >= COUNTED_MOST:
                yield self._counted(batch, sequence, heard)
                self.handed, batch = sequence, []
        if batch:
            yield self._counted(batch, floor, heard)
            self.handed = floor
        self.upto = max(self.upto, floor)

    def nothing(self, heard: int) -> Handed:
        """Word that there was nothing to count, but something to hear."""
        return Handed(self.partition, self.handed, self.upto, heard, Counts())

    def replay(self, upto: int) -> None:
        """Count again what was handed on before, without handing it on."""
        for _ in self.count(upto, 0):
            pass
        self.upto = self.handed = max(self.upto, upto)

    def window(self, position: int) -> Window:
        """What another owner needs to go on; `position`: the message to read next."""
        return Window(self.upto, min((sequence for sequence, _ in self._waiting.values()), default=position),
                      self._collapse.dump())

    def _counted(self, places: list[Place], upto: int, heard: int) -> Handed:
        counts = self._collapse.count([self._waiting.pop(place)[1] for place in places])
        self.upto = upto
        return Handed(self.partition, self.handed, upto, heard, counts)


class Merge:
    """The detector's end: what every partition handed on, each stretch of posts once.

    `position` is the last message taken; kept with the counts it brought, it makes a restart neither lose nor repeat.
    """

    def __init__(self) -> None:
        self.position = 0
        self.upto: dict[int, int] = {}
        self.gaps = 0
        """Stretches that were never handed on: their messages had been dropped, being older than is kept."""

    def take(self, handed: Handed, position: int) -> Counts | None:
        """The counts of one message; None where they were taken before."""
        if position <= self.position or handed.upto <= self.upto.get(handed.partition, 0):
            self.position = max(self.position, position)
            return None
        self.position = position
        self.gaps += handed.after > self.upto.get(handed.partition, handed.after)
        self.upto[handed.partition] = handed.upto
        return handed.counts

    def dump(self) -> bytes:
        """The state as bytes."""
        return encode((self.position, self.upto, self.gaps))

    def load(self, kept: bytes) -> None:
        """Continue from `dump`. Raises msgspec.DecodeError for anything else."""
        self.position, self.upto, self.gaps = msgspec.msgpack.decode(kept, type=tuple[int, dict[int, int], int])
