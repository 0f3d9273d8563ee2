"""A series alarms at what it does more rarely than once in so many days, and once an incident."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.detection.volume import ALARM, Volume, VolumeSettings

BIN = 300.0
DAY = 288
"""Bins."""


def _quiet(days: int, mean: float = 20.0, seed: int = 1) -> list[float]:
    """Overdispersed counts (variance m + m^2/4) with a day's rhythm."""
    random = np.random.default_rng(seed)
    means = mean * (1 + 0.6 * np.sin(2 * np.pi * np.arange(days * DAY) / DAY))
    return [float(c) for c in random.poisson(means * random.gamma(4, 0.25, days * DAY))]


def _scores(counts: list[float], volume: Volume | None = None) -> list[float]:
    volume = volume or Volume(BIN)
    return [volume.push(count) for count in counts]


def _alarms(scores: list[float]) -> list[int]:
    return [bin for bin, score in enumerate(scores) if score >= ALARM]


@pytest.mark.parametrize(("mean", "times"), [(0.3, 60.0), (5.0, 12.0), (20.0, 8.0), (5000.0, 8.0)])
def test_a_burst_is_one_alarm_within_half_an_hour(mean: float, times: float) -> None:
    """Three hours at several times the usual, at rates from a few a day to thousands a bin."""
    counts = _quiet(10, mean)
    at = 8 * DAY
    for bin in range(at, at + 36):
        counts[bin] = times * mean
    alarms = [bin for bin in _alarms(_scores(counts)) if bin >= at]
    assert len(alarms) == 1
    assert alarms[0] - at < 6


def test_quiet_weeks_are_quiet() -> None:
    """Ten series of four weeks of nothing: no more than one alarm in twenty days each."""
    alarms = sum(len(_alarms(_scores(_quiet(28, 10, seed)))) for seed in range(10))
    assert alarms <= 10 * 28 / 20


def test_what_comes_every_day_is_usual() -> None:
    """A burst at nine every morning alarms at first, and no more once it was seen often."""
    counts = _quiet(30)
    for day in range(30):
        for bin in range(day * DAY + 108, day * DAY + 114):
            counts[bin] *= 10
    scores = _scores(counts)
    assert len([bin for bin in _alarms(scores) if bin < 10 * DAY]) >= 1
    assert [bin for bin in _alarms(scores) if bin > 10 * DAY] == []


def test_a_drop_is_no_alarm() -> None:
    """Fewer posts than usual are no incident of the kind that is heard."""
    counts = _quiet(10)
    counts[8 * DAY:9 * DAY] = [0.0] * DAY
    assert [bin for bin in _alarms(_scores(counts)) if 8 * DAY <= bin < 9 * DAY] == []


def test_after_a_gap_nothing_is_claimed_for_an_hour() -> None:
    """What comes first after a gap is the backlog; the level is kept and so is the ear for a later burst."""
    volume = Volume(BIN)
    _scores(_quiet(8), volume)
    volume.gap(6 * 3600.0)
    assert _alarms(_scores([2000.0] + [20.0] * 10, volume)) == []
    assert _alarms(_scores([20.0] * 200, volume)) == []
    assert len(_alarms(_scores([400.0] * 12, volume))) == 1


def test_after_an_alarm_none_for_a_day_and_then_again() -> None:
    """A second, higher burst an hour later belongs to it; one two days later does not."""
    counts = _quiet(16)
    for begin, times in ((8 * DAY, 10), (8 * DAY + 24, 20), (11 * DAY, 60)):
        for bin in range(begin, begin + 12):
            counts[bin] = times * 20.0
    alarms = [bin // DAY for bin in _alarms(_scores(counts)) if bin >= 8 * DAY]
    assert alarms == [8, 11]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 3 * DAY - 1), st.floats(0, 1e15))
def test_no_score_depends_on_what_comes_later(at: int, count: float) -> None:
    """Change a bin: every score before it stays as it was."""
    counts = _quiet(3)
    changed = [*counts[:at], count, *counts[at + 1:]]
    assert _scores(counts)[:at] == _scores(changed)[:at]


@settings(deadline=None)
@given(st.lists(st.one_of(st.just(0.0), st.floats(0, 2.0 ** 53)), max_size=400), st.sampled_from([10.0, 300.0, 1e7]))
def test_a_score_is_between_nothing_and_one(counts: list[float], width: float) -> None:
    """Whatever is counted, at whatever bin width."""
    assert all(0.0 <= score <= 1.0 for score in _scores(counts, Volume(width)))


@pytest.mark.parametrize("width", [0.0, -300.0, 1.0, float("nan"), float("inf")])
def test_a_bin_has_a_width(width: float) -> None:
    """And no shorter one than can be afforded."""
    with pytest.raises(ValueError, match="a bin lasts"):
        Volume(width)


def test_the_promise_is_a_setting() -> None:
    """Twice the days, fewer alarms."""
    counts = _quiet(40, 3, 5)
    for bin in range(DAY, 40 * DAY, 4 * DAY + 17):
        counts[bin:bin + 6] = [float(30 + bin % 97)] * 6
    often, seldom = (len(_alarms(_scores(counts, Volume(BIN, replace(VolumeSettings(), alarm_days=days)))))
                     for days in (3.0, 60.0))
    assert often > seldom
