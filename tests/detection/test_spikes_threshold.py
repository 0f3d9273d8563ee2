"""Where the threshold lies for other numbers of series and other budgets."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.detection.spikes.threshold import budget, threshold


@pytest.mark.parametrize(("series", "per_month", "expected"), [
    (211, 1.0, 7.6),                    # as it was calibrated
    (211, 5.0, 6.6),                    # five times the false alarms: one less
    (211 * 5, 1.0, 8.6),                # five times the series: one more
    (2110, 10.0, 7.6),                  # ten times of both: the same
    (3_000, 1.0, 7.6 + log(3_000 / 211) / log(5)),
    (1, 1_000.0, 5.0),                  # never below five
    (0, 1.0, 5.0),                      # no series count as one
])
def test_scales_as_said(series: int, per_month: float, expected: float) -> None:
    assert threshold(series, per_month) == pytest.approx(expected)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(1e-3, 1e3), st.floats(1.0, 1e3))
def test_rises_with_the_series_and_falls_with_the_budget(series: int, more: int, budget: float, times: float) -> None:
    assert threshold(series + more, budget) >= threshold(series, budget) >= threshold(series, budget * times) >= 5.0


@given(st.integers(1, 10**6), st.floats(5.0, 20.0))
def test_the_budget_of_a_score_is_the_one_whose_threshold_it_is(series: int, score: float) -> None:
    found = budget(series, score)
    assert found is not None
    assert threshold(series, found) == pytest.approx(score)


def test_no_budget_raises_a_score_below_five() -> None:
    assert budget(211, 4.99) is None
