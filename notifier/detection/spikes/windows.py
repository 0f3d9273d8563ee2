"""The last minutes of every series, and how unlikely the windows are that end now.

For each window the forecast is the one that stood before the window began: what comes after an onset never tells how
much is usual. Running sums are kept, so that a window costs one subtraction whatever its length.

What is unlikely is held a second time against what the other parts heard in that very window: a factor taken over the
last minutes lags behind news that rises, and a third of all false alarms came from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .drift import RANGE, Drift, Minute
from .settings import NUMBERS, Numbers
from .unlikely import unlikely
from .usual import PRIOR_MINUTES, Known

Column = NDArray[np.float64]
Which = slice | NDArray[np.int64]
"""Some series, by number."""

ALL = slice(None)
SUMS = ("people", "usual", "news", "copies", "settled")


@dataclass(frozen=True, slots=True)
class Look:
    """By series: the least likely window's score, its minutes, the people in it and how many were expected. A score of
    0 is no spike."""

    score: Column
    window: NDArray[np.int64]
    people: Column
    expected: Column


@dataclass(frozen=True, slots=True)
class Others:
    """By series: what the other parts heard over one window in times of their usual, and the relative variance which
    that adds to what is expected."""

    factor: Column
    variance: Column


AskOthers = Callable[[int, NDArray[np.int64]], Others]
"""What the others heard over the last so many minutes, for each of these series."""


@dataclass(frozen=True, slots=True)
class _Base:
    """By series: whether a window may be looked at, its level against the one its forecast used, and the relative
    variance of that level: over the people it rests on, as a gamma posterior has it."""

    may: NDArray[np.bool_]
    level: Column
    doubt: Column


@dataclass(frozen=True, slots=True)
class _Much:
    """Which of the series looked at heard more than usual in one window, and the relative variance of what was
    expected."""

    length: int
    which: NDArray[np.int64]
    people: Column
    expected: Column
    variation: Column


class Windows:
    """Running sums and past forecasts of N series over the longest window."""

    def __init__(self, series: int, lengths: Sequence[int], phi: float, numbers: Numbers = NUMBERS, *,
                 first: float = 0.0) -> None:
        """`phi` is what a minute leaves of a wandering; see Drift. `first`: minutes a young series must have been
        listened to before a window may begin."""
        self.first = first
        self.numbers = numbers
        self.lengths = tuple(sorted(lengths))
        self.size = self.lengths[-1] + 2
        self.sums = {name: np.zeros(series) for name in SUMS}
        self.past = {name: np.zeros((self.size, series)) for name in SUMS}
        self.factor = np.ones((self.size, series), np.float32)
        self.variance = np.full((self.size, series), numbers.wander, np.float32)
        self.known_people, self.known_minutes = (np.ones((self.size, series), np.float32) for _ in range(2))
        self.count = 0
        """Minutes taken. Before the first nothing was heard and nothing expected."""
        self.floor = np.full(series, -self.size, np.int64)
        """By series: minutes taken that belong to an alarm that is over; no window reaches back into them."""
        self._returns = {length: _returning(length, phi) for length in self.lengths}

    def columns(self) -> Iterator[tuple[str, NDArray[np.generic]]]:
        """Sums and past forecasts, by name, the last axis being series."""
        for name in SUMS:
            yield f"sum_{name}", self.sums[name]
            yield f"past_{name}", self.past[name]
        yield "factor", self.factor
        yield "variance", self.variance
        yield "known_people", self.known_people
        yield "known_minutes", self.known_minutes
        yield "floor", self.floor

    def rest_on(self, known: Known) -> None:
        """What levels rested on before the first minute taken."""
        self.known_people[:], self.known_minutes[:] = known.people, known.minutes

    def push(self, now: Minute, drift: Drift, known: Known) -> None:
        """Take up one minute, with the forecast that stood before it."""
        slot = self.count % self.size
        self.known_people[slot], self.known_minutes[slot] = known.people, known.minutes
        self.factor[slot], self.variance[slot] = drift.factor, drift.factor_variance
        added = (np.where(now.heard, now.people, 0), now.usual, now.usual * (now.common - 1),
                 np.where(now.heard, now.copies, 0), drift.settled(now.usual))
        for name, column in zip(SUMS, added, strict=True):
            self.past[name][slot] = self.sums[name]
            self.sums[name] = self.sums[name] + column
        self.count += 1

    def add(self, back: int, people: Column, copies: Column) -> None:
        """Count what is told late in the minute `back` minutes ago (1: the last one taken, less than `size`): windows
        that begin before it hold it, later ones do not."""
        for name, column in (("people", people), ("copies", copies)):
            self.sums[name] = self.sums[name] + column
            for later in range(1, back):
                self.past[name][(self.count - later) % self.size] += column

    def within(self, name: str, length: int, series: Which = ALL) -> Column:
        """What one of SUMS grew by over the last `length` minutes, by series."""
        found: Column = self.sums[name][series] - self.past[name][(self.count - length) % self.size][series]
        return found

    def peek(self, now: Minute, drift: Drift, known: Known, heard: NDArray[np.bool_],
             others: AskOthers) -> Look:
        """As `look` after `push`, without taking the minute up."""
        sums, count = dict(self.sums), self.count
        self.push(now, drift, known)
        look = self.look(drift, known, heard, others)
        self.sums, self.count = sums, count
        return look

    def look(self, drift: Drift, known: Known, heard: NDArray[np.bool_], others: AskOthers) -> Look:
        """How unlikely what was heard is, by series. `known` is what levels rested on before the last minute; `others`
        is asked only about series that heard something unlikely."""
        look = self._scan(drift, known, heard, ALL, {})
        doubted = np.flatnonzero(look.score > self.numbers.frozen)
        if len(doubted):
            again = self._scan(drift, known, heard, doubted,
                               {length: others(length, doubted) for length in self.lengths})
            for name in ("score", "window", "people", "expected"):
                getattr(look, name)[doubted] = getattr(again, name)
        return look

    def _scan(self, drift: Drift, known: Known, heard: NDArray[np.bool_], series: Which,
              others: Mapping[int, Others]) -> Look:
        """The look at some series, in their order."""
        heard, scatter = heard[series], drift.scatter[series]
        look = Look(np.zeros(len(heard)), np.zeros(len(heard), np.int64), np.zeros(len(heard)), np.zeros(len(heard)))
        if self.within("people", self.lengths[-1], series).max(initial=0) < self.numbers.least_people:
            return look
        found = [self._window(length, drift, self._base(length, known, heard, series), scatter / length,
                              others.get(length), series) for length in self.lengths]
        scores = unlikely(*(np.concatenate([getattr(window, name) for window in found])
                            for name in ("people", "expected", "variation")))
        for window, score in zip(found, np.split(scores, np.cumsum([len(one.which) for one in found])[:-1]),
                                 strict=True):
            better = score > look.score[window.which]
            which = window.which[better]
            look.score[which], look.window[which] = score[better], window.length
            look.people[which], look.expected[which] = window.people[better], window.expected[better]
        return look

    def _base(self, length: int, known: Known, heard: NDArray[np.bool_], series: Which) -> _Base:
        """What a window rests on: of a young series on the level that was known before it began."""
        begun = self.count - length
        may, young = heard & (begun >= self.floor[series]), known.young[series]
        if not young.any():
            return _Base(may, np.ones(len(may)), np.zeros(len(may)))
        people, minutes = (column[begun % self.size][series] for column in (self.known_people, self.known_minutes))
        may &= ~young | (minutes >= self.first + PRIOR_MINUTES)
        return _Base(may, np.where(young, people / minutes / known.level[series], 1.0),
                     np.where(young, 1 / people, 0.0))

    def _window(self, length: int, drift: Drift, base: _Base, beyond: Column, others: Others | None,
                series: Which) -> _Much:
        """`beyond` is the relative variance apart from wandering, news and the level."""
        numbers, slot = self.numbers, (self.count - length) % self.size
        held, wandering = self._returns[length]
        people, usual, news = (self.within(name, length, series) for name in SUMS[:3])
        if others is not None:
            beyond = beyond + others.variance
            news = np.maximum(news, usual * (others.factor - 1))
        factor = base.level * np.clip(1 + held * (self.factor[slot][series] - 1), *RANGE)
        own = factor * (usual + drift.answer[series] * news)
        ratio = np.where(drift.inner[series], numbers.least_ratio_of_sums, numbers.least_ratio)
        which = np.flatnonzero(base.may & (people >= numbers.least_people) & (people > ratio * own))
        people, own = people[which], own[which]
        copies = self.within("copies", length, series)[which]
        expected = own + numbers.leak * copies + 1e-6
        relative = (held ** 2 * self.variance[slot][series][which] + drift.wander[series][which] * wandering
                    + beyond[which] + base.doubt[which])
        answers = np.maximum(drift.answer_variance[series][which], 0.01) + numbers.news_error ** 2
        variance = (relative * own ** 2 + answers * (factor[which] * news[which]) ** 2
                    + (numbers.leak_spread * copies) ** 2)
        much = (people > ratio[which] * expected + 1) & ((people - expected) ** 2 > 6 * (expected + variance))
        variation = np.maximum(variance[much] / expected[much] ** 2, 0.002)
        return _Much(length, which[much], people[much], expected[much], variation)


def _returning(length: int, phi: float) -> tuple[float, float]:
    """Of a wandering known before a window of `length` minutes: the share of it that holds on average within, and the
    variance, of 1, by which the window's mean wanders anew (first-order autoregression)."""
    powers = phi ** np.arange(1, length + 1)
    later = np.array([np.sum(phi ** np.arange(length - first)) for first in range(length)]) / length
    return float(powers.mean()), float(np.sum(later ** 2) * (1 - phi ** 2))
