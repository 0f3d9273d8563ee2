"""How far a series wanders, and how loudly it answers to news."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as laws
from hypothesis import strategies as st

from notifier.detection.spikes.drift import RANGE, Drift, Minute


def _minute(people: list[float], usual: list[float], common: float = 1.0, *, heard: bool = True,
            copies: float = 0.0) -> Minute:
    count = len(people)
    return Minute(np.array(people, float), np.full(count, copies), np.array(usual, float) * heard,
                  np.full(count, common), np.full(count, heard))


def _news(minute: int) -> float:
    """Every six hours for two hours, rising over twenty minutes to three times the usual."""
    since = minute % 360
    return 1.0 if since >= 120 else 1 + 2 * min(since / 20, 1.0, (120 - since) / 40)


def test_who_answers_twice_as_loudly_is_found_out() -> None:
    """After eight news; who answers like the others stays near 1."""
    drift, random = Drift(2, np.zeros(2, bool)), np.random.default_rng(2)
    answer, usual = np.array([2.0, 1.0]), np.array([10.0, 10.0])
    for minute in range(8 * 360):
        lift = 1 + answer * (_news(minute) - 1)
        people = random.poisson(usual * lift).tolist()
        drift.learn(_minute(people, usual.tolist(), _news(minute)), np.zeros(2), minute, grown=True)
    assert drift.answer[0] == pytest.approx(2.0, abs=0.3)
    assert drift.answer[1] == pytest.approx(1.0, abs=0.2)


def test_a_sum_takes_news_for_its_own_more_slowly_than_a_part() -> None:
    """Its answer would hide the news from its own window: after two news it has learnt not half as much."""
    drift = Drift(2, np.array([True, False]))
    for minute in range(2 * 360):
        common = _news(minute)
        drift.learn(_minute([100 * (1 + 2 * (common - 1))] * 2, [100.0] * 2, common), np.zeros(2), minute, grown=True)
    assert drift.answer[0] - 1 < (drift.answer[1] - 1) / 2


def test_an_outage_moves_the_factor_little() -> None:
    """Ten times the usual for a quarter of an hour, while seen as unlikely; a slow rise of a third is followed."""
    outage, rise = Drift(1, np.zeros(1, bool)), Drift(1, np.zeros(1, bool))
    for minute in range(15):
        outage.learn(_minute([100.0], [10.0]), np.array([20.0]), minute, grown=True)
    assert outage.factor[0] < 1.9
    for minute in range(120):
        rise.learn(_minute([13.3], [10.0]), np.zeros(1), minute, grown=True)
    assert rise.factor[0] == pytest.approx(1.28, abs=0.08)


def test_what_was_not_heard_teaches_nothing() -> None:
    """The factor comes back by half in its half-life; variances learnt stay."""
    drift = Drift(1, np.zeros(1, bool))
    for minute in range(200):
        drift.learn(_minute([14.0], [10.0]), np.zeros(1), minute, grown=True)
    before, scatter, answer = drift.factor[0], drift.scatter[0], drift.answer[0]
    for minute in range(200, 225):
        drift.learn(_minute([0.0], [10.0], heard=False), np.zeros(1), minute, grown=True)
    assert drift.factor[0] - 1 == pytest.approx((before - 1) / 2, rel=0.01)
    assert (drift.scatter[0], drift.answer[0]) == (scatter, answer)


minutes = st.lists(st.tuples(st.integers(0, 10**6), st.floats(1e-5, 1e5), st.floats(0.8, 50.0), st.booleans(),
                             st.floats(0.0, 30.0), st.integers(0, 10**5)), min_size=1, max_size=40)


@laws(deadline=None, max_examples=60)
@given(minutes, st.booleans())
def test_variances_stay_positive_and_factors_in_range(drawn: list[tuple[int, float, float, bool, float, int]],
                                                      inner: bool) -> None:
    """Whatever is heard, in whatever order."""
    drift = Drift(1, np.array([inner]))
    for minute, (people, usual, common, heard, score, copies) in enumerate(drawn):
        expected = drift.learn(_minute([people * heard], [usual], common, heard=heard, copies=copies * heard),
                               np.array([score]), minute, grown=True)
        assert np.isfinite(expected).all()
        for variance in (drift.factor_variance, drift.answer_variance, drift.wander, drift.scatter):
            assert np.isfinite(variance).all()
            assert (variance > 0).all()
        for factor in (drift.factor, drift.answer):
            assert RANGE[0] <= factor[0] <= RANGE[1]
