"""How unlikely is what was heard? A negative-binomial tail over windows of several lengths.

Counts of posts vary more than chance alone would have it (variance = m + c·m², with c from 0.1 to 0.4 in real series of
posts), and a Poisson tail is wrong by that at every rate above a few a window. A tail probability with c in it compares
quiet and busy series by one threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p, log10

MOST = 300.0
"""Scores end here: less likely than 10^-300 is not worth telling apart."""
LEAST_MEAN = 1e-12
TERMS_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Heard:
    """What one window of `minutes` held: people, those of them with a known place, and how many are usual."""

    minutes: int
    people: int
    placed: int
    expected: float


@dataclass(frozen=True, slots=True)
class Spike:
    """The least likely window: -log10 of its probability, its minutes, its people, how many are usual in it."""

    score: float
    window: int
    people: int
    expected: float


NOTHING = Spike(0.0, 0, 0, 0.0)


def tail(n: int, mean: float, dispersion: float) -> float:
    """-log10 P(N >= n) for N negative-binomial with `mean` and variance mean + dispersion·mean² (Poisson where that
    is 0). Between 0 and MOST; grows with n, falls with the mean."""
    if n <= 0:
        return 0.0
    if mean < LEAST_MEAN:
        return tail(n, LEAST_MEAN, dispersion)
    if n <= mean:
        return max(-log10(max(1.0 - _below(n, mean, dispersion), 1e-16)), 0.0)
    return min(max(-(_log_upper(n, mean, dispersion) / log(10)), 0.0), MOST)


def _below(n: int, mean: float, dispersion: float) -> float:
    """P(N < n) for n up to the mean, from the largest term down."""
    total, term = 0.0, exp(_log_pmf(n - 1, mean, dispersion))
    for k in range(n - 1, -1, -1):
        total += term
        if dispersion > 0:
            term *= k / (k - 1 + 1 / dispersion) * (1 + mean * dispersion) / (mean * dispersion) if k else 0.0
        else:
            term *= k / mean
        if term < total * 1e-13:
            break
    return total


def _log_upper(n: int, mean: float, dispersion: float) -> float:
    """log P(N >= n) for n above the mean, where the terms fall from the first on."""
    total, term, k = 0.0, 1.0, n
    for _ in range(TERMS_MOST):
        total += term
        if dispersion > 0:
            term *= (k + 1 / dispersion) / (k + 1) * (mean * dispersion / (1 + mean * dispersion))
        else:
            term *= mean / (k + 1)
        k += 1
        if term < total * 1e-12:
            break
    return _log_pmf(n, mean, dispersion) + log(total)


def _log_pmf(k: int, mean: float, dispersion: float) -> float:
    if dispersion <= 1e-9:
        return k * log(mean) - mean - lgamma(k + 1)
    r = 1 / dispersion
    spread = mean * dispersion
    return lgamma(k + r) - lgamma(r) - lgamma(k + 1) - r * log1p(spread) + k * (log(spread) - log1p(spread))


def onset(counts: Sequence[int], expected: float) -> int:
    """Index of the first of `counts` (one a step, oldest first, `expected` each) from which the excess is sustained:
    the start that makes "it rose then and stayed risen" likeliest, by the Poisson likelihood ratio
    n·ln(n/m) - (n - m)."""
    best, found, people = 0.0, len(counts) - 1, 0
    for back in range(1, len(counts) + 1):
        here = counts[-back]
        people += here
        usual = max(expected, 1e-9) * back
        if here == 0 or people <= usual:
            continue
        gain = people * log(people / usual) - (people - usual)
        if gain > best:
            best, found = gain, len(counts) - back
    return found
