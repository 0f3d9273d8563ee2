"""Counts of a declared territory as `notifier detect` is told of them: mentions line by line, then that a minute is
over and which states were silent in it.

Collected as the daemon's posts are (`territory`). A wrong clock must not hide a complaint: what claims to be from the
future counts now.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from .settings import SpikeSettings
from .territory import Open, Territory
from .threshold import threshold

KEYS_MOST = 500_000
"""Keys of posts remembered, to tell copies."""
NATION = "nation"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A region that is unlikely now: its score, and the minutes, people and expected people of its least likely
    window."""

    region: str
    score: float
    window: int
    people: int
    expected: float


class Unknown(ValueError):
    """A region or state that was not declared."""


class DeclaredTerritory:
    """Leaf regions, their parents, and all together."""

    def __init__(self, regions: Mapping[str, str], *, per_month: float | None = None,
                 settings: SpikeSettings | None = None) -> None:
        """`regions` gives each leaf's parent. `per_month`: false alarms in 30 days; None: one for 200 leaves."""
        states = sorted(set(regions.values()))
        if clash := (set(states) | {NATION}) & set(regions) or ({NATION} & set(states)):
            raise Unknown(f"{min(clash)!r} is both a region and a sum of regions; give each its own name")
        self._leaves, self._states = frozenset(regions), frozenset(states)
        self.territory = Territory({**regions, **dict.fromkeys(states, NATION), NATION: None}, settings)
        self.threshold = threshold(len(self.territory),
                                   per_month if per_month is not None else max(len(regions), 1) / 200)
        self._waiting: dict[tuple[int, int], tuple[int, int]] = {}
        """By the minute written and the region: mentions and people."""
        self._seen: OrderedDict[str, int] = OrderedDict()

    def add(self, second: float, region: str, count: int, people: int) -> None:
        """`count` mentions by `people` distinct people, written in the minute of `second`. Raises Unknown."""
        if region not in self._leaves:
            raise Unknown(f"region {region!r} was not declared")
        key = int(second // 60), self.territory.number[region]
        mentions, persons = self._waiting.get(key, (0, 0))
        self._waiting[key] = mentions + count, persons + people

    def add_one(self, second: float, region: str, key: str) -> None:
        """One mention; copies share the key."""
        copied = key in self._seen
        self._seen[key] = int(second)
        self._seen.move_to_end(key)
        if len(self._seen) > KEYS_MOST:
            self._seen.popitem(last=False)
        self.add(second, region, 1, 0 if copied else 1)

    def minute(self, now: int, down: Collection[str] = ()) -> list[Alarm]:
        """The minute that ends at second `now` is over; `down` are the states that were not heard in it. Raises
        Unknown, and ValueError where time does not go on."""
        minute, last = now // 60 - 1, self.territory.field.minute
        if unknown := set(down) - self._states:
            raise Unknown(f"{min(unknown)!r} was not declared")
        if last is not None and minute <= last:
            raise ValueError(f"minute {now} is not after the one before it")
        self._collect(minute)
        self.territory.turn(now, silent=lambda one: down if one == minute else self.territory.regions)
        look = self.territory.last
        return [Alarm(self.territory.regions[n], float(look.score[n]), int(look.window[n]), int(look.people[n]),
                      float(look.expected[n])) for n in np.flatnonzero(look.score >= self.threshold).tolist()]

    def _collect(self, minute: int) -> None:
        """All that waits arrived in `minute`; what was written before the longest window is too old for any."""
        oldest = minute - self.territory.field.windows.size
        columns: dict[int, Open] = {}
        for (written, number), (mentions, people) in self._waiting.items():
            if written < oldest:
                continue
            if written not in columns:
                columns[written] = self.territory.none()
            heard, copies = columns[written]
            heard[number], copies[number] = people, mentions - people
        for written, (heard, copies) in columns.items():
            self.territory.count_parts(heard, copies, written=written, arrived=minute)
        self._waiting.clear()
