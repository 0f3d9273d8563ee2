"""What is usual is learnt slowly, and never from the outage itself."""

from __future__ import annotations

import pytest

from notifier.detection.baseline import CAP, CAP_MORE, HOUR, WEEK_HOURS, Heard, Level, Profile

PRIOR = 0.01
HALF_LIFE = 4 * 86400


def _learn(level: Level, heard: Heard, people: float, hours: int, *, learn: bool = True) -> None:
    for _ in range(hours):
        before = level.rate(heard.minutes, PRIOR) * 60
        heard.hour(True)
        level.hour(people, expected=before, shape=1.0, kept=heard.kept, learn=learn)


def test_the_prior_stands_before_anything_was_heard() -> None:
    """Nothing heard yet: the prior."""
    assert Level().rate(0, PRIOR) == PRIOR


def test_a_steady_level_is_learnt() -> None:
    """Six people an hour for two weeks become about 0.1 a minute; the prior keeps some weight."""
    level, heard = Level(), Heard(HALF_LIFE)
    _learn(level, heard, 6, 14 * 24)
    assert 0.08 < level.rate(heard.minutes, PRIOR) <= 0.1


def test_silence_is_learnt_too() -> None:
    """Weeks without a complaint make five of them stranger."""
    level, heard = Level(), Heard(HALF_LIFE)
    _learn(level, heard, 0, 14 * 24)
    assert level.rate(heard.minutes, PRIOR) < PRIOR / 3


def test_one_wild_hour_counts_little() -> None:
    """A thousand people in an hour count as what the cap allows."""
    level, heard = Level(), Heard(HALF_LIFE)
    _learn(level, heard, 1000, 1)
    assert level.people == pytest.approx(CAP * PRIOR * 60 + CAP_MORE)


def test_alarmed_hours_change_nothing() -> None:
    """A day of outage that is not learnt from leaves the level where it was, and does not count as silence."""
    level, heard = Level(), Heard(HALF_LIFE)
    _learn(level, heard, 6, 14 * 24)
    before = level.rate(heard.minutes, PRIOR)
    _learn(level, heard, 500, 24, learn=False)
    assert level.rate(heard.minutes, PRIOR) == pytest.approx(before, rel=0.05)


def test_a_gap_is_not_silence() -> None:
    """Hours in which nothing at all was heard leave everything as it was."""
    heard = Heard(HALF_LIFE)
    heard.hour(True)
    minutes = heard.minutes
    heard.hour(False)
    assert heard.minutes == minutes


def test_the_profile_learns_the_evening() -> None:
    """Where the same hour of the week is three times as busy for weeks, it is expected to be."""
    profile = Profile()
    for week in range(8):
        for hour in range(WEEK_HOURS):
            profile.hour(week * WEEK_HOURS + hour, 90 if hour % 24 == 20 else 30, 30)
    assert profile.slot(20) > 2
    assert profile.slot(12) == pytest.approx(1, abs=0.05)


def test_the_profile_runs_smoothly_between_hours() -> None:
    """In the middle of an hour its own share, on the hour the mean of the two."""
    profile = Profile()
    profile.heard[20], profile.flat[20] = 100.0, 40.0
    middle, border = profile.at(20.5 * HOUR), profile.at(20 * HOUR)
    assert middle == pytest.approx(profile.slot(20))
    assert border == pytest.approx((profile.slot(19) + profile.slot(20)) / 2)


def test_a_few_people_shape_nothing() -> None:
    """One person in a slot where none was expected hardly moves it."""
    profile = Profile()
    profile.hour(5, 1, 0.1)
    assert profile.slot(5) < 1.1
