"""What the windows that end now have heard and were to hear: against working it out minute by minute."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as laws
from hypothesis import strategies as st
from numpy.typing import NDArray

from notifier.detection.spikes.drift import RANGE, Drift, Minute
from notifier.detection.spikes.settings import NUMBERS
from notifier.detection.spikes.unlikely import unlikely
from notifier.detection.spikes.usual import Known
from notifier.detection.spikes.windows import Look, Others, Windows

LENGTHS = (1, 2, 5)
SERIES = 3


def _calm(_length: int, series: NDArray[np.int64]) -> Others:
    """The others hear nothing, which lifts no forecast."""
    return Others(np.zeros(len(series)), np.zeros(len(series)))


def _grown() -> Known:
    """Levels that were heard for weeks."""
    return Known(np.zeros(SERIES, bool), np.full(SERIES, 1e4), np.full(SERIES, 1e4))


def _young(people: float, minutes: float) -> Known:
    """Levels that rest on so many people in so many minutes, the prior's included."""
    return Known(np.ones(SERIES, bool), np.full(SERIES, people), np.full(SERIES, minutes))


def _brute(length: int, minutes: list[Minute], factors: list[float], drift: Drift) -> tuple[float, float, float]:
    """Score, people and expected people of the first series in one window, from the minutes themselves."""
    window = minutes[-length:]
    people, copies, usual, news = (sum(float(of(one)) for one in window) for of in (
        lambda one: one.people[0] * one.heard[0], lambda one: one.copies[0] * one.heard[0],
        lambda one: one.usual[0], lambda one: one.usual[0] * (one.common[0] - 1)))
    powers = [drift.phi ** step for step in range(1, length + 1)]
    held = sum(powers) / length
    later = [sum(drift.phi ** np.arange(length - first)) / length for first in range(length)]
    factor = float(np.clip(1 + held * (factors[-length] - 1), *RANGE))
    own = factor * (usual + drift.answer[0] * news)
    expected = own + NUMBERS.leak * copies + 1e-6
    relative = (held ** 2 * drift.factor_variance[0] + drift.wander[0] * sum(np.square(later)) * (1 - drift.phi ** 2)
                + drift.scatter[0] / length)
    variance = (relative * own ** 2 + (NUMBERS.leak_spread * copies) ** 2
                + (drift.answer_variance[0] + NUMBERS.news_error ** 2) * (factor * news) ** 2)
    if people < NUMBERS.least_people or people <= NUMBERS.least_ratio * expected + 1 \
            or (people - expected) ** 2 <= 6 * (expected + variance):
        return 0.0, people, expected
    score = unlikely(np.array([people]), np.array([expected]), np.array([max(variance / expected ** 2, 0.002)]))
    return float(score[0]), people, expected


drawn_minutes = st.lists(st.tuples(st.integers(0, 60), st.floats(0.01, 5.0), st.floats(0.8, 3.0), st.booleans(),
                                   st.integers(0, 20), st.floats(0.3, 3.0)), min_size=1, max_size=20)


@laws(deadline=None, max_examples=100)
@given(drawn_minutes)
def test_as_worked_out_minute_by_minute(drawn: list[tuple[int, float, float, bool, int, float]]) -> None:
    """The least likely window, its people and what was expected before it began."""
    drift = Drift(SERIES, np.zeros(SERIES, bool))
    windows = Windows(SERIES, LENGTHS, drift.phi)
    minutes, factors = [], []
    look = Look(*(np.zeros(SERIES),) * 4)
    for people, usual, common, on, copies, factor in drawn:
        heard = np.array([on, True, False])
        drift.factor = np.array([np.float32(factor), 1.0, 1.0], float)
        now = Minute(np.array([people, 1.0, 50.0]), np.full(SERIES, float(copies)), np.where(heard, usual, 0.0),
                     np.full(SERIES, common), heard)
        minutes.append(now)
        factors.append(float(drift.factor[0]))
        windows.push(now, drift, _grown())
        look = windows.look(drift, _grown(), heard, _calm)
    # Before the first minute nothing was heard and nothing expected.
    before, nothing = max(LENGTHS), np.zeros(SERIES)
    minutes = [Minute(nothing, nothing, nothing, np.ones(SERIES), np.ones(SERIES, bool))] * before + minutes
    factors = [1.0] * before + factors
    brute = {length: _brute(length, minutes, factors, drift) for length in LENGTHS}
    assert look.score[2] == 0, "what is not heard is not looked at"
    if not minutes[-1].heard[0]:
        assert look.score[0] == 0
        return
    best = max(score for score, _, _ in brute.values())
    assert look.score[0] == pytest.approx(best, rel=1e-3, abs=1e-6)
    if best > 0:
        _, people_then, expected = brute[int(look.window[0])]
        assert look.people[0] == pytest.approx(people_then)
        assert look.expected[0] == pytest.approx(expected, rel=1e-4)


def test_a_peek_takes_nothing_up() -> None:
    """Looked at twice within a minute, then as if it had never been."""
    drift, one, other = _three()
    heard = np.ones(SERIES, bool)
    for number in range(20):
        burst = _minute(30.0)
        assert one.peek(burst, drift, _grown(), heard, _calm).score[0] > 4
        for windows in (one, other):
            windows.push(_minute(1.0 + number % 3), drift, _grown())
        assert np.array_equal(one.look(drift, _grown(), heard, _calm).score,
                              other.look(drift, _grown(), heard, _calm).score)
    assert one.count == other.count


def _three() -> tuple[Drift, Windows, Windows]:
    drift = Drift(SERIES, np.array([False, False, True]))
    one, other = (Windows(SERIES, LENGTHS, drift.phi, first=10.0) for _ in range(2))
    return drift, one, other


def _minute(people: float) -> Minute:
    return Minute(np.full(SERIES, people), np.zeros(SERIES), np.ones(SERIES), np.ones(SERIES), np.ones(SERIES, bool))


@pytest.mark.parametrize(("factor", "variance", "least", "most"), [
    (1.0, 0.0, 10, 99),   # the others calm: an outage
    (30.0, 0.0, 0, 0),    # the others heard as many more in that very minute: news
    (5.0, 0.0, 2, 8),     # the others some more: less unlikely
    (1.0, 1.0, 2, 8),     # the others calm, which says little: less unlikely
])
def test_what_is_unlikely_is_held_against_the_others(factor: float, variance: float, least: float, most: float) -> None:
    """Thirty people where one is usual."""
    drift, windows, _ = _three()
    for _ in range(10):
        windows.push(_minute(1.0), drift, _grown())
    windows.push(_minute(30.0), drift, _grown())
    look = windows.look(drift, _grown(), np.ones(SERIES, bool),
                        lambda _, series: Others(np.full(len(series), factor), np.full(len(series), variance)))
    assert least <= look.score[0] <= most


def test_the_others_are_asked_only_where_something_is_unlikely() -> None:
    """Calm minutes cost no medians."""
    drift, windows, _ = _three()
    asked: list[int] = []

    def others(length: int, series: NDArray[np.int64]) -> Others:
        asked.append(length)
        return _calm(length, series)

    for people in (1.0, 2.0, 0.0, 3.0):
        windows.push(_minute(people), drift, _grown())
        windows.look(drift, _grown(), np.ones(SERIES, bool), others)
    assert not asked
    windows.push(_minute(30.0), drift, _grown())
    windows.look(drift, _grown(), np.ones(SERIES, bool), others)
    assert tuple(asked) == LENGTHS


def test_a_sum_is_never_unlikely_below_its_least_ratio() -> None:
    """Of 20,000 a minute, 1.7 times as many: a region is told, a sum of regions is not, however sure."""
    drift, windows, _ = _three()
    drift.scatter_seen[:], drift.scatter_weight[:], drift.wander[:] = 5e-3 * 1e9, 1e9, 1e-4
    drift.factor_variance[:] = 1e-4
    large = Minute(np.full(SERIES, 2e4), np.zeros(SERIES), np.full(SERIES, 2e4), np.ones(SERIES),
                   np.ones(SERIES, bool))
    for _ in range(10):
        windows.push(large, drift, _grown())
    windows.push(Minute(large.people * 1.7, *(getattr(large, name) for name in ("copies", "usual", "common", "heard"))),
                 drift, _grown())
    look = windows.look(drift, _grown(), np.ones(SERIES, bool), _calm)
    assert look.score[0] > 4
    assert look.score[2] == 0


@pytest.mark.parametrize(("people", "minutes", "heard", "score", "what"), [
    (0.05, 400.0, 5, (8, 12), "five in a minute where nobody complained for hours"),
    (0.05, 20.0, 5, (5, 7), "five in a minute where nobody complained for a quarter of an hour: not so sure"),
    (0.05, 10.0, 200, (0, 0), "200 in a minute of which nothing is known: it may always be so"),
    (400.0, 20.0, 30, (0, 0), "30 in a minute where 20 are usual"),
    (400.0, 20.0, 200, (8, 80), "200 there"),
])
def test_a_young_level_is_believed_as_far_as_it_was_heard(people: float, minutes: float, heard: int,
                                                          score: tuple[float, float], what: str) -> None:
    """The level stood before the window; what it rests on by the end of it changes nothing but its forecast."""
    drift, windows, _ = _three()
    for _ in range(12):
        windows.push(_at(people / minutes, people / minutes), drift, _young(people, minutes))
    windows.push(_at(float(heard), people / minutes), drift, _young(people, minutes))
    look = windows.look(drift, _young(people, minutes), np.ones(SERIES, bool), _calm)
    assert score[0] <= look.score[0] <= score[1], what


def _at(people: float, usual: float) -> Minute:
    return Minute(np.full(SERIES, people), np.zeros(SERIES), np.full(SERIES, usual), np.ones(SERIES),
                  np.ones(SERIES, bool))
