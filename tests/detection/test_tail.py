"""What a series does once in so many days is read from what it did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.detection.tail import Tail, TailSettings

HOUR = 1 / 24
LONG = TailSettings(epoch_days=1e6)


def _heard(scores: np.ndarray[Any, Any], settings: TailSettings = LONG, days: float = HOUR) -> Tail:
    """A tail after hearing `scores`, blocks x series."""
    tail = Tail(scores.shape[1], settings)
    for block in scores:
        tail.add(block, days)
    return tail


@pytest.mark.parametrize("scale", [0.05, 0.2, 1.5])
def test_the_promise_is_kept(scale: float) -> None:
    """Series whose hourly peaks are exponential pass the level of once in 20 days about once in 20 days afterwards."""
    random = np.random.default_rng(7)
    before, after = random.exponential(scale, (28 * 24, 200)), random.exponential(scale, (200 * 24, 200))
    level = _heard(before, TailSettings(epoch_days=1e6, prior_peaks=1)).fit().level(1 / 20)
    passed = (after > level).sum() / (200 * 200 / 20)
    assert 0.6 < passed < 1.6


def test_rate_and_level_are_each_others_inverse() -> None:
    """The level of once in ten days is exceeded once in ten days."""
    fit = _heard(np.random.default_rng(1).exponential(1.0, (500, 3))).fit()
    assert fit.exceeded_per_day(fit.level([0.1, 0.01, 0.5])) == pytest.approx([0.1, 0.01, 0.5])


def test_nothing_is_claimed_of_a_series_that_was_hardly_heard() -> None:
    """Four peaks are no tail: no score is rare, whatever it is; with five there is one."""
    tail = _heard(np.ones((4, 1)))
    assert tail.fit().exceeded_per_day(1e9)[0] == np.inf
    assert tail.fit().level(0.1)[0] == np.inf
    tail.add(1.0, HOUR)
    assert np.isfinite(tail.fit().level(0.1)[0])


def test_time_without_a_peak_counts() -> None:
    """Silence makes what was heard before rarer; not having listened does not."""
    tail = _heard(np.random.default_rng(2).exponential(1.0, (100, 2)))
    before = tail.fit().exceeded_per_day(3.0)
    for _ in range(100):
        tail.add(-np.inf, [HOUR, 0.0])
    after = tail.fit().exceeded_per_day(3.0)
    assert after[0] == pytest.approx(before[0] / 2)
    assert after[1] == before[1]


def test_few_peaks_lean_on_the_prior() -> None:
    """Five peaks all alike have no excess of their own: the scale is a shrunken prior, not nothing."""
    settings = TailSettings(prior_peaks=8, prior_excess=0.3, epoch_days=1e6)
    assert _heard(np.ones((5, 1)), settings).fit().scale[0] == pytest.approx(8 * 0.3 / 12)


def test_what_is_long_past_is_forgotten() -> None:
    """A wild month is remembered for a month at least and two at most."""
    settings = TailSettings(epoch_days=10)
    tail = _heard(np.full((9 * 24, 1), 100.0), settings)
    for _ in range(10 * 24):
        tail.add(1.0, HOUR)
    assert tail.fit().threshold[0] == 100.0
    for _ in range(12 * 24):
        tail.add(1.0, HOUR)
    assert tail.fit().level(1e-3)[0] < 10


@pytest.mark.parametrize("peak", [np.nan, np.inf, -np.inf, 1e300])
def test_a_peak_that_is_no_number_is_none(peak: float) -> None:
    """Neither it nor what float32 cannot hold spoils the tail."""
    tail = _heard(np.random.default_rng(3).exponential(1.0, (50, 1)))
    threshold = tail.fit().threshold[0]
    with np.errstate(over="ignore"):
        tail.add(peak, HOUR)
    assert tail.fit().threshold[0] == threshold
    assert np.isfinite(tail.fit().level(0.01)[0])


@settings(deadline=None)
@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=120), st.integers(2, 9), st.floats(0.5, 4))
def test_two_epochs_hold_exactly_the_highest(scores: list[float], kept: int, epoch: float) -> None:
    """The tail begins at the lowest of the highest `kept` of all that is remembered, as if nothing were thrown away."""
    settings = TailSettings(kept=kept, least=2, epoch_days=epoch)
    tail, this, last = Tail(1, settings), [], []
    for score in scores:
        tail.add(score, 0.25)
        this.append(score)
        if len(this) * 0.25 >= epoch:
            this, last = [], this
    highest = sorted(this + last)[-kept:]
    if len(highest) >= 2:
        assert tail.fit().threshold[0] == pytest.approx(highest[0])
        assert tail.days.sum() == pytest.approx(0.25 * len(this + last))


def test_series_do_not_touch_each_other() -> None:
    """Many together are as each alone."""
    scores = np.random.default_rng(4).exponential(1.0, (300, 5))
    together = _heard(scores, TailSettings(epoch_days=3)).fit()
    for one in range(5):
        alone = _heard(scores[:, [one]], TailSettings(epoch_days=3)).fit()
        assert (alone.threshold[0], alone.scale[0], alone.rate[0]) \
            == (together.threshold[one], together.scale[one], together.rate[one])


@pytest.mark.parametrize("wrong", [{"kept": 1}, {"least": 1}, {"prior_peaks": 0.0}, {"prior_excess": -1.0},
                                   {"epoch_days": 0.0}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    """Each alone."""
    with pytest.raises(ValueError, match="a tail needs"):
        TailSettings(**wrong)


def test_a_hundred_thousand_series_are_small() -> None:
    """176 bytes a series: 18 MB of the 1 GiB that all their state may take."""
    tail = Tail(100_000)
    assert (tail.peaks.nbytes + tail.days.nbytes) / 100_000 == 176
