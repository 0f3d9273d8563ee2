"""Which series nobody listened to in which of the last minutes.

A part of a territory that was silent brings no calm to learn, and its sums expect only what the others hear. What was
written there meanwhile comes all at once when it is back, and counts no more: nothing was expected of those minutes.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from .field import Tree

Column = NDArray[np.float64]


class Silence:
    """Of one tree of series."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._deaf: dict[int, NDArray[np.bool_]] = {}
        """By minute since 1970; a minute that all were listened to in is left out."""

    def note(self, minute: int, silent: Collection[int], level: Column) -> Column:
        """Nobody listened to these series, and what is below them, in `minute`. Returns, by series, the share of its
        people that was listened to, where `level` says how many people are usual."""
        parents, heard = self._tree.parents, np.ones(len(self._tree.parents))
        if not silent:
            return heard
        heard[list(silent)] = 0.0
        for below in self._tree.levels[1:]:
            heard[below] *= heard[parents[below]]
        for below in reversed(self._tree.levels[1:]):
            usual, listened = (np.bincount(parents[below], column[below], minlength=len(heard))
                               for column in (level, level * heard))
            sums = np.unique(parents[below])
            heard[sums] *= listened[sums] / usual[sums]
        self._deaf[minute] = heard <= 0
        return heard

    def was(self, minute: int, series: Collection[int]) -> bool:
        """Whether nobody listened to one of these series in `minute`."""
        deaf = self._deaf.get(minute)
        return deaf is not None and bool(deaf[list(series)].any())

    def deaf(self, minute: int) -> NDArray[np.bool_] | None:
        """The series that nobody listened to in `minute`; None where there was none."""
        return self._deaf.get(minute)

    def forget(self, before: int) -> None:
        """Drop what is known of minutes before that."""
        for minute in [minute for minute in self._deaf if minute < before]:
            del self._deaf[minute]

