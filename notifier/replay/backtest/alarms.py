"""Signals of the crowd → alarms as people count them: one outage that is told of in one region and then in another
around it is one alarm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...detection.seen import Seen, Unusual
from ...model.region import RegionTree
from ...model.signal import Level, Signal

Key = tuple[str, str]
"""Service and region."""


@dataclass
class Alarm:
    """One alarm: what would have been raised, when, and on what.

    `regions` in the order in which they were told of. `window` (minutes), `heard` (people in it, of whom `expected` are
    usual), `words` and `samples` are of the moment at which it was raised; `people` all until it was over; `peak` its
    highest score and `strength` the highest that policies saw (0 to 1). `over` is None where it lasts still.
    """

    service: str
    regions: list[str]
    began: datetime
    raised: datetime
    threshold: float = field(compare=False)
    score: float
    window: int
    heard: int
    expected: float
    words: str
    samples: tuple[str, ...]
    people: int = 0
    peak: float = 0.0
    strength: float = 0.0
    over: datetime | None = None
    why_over: str = ""


@dataclass
class _Open:
    """A region in which an alarm is told of, and the alarmed region whose people speak for it."""

    alarm: Alarm
    speaks: str


@dataclass
class Alarms:
    """Gathers alarms, look by look."""

    regions: RegionTree
    all: list[Alarm] = field(default_factory=list)
    _open: dict[Key, _Open] = field(default_factory=dict)

    def look(self, signals: Sequence[Signal], seen: Seen) -> None:
        """Take up the signals of one look, and how unlikely things were then."""
        for signal in signals:
            if signal.level.is_trouble:
                self._told(signal, seen)
        for signal in signals:
            if signal.level is Level.OK:
                self._over(signal)
        for (service, _), one in self._open.items():
            unusual = _of(seen, service, one.speaks)
            if unusual is not None:
                one.alarm.peak = max(one.alarm.peak, unusual.score)

    def _told(self, signal: Signal, seen: Seen) -> None:
        key = (signal.service, signal.region)
        if key not in self._open:
            self._open[key] = self._begun(signal, seen)
        alarm = self._open[key].alarm
        alarm.people = max(alarm.people, int(signal.facts.get("people", "0")))
        alarm.strength = max(alarm.strength, signal.score)

    def _begun(self, signal: Signal, seen: Seen) -> _Open:
        """A region told of anew: it joins what is told of around it, or begins an alarm."""
        service, region = signal.service, signal.region
        unusual = self._speaking(seen, service, region)
        speaks = unusual.region if unusual else region
        around = [one.alarm for (of, other), one in self._open.items()
                  if of == service and (self.regions.related(other, region) or one.speaks == speaks)]
        alarm = self._joined(around) if around else _alarm(signal, seen, unusual)
        if not around:
            self.all.append(alarm)
        elif region not in alarm.regions:
            alarm.regions.append(region)
        return _Open(alarm, speaks)

    def _speaking(self, seen: Seen, service: str, region: str) -> Unusual | None:
        """The alarmed series that speaks for a region: its own, or the nearest above."""
        found = (_of(seen, service, above) for above in self.regions.path(region))
        return next((one for one in found if one is not None), None)

    def _joined(self, alarms: Iterable[Alarm]) -> Alarm:
        """The earliest of several alarms, the others made part of it."""
        first, *others = sorted({id(alarm): alarm for alarm in alarms}.values(), key=lambda one: one.raised)
        for other in others:
            first.began = min(first.began, other.began)
            first.regions += [region for region in other.regions if region not in first.regions]
            first.people, first.peak = max(first.people, other.people), max(first.peak, other.peak)
            first.strength = max(first.strength, other.strength)
            self.all = [alarm for alarm in self.all if alarm is not other]
            for one in self._open.values():
                one.alarm = first if one.alarm is other else one.alarm
        return first

    def _over(self, signal: Signal) -> None:
        ended = self._open.pop((signal.service, signal.region), None)
        if ended is None or any(one.alarm is ended.alarm for one in self._open.values()):
            return
        ended.alarm.over, ended.alarm.why_over = signal.observed_at, signal.why


def _of(seen: Seen, service: str, region: str) -> Unusual | None:
    """What was unusual in an alarmed region."""
    return next((one for one in seen.unusual
                 if one.alarmed and one.service == service and one.region == region), None)


def _alarm(signal: Signal, seen: Seen, unusual: Unusual | None) -> Alarm:
    samples = tuple(text for name, text in sorted(signal.facts.items()) if name.startswith("sample_"))
    return Alarm(service=signal.service, regions=[signal.region], began=signal.started_at, raised=signal.observed_at,
                 threshold=seen.threshold, score=unusual.score if unusual else 0.0,
                 window=unusual.window if unusual else 0, heard=unusual.people if unusual else 0,
                 expected=unusual.expected if unusual else 0.0, words=signal.facts.get("words", ""), samples=samples)
