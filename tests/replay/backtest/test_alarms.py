"""Signals become alarms as people count them."""

from __future__ import annotations

import pytest

from notifier.detection.seen import Unusual
from notifier.model.signal import Signal
from notifier.replay.backtest.alarms import Alarm, Alarms

from .looks import NEEDED, TREE, at, seen, signal, unusual

Step = tuple[list[Signal], list[Unusual]]


def gathered(*steps: Step) -> list[Alarm]:
    alarms = Alarms(TREE)
    for signals, found in steps:
        alarms.look(signals, seen(*found))
    return alarms.all


def test_an_alarm_is_told_as_it_was_when_it_was_raised_and_how_far_it_went() -> None:
    """The first words and window stay; people, score and what policies saw grow."""
    (alarm,) = gathered(
        ([signal("n1", 3, began=1)], [unusual("n1", 8.4, alarmed=True)]),
        ([], [unusual("n1", 12.0, alarmed=True, people=20)]),
        ([signal("n1", 9, people=30, began=1, score=0.8)], [unusual("n1", 10.0, alarmed=True)]),
        ([signal("n1", 40, over=True, began=1)], []))
    assert (alarm.service, alarm.regions, alarm.began, alarm.raised) == ("power", ["n1"], at(1), at(3))
    assert (alarm.threshold, alarm.score, alarm.window, alarm.heard, alarm.expected) == (NEEDED, 8.4, 5, 6, 0.5)
    assert (alarm.words, alarm.samples) == ("no power", ("first", "second"))
    assert (alarm.people, alarm.peak, alarm.strength) == (30, 12.0, 0.8)
    assert (alarm.over, alarm.why_over) == (at(40), "quiet")


def test_one_that_is_not_over_has_no_end() -> None:
    (alarm,) = gathered(([signal("n1", 3)], [unusual("n1", 8.4, alarmed=True)]))
    assert alarm.over is None


LOUD = [unusual("n1", 9.0, alarmed=True)]

ONE_OR_MORE = [
    pytest.param([([signal("n1", 1)], LOUD),
                  ([signal("n1", 5, over=True), signal("north", 5)], [unusual("north", 9.0, alarmed=True)])],
                 [["n1", "north"]], id="handed over to the region around it: one alarm"),
    pytest.param([([signal("n1", 1)], LOUD), ([signal("n1", 5, over=True)], []), ([signal("north", 6)], LOUD)],
                 [["n1"], ["north"]], id="over, and later another around it: two"),
    pytest.param([([signal("n1", 1), signal("south", 1)], LOUD)], [["n1"], ["south"]],
                 id="two regions apart at once: two"),
    pytest.param([([signal("n1", 1)], LOUD), ([signal("n2", 2)], [*LOUD, unusual("n2", 9.0, alarmed=True)]),
                  ([signal("n1", 5, over=True), signal("n2", 5, over=True), signal("north", 5)], LOUD)],
                 [["n1", "n2", "north"]], id="two parts that become their whole: one"),
    pytest.param([([signal("n1", 1)], [unusual("north", 9.0, alarmed=True)]),
                  ([signal("n1", 5, over=True), signal("n2", 5)], [unusual("north", 9.0, alarmed=True)])],
                 [["n1", "n2"]], id="the people of one region seem to be in another part of it now: one"),
    pytest.param([([signal("n1", 1), signal("n1", 1, service="tv")], LOUD)], [["n1"], ["n1"]],
                 id="two services: two"),
    pytest.param([([signal("n1", 1, over=True)], [])], [], id="the end of what never began is nothing"),
]


@pytest.mark.parametrize(("steps", "regions"), ONE_OR_MORE)
def test_what_is_one_alarm(steps: list[Step], regions: list[list[str]]) -> None:
    assert [alarm.regions for alarm in gathered(*steps)] == regions


def test_an_alarm_ends_with_the_last_of_its_regions() -> None:
    """Its beginning is the earliest of them."""
    both = [*LOUD, unusual("n2", 9.0, alarmed=True)]
    (alarm,) = gathered(
        ([signal("n1", 3, began=2)], both), ([signal("n2", 4, began=1)], both),
        ([signal("north", 5, began=0)], both), ([signal("n1", 6, over=True), signal("n2", 6, over=True)], []),
        ([signal("north", 50, over=True)], []))
    assert (alarm.raised, alarm.began, alarm.over) == (at(3), at(1), at(50))


def test_the_window_shown_is_of_the_series_that_speaks_for_the_region() -> None:
    """Told of n1, because most of those in north are there; the whole home is unlikelier still, but not what spoke."""
    (alarm,) = gathered(([signal("n1", 3)], [unusual("home", 30.0, alarmed=True, people=90),
                                             unusual("north", 9.0, alarmed=True, people=7)]))
    assert (alarm.score, alarm.heard) == (9.0, 7)
