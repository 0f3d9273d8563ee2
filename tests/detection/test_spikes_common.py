"""What lifts all parts at once: news, seen by each part in the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.detection.spikes.common import common
from notifier.detection.spikes.settings import NUMBERS

USUAL = np.array([200.0, 100.0, 400.0, 50.0, 300.0, 150.0])


def test_an_outage_does_not_hide_itself() -> None:
    """One part at thirty times the usual: its own factor stays, the others' hardly moves."""
    people = USUAL.copy()
    people[0] *= 30
    found = common(people, USUAL)
    assert found.factor == pytest.approx(np.ones(6))
    assert found.all_parts == pytest.approx(1.0)


def test_news_lifts_all() -> None:
    """Three times the usual everywhere is a factor of nearly three, the prior apart."""
    found = common(3 * USUAL, USUAL)
    assert np.all((found.factor > 2.4) & (found.factor < 3.0))
    assert found.known
    assert 2.4 < found.all_parts < 3.0


def test_a_silent_part_has_the_factor_of_the_others() -> None:
    """A part that hears next to nothing is lifted like the rest."""
    usual = np.append(USUAL, 0.01)
    found = common(np.append(3 * USUAL, 0.0), usual)
    assert found.factor[-1] == pytest.approx(found.all_parts)


def test_a_holiday_is_quieter_but_not_below_the_least() -> None:
    assert np.all(common(0.2 * USUAL, USUAL).factor == NUMBERS.common_least)


@pytest.mark.parametrize("alive", [0, 1, 2, 3])
def test_fewer_than_four_parts_cannot_tell(alive: int) -> None:
    """Their factor is 1, whatever they hear."""
    usual = np.where(np.arange(6) < alive, USUAL, 0.5)
    found = common(5 * usual, usual)
    assert np.all(found.factor == 1)
    assert np.all(found.spread == 0)
    assert not found.known
    assert np.isnan(found.all_parts)


def test_parts_that_disagree_have_spread() -> None:
    """Beyond chance: some at the usual, some at half as many again, some at twice, with many people."""
    usual = np.full(9, 10_000.0)
    found = common(usual * np.array([1, 1.5, 2] * 3), usual)
    assert np.all(found.spread > 0.05)
    assert np.all(common(usual, usual).spread == 0)


parts = st.lists(st.tuples(st.integers(0, 5_000), st.floats(0.0, 3_000.0)), min_size=1, max_size=14)


@given(parts, st.integers(0, 10**6))
def test_the_order_of_parts_says_nothing(drawn: list[tuple[int, float]], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(drawn))
    people, usual = np.array(drawn, float).T
    one, other = common(people, usual), common(people[order], usual[order])
    assert other.factor == pytest.approx(one.factor[order])
    assert other.spread == pytest.approx(one.spread[order], abs=1e-9)


@given(parts)
def test_each_part_is_held_against_the_others(drawn: list[tuple[int, float]]) -> None:
    """Worked out one by one: the median, the distance and chance of all other parts that hear anything."""
    people, usual = np.array(drawn, float).T
    alive = usual > 1
    prior = NUMBERS.common_prior
    found = common(people, usual)
    if alive.sum() < 4:
        return
    ratio = (people + prior) / (usual + prior)
    for part in range(len(drawn)):
        others = np.flatnonzero(alive & (np.arange(len(drawn)) != part))
        middle = np.median(ratio[others])
        off = 1.4826 * np.median(np.abs(ratio[others] - middle))
        chance = np.mean((middle * usual[others] + prior) / (usual[others] + prior) ** 2)
        assert found.factor[part] == pytest.approx(max(middle, NUMBERS.common_least))
        assert found.spread[part] == pytest.approx(max(0.0, off ** 2 - chance) / middle ** 2, abs=1e-9)


def test_many_parts_take_little_room() -> None:
    """50,000 parts directly below a root: the square of that would be 20 GB."""
    usual = np.random.default_rng(1).uniform(2, 100, 50_000)
    found = common(2 * usual, usual)
    assert 1.5 < found.factor.min() <= found.factor.max() < 2.0
