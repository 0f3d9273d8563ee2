"""Every series of one deployment, minute by minute: who heard how many, what is unlikely, what is learnt.

A tree of series per service: sums above their parts. The parts just below a root tell news from outages (`common`); a
nation-wide outage, which that hides, is told by its suddenness: news spreads over ten minutes and more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .common import PARTS_LEAST, Common, common
from .drift import Drift, Minute
from .settings import NUMBERS, Numbers, SpikeSettings
from .usual import DAY, Usual
from .windows import Look, Others, Windows

Column = NDArray[np.float64]

SUDDEN_MINUTES = 3
SUDDEN = 1.55
"""By how much all parts must rise within SUDDEN_MINUTES, in times of the usual, for a score of SUDDEN_SCORE. News of
four simulated worlds rose by 1.47 at most; sudden five-fold outages by 1.6 and more. Slower ones and double ones look
like news and are left to other sources."""
SUDDEN_SCORE = 8.0
HEARD_LEAST = 0.5
"""Share of a sum's people that must have been listened to for it to be looked at."""


@dataclass(frozen=True)
class Tree:
    """Series by number: the sum each is part of (-1: none). Parts stand before their sums or after, as they come."""

    parents: NDArray[np.int64]

    @classmethod
    def of(cls, parents: Sequence[int]) -> Tree:
        """Raises ValueError for a parent that is none of the series, or a circle."""
        found = np.asarray(parents, np.int64)
        if len(found) and (found.max() >= len(found) or found.min() < -1):
            raise ValueError("a series' parent must be the number of another series, or -1")
        above = found.copy()
        for _ in range(64):
            above = np.where(above >= 0, found[above], -1)
        if (above >= 0).any():
            raise ValueError("series must not be parts of themselves, nor lie more than 64 levels deep")
        return cls(found)

    @property
    def inner(self) -> NDArray[np.bool_]:
        """Which are sums."""
        found = np.zeros(len(self.parents), bool)
        found[self.parents[self.parents >= 0]] = True
        return found

    @cached_property
    def levels(self) -> Sequence[NDArray[np.int64]]:
        """The series by their depth, the roots first."""
        depth, above = np.zeros(len(self.parents), np.int64), self.parents
        while (climbs := above >= 0).any():
            depth += climbs
            above = np.where(climbs, self.parents[np.maximum(above, 0)], -1)
        return [np.flatnonzero(depth == level) for level in range(int(depth.max(initial=0)) + 1)]

    def summed(self, column: Column) -> Column:
        """What each series and all below it hold, of what each holds itself."""
        found = column.astype(np.float64)
        for series in reversed(self.levels[1:]):
            found += np.bincount(self.parents[series], found[series], minlength=len(found))
        return found


class Field:
    """The columns of all series. `tick` takes one minute and says how unlikely it is."""

    def __init__(self, tree: Tree, settings: SpikeSettings | None = None, numbers: Numbers = NUMBERS) -> None:
        settings = settings or SpikeSettings()
        self.tree, self.numbers = tree, numbers
        count = len(tree.parents)
        inner = tree.inner
        rows = np.flatnonzero(inner | (tree.parents < 0))
        row_of = np.full(count, -1, np.int64)
        row_of[rows] = np.arange(len(rows))
        parents = np.where(row_of >= 0, row_of, row_of[np.maximum(tree.parents, 0)])
        self.usual = Usual(settings, parents, rows, numbers)
        self.drift = Drift(count, inner, numbers)
        self.windows = Windows(count, settings.windows, self.drift.phi, numbers,
                               first=settings.listen_first_minutes)
        self.windows.rest_on(self.usual.known)
        self._parts = _parts(tree)
        self._part_of = _part_of(tree, self._parts)
        self._root_of, self._part_number = (np.full(count, -1, np.int64) for _ in range(2))
        for root, below in self._part_of.items():
            self._root_of[below.series], self._part_number[below.series] = root, below.part
        self._recent = [(np.zeros(count), np.zeros(count)) for _ in range(numbers.common_minutes)]
        self._factors = np.ones(count)
        self.held = np.zeros(count, bool)
        """Series that are alarmed: they learn no more than what was usual."""
        self._all = {root: [np.nan] * (SUDDEN_MINUTES + 1) for root in self._parts}
        """By root: the factor of the whole in the last minutes; nan in a gap, for news that began in one would look
        sudden after it."""
        self._rises = np.full(count, -1.0)
        """Of roots whose parts tell news: the score of their last minute. -1: a series' own windows speak for it."""
        self.minute: int | None = None
        """The last minute taken, since 1970."""

    def __len__(self) -> int:
        return len(self.tree.parents)

    def columns(self) -> Iterator[tuple[str, NDArray[np.generic]]]:
        """What is kept of the last minutes besides the windows, by name."""
        for number, (people, usual) in enumerate(self._recent):
            yield f"recent_people_{number}", people
            yield f"recent_usual_{number}", usual
        yield "factors", self._factors
        yield "held", self.held
        yield "rises", self._rises

    def tick(self, minute: int, people: Column, copies: Column, heard: Column) -> Look:
        """Take the `minute` (since 1970) that is over. `people` and `copies` of every series, sums included; `heard`
        the share of its people that was listened to, 0 in a gap. Minutes left out before this one count as gaps;
        minutes already taken raise ValueError."""
        if self.minute is not None and minute <= self.minute:
            raise ValueError(f"minute {minute} was taken before; the last was {self.minute}")
        if self.minute is not None and minute > self.minute + 1:
            self._miss(range(max(self.minute + 1, minute - self.windows.size), minute))
        if self.minute is not None and minute // 60 != self.minute // 60:
            self._end_hour(self.minute)
        self.minute = minute
        return self._take(minute, people, copies, heard)

    def add(self, minute: int, people: Column, copies: Column) -> None:
        """Count what is told only now of a `minute` already taken; what is too old for the longest window is left out.
        It counts for the windows and, within the hour, for what is usual."""
        if self.minute is None or not 0 <= self.minute - minute < self.windows.size - 1:
            return
        self.windows.add(self.minute - minute + 1, people, copies)
        if minute // 60 == self.minute // 60:
            self.usual.hour["people"] += np.where(self.held, 0.0, people)

    def credit(self, minutes: float) -> None:
        """A fresh field: nothing was heard of any series in so many minutes of listening."""
        self.usual.credit(minutes)
        self.windows.rest_on(self.usual.known)

    def begin(self, minute: int) -> None:
        """Go on after `minute`, whatever was taken before: the first, or one that a clock went back to."""
        self.minute = minute

    def _end_hour(self, minute: int) -> None:
        self.usual.end_hour(minute)
        if self.usual.heard <= 3 * DAY:
            self.drift.expect_answers(self._shares())

    def _shares(self) -> Column:
        """Of sums: the sum of the squared shares of their parts; 1 where one part is all of it."""
        level, part = self.usual.level, self.tree.parents >= 0
        above = self.tree.parents[part]
        squares = np.bincount(above, level[part] ** 2, minlength=len(self))
        return np.asarray(squares / np.maximum(np.bincount(above, level[part], minlength=len(self)), 1e-12) ** 2)

    def _miss(self, minutes: range) -> None:
        nothing = np.zeros(len(self))
        for missed in minutes:
            self._take(missed, nothing, nothing, nothing)

    def peek(self, minute: int, people: Column, copies: Column, heard: Column) -> Look:
        """How unlikely the `minute` is that runs, and those before it; nothing is learnt."""
        on = heard > HEARD_LEAST
        usual = np.where(on, self.usual.at(minute) * heard, 0.0)
        now = Minute(np.where(on, people, 0.0), np.where(on, copies, 0.0), usual, self._factors, on)
        return self._told(self.windows.peek(now, self.drift, self.usual.known, on, self._others))

    def _told(self, look: Look) -> Look:
        """A root's own windows would take news for an outage: its parts speak for it."""
        told = self._rises >= 0
        look.score[told] = self._rises[told]
        return look

    def forecast(self, minute: int) -> Column:
        """People a minute that are usual in `minute`, with what lifts all."""
        return np.asarray(self.usual.at(minute) * self._factors)

    def _take(self, minute: int, people: Column, copies: Column, heard: Column) -> Look:
        usual = self.usual.at(minute)
        on = heard > HEARD_LEAST
        people, copies = np.where(on, people, 0.0), np.where(on, copies, 0.0)
        expected = np.where(on, usual * heard, 0.0)
        factors = self._common(people, copies, expected)
        now = Minute(people, copies, expected, factors, on)
        known = self.usual.known
        self.windows.push(now, self.drift, known)
        look = self._told(self.windows.look(self.drift, known, on, self._others))
        self.drift.learn(now, look.score, minute, grown=self.usual.heard > 3 * DAY)
        if on.any():
            self.usual.learn(minute, self._to_learn(now), expected, np.where(on, heard, 0.0))
        return look

    def _common(self, people: Column, copies: Column, expected: Column) -> Column:
        """The factor by series; takes up how suddenly each root rises."""
        heard = np.maximum(people - self.numbers.leak * copies, 0)
        self._recent = [*self._recent[1:], (heard, self.drift.settled(expected))]
        factors = np.ones(len(self))
        self._rises[:] = -1.0
        for root, parts in self._parts.items():
            found = common(np.sum([one[parts] for one, _ in self._recent], axis=0),
                           np.sum([one[parts] for _, one in self._recent], axis=0), self.numbers)
            below = self._part_of[root]
            factors[below.series] = found.factor[below.part]
            rise = self._sudden(root, found)
            if found.known:
                self._rises[root] = rise
        self._factors = factors
        return factors

    def _others(self, length: int, series: NDArray[np.int64]) -> Others:
        """What the others heard in the last `length` minutes, for each of these series."""
        numbers, found = self.numbers, Others(np.ones(len(series)), np.zeros(len(series)))
        for root, parts in self._parts.items():
            which = np.flatnonzero(self._root_of[series] == root)
            if not len(which):
                continue
            people, copies, settled = (self.windows.within(name, length, parts)
                                       for name in ("people", "copies", "settled"))
            one = common(np.maximum(people - numbers.leak * copies, 0), settled, numbers)
            mine = series[which]
            part = self._part_number[mine]
            found.factor[which] = one.factor[part]
            found.variance[which] = (np.where(self.drift.inner[mine], 3 * one.spread[part], 0)
                                     + numbers.common_doubt * one.error[part])
        return found

    def _sudden(self, root: int, found: Common) -> float:
        before = self._all[root]
        self._all[root] = [*before[1:], found.all_parts]
        rise = found.all_parts - before[1]
        return 0.0 if np.isnan(rise) else max(0.0, rise / SUDDEN * SUDDEN_SCORE)

    def _to_learn(self, now: Minute) -> Column:
        """People as they count for what is usual: without news and copies, and cut where they are unlikely."""
        lifted = np.maximum(1 + self.drift.answer * (now.common - 1), 1.0)
        people = np.maximum(now.people - self.numbers.leak * now.copies, 0) / lifted
        people = np.where(self.held, np.minimum(people, now.usual), people)
        if self.usual.heard <= 3 * DAY:
            return np.asarray(people)
        usual = now.usual * np.minimum(self.drift.factor, 1.5)
        return np.asarray(np.minimum(people, usual + 3 * np.sqrt(usual * (1 + 0.05 * usual)) + 2))


@dataclass(frozen=True, slots=True)
class _Below:
    """Series below a root, and the part each belongs to."""

    series: NDArray[np.int64]
    part: NDArray[np.int64]


def _parts(tree: Tree) -> Mapping[int, NDArray[np.int64]]:
    """By root: the series just below it, where they are enough to tell news."""
    under = np.flatnonzero(tree.parents >= 0)
    under = under[tree.parents[tree.parents[under]] < 0]
    return {root: parts for root, parts in _grouped(under, tree.parents[under]) if len(parts) >= PARTS_LEAST}


def _part_of(tree: Tree, parts: Mapping[int, NDArray[np.int64]]) -> Mapping[int, _Below]:
    above, part = tree.parents.copy(), np.arange(len(tree.parents))
    while True:
        climbs = (above >= 0) & (tree.parents[np.maximum(above, 0)] >= 0)
        if not climbs.any():
            break
        part = np.where(climbs, above, part)
        above = np.where(climbs, tree.parents[np.maximum(above, 0)], above)
    number = np.full(len(tree.parents), -1, np.int64)
    for found in parts.values():
        number[found] = np.arange(len(found))
    under = np.flatnonzero(above >= 0)
    return {root: _Below(series, number[part[series]])
            for root, series in _grouped(under, above[under]) if root in parts}


def _grouped(series: NDArray[np.int64], roots: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each root with its series, in order."""
    order = np.argsort(roots, kind="stable")
    found, first = np.unique(roots[order], return_index=True)
    yield from zip(found.tolist(), np.split(series[order], first[1:]), strict=True) if len(found) else ()
