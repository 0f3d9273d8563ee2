"""How unlikely a count is: against the exact tail, and for any numbers at all."""

from __future__ import annotations

from math import lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.detection.spikes.unlikely import unlikely


def _exact(people: int, mean: float, variation: float) -> float:
    """-log10 of the tail by quadrature over the factor's logarithm."""
    spread = np.log1p(variation)
    z = np.linspace(-10, 16, 4001)
    rate = np.log(mean) - spread / 2 + z * np.sqrt(spread)
    counts = np.arange(people, people + 40 * int(np.sqrt(people) + 10))
    factorials = np.array([lgamma(count + 1) for count in counts])
    each = counts[None, :] * rate[:, None] - np.exp(rate)[:, None] - factorials[None, :]
    top = each.max(1)
    tails = np.minimum(top + np.log(np.exp(each - top[:, None]).sum(1)), 0.0)
    whole = tails - z ** 2 / 2 - log(2 * np.pi) / 2 + log(z[1] - z[0])
    best = whole.max()
    return float(-(best + np.log(np.exp(whole - best).sum())) / np.log(10))


def _one(people: float, mean: float, variation: float) -> float:
    return float(unlikely(np.array([people]), np.array([mean]), np.array([variation]))[0])


@pytest.mark.parametrize(("people", "mean", "variation"), [
    (4, 0.02, 0.1),     # a village where nobody ever complains
    (5, 0.05, 0.3),
    (8, 0.3, 0.05),
    (12, 1.0, 0.1),
    (20, 2.0, 0.2),
    (40, 10.0, 0.06),   # a town at four times the usual
    (90, 25.0, 0.1),
    (300, 100.0, 0.05),
    (900, 300.0, 0.06),
    (2000, 1000.0, 0.02),  # a nation at twice the usual
])
def test_near_the_exact_tail(people: int, mean: float, variation: float) -> None:
    """For scores around those that decide: within 0.5 from eight people on, below that up to 1 too low; never too
    high."""
    exact = _exact(people, mean, variation)
    assert 3.5 < exact < 14
    assert exact - (0.5 if people >= 8 else 1.0) < _one(people, mean, variation) < exact + 0.02


finite = st.floats(1e-300, 1e300, allow_nan=False, allow_infinity=False)
ordinary_means = st.floats(1e-4, 1e5)
ordinary_variations = st.floats(0.002, 2.0)


@given(finite | st.just(0.0), finite, finite)
def test_never_nan(people: float, mean: float, variation: float) -> None:
    """Whatever is counted: a score that can be compared, without a warning."""
    score = _one(people, mean, variation)
    assert np.isfinite(score)
    assert score >= 0


@given(st.integers(1, 100_000), st.integers(1, 10_000), ordinary_means, ordinary_variations)
def test_more_people_are_less_likely(people: int, more: int, mean: float, variation: float) -> None:
    assert _one(people + more, mean, variation) >= _one(people, mean, variation) - 1e-9


@given(st.integers(1, 100_000), ordinary_means, st.floats(1.0, 1000.0), ordinary_variations)
def test_likelier_where_more_are_usual(people: int, mean: float, times: float, variation: float) -> None:
    assert _one(people, mean * times, variation) <= _one(people, mean, variation) + 1e-9


@given(ordinary_means, st.floats(0.0, 1.0), ordinary_variations)
def test_nothing_below_the_mean_is_unlikely(mean: float, share: float, variation: float) -> None:
    """Silence is no spike."""
    people = float(int(mean * share))
    assert _one(people, mean, variation) == 0.0
