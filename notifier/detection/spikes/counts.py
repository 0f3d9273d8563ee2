"""Counts as they arrive, late and out of order, to minutes of a field; and alarms out of it.

A minute that was written while its stream was down is learnt from no more: what is filled in afterwards comes all at
once and would look like a spike. What arrives up to LATE minutes after it was written counts when it arrives, and what
claims to be from the future counts now: a wrong clock must not hide a complaint.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .field import Field, Tree
from .settings import SpikeSettings
from .threshold import threshold

LATE = 6
"""Minutes after which what was written is told of too late to count. 99.5 % of posts arrive within one."""
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


class Counts:
    """One territory: leaf regions, their parents, and all together."""

    def __init__(self, regions: Mapping[str, str], *, per_month: float | None = None,
                 settings: SpikeSettings | None = None) -> None:
        """`regions` gives each leaf's parent. `per_month`: false alarms in 30 days; None: one for 200 leaves."""
        states = sorted(set(regions.values()))
        if clash := (set(states) | {NATION}) & set(regions) or ({NATION} & set(states)):
            raise Unknown(f"{min(clash)!r} is both a region and a sum of regions; give each its own name")
        self.names = [*regions, *states, NATION]
        self.number = {name: number for number, name in enumerate(self.names)}
        self._leaves = len(regions)
        parents = [*(self.number[parent] for parent in regions.values()), *([len(self.names) - 1] * len(states)), -1]
        self._parents = np.asarray(parents, np.int64)
        self.field = Field(Tree.of(parents), settings)
        self._per_month = per_month if per_month is not None else max(len(regions), 1) / 200
        self.threshold = threshold(len(self.names), self._per_month)
        self._people, self._copies = np.zeros(len(self.names)), np.zeros(len(self.names))
        self._waiting: dict[tuple[int, int], tuple[int, int]] = {}
        """By the minute written and the region: mentions and people."""
        self._down: dict[int, Container[int]] = {}
        """By minute since 1970: the states that were not heard."""
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._last: int | None = None

    def add(self, second: float, region: str, count: int, people: int) -> None:
        """`count` mentions by `people` distinct people, written in the minute of `second`. Raises Unknown."""
        number = self.number.get(region)
        if number is None or number >= self._leaves:
            raise Unknown(f"region {region!r} was not declared")
        written = int(second // 60)
        if self._last is None or written > self._last - LATE:
            mentions, persons = self._waiting.get((written, number), (0, 0))
            self._waiting[written, number] = mentions + count, persons + people

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
        minute = now // 60 - 1
        if unknown := [state for state in down if not self._leaves <= self.number.get(state, -1) < len(self.names) - 1]:
            raise Unknown(f"{unknown[0]!r} was not declared")
        silent = frozenset(self.number[state] for state in down)
        if self._last is not None and minute <= self._last:
            raise ValueError(f"minute {now} is not after the one before it")
        self._forget(minute, silent)
        self._collect(minute)
        people, copies = self._summed(self._people), self._summed(self._copies)
        look = self.field.tick(minute, people, copies, self._heard(silent))
        self._people[:], self._copies[:] = 0, 0
        self._last = minute
        return [Alarm(self.names[n], float(look.score[n]), int(look.window[n]), int(look.people[n]),
                      float(look.expected[n])) for n in np.flatnonzero(look.score >= self.threshold)]

    def _forget(self, minute: int, silent: frozenset[int]) -> None:
        """Keep which states were silent in each of the last minutes; minutes nobody told of were silent in all."""
        if self._last is not None:
            for missed in range(max(self._last + 1, minute - LATE), minute):
                self._down[missed] = range(self._leaves, len(self.names) - 1)
        if silent:
            self._down[minute] = silent
        for old in [old for old in self._down if old < minute - LATE]:
            del self._down[old]

    def _collect(self, minute: int) -> None:
        for (written, number), (count, people) in self._waiting.items():
            if written < minute - LATE or self._parents[number] in self._down.get(written, ()):
                continue
            self._people[number] += people
            self._copies[number] += max(count - people, 0)
        self._waiting.clear()

    def _summed(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        found = column.copy()
        states = slice(self._leaves, len(self.names) - 1)
        found[states] = np.bincount(self._parents[:self._leaves], column[:self._leaves],
                                    minlength=len(self.names) - 1)[states]
        found[-1] = column[:self._leaves].sum()
        return found

    def _heard(self, silent: Iterable[int]) -> NDArray[np.float64]:
        heard = np.ones(len(self.names))
        heard[list(silent)] = 0.0
        heard[:self._leaves] = heard[self._parents[:self._leaves]]
        states = slice(self._leaves, len(self.names) - 1)
        level = self.field.usual.level[states]
        heard[-1] = float((level * heard[states]).sum() / level.sum())
        return heard
