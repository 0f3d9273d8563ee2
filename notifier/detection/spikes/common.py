"""What lifts all parts of a territory at once is news, not an outage of one of them.

Of each part (a state) the people heard over the last minutes are held against what is usual there. The median of the
*other* parts is the factor by which this one is forecast to be lifted: an outage of its own cannot hide itself, and one
other part that fails cannot lift the rest. Without it the thresholds for the same false alarms were four times as high.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .settings import NUMBERS, Numbers

Column = NDArray[np.float64]

PARTS_LEAST = 4
"""Fewer parts that hear anything cannot tell news from their own outage: the factor is then 1."""


@dataclass(frozen=True, slots=True)
class Common:
    """By part: the factor of the others, and the variance of the others' ratios beyond chance."""

    factor: Column
    spread: Column
    all_parts: float
    """The factor of the whole."""
    known: bool
    """Whether enough parts hear anything to tell news from an outage."""


def common(people: Column, usual: Column, numbers: Numbers = NUMBERS) -> Common:
    """The common factor of the parts of one territory: `people` heard and `usual` over the last minutes, by part."""
    prior = numbers.common_prior
    ratio = (people + prior) / (usual + prior)
    alive = np.flatnonzero(usual > 1)
    factor, spread = np.ones(len(people)), np.zeros(len(people))
    if len(alive) < PARTS_LEAST:
        return Common(factor, spread, 1.0, known=False)
    ratios, expected = ratio[alive], usual[alive]
    for part, others, means in _others(np.arange(len(people)), alive, ratios, expected):
        middle = np.median(others, axis=1)
        chance = np.mean((middle[:, None] * means + prior) / (means + prior) ** 2, axis=1)
        off = 1.4826 * np.median(np.abs(others - middle[:, None]), axis=1)
        factor[part] = np.maximum(middle, numbers.common_least)
        spread[part] = np.maximum(0.0, off ** 2 - chance) / middle ** 2
    return Common(factor, spread, float(np.median(ratios)), known=True)


def _others(parts: NDArray[np.int64], alive: NDArray[np.int64], ratios: Column,
            usual: Column) -> Iterator[tuple[NDArray[np.int64], Column, Column]]:
    """Parts that hear something, each with the ratios and usual people of all the others; then those that hear nothing,
    with those of all."""
    count = len(alive)
    without = np.arange(count - 1) + (np.arange(count - 1) >= np.arange(count)[:, None])
    yield alive, ratios[without], usual[without]
    silent = np.setdiff1d(parts, alive, assume_unique=True)
    if len(silent):
        yield silent, np.tile(ratios, (len(silent), 1)), np.tile(usual, (len(silent), 1))
