"""Real posts through a backtest: the budgets around the configured one, over disasters that are known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.config import load
from notifier.replay.backtest.run import backtest, files_of
from tests.replay.test_real_posts import CONFIG, SANDY, record


@pytest.mark.recordings
def test_sandy_is_raised_at_every_budget_and_what_was_held_back_is_told(tmp_path: Path) -> None:
    """The night it struck is so unlikely that the budget does not matter; later that evening six people are unlikely
    enough, and only their places are lacking."""
    done = backtest(load(CONFIG), files_of(record(tmp_path / "recording", SANDY)), (0.1, 10.0))
    assert [result.of.per_month for result in done.results] == [0.1, 1.0, 10.0]
    for result in done.results:
        (alarm,) = result.alarms
        assert (alarm.service, alarm.regions) == ("power", ["US-NY", "us-northeast"])
        assert alarm.raised == datetime(2012, 10, 30, 0, 51, 50, tzinfo=UTC)
        assert alarm.score > 20 > alarm.threshold
        (held_back,) = result.of.nearest.held_back
        assert "home_needs is 2" in held_back.unusual.lacking


@pytest.mark.recordings
@pytest.mark.long
@pytest.mark.parametrize("event", ["2013_Boston_Bombings", "2013_Queensland_Floods"])
def test_the_other_disasters_raise_nothing_even_at_the_largest_budget(event: str, tmp_path: Path) -> None:
    """A thousand false alarms a month are put up with, and there is none: hardly anybody complains of anything ours."""
    done = backtest(load(CONFIG), files_of(record(tmp_path / "recording", event)), (1000.0,))
    for result in done.results:
        assert list(result.alarms) == []
        assert result.of.nearest.below == []
