"""Reports → counts of people: copies and one person's repeats are collapsed within their window.

Whoever collapses must see all reports of a service, and in one order: who is first decides who counts. In one process
that is the order they came in; on several machines the order of the stream they were taken from.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..detection.complaint import Kind
from ..detection.people import People
from ..detection.settings import DetectionSettings
from .report import NO_COPY, Report

WINDOW_LARGEST = 256 * 1024 * 1024
"""Bytes a kept window may unpack to."""
SAMPLES = 3
"""Posts kept as examples in one batch, for each service, region and kind."""

Key = tuple[int, str, str, Kind]
"""Minute since 1970, service, region ("" where none is known), kind."""


class Count(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """People and copies that one minute brought. `people`: distinct people with words of their own; `copies`: posts
    beyond those, reposts, copied texts and one person's repeats."""

    minute: int
    service: str
    region: str
    kind: Kind
    people: int
    copies: int


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """One counted person's words, for evidence: second it counts at, the words that decided, the text without names
    and links."""

    at: int
    service: str
    region: str
    kind: Kind
    words: tuple[str, ...]
    shown: str


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """Everything a stretch of reports came to."""

    counts: tuple[Count, ...] = ()
    samples: tuple[Sample, ...] = ()


class CannotRead(Exception):
    """A kept window is damaged or of another version: who was counted before is not known."""


class _Kept(msgspec.Struct, array_like=True):
    authors: list[tuple[int, int]]
    texts: list[tuple[int, int]]


class Collapse:
    """Who was counted lately. The same reports in the same order give the same counts, however they are cut up."""

    def __init__(self, settings: DetectionSettings) -> None:
        self._late = int(settings.late_within.total_seconds())
        self._people = People(once=int(settings.once_within.total_seconds()),
                              copies=int(settings.copies_within.total_seconds()), most=settings.remember_most)
        self._newest = 0

    def count(self, reports: Iterable[Report]) -> Counts:
        """Count reports, in their order."""
        found: dict[Key, list[int]] = {}
        samples: dict[tuple[str, str, Kind], list[Sample]] = {}
        for report in reports:
            self._newest = max(self._newest, report.at)
            for service in report.services:
                first = not report.repost and self._first(report, service)
                row = found.setdefault((report.at // 60, service, report.region, report.kind), [0, 0])
                row[0 if first else 1] += 1
                kept = samples.setdefault((service, report.region, report.kind), [])
                if first and len(kept) < SAMPLES:
                    kept.append(Sample(report.at, service, report.region, report.kind, report.words, report.shown))
        # What a post that may still come could be compared with must stay, whenever this is called: counts must not
        # depend on where a batch ends.
        self._people.forget(self._newest - self._late)
        return Counts(tuple(Count(*key, *row) for key, row in sorted(found.items())),
                      tuple(sorted(sample for kept in samples.values() for sample in kept)))

    def _first(self, report: Report, service: str) -> bool:
        copy = None if report.copy == NO_COPY else report.copy
        return self._people.counts(report.person, copy, f"{service}\n{report.kind}", report.at)

    def dump(self) -> bytes:
        """The window as bytes; numbers only, no name."""
        kept = _Kept(list(self._people.authors.seen.items()), list(self._people.texts.seen.items()))
        return zlib.compress(msgspec.msgpack.encode((self._newest, kept)), 1)

    def load(self, kept: bytes) -> None:
        """Continue with what `dump` wrote. Raises CannotRead for anything else."""
        try:
            unpacked = zlib.decompressobj().decompress(kept, WINDOW_LARGEST)
            newest, found = msgspec.msgpack.decode(unpacked, type=tuple[int, _Kept])
        except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
            raise CannotRead(type(error).__name__) from error
        self._newest = newest
        for seen, pairs in ((self._people.authors.seen, found.authors), (self._people.texts.seen, found.texts)):
            seen.clear()
            seen.update(pairs)


Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def columns(counts: Iterable[Count], index: dict[tuple[str, str, Kind], int]) -> Columns:
    """(minute, series, people, copies) as arrays of one length; `index` numbers the series and learns new ones."""
    rows = [(one.minute, index.setdefault((one.service, one.region, one.kind), len(index)), one.people, one.copies)
            for one in counts]
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 4)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]
