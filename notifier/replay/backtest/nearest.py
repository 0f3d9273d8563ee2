"""What came nearest to an alarm without raising one: the answer to "why was nothing raised?"."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...detection.seen import Seen, Unusual
from ...detection.spikes.threshold import budget
from ...model.region import RegionTree

KEPT = 3
"""Near misses kept of each kind."""
MOST = 0.7
"""Share of a region's people from which on a part of it is named beside it."""

Key = tuple[str, str, bool]
"""Service, region, and whether anything but the score was lacking."""


@dataclass(frozen=True, slots=True)
class Near:
    """The highest score of something that raised no alarm, and when; `threshold` is the score it would have needed.

    `per_month` is the budget of false alarms (in 30 days) from which on it would have raised one; None where none
    would: its score is below the least that ever alarms, or something else was lacking. `mostly` is the narrowest
    region within that was unusual too and held most of the people; the region itself where none did.
    """

    at: datetime
    unusual: Unusual
    threshold: float = field(compare=False)
    per_month: float | None
    mostly: str


@dataclass
class Nearest:
    """Gathers near misses, look by look. What becomes part of an alarm within `window` is none, nor is what an alarm's
    people still make unlikely in the regions around it until `window` after its end."""

    regions: RegionTree
    window: timedelta
    below: list[Near] = field(default_factory=list)
    """Only the score was too low; the highest first."""
    held_back: list[Near] = field(default_factory=list)
    """The score was high enough, but something else was lacking; the highest first."""
    _rising: dict[Key, Near] = field(default_factory=dict)
    _risen: dict[Key, datetime] = field(default_factory=dict)
    """When each of those was last unusual: what lasts is one near miss."""
    _alarmed: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When each service in a region was last alarmed, as far as it matters still."""

    def look(self, now: datetime, seen: Seen, *, counts: bool = True) -> None:
        """Take up one look. `counts`: whether what is seen is to be kept, or only what is alarmed noted."""
        for key in [key for key in self._rising if now - self._risen[key] > self.window]:
            self._settle(self._rising.pop(key))
        self._alarms(now, seen)
        for one in seen.unusual if counts else ():
            if not one.alarmed and not self._explained(one.service, one.region):
                self._rise(now, one, seen)

    def end(self) -> None:
        """The recording is over: what is rising still becomes no alarm."""
        for near in self._rising.values():
            self._settle(near)
        self._rising = {}

    def _alarms(self, now: datetime, seen: Seen) -> None:
        """Note what is alarmed, and drop what has become part of it."""
        self._alarmed = {key: at for key, at in self._alarmed.items() if now - at <= self.window}
        alarmed = {(one.service, one.region): now for one in seen.unusual if one.alarmed}
        fresh = alarmed.keys() - self._alarmed.keys()
        self._alarmed |= alarmed
        if fresh:
            self._rising = {key: near for key, near in self._rising.items() if not self._explained(*key[:2])}

    def _explained(self, service: str, region: str) -> bool:
        return any(of == service and self.regions.related(other, region) for of, other in self._alarmed)

    def _rise(self, now: datetime, one: Unusual, seen: Seen) -> None:
        if one.lacking and one.score < seen.threshold:
            return
        key = (one.service, one.region, bool(one.lacking))
        self._risen[key] = now
        if key not in self._rising or one.score > self._rising[key].unusual.score:
            per_month = None if one.lacking else budget(seen.series, one.score)
            self._rising[key] = Near(now, one, seen.threshold, per_month, self._mostly(one, seen))

    def _mostly(self, one: Unusual, seen: Seen) -> str:
        within = [other.region for other in seen.unusual
                  if other.service == one.service and other.people >= MOST * one.people
                  and self.regions.covers(one.region, other.region)]
        return max(within, key=lambda region: len(self.regions.path(region)))

    def _settle(self, near: Near) -> None:
        """Keep what became no alarm; of one rise that was seen in several regions, the highest."""
        kept = self.held_back if near.unusual.lacking else self.below
        rivals = [one for one in kept if self._alike(one, near)]
        if any(one.unusual.score >= near.unusual.score for one in rivals):
            return
        kept[:] = sorted([*(one for one in kept if one not in rivals), near],
                         key=lambda one: (-one.unusual.score, one.at, one.unusual.region))[:KEPT]

    def _alike(self, one: Near, other: Near) -> bool:
        return (one.unusual.service == other.unusual.service and abs(one.at - other.at) <= self.window
                and self.regions.related(one.unusual.region, other.unusual.region))
