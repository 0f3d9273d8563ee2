"""Counts as they arrive: late, early, all at once after a gap, copied, and from nowhere."""

from __future__ import annotations

import pytest

from notifier.detection.spikes.declared import Alarm, DeclaredTerritory, Unknown
from notifier.detection.spikes.territory import LATE
from notifier.detection.spikes.threshold import threshold

BEGUN = 482_064 * 3600
REGIONS = {f"r{leaf}": f"s{leaf // 5}" for leaf in range(30)}


class Heard:
    """A territory that hears four people a minute in each region, minute by minute."""

    def __init__(self, hours: int = 6) -> None:
        self.counts = DeclaredTerritory(REGIONS)
        self.now = BEGUN
        for _ in range(60 * hours):
            self.minute()

    def minute(self, *, down: tuple[str, ...] = (), besides: dict[str, int] | None = None) -> list[Alarm]:
        for region, state in REGIONS.items():
            people = (besides or {}).get(region, 0) + (0 if state in down else 4)
            if people:
                self.counts.add(self.now + 30, region, people, people)
        self.now += 60
        return self.counts.minute(self.now, down)


def _regions(alarms: list[Alarm]) -> set[str]:
    return {alarm.region for alarm in alarms}


def test_an_outage_is_told_with_its_window() -> None:
    """Of the region alone, with what was heard and what was expected."""
    alarms = Heard().minute(besides={"r7": 200})
    assert [alarm.region for alarm in alarms if alarm.region.startswith("r")] == ["r7"]
    alarm = next(alarm for alarm in alarms if alarm.region == "r7")
    assert (alarm.window, alarm.people) == (1, 204)
    assert alarm.expected == pytest.approx(4, rel=0.2)
    assert alarm.score >= threshold(37, 30 / 200)


@pytest.mark.parametrize(("late", "counts"), [
    (0, True), (1, True), (LATE, True),
    (LATE + 1, True),     # in the minute it was written
    (15, True),
    (40, False),          # before the longest window
    (100_000, False),
    (-1, True),           # a clock that is ahead must not hide a complaint
    (-10_000_000, True),
])
def test_late_and_early(late: int, counts: bool) -> None:
    """200 people in a region, written `late` minutes before they are told of."""
    heard = Heard()
    heard.counts.add(heard.now + 30 - 60 * late, "r7", 200, 200)
    assert ("r7" in _regions(heard.minute())) is counts


def test_what_is_filled_in_after_a_gap_counts_no_more() -> None:
    """A state was down for five minutes; then everything of them comes at once."""
    heard = Heard()
    for _ in range(5):
        assert not heard.minute(down=("s1",))
    for minutes in range(1, 6):
        for leaf in range(5, 10):
            heard.counts.add(heard.now - 60 * minutes, f"r{leaf}", 40, 40)
    assert not heard.minute()


def test_what_is_filled_in_after_minutes_nobody_told_of_counts_no_more() -> None:
    """The whole stream was down."""
    heard = Heard()
    heard.now += 300
    for minutes in range(1, 6):
        for region in REGIONS:
            heard.counts.add(heard.now - 60 * minutes, region, 40, 40)
    assert not heard.minute()


def test_what_another_state_tells_late_counts_while_one_is_down() -> None:
    """Only the state that was down is filled in."""
    heard = Heard()
    heard.minute(down=("s1",))
    heard.counts.add(heard.now - 30, "r0", 200, 200)
    assert "r0" in _regions(heard.minute())


def test_copies_share_a_key() -> None:
    """200 copies of one post are one person; 200 keys are 200."""
    heard = Heard()
    for _ in range(200):
        heard.counts.add_one(heard.now + 30.5, "r7", "the same")
    assert "r7" not in _regions(heard.minute())
    for number in range(200):
        heard.counts.add_one(heard.now + 30.5, "r7", f"key {number}")
    assert "r7" in _regions(heard.minute())


@pytest.mark.parametrize("region", ["", "r30", "s1", "nation", "R7", "r7 "])
def test_only_declared_leaves_are_counted(region: str) -> None:
    """Sums are made here, not told."""
    with pytest.raises(Unknown, match="was not declared"):
        DeclaredTerritory(REGIONS).add(BEGUN, region, 1, 1)


@pytest.mark.parametrize("state", ["r7", "nation", "s6", ""])
def test_only_states_are_down(state: str) -> None:
    with pytest.raises(Unknown, match="was not declared"):
        DeclaredTerritory(REGIONS).minute(BEGUN, (state,))


@pytest.mark.parametrize("regions", [{"nation": "s0"}, {"r0": "nation"}, {"r0": "s0", "s0": "s1"}, {"a": "a"}])
def test_a_name_is_a_region_or_a_sum(regions: dict[str, str]) -> None:
    with pytest.raises(Unknown, match="both a region and a sum"):
        DeclaredTerritory(regions)


@pytest.mark.parametrize("later", [0, 59, -60, -100_000])
def test_time_goes_on(later: int) -> None:
    counts = DeclaredTerritory(REGIONS)
    counts.minute(BEGUN)
    with pytest.raises(ValueError, match="not after"):
        counts.minute(BEGUN + later)


def test_all_states_down_is_a_gap() -> None:
    """Nothing is heard, nothing is divided by nothing, and nothing alarms when all are back."""
    heard = Heard()
    states = tuple(sorted(set(REGIONS.values())))
    for _ in range(10):
        assert not heard.minute(down=states)
    for _ in range(10):
        assert not heard.minute()


def test_what_waits_is_kept_by_minute_and_region() -> None:
    """A million posts in a minute take the room of one, and none once the minute is over."""
    counts = DeclaredTerritory(REGIONS)
    for _ in range(10_000):
        counts.add(BEGUN, "r1", 2, 1)
    assert len(counts._waiting) == 1
    counts.minute(BEGUN + 60)
    assert not counts._waiting


def test_times_of_all_ages_take_no_room() -> None:
    """10,000 minutes of the past, told of before the first minute is over."""
    counts = DeclaredTerritory(REGIONS)
    for minutes in range(10_000):
        counts.add(BEGUN - 60 * minutes, "r1", 1, 1)
    counts.minute(BEGUN + 60)
    assert len(counts.territory._open) == 0
