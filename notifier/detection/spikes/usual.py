"""How many people a minute are usual: a level per series times an hour of the week.

The hour of the week is learnt by a series' parent (a state for its counties), which hears enough to know it, and leans
on the same hour of other days; a series departs from it as far as it has heard people itself. Departures are held
against the parent's hours as they are known now: held against what they were at the time, both corrected the same
error, and the hour after a wrong one was wrong the other way (small territories had three times the false alarms).

What makes a baseline useless is learning the outage: a minute counts as at most three standard deviations more than
expected, an hour as at most 1.7 times, and a minute that was not heard not at all. Replacing such an hour by what was
expected instead of cutting it was measured to lock errors in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .settings import NUMBERS, Numbers, SpikeSettings

Column = NDArray[np.float64]
WEEK = 168
DAY = 1440
EARLY = 8 * DAY
"""Minutes heard before an hour is cut at 1.7 times the expected; before that, from the second day on, at 4 levels."""
SHAPES_FROM = 7 * DAY
"""Minutes heard before a series departs from its parent's hours: the first week has no week to compare with."""
YOUNG = 3 * DAY
"""Minutes heard up to which a level is learnt by the minute, and doubted as far as few people make it; less where a
short half-life never lets a level rest on more. Learnt by the hour and believed, 0.3 people a minute in six regions
where 0.01 were expected alarmed 30 times in two days."""
DOUBTED = 60.0
"""Minutes that such a level is worth then."""
LEAST = 1e-5
PRIOR_MINUTES = 5.0
"""What the prior level is worth where it is held against what is heard first …"""
BELIEVED_MINUTES = 60.0
"""… and where it is believed at once."""


@dataclass(frozen=True, slots=True)
class Known:
    """By series: whether it is young, and the people and minutes (weighed by the hour) that its level rests on until
    now, the prior's included."""

    young: NDArray[np.bool_]
    people: Column
    minutes: Column

    @property
    def level(self) -> Column:
        """People a minute."""
        return np.asarray(self.people / self.minutes)


class Usual:
    """Levels of N series and hours of the week of their P parents."""

    def __init__(self, settings: SpikeSettings, parents: NDArray[np.int64], rows: NDArray[np.int64],
                 numbers: Numbers = NUMBERS) -> None:
        """`parents[n]` is the row whose hours series n follows; `rows[p]` the series whose hours row p learns."""
        self.numbers = numbers
        self.prior = settings.prior_per_minute
        self.worth = PRIOR_MINUTES if settings.listen_first_minutes > 0 else BELIEVED_MINUTES
        self.keeps = 0.5 ** (1 / settings.level_half_life_hours)
        self.young_until = min(YOUNG, 30 / (1 - self.keeps))
        self.parents, self.rows = parents, rows
        series, count = len(parents), len(rows)
        self.seen, self.flat = np.zeros(series), np.zeros(series)
        self.own_seen, self.own_level = (np.zeros((WEEK, series), np.float32) for _ in range(2))
        self.hours_seen, self.hours_weeks = np.zeros((WEEK, count)), np.zeros((WEEK, count))
        self.hours = np.ones((WEEK, count))
        self.hour = {name: np.zeros(series) for name in ("people", "shape", "level", "expected", "heard")}
        """Sums of the hour that runs."""
        self.heard = 0
        """Minutes heard since the beginning."""

    def columns(self) -> Iterator[tuple[str, NDArray[np.generic]]]:
        """Everything learnt, by name, the last axis being series or rows."""
        for name in ("seen", "flat", "own_seen", "own_level"):
            yield name, getattr(self, name)
        for name, column in self.hour.items():
            yield f"hour_{name}", column

    def refresh(self) -> None:
        """Work the hours out anew, after what was learnt was put in place."""
        self.hours = self._week()

    @property
    def level(self) -> Column:
        """Usual people a minute, the hour apart. A series that is young learns it minute by minute, one that is grown
        hour by hour."""
        young = self.flat < self.young_until
        people = self.seen + np.where(young, self.hour["people"], 0.0)
        minutes = self.flat + np.where(young, self.hour["shape"], 0.0)
        level: Column = (people + self.prior * self.worth) / (minutes + self.worth)
        return level

    @property
    def known(self) -> Known:
        """What levels rest on."""
        return Known(self.flat < self.young_until, self.seen + self.hour["people"] + self.prior * self.worth,
                     self.flat + self.hour["shape"] + self.worth)

    def credit(self, minutes: float) -> None:
        """Nothing was heard of any series in so many minutes of listening."""
        self.flat += minutes

    def at(self, minute: int) -> Column:
        """Usual people in a minute; between the middles of two hours in proportion."""
        hour, part = divmod(minute, 60)
        late = (part + 0.5) / 60 - 0.5
        other = hour + (1 if late >= 0 else -1)
        share = abs(late)
        shape = self._shape(hour % WEEK) * (1 - share) + self._shape(other % WEEK) * share
        return np.maximum(self.level * shape, LEAST)

    def _shape(self, hour: int) -> Column:
        prior, shape = self.numbers.hour_prior, self.hours[hour][self.parents]
        own = (prior + self.own_seen[hour]) / (prior + self.own_level[hour] * shape)
        own[self.rows] = 1.0  # these are their own parents
        found: Column = shape * own
        return found

    def doubt(self, series: int) -> None:
        """A young level is taken to be worth DOUBTED minutes and no more: what is heard now outweighs it soon."""
        flat = self.flat[series]
        if DOUBTED < flat < self.young_until:
            self.seen[series] *= DOUBTED / flat
            self.flat[series] = DOUBTED

    def learn(self, minute: int, people: Column, expected: Column, heard: Column) -> None:
        """One minute is over: `people` as they count for learning, `expected` of what was heard (share `heard`)."""
        hour = minute // 60 % WEEK
        shape = self.hours[hour][self.parents]
        sums = self.hour
        sums["people"] += people
        sums["shape"] += shape * heard
        sums["level"] += heard * self.level
        sums["expected"] += expected
        sums["heard"] += heard > 0.5
        self.heard += 1
        if minute % 60 == 59:
            self.end_hour(minute)

    def end_hour(self, minute: int) -> None:
        """The hour of `minute` is over, whether or not its last minutes were heard: a gap must not add what was heard
        before it to the hour that comes after. Ended once, it may be ended again."""
        if self.hour["heard"].any():
            self._close(minute // 60 % WEEK)

    def _close(self, hour: int) -> None:
        sums = self.hour
        people = np.minimum(sums["people"], self._most(sums["expected"]))
        self.seen = self.seen * self.keeps + people
        self.flat = self.flat * self.keeps + sums["shape"]
        if self.heard > SHAPES_FROM:
            keeps = self.numbers.week_keeps
            self.own_seen[hour] = self.own_seen[hour] * keeps + people
            self.own_level[hour] = self.own_level[hour] * keeps + sums["level"]
        self._learn_hours(hour, people)
        for column in sums.values():
            column[:] = 0

    def _most(self, expected: Column) -> Column:
        """What an hour counts at most."""
        if self.heard <= DAY:
            return np.full_like(expected, np.inf)
        if self.heard <= EARLY:
            return np.asarray(240 * self.level + 10)
        return np.asarray(1.7 * expected + 4 * np.sqrt(expected) + 5)

    def _learn_hours(self, hour: int, people: Column) -> None:
        heard = self.hour["heard"][self.rows]
        known = heard > 30
        keeps = self.numbers.week_keeps
        rate = people[self.rows] / np.maximum(heard, 1)
        self.hours_seen[hour] = np.where(known, self.hours_seen[hour] * keeps + rate, self.hours_seen[hour])
        self.hours_weeks[hour] = np.where(known, self.hours_weeks[hour] * keeps + 1, self.hours_weeks[hour])
        self.hours = self._week()

    def _week(self) -> NDArray[np.float64]:
        """The hours against their mean; each leans on the same hour of other days, at the height of its own day."""
        known = self.hours_weeks > 0
        rate = np.where(known, self.hours_seen / np.maximum(self.hours_weeks, 1e-9), 0.0)
        days, heard = rate.reshape(7, 24, -1).sum(0), known.reshape(7, 24, -1).sum(0)
        mean = rate.sum(0) / np.maximum(known.sum(0), 1)
        daily = np.tile(np.where(heard > 0, days / np.maximum(heard, 1), mean), (7, 1))
        like = daily * np.repeat(self._height(rate, np.where(known, daily, 0.0)), 24, axis=0)
        lean = self.numbers.hour_like_others
        filled = (rate * self.hours_weeks + like * lean) / (self.hours_weeks + lean)
        enough = (known.sum(0) >= 12) & (mean > 0)
        shaped = np.maximum(filled / np.maximum(filled.mean(0), 1e-12), 0.02)
        return np.where(enough, shaped, 1.0)

    @staticmethod
    def _height(rate: NDArray[np.float64], daily: NDArray[np.float64]) -> NDArray[np.float64]:
        """How high each day of the week is against the mean day, over the hours that were heard; (7, P)."""
        found, like = rate.reshape(7, 24, -1).sum(1), daily.reshape(7, 24, -1).sum(1)
        return np.where(like > 0, found / np.maximum(like, 1e-12), 1.0)
