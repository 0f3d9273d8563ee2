"""What lifts all parts of a territory at once is news, not an outage of one of them.

Of each part (a state) the people heard over the last minutes are held against what is usual there. The median of the
*other* parts is the factor by which this one is forecast to be lifted: an outage of its own cannot hide itself, and one
other part that fails cannot lift the rest. Without it the thresholds for the same false alarms were four times as high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .settings import NUMBERS, Numbers

Column = NDArray[np.float64]

PARTS_LEAST = 4
"""Fewer parts that hear anything cannot tell news from their own outage: the factor is then 1."""


MEDIAN = 1.57
"""Variance of a median against that of a mean of as many, pi / 2, for normal errors."""


@dataclass(frozen=True, slots=True)
class Common:
    """By part: the factor of the others, and the variance of the others' ratios beyond chance."""

    factor: Column
    spread: Column
    error: Column
    """Relative variance of the factor itself, as a median of so many ratios."""
    all_parts: float
    """The factor of the whole; nan where too few parts hear anything."""
    known: bool
    """Whether enough parts hear anything to tell news from an outage."""


def common(people: Column, usual: Column, numbers: Numbers = NUMBERS) -> Common:
    """The common factor of the parts of one territory: `people` heard and `usual` over the last minutes, by part."""
    prior = numbers.common_prior
    ratio = (people + prior) / (usual + prior)
    alive = usual > 1
    factor, spread, error = np.ones(len(people)), np.zeros(len(people)), np.zeros(len(people))
    if np.count_nonzero(alive) < PARTS_LEAST:
        return Common(factor, spread, error, np.nan, known=False)
    ratios = ratio[alive]
    ordered = np.sort(ratios)
    middles = np.full(len(people), _middle(ordered))
    middles[alive] = _middle_without(ordered, ratios)
    for middle in np.unique(middles):
        part = np.flatnonzero(middles == middle)
        off = 1.4826 * _off(ratios, float(middle), ratio[part], alive[part])
        chance = _chance(usual, alive, part, float(middle), prior)
        factor[part] = max(middle, numbers.common_least)
        spread[part] = np.maximum(0.0, off ** 2 - chance) / middle ** 2
        others = np.count_nonzero(alive) - alive[part]
        error[part] = MEDIAN * np.maximum(off ** 2, chance) / others / middle ** 2
    return Common(factor, spread, error, _middle(ordered), known=True)


def _off(ratios: Column, middle: float, own: Column, alive: NDArray[np.bool_]) -> Column:
    """For parts whose others have their median at `middle`: the median distance of the others from it."""
    ordered = np.sort(np.abs(ratios - middle))
    return np.where(alive, _middle_without(ordered, np.abs(own - middle)), _middle(ordered))


def _chance(usual: Column, alive: NDArray[np.bool_], part: NDArray[np.int64], middle: float, prior: float) -> Column:
    """The variance by chance of the others' ratios, on average."""
    each = np.where(alive, (middle * usual + prior) / (usual + prior) ** 2, 0.0)
    found: Column = (each.sum() - each[part]) / (np.count_nonzero(alive) - alive[part])
    return found


def _middle(ordered: Column) -> float:
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _middle_without(ordered: Column, one: Column) -> Column:
    """The median of what is left of `ordered` without each of `one`, all of which are in it."""
    place = np.searchsorted(ordered, one)
    half = (len(ordered) - 1) // 2
    low = half - 1 if len(ordered) % 2 else half
    found: Column = (ordered[low + (place <= low)] + ordered[half + (place <= half)]) / 2
    return found
