"""Which series nobody listened to: parts, what is below them, and the share of their sums that is left."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from notifier.detection.spikes.field import Tree
from notifier.detection.spikes.silence import Silence

TREE = Tree.of([-1, 0, 0, 1, 1, 2])
"""A nation (0), two states (1, 2), two counties in the first (3, 4) and one in the second (5)."""
LEVEL = np.array([10.0, 6.0, 4.0, 5.0, 1.0, 4.0])
MINUTE = 28_923_840


@pytest.mark.parametrize(("silent", "heard", "deaf", "what"), [
    ((), [1, 1, 1, 1, 1, 1], [], "all were listened to"),
    ((1,), [.4, 0, 1, 0, 0, 1], [1, 3, 4], "a state is silent: so are its counties, and the nation hears four in ten"),
    ((3,), [.5, 1 / 6, 1, 0, 1, 1], [3], "a county is silent: its state hears a sixth"),
    ((3, 4), [.4, 0, 1, 0, 0, 1], [1, 3, 4], "all its counties are: so is the state"),
    ((0,), [0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5], "the nation is: so is everything"),
])
def test_what_is_heard_while_some_are_silent(silent: Collection[int], heard: list[float], deaf: list[int],
                                             what: str) -> None:
    silence = Silence(TREE)
    assert silence.note(MINUTE, silent, LEVEL).tolist() == pytest.approx(heard), what
    assert [series for series in range(6) if silence.was(MINUTE, [series])] == deaf, what
    assert not silence.was(MINUTE + 1, range(6)), "other minutes are not touched"


def test_minutes_are_forgotten() -> None:
    silence = Silence(TREE)
    for minute in range(MINUTE, MINUTE + 100):
        silence.note(minute, (0,), LEVEL)
    silence.forget(MINUTE + 90)
    assert [minute for minute in range(MINUTE, MINUTE + 100) if silence.was(minute, (0,))] == [
        *range(MINUTE + 90, MINUTE + 100)]
