"""How unlikely is a count, and when did it begin to be?"""

from __future__ import annotations

from math import exp, factorial, log10

import pytest
from hypothesis import given
from hypothesis import settings as laws
from hypothesis import strategies as st

from notifier.detection.spike import MOST, onset, tail

means = st.floats(0.001, 300, allow_nan=False)
dispersions = st.sampled_from((0.0, 0.1, 0.25, 0.4, 1.0))


@pytest.mark.parametrize(("n", "mean"), [(1, 0.05), (3, 0.5), (5, 0.05), (10, 4.0), (2, 7.0)])
def test_poisson_tail(n: int, mean: float) -> None:
    """Without dispersion it is the Poisson tail, summed here term by term."""
    below = sum(exp(-mean) * mean**k / factorial(k) for k in range(n))
    above = sum(exp(-mean) * mean**k / factorial(k) for k in range(n, n + 60))
    assert tail(n, mean, 0) == pytest.approx(-log10(above if below > 0.5 else 1 - below), abs=1e-6)


@pytest.mark.parametrize(("n", "mean"), [(5, 0.05), (5, 0.34), (20, 5.0), (3, 5.0), (40, 41.0)])
def test_negative_binomial_tail(n: int, mean: float) -> None:
    """With dispersion 0.25, against the negative-binomial probabilities written out with r = 4."""
    q = mean / (mean + 4)
    pmf = [(1 - q)**4]
    for k in range(1, 2000):
        pmf.append(pmf[-1] * (k + 3) / k * q)
    assert tail(n, mean, 0.25) == pytest.approx(-log10(sum(pmf[n:])), abs=1e-6)


@given(st.integers(0, 400), means, dispersions)
def test_tail_grows_with_people(n: int, mean: float, dispersion: float) -> None:
    """Law: one person more is never more likely."""
    assert tail(n + 1, mean, dispersion) >= tail(n, mean, dispersion) - 1e-9


@given(st.integers(0, 400), means, st.floats(1.0, 5.0), dispersions)
def test_tail_falls_with_the_mean(n: int, mean: float, times: float, dispersion: float) -> None:
    """Law: the same count is never less likely where more is usual."""
    assert tail(n, mean * times, dispersion) <= tail(n, mean, dispersion) + 1e-9


@laws(deadline=None)
@given(st.integers(-10, 10**6), st.floats(0, 1e6), dispersions)
def test_tail_is_a_score(n: int, mean: float, dispersion: float) -> None:
    """Law: always between 0 and the most there is."""
    assert 0 <= tail(n, mean, dispersion) <= MOST



@pytest.mark.parametrize(("counts", "expected", "first"), [
    pytest.param([0] * 20 + [1, 0, 2, 1, 3], 0.01, 20, id="the first of the run"),
    pytest.param([1] + [0] * 20 + [2, 2, 3], 0.01, 21, id="a stray long before is not the onset"),
    pytest.param([1, 2, 1, 2, 1, 2, 1, 9, 8, 9], 1.5, 7, id="usual noise before is not the onset"),
    pytest.param([5], 0.01, 0, id="all at once"),
])
def test_onset(counts: list[int], expected: float, first: int) -> None:
    """The onset is where the excess begins and stays."""
    assert onset(counts, expected) == first
