"""What came nearest to an alarm, and what is none because it belongs to one."""

from __future__ import annotations

import pytest

from notifier.detection.seen import Unusual
from notifier.replay.backtest.nearest import KEPT, Nearest

from .looks import TREE, WINDOW, at, seen, unusual

Look = tuple[float, list[Unusual]]


def gathered(looks: list[Look]) -> Nearest:
    """A minute of looks that are not told of is as good as none: nothing is decided by how often one looks."""
    nearest = Nearest(TREE, WINDOW)
    for minutes, found in looks:
        nearest.look(at(minutes), seen(*found))
    nearest.end()
    return nearest


BELOW = [
    pytest.param([(0, [unusual("n1", 6.0)]), (1, [unusual("n1", 7.0)]), (2, [unusual("n1", 6.5)])], [("n1", 1)],
                 id="a rise is told once, at its highest"),
    pytest.param([(0, [unusual("n1", 6.0), unusual("north", 7.0), unusual("home", 5.0)])], [("north", 0)],
                 id="and once for all regions around it"),
    pytest.param([(0, [unusual("n1", 6.0), unusual("south", 5.0)])], [("n1", 0), ("south", 0)],
                 id="regions apart are two, the higher first"),
    pytest.param([(0, [unusual("n1", 6.0), unusual("n1", 5.0, service="tv")])], [("n1", 0), ("n1", 0)],
                 id="services are two"),
    pytest.param([(0, [unusual("n1", 6.0)]), (60, [unusual("n1", 5.0)])], [("n1", 0), ("n1", 60)],
                 id="an hour later is another"),
    pytest.param([(0, [unusual("n1", 7.0)]), (5, [unusual("n1", 9.0, alarmed=True)])], [],
                 id="what becomes an alarm is no near miss"),
    pytest.param([(0, [unusual("north", 7.0)]), (5, [unusual("n1", 9.0, alarmed=True)])], [],
                 id="nor what rises around it"),
    pytest.param([(0, [unusual("n1", 9.0, alarmed=True)]), (1, [unusual("north", 7.0)])], [],
                 id="nor what an alarm's people make unlikely around it"),
    pytest.param([(0, [unusual("n1", 9.0, alarmed=True)]), (20, [unusual("north", 7.0)])], [],
                 id="nor that shortly after its end"),
    pytest.param([(0, [unusual("n1", 9.0, alarmed=True)]), (60, [unusual("north", 7.0)])], [("north", 60)],
                 id="later it is"),
    pytest.param([(minutes, [unusual("n1", 7.0 - minutes / 100)]) for minutes in range(120)], [("n1", 0)],
                 id="what lasts for hours is one"),
    pytest.param([*((minutes, [unusual("n1", 7.0)]) for minutes in range(120)),
                  (120, [unusual("n1", 9.0, alarmed=True)])], [], id="and none where it ends in an alarm"),
    pytest.param([(0, [unusual("south", 7.0)]), (5, [unusual("n1", 9.0, alarmed=True)])], [("south", 0)],
                 id="an alarm elsewhere explains nothing"),
    pytest.param([(0, [unusual("n1", 7.0, service="tv")]), (5, [unusual("n1", 9.0, alarmed=True)])], [("n1", 0)],
                 id="nor one of another service"),
    pytest.param([(0, [unusual("n1", 7.0)]), (40, []), (41, [unusual("n1", 9.0, alarmed=True)])], [("n1", 0)],
                 id="an alarm long afterwards is another matter"),
    pytest.param([(0, [unusual("n1", 6.0, lacking="few")])], [], id="too few people and too low is nothing"),
]


@pytest.mark.parametrize(("looks", "expected"), BELOW)
def test_what_came_nearest(looks: list[Look], expected: list[tuple[str, float]]) -> None:
    found = gathered(looks)
    assert [(near.unusual.region, near.at) for near in found.below] == [(region, at(minutes))
                                                                        for region, minutes in expected]
    assert found.held_back == []


@pytest.mark.parametrize(("parts", "mostly"), [
    ([], "north"),
    ([unusual("n1", 5.0, people=6), unusual("n2", 5.0, people=2)], "n1"),
    ([unusual("n1", 5.0, people=5), unusual("n2", 5.0, people=4)], "north"),
    ([unusual("n1", 5.0, people=8, service="tv"), unusual("south", 5.0, people=8)], "north"),
])
def test_where_most_of_the_people_were_is_told(parts: list[Unusual], mostly: str) -> None:
    near = gathered([(0, [unusual("north", 7.0, people=8), *parts])]).below[0]
    assert (near.unusual.region, near.mostly) == ("north", mostly)


def test_what_only_another_setting_held_back_is_told_apart() -> None:
    found = gathered([(0, [unusual("n1", 9.0, lacking="minimum_people is 5")]), (1, [unusual("n1", 7.0)])])
    assert [(near.unusual.score, near.per_month) for near in found.held_back] == [(9.0, None)]
    assert [near.unusual.score for near in found.below] == [7.0]


@pytest.mark.parametrize(("score", "per_month"), [
    (7.6, 1.0),   # what one false alarm a month needs, over 211 series
    (6.6, 5.0),   # one less: five times as many
    (4.9, None),  # below five nothing ever alarms
])
def test_the_budget_that_would_have_raised_it(score: float, per_month: float | None) -> None:
    (near,) = gathered([(0, [unusual("n1", score)])]).below
    assert near.per_month == (None if per_month is None else pytest.approx(per_month))


def test_only_the_highest_are_kept() -> None:
    """A year of near misses is not held in memory."""
    found = gathered([(hour * 60.0, [unusual("n1", 5.0 + hour / 100)]) for hour in range(100)])
    assert [near.unusual.score for near in found.below] == pytest.approx([5.99, 5.98, 5.97][:KEPT])


def test_what_does_not_count_is_not_kept_but_its_alarms_are_known() -> None:
    """While the detector warms up."""
    nearest = Nearest(TREE, WINDOW)
    nearest.look(at(0), seen(unusual("south", 7.0), unusual("n1", 9.0, alarmed=True)), counts=False)
    nearest.look(at(1), seen(unusual("north", 7.0)))
    nearest.end()
    assert nearest.below == []
