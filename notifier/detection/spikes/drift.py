"""How far each series has wandered from its usual, and how it answers to news: a small Kalman filter per series.

State: the factor by which a series is above its usual (comes back to 1 by half in `wander_half_life`), and its answer
to news (1: like the others). Observed are people a minute: usual · factor · (1 + answer · (common - 1)) and what leaks
through the search for copies. Both are learnt together: with the answer learnt by itself, the factor took up the
first minutes of any news and a region that answers twice as loudly was never found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .settings import NUMBERS, Numbers

Column = NDArray[np.float64]

RANGE = (0.3, 3.0)
ANSWER_DRIFT = 1e-6
"""Variance by which the answer to news may change in a minute: half its prior in a month."""
LAG = 8
"""Minutes between two counts whose product tells how much of the variation lasts."""
LASTS = 0.99995
"""What a minute leaves of what was learnt of variances: half in ten days."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of every series: people and copies heard, usual people of what was heard, the factor of others."""

    people: Column
    copies: Column
    usual: Column
    common: Column
    heard: NDArray[np.bool_]


class Drift:
    """Factors, answers and variances of N series."""

    def __init__(self, series: int, inner: NDArray[np.bool_], numbers: Numbers = NUMBERS) -> None:
        """`inner` marks series that are sums of others: they answer to news alike, and must not take it for their
        own."""
        self.numbers = numbers
        self.inner = inner
        self.phi = 0.5 ** (1 / numbers.wander_half_life)
        self.factor, self.answer = np.ones(series), np.ones(series)
        self.factor_variance = np.full(series, numbers.wander)
        self.answer_variance = np.where(inner, 0.01, numbers.answer_spread ** 2)
        self.covariance = np.zeros(series)
        self.wander = np.full(series, numbers.wander)
        self.wander_seen, self.wander_weight = np.zeros(series), np.zeros(series)
        self.scatter_seen, self.scatter_weight = np.zeros(series), np.zeros(series)
        self.last = np.full(series, -1.0)
        self.excess, self.excess_usual = np.zeros((LAG, series), np.float32), np.zeros((LAG, series), np.float32)

    NAMES = ("factor", "answer", "factor_variance", "answer_variance", "covariance", "wander", "wander_seen",
             "wander_weight", "scatter_seen", "scatter_weight", "last", "excess", "excess_usual")

    def columns(self) -> Iterator[tuple[str, NDArray[np.generic]]]:
        """Everything learnt, by name."""
        for name in self.NAMES:
            yield name, getattr(self, name)

    @property
    def scatter(self) -> Column:
        """Relative variance of one minute beyond chance."""
        weight = self.numbers.scatter_weight
        found = (self.scatter_seen + self.numbers.scatter * weight) / (self.scatter_weight + weight)
        return np.asarray(np.clip(found, 0.005, 0.5))

    def expect_answers(self, shares: Column) -> None:
        """Sums of few regions, or of one large and some small, answer to news as differently as regions do. `shares` is
        the sum of the squared shares of each sum's parts. Said once the levels are known, before answers are learnt."""
        most = self.numbers.answer_spread ** 2 * shares
        self.answer_variance = np.where(self.inner, np.maximum(most, 0.01), self.answer_variance)

    def settled(self, usual: Column) -> Column:
        """What is usual, half way to where each series has wandered: what the others' news is held against. All of the
        way would take slow news for wandering."""
        found: Column = usual * (1 + 0.5 * (self.factor - 1))
        return found

    def learn(self, now: Minute, score: Column, minute: int, *, grown: bool) -> Column:
        """Take up one minute, of which `score` says how unlikely it is; people that were expected. `grown`: three days
        were heard, so that slow variation can be told from the level's own error."""
        numbers, scatter = self.numbers, self.scatter
        news = now.usual * (now.common - 1)
        base = now.usual + self.answer * news
        ahead = 1 + self.phi * (self.factor - 1)
        variance = self.phi ** 2 * self.factor_variance + (1 - self.phi ** 2) * self.wander
        mean = base * ahead
        expected = mean + numbers.leak * now.copies
        by_answer = news * ahead
        chance = (expected + scatter * mean ** 2 + (numbers.news_error * by_answer) ** 2
                  + (numbers.leak_spread * now.copies) ** 2)
        covariance, answers = self.phi * self.covariance, self.answer_variance + ANSWER_DRIFT
        gain, gain_answer = variance * base + covariance * by_answer, covariance * base + answers * by_answer
        total = np.maximum(base * gain + by_answer * gain_answer + chance, 1e-9)
        error = now.people - expected
        step = self._cut(error, np.sqrt(total), score, now.common) / total
        heard = now.heard & (now.usual > 0)
        self.factor = np.where(heard, np.clip(ahead + gain * step, *RANGE), ahead)
        self.answer = np.where(heard, np.clip(self.answer + gain_answer * step, *RANGE), self.answer)
        self.factor_variance = np.where(heard, np.maximum(variance - gain ** 2 / total, 1e-4), variance)
        self.answer_variance = np.where(heard, np.maximum(answers - gain_answer ** 2 / total, 1e-4), answers)
        self.covariance = np.where(heard, covariance - gain * gain_answer / total, covariance)
        self._learn_scatter(now, mean, scatter, heard & (score < numbers.frozen + 2))
        if grown:
            self._learn_wander(now, base, scatter, heard & (score < numbers.frozen), minute)
        return np.asarray(expected)

    def _cut(self, error: Column, deviation: Column, score: Column, common: Column) -> Column:
        """The error as far as it is believed: an outage must not become the usual. News may move a series that is no
        sum of others; a sum that took it up would hide it from its parts."""
        frozen = score > self.numbers.frozen
        little = np.where(self.inner, frozen | (common > 1.1), frozen & (common < 1.2))
        most = np.where(little, 0.5 * deviation, np.maximum(2.5 * deviation, 1.5))
        return np.asarray(np.clip(error, -3 * deviation, most))

    def _learn_scatter(self, now: Minute, mean: Column, scatter: Column, learn: NDArray[np.bool_]) -> None:
        """From the difference of two minutes that follow each other, which slow variation leaves alone."""
        known = learn & (self.last >= 0)
        step = now.people - self.last
        most = 30 * (2 * mean + 2 * scatter * mean ** 2) + 1
        weight = 1 / (1 + 0.05 * mean) ** 2
        beyond = (np.minimum(step ** 2, most) - now.people - self.last) / 2
        self.scatter_seen = np.where(known, self.scatter_seen * LASTS + beyond * weight, self.scatter_seen)
        self.scatter_weight = np.where(known, self.scatter_weight * LASTS + mean ** 2 * weight, self.scatter_weight)
        self.last = np.where(learn, now.people, np.where(now.heard, self.last, -1.0))

    def _learn_wander(self, now: Minute, base: Column, scatter: Column, learn: NDArray[np.bool_], minute: int) -> None:
        """From the product of two errors LAG minutes apart, in which chance has no part."""
        numbers = self.numbers
        error = now.people - base - numbers.leak * now.copies
        deviation = np.sqrt(base + (scatter + self.wander) * base ** 2)
        error = np.clip(error, -3 * deviation, np.maximum(3 * deviation, 2.0))
        slot = minute % LAG
        calm = learn & (now.common < 1.1)
        both = calm & (self.excess_usual[slot] > 0)
        self.wander_seen = np.where(both, self.wander_seen * LASTS + error * self.excess[slot], self.wander_seen)
        self.wander_weight = np.where(both, self.wander_weight * LASTS + base * self.excess_usual[slot],
                                      self.wander_weight)
        self.excess[slot] = np.where(calm, error, self.excess[slot])
        self.excess_usual[slot] = np.where(calm, base, 0)
        weight = numbers.wander_weight
        found = (self.wander_seen / self.phi ** LAG + numbers.wander * weight) / (self.wander_weight + weight)
        self.wander = np.clip(found, numbers.wander_least, 0.5)
