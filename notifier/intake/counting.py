"""Reports → counts of people: copies and one person's repeats are collapsed within their window.

Whoever collapses must see all reports of a service, and in one order: who is first decides who counts. In one process
that is the order they came in; on several machines the order of the stream they were taken from.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from ..detection.complaint import Kind
from ..detection.copies import Copies, Held
from ..detection.counted import Count, Counts, Sample
from ..detection.helping.miner import Said
from ..detection.people import Counted, Crowd
from ..detection.report import Report
from ..detection.settings import DetectionSettings

WINDOW_LARGEST = 256 * 1024 * 1024
"""Bytes a kept window may unpack to."""
SAMPLES = 3
"""Posts kept as examples in one batch, for each service, region and kind …"""
SAMPLES_MOST = 500
"""… and in all, the newest of them."""
SAID_MOST = 50
"""Posts that say what helps, kept of one batch."""

Key = tuple[int, str, str, Kind]
"""Minute since 1970, service, region ("" where none is known), kind."""


class CannotRead(Exception):
    """A kept window is damaged or of another version: who was counted before is not known."""


class _Copies(msgspec.Struct, array_like=True):
    """A memory of texts: each once, and the keys it is found by."""

    texts: list[tuple[int, int, str, bool, bool]]
    keys: list[tuple[int, list[int]]]


class _Kept(msgspec.Struct, array_like=True):
    newest: int
    copies: _Copies
    alike: _Copies
    authors: list[tuple[int, int]]
    services: list[tuple[int, int]]
    lately: list[tuple[int, tuple[float, int]]]


class Collapse:
    """Who was counted lately. The same reports in the same order give the same counts, however they are cut up and
    however often `dump` and `load` lie between."""

    def __init__(self, settings: DetectionSettings) -> None:
        self._late = int(settings.late_within.total_seconds())
        self._crowd = Crowd(once=int(settings.once_within.total_seconds()),
                            copies=int(settings.copies_within.total_seconds()), most=settings.remember_most)
        self._newest = 0

    def count(self, reports: Iterable[Report]) -> Counts:
        """Count reports, in their order."""
        found: dict[Key, list[int]] = {}
        samples: dict[tuple[str, str, Kind], list[Sample]] = {}
        said: list[Said] = []
        for report in reports:
            self._pass_to(report.at)
            if report.said is not None and not report.voice.passed_on and len(said) < SAID_MOST:
                said.append(report.said)
            for service in report.services:
                counted = self._crowd.count(report.voice, f"{service}\n{report.kind}", report.at).counted
                if counted is Counted.NOTHING:
                    continue
                row = found.setdefault((report.at // 60, service, report.region, report.kind), [0, 0])
                row[0 if counted is Counted.PERSON else 1] += 1
                kept = samples.setdefault((service, report.region, report.kind), [])
                if counted is Counted.PERSON and len(kept) < SAMPLES:
                    kept.append(_sample(report, service))
        shown = sorted(sample for kept in samples.values() for sample in kept)[-SAMPLES_MOST:]
        return Counts(tuple(Count(*key, *row) for key, row in sorted(found.items())), tuple(shown), tuple(said))

    def _pass_to(self, at: int) -> None:
        """Forget what no report that may still come could be compared with; at a new minute, not at the end of a batch:
        counts must not depend on where that is."""
        minute, self._newest = self._newest // 60, max(self._newest, at)
        if self._newest // 60 > minute:
            self._crowd.forget(self._newest - self._late)

    def dump(self) -> bytes:
        """The window as bytes, exactly: unlike a checkpoint it holds the words of texts, as the reports do."""
        crowd = self._crowd
        kept = _Kept(self._newest, _dumped(crowd.copies), _dumped(crowd.alike), list(crowd.people.authors.seen.items()),
                     list(crowd.people.services.seen.items()), list(crowd.people.lately.counts.items()))
        return zlib.compress(msgspec.msgpack.encode(kept), 1)

    def load(self, kept: bytes) -> None:
        """Continue with what `dump` wrote. Raises CannotRead for anything else."""
        try:
            unpacker = zlib.decompressobj()
            found = msgspec.msgpack.decode(unpacker.decompress(kept, WINDOW_LARGEST), type=_Kept)
            copies, alike = _loaded(found.copies), _loaded(found.alike)
        except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError) as error:
            raise CannotRead(type(error).__name__) from error
        if not unpacker.eof:
            raise CannotRead("cut off")
        crowd = self._crowd
        self._newest = found.newest
        crowd.copies.held, crowd.alike.held = copies, alike
        crowd.people.authors.seen = OrderedDict(found.authors)
        crowd.people.services.seen = OrderedDict(found.services)
        crowd.people.lately.counts = OrderedDict(found.lately)


def _sample(report: Report, service: str) -> Sample:
    return Sample(report.at, service, report.region, report.kind, report.words, report.shown, report.placed_by)


def _dumped(copies: Copies) -> _Copies:
    number: dict[int, int] = {}
    texts: list[tuple[int, int, str, bool, bool]] = []
    for bucket in copies.held.values():
        for one in bucket:
            if number.setdefault(id(one), len(texts)) == len(texts):
                texts.append((one.at, one.person, one.words, one.cut, one.veiled))
    return _Copies(texts, [(key, [number[id(one)] for one in bucket]) for key, bucket in copies.held.items()])


def _loaded(kept: _Copies) -> OrderedDict[int, list[Held]]:
    texts = [Held(*one) for one in kept.texts]
    return OrderedDict((key, [texts[at] for at in bucket]) for key, bucket in kept.keys)
