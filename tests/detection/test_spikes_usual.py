"""How many people a minute are usual: what is learnt, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from notifier.detection.spikes.settings import SpikeSettings
from notifier.detection.spikes.usual import DAY, Usual

BEGUN = 482_064 * 60
WEEK = 7 * DAY


def _usual(series: int = 1) -> Usual:
    return Usual(SpikeSettings(), np.zeros(series, np.int64), np.array([0]))


def _learn(usual: Usual, minute: int, people: float, heard: float = 1.0) -> None:
    count = len(usual.seen)
    usual.learn(minute, np.full(count, people), usual.at(minute) * heard, np.full(count, heard))


@pytest.mark.parametrize("rate", [0.05, 1.0, 40.0])
def test_a_constant_rate_is_learnt_in_a_week(rate: float) -> None:
    """Within five in a hundred and what the prior and chance leave."""
    usual, random = _usual(), np.random.default_rng(7)
    for minute, people in enumerate(random.poisson(rate, WEEK), BEGUN):
        _learn(usual, minute, people)
    assert usual.level[0] == pytest.approx(rate, rel=0.05 + 3 / np.sqrt(rate * 4 * DAY))


def test_the_hour_of_the_week_is_learnt() -> None:
    """Three times as many on every evening, none on Sundays' nights: after two weeks the forecast follows."""
    def shape(minute: int) -> float:
        return 9.0 if minute // 60 % 24 in (18, 19, 20) else 3.0

    usual = _usual()
    for minute in range(BEGUN, BEGUN + 2 * WEEK):
        _learn(usual, minute, shape(minute))
    for hour in (3, 12, 19):
        minute = BEGUN + 2 * WEEK + 60 * hour + 30
        assert usual.at(minute)[0] == pytest.approx(shape(minute), rel=0.1)


def test_between_hours_the_forecast_is_continuous() -> None:
    """No minute differs from the next by more than a thirtieth of what two hours differ by."""
    usual = _usual()
    for minute in range(BEGUN, BEGUN + WEEK):
        _learn(usual, minute, 2.0 + 4.0 * (minute // 60 % 2))
    day = np.array([usual.at(minute)[0] for minute in range(BEGUN + WEEK, BEGUN + WEEK + DAY)])
    assert day.max() - day.min() > 2
    assert np.abs(np.diff(day)).max() <= (day.max() - day.min()) / 30


def test_an_outage_hour_counts_at_most_one_point_seven_times() -> None:
    """A hundred times the usual for an hour, after nine days: learnt as 1.7 times with a margin of chance."""
    usual = _usual()
    for minute in range(BEGUN, BEGUN + 9 * DAY):
        _learn(usual, minute, 10.0)
    before, hour = usual.seen[0], usual.at(BEGUN + 9 * DAY)[0] * 60
    for minute in range(BEGUN + 9 * DAY, BEGUN + 9 * DAY + 60):
        _learn(usual, minute, 1000.0)
    learnt = usual.seen[0] - before * usual.keeps
    assert learnt <= 1.7 * hour + 4 * np.sqrt(hour) + 6
    assert learnt > 1.5 * hour


def test_an_hour_that_was_not_heard_leaves_the_level() -> None:
    """Half a day in which nothing is heard is no half day of silence."""
    usual = _usual()
    for minute in range(BEGUN, BEGUN + 5 * DAY):
        _learn(usual, minute, 10.0)
    before = usual.at(BEGUN + 6 * DAY)[0]
    for minute in range(BEGUN + 5 * DAY, BEGUN + 5 * DAY + 720):
        _learn(usual, minute, 0.0, heard=0.0)
    assert usual.at(BEGUN + 6 * DAY)[0] == pytest.approx(before, rel=0.001)


def test_an_hour_that_ends_in_a_gap_is_not_added_to_the_next() -> None:
    """Ended by the gap; ending it again changes nothing."""
    usual = _usual()
    for minute in range(BEGUN, BEGUN + 40):
        _learn(usual, minute, 10.0)
    usual.end_hour(BEGUN + 39)
    seen, flat = usual.seen[0], usual.flat[0]
    assert (seen, flat) == pytest.approx((400.0, 40.0))
    usual.end_hour(BEGUN + 39)
    assert (usual.seen[0], usual.flat[0]) == (seen, flat)
    assert usual.hours_weeks[BEGUN // 60 % 168, 0] == 1


def test_an_hour_that_was_wrong_is_corrected_once() -> None:
    """Three times the people in one hour of the first week, none of it later: the forecast of that hour comes down and
    never falls below what is usual by more than a fifth, neither for a sum nor for its only part."""
    usual = _usual(2)
    for minute in range(BEGUN, BEGUN + 5 * WEEK):
        odd = minute < BEGUN + WEEK and (minute - BEGUN) // 60 == 30
        if (minute - BEGUN) % WEEK // 60 == 30 and minute % 60 == 30 and minute > BEGUN + WEEK:
            assert 8.0 <= usual.at(minute)[0] <= 31.0
            assert 8.0 <= usual.at(minute)[1] <= 31.0
        _learn(usual, minute, 30.0 if odd else 10.0)
    assert usual.at(BEGUN + 5 * WEEK + 30 * 60 + 30)[1] == pytest.approx(10.0, rel=0.35)


def test_an_hour_not_heard_is_like_other_days_at_the_height_of_its_day() -> None:
    """Evenings are three times as loud, Sundays half: the Sunday evening nobody listened to is 1.5."""
    def shape(minute: int) -> float:
        day, hour = minute // DAY % 7, minute // 60 % 24
        return (3.0 if hour in (18, 19, 20) else 1.0) * (0.5 if day == 6 else 1.0)

    usual = _usual()
    for minute in range(BEGUN, BEGUN + 3 * WEEK):
        deaf = minute // DAY % 7 == 6 and minute // 60 % 24 in (18, 19, 20)
        _learn(usual, minute, 0.0 if deaf else shape(minute), 0.0 if deaf else 1.0)
    evening = next(minute for minute in range(BEGUN + 3 * WEEK, BEGUN + 4 * WEEK)
                   if minute // DAY % 7 == 6 and minute // 60 % 24 == 19 and minute % 60 == 30)
    assert usual.at(evening)[0] == pytest.approx(1.5, rel=0.15)
