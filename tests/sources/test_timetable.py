"""Polls are spread evenly, from the first second on, and stay so."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.sources.timetable import EvenTrigger, places, window

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPREAD = timedelta(seconds=20)


def fires(number: int, *, rounds: int, jitter: timedelta, every: timedelta = MINUTE) -> list[datetime]:
    """When `number` sources fire in their first `rounds` rounds."""
    found: list[datetime] = []
    first = window(every, number, SPREAD)
    for name, place in places((f"s{n}", every) for n in range(number)).items():
        trigger = EvenTrigger(every, place, start=START, first=first, jitter=jitter, dice=random.Random(name))
        at: datetime | None = None
        for _ in range(rounds):
            at = trigger.get_next_fire_time(at, at or START)
            found.append(at)
    return found


def busiest(moments: list[datetime]) -> int:
    """Most of them in any second of the clock."""
    return max(Counter(int((at - START).total_seconds() // 1) for at in moments).values())


def test_ten_thousand_sources_never_have_twice_their_share_in_a_second() -> None:
    """166.7 a second is their share; the first round is the densest, and within the limit."""
    assert busiest(fires(10_000, rounds=6, jitter=timedelta(seconds=2))) <= 2 * 10_000 / 60


@given(number=st.integers(min_value=1, max_value=400), seconds=st.integers(min_value=5, max_value=120))
def test_without_jitter_no_second_has_more_than_twice_its_share_or_one(number: int, seconds: int) -> None:
    every = timedelta(seconds=seconds)
    found = fires(number, rounds=3, jitter=timedelta(0), every=every)
    assert busiest(found) <= max(2 * number / seconds, 1) + 1, "one more where a second cuts between two places"


@pytest.mark.parametrize("number", [1, 5, 20])
def test_a_small_deployment_hears_everything_within_seconds(number: int) -> None:
    first = [at for at in fires(number, rounds=1, jitter=timedelta(0))]
    assert max(first) <= START + timedelta(seconds=number)


@given(st.lists(st.integers(min_value=0, max_value=50), min_size=5, max_size=40))
def test_a_late_start_does_not_move_the_place(lateness: list[int]) -> None:
    """Whatever the machine did, each poll is within its jitter of the grid, and no two are nearer than half a round."""
    trigger = EvenTrigger(MINUTE, 0.25, start=START, first=MINUTE, jitter=timedelta(seconds=2), dice=random.Random(1))
    at = trigger.get_next_fire_time(None, START)
    for late in lateness:
        after = trigger.get_next_fire_time(at + timedelta(seconds=late), at)
        off = ((after - START).total_seconds() - 15) % 60
        assert min(off, 60 - off) <= 2.001
        assert after - at >= MINUTE / 2
        at = after


def test_places_do_not_follow_the_names() -> None:
    """Sources of one vendor, named alike, are not polled one after another."""
    found = places((f"acme-{n}", MINUTE) for n in range(10))
    assert sorted(found.values()) == pytest.approx([0.05 + n / 10 for n in range(10)])
    assert [name for name, _ in sorted(found.items(), key=lambda one: one[1])] != sorted(found)
