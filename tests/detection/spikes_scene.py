"""A small territory for the spike detector: six states of five counties each, and what is heard in them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache

import numpy as np
from numpy.typing import NDArray

from notifier.detection.spikes.field import Field, Tree
from notifier.detection.spikes.windows import Look

Column = NDArray[np.float64]

STATES, COUNTIES = 6, 5
LEAVES = STATES * COUNTIES
ROOT = LEAVES + STATES
SERIES = ROOT + 1
BEGUN = 482_064 * 60
"""The minute (since 1970) at which the territory is first heard: a full hour."""
RATE = np.array([0.5, 1.0, 2.0, 4.0, 8.0] * STATES)

TREE = Tree.of([*(LEAVES + leaf // COUNTIES for leaf in range(LEAVES)), *([ROOT] * STATES), -1])


def summed(leaves: Column) -> Column:
    """What the leaves hear, with the sums above them."""
    states = leaves.reshape(STATES, COUNTIES).sum(1)
    return np.concatenate([leaves, states, [leaves.sum()]])


class Scene:
    """A field that is fed minute by minute."""

    def __init__(self, seed: int = 3) -> None:
        self.field = Field(TREE)
        self.random = np.random.default_rng(seed)
        self.minute = BEGUN

    def hear(self, minutes: int, lift: Callable[[int], Column | float] = lambda _: 1.0, *,
             down: tuple[int, ...] = ()) -> list[Look]:
        """`minutes` pass; `lift(n)` says by how much each leaf is lifted in the n-th; states in `down` are not
        heard."""
        looks = []
        for number in range(minutes):
            people = summed(self.random.poisson(RATE * lift(number)).astype(float))
            heard = np.ones(SERIES)
            for state in down:
                heard[LEAVES + state] = heard[state * COUNTIES:(state + 1) * COUNTIES] = 0.0
            heard[ROOT] = 1 - len(down) / STATES
            people[ROOT] = sum(people[LEAVES + state] for state in range(STATES) if state not in down)
            looks.append(self.field.tick(self.minute, people, np.zeros(SERIES), heard))
            self.minute += 1
        return looks

    def miss(self, minutes: int) -> None:
        """Minutes of which nobody tells anything."""
        self.minute += minutes


@cache
def _learnt() -> Scene:
    scene = Scene()
    scene.hear(3 * 1440 + 120)
    return scene


def learnt() -> Scene:
    """A scene that has heard its usual for three days."""
    return deepcopy(_learnt())


def highest(looks: list[Look], series: list[int] | slice = slice(None)) -> float:
    """The highest score of some series in some minutes."""
    return max(float(look.score[series].max()) for look in looks)


def only(leaf: int, times: float) -> Column:
    """Lifts one leaf."""
    lift = np.ones(LEAVES)
    lift[leaf] = times
    return lift
