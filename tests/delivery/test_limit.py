"""Laws of limits: whoever asks, whenever and in whatever order, no window lets more pass than was promised, and who
waits as long as it is told to gets its turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.model.limit import HELD_MOST, LATE, Level, Limit, Told, give_back, grant, length, ready_at, room, tighten

from ..store.making import HOUR, MINUTE, NOW

SECOND = timedelta(seconds=1)
MOST = 24

limits = st.one_of(
    st.builds(Limit.flowing, st.just("flow"), st.floats(0.01, 1000)),
    st.builds(lambda most, seconds, cost: Limit.within("window", most, timedelta(seconds=seconds), cost=cost),
              st.integers(4, 10_000), st.integers(1, 90_000), st.sampled_from([1.0, 2.0, 3.0])))
weights = st.lists(st.integers(1, MOST).map(float), max_size=30)
steps = st.lists(st.tuples(st.floats(0, 12), weights, st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 3)), max_size=40)
"""After how many messages' time somebody asks, what for, which share of what it gets it sends, and how many turns later
it gives the rest back."""


@given(limits, st.lists(st.tuples(st.floats(0, 500), weights), max_size=40))
def test_no_window_sees_more_than_the_burst_and_what_flows_in(
    limit: Limit, asked: list[tuple[float, list[float]]]
) -> None:
    level, now = Level(), NOW
    passed: list[tuple[float, float]] = []
    for seconds, wanted in asked:
        now += timedelta(seconds=seconds)
        granted = grant((limit,), (level,), wanted, now)
        (level,) = granted.levels
        passed.append(((now - NOW).total_seconds(), sum(wanted[:granted.number]) * limit.cost))
    # one heavier than the burst leaves from a full bucket and is paid off afterwards
    over = max(0.0, MOST * limit.cost - limit.burst)
    for first, (since, _) in enumerate(passed):
        seen = 0.0
        for at, tokens in passed[first:]:
            seen += tokens
            assert seen <= (limit.burst + over + limit.rate * (at - since)) * (1 + 1e-6) + 1e-2


@given(st.integers(2, 200), st.integers(1, 5000),
       st.lists(st.tuples(st.floats(0, 900), st.integers(1, 300)), max_size=60))
def test_a_far_side_that_counts_arrivals_never_counts_more_than_the_contract_allows(
    most: int, seconds: int, asked: list[tuple[float, int]]
) -> None:
    """Messages arrive at once or as late as they may: the count of any window of the contract stays within it."""
    window = timedelta(seconds=seconds)
    limit, level, now = Limit.within("window", most, window), Level(), NOW
    sent = []
    for number, (wait, wanted) in enumerate(asked):
        now += timedelta(seconds=wait)
        granted = grant((limit,), (level,), [1.0] * wanted, now)
        (level,) = granted.levels
        sent += [now + (LATE if number % 2 else timedelta())] * granted.number
    sent.sort()
    for first, since in enumerate(sent):
        assert sum(at < since + window for at in sent[first:]) <= most


@given(limits, steps)
def test_giving_back_what_was_not_sent_lets_no_more_pass(
    limit: Limit, asked: list[tuple[float, list[float], float, int]]
) -> None:
    """Several nodes: each gives back what it did not send after so many others have taken their turn. What is really
    sent keeps the law."""
    level, now = Level(), NOW
    sent: list[tuple[float, float]] = []
    holding: list[tuple[int, float, datetime]] = []
    for turn, (seconds, wanted, share, others) in enumerate(asked):
        now += seconds * length(limit, 1.0)
        granted = grant((limit,), (level,), wanted, now)
        (level,) = granted.levels
        got = wanted[:granted.number]
        used = got[: int(len(got) * share)]
        sent.append(((now - NOW).total_seconds(), sum(used) * limit.cost))
        holding.append((turn + others, sum(got) - sum(used), now))
        for when, unspent, at in holding:
            if when == turn and unspent:
                level = give_back(limit, level, unspent, at, now)
    over = max(0.0, MOST * limit.cost - limit.burst)
    for first, (since, _) in enumerate(sent):
        seen = 0.0
        for at_s, tokens in sent[first:]:
            seen += tokens
            assert seen <= (limit.burst + over + limit.rate * (at_s - since)) * (1 + 1e-6) + 1e-2


def test_what_is_given_back_too_late_would_be_spent_twice() -> None:
    limit = Limit("l", 1.0, 10.0, MINUTE)
    (level,) = grant((limit,), (Level(),), [1.0] * 5, NOW).levels
    later = NOW + 5 * SECOND  # full again by itself
    (level,) = grant((limit,), (level,), [1.0] * 10, later).levels
    assert room((limit,), (give_back(limit, level, 5, NOW, later),), later) == 0
    (level,) = grant((limit,), (Level(),), [1.0] * 5, NOW).levels
    assert room((limit,), (give_back(limit, level, 3, NOW, NOW),), NOW) == 8
    assert room((limit,), (give_back(limit, level, 3, NOW, NOW + SECOND),), NOW + SECOND) == 8, "one has flowed in"
    assert give_back(limit, level, 3, NOW, NOW - SECOND) == level, "the clock has gone back: nobody can tell"


@given(limits, weights, st.integers(1, MOST))
def test_who_waits_as_long_as_it_is_told_gets_its_turn(limit: Limit, before: list[float], weight: int) -> None:
    (level,) = grant((limit,), (Level(),), before, NOW).levels
    at = max(ready_at(limit, level, float(weight), NOW), NOW)
    assert grant((limit,), (level,), [float(weight)], at).number == 1
    assert at - NOW <= length(limit, MOST) + limit.window + timedelta(seconds=limit.burst / limit.rate)


@given(limits, st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), min_size=1, max_size=60))
def test_while_anybody_asks_as_much_leaves_as_flows_in(limit: Limit, asked: list[tuple[int, int]]) -> None:
    """Several ask in turn, each when it is told to or up to three whole messages' time later: nothing is lost to
    rounding or to the order in which they ask."""
    level, now, passed = Level(), NOW, 0
    for late, wanted in asked:
        granted = grant((limit,), (level,), [1.0] * wanted, now)
        (level,) = granted.levels
        passed += granted.number
        until = granted.wait.until if granted.wait is not None else now
        now = until + late * length(limit, 1.0)
    rest = grant((limit,), (level,), [1.0] * (room((limit,), (level,), now) + 1), now)
    flowed = min(limit.burst, limit.burst + limit.rate * (now - NOW).total_seconds())
    assert passed + rest.number >= int(flowed / limit.cost + 1e-6)


@given(limits, weights, st.floats(-1e8, 1e8))
def test_a_clock_that_goes_back_adds_nothing_and_blocks_for_no_more_than_a_window(
    limit: Limit, before: list[float], jump: float
) -> None:
    (level,) = grant((limit,), (Level(),), before, NOW).levels
    (level,) = grant((limit,), (level,), [1.0] * 10_000, NOW).levels
    after = NOW + timedelta(seconds=jump)
    if jump <= 0:
        assert room((limit,), (level,), after) == 0
    heaviest = length(limit, MOST)
    assert ready_at(limit, level, 1.0, after) - after <= limit.window + heaviest + SECOND


def test_a_node_whose_clock_is_ahead_keeps_the_limit() -> None:
    """Two nodes, half a window apart: the one behind waits, instead of filling the bucket for the other."""
    limit = Limit.within("l", 30, 10 * MINUTE)
    level, passed = Level(), 0
    for minute in range(60):
        for ahead in (5 * MINUTE, timedelta()):
            granted = grant((limit,), (level,), [1.0] * 30, NOW + minute * MINUTE + ahead)
            (level,) = granted.levels
            passed += granted.number
    assert passed <= limit.burst + limit.rate * 3600


@given(limits, weights, st.floats(0, 20_000))
def test_a_providers_word_never_loosens(limit: Limit, before: list[float], remaining: float) -> None:
    (level,) = grant((limit,), (Level(),), before, NOW).levels
    told = tighten(limit, level, Told(remaining), NOW)
    assert room((limit,), (told,), NOW) <= room((limit,), (level,), NOW)
    assert room((limit,), (told,), NOW) * limit.cost <= max(remaining, 0.0) + 1e-3


@pytest.mark.parametrize(
    ("untils", "waits_until"),
    [
        pytest.param([HOUR], HOUR, id="nothing before the time the provider names"),
        pytest.param([HOUR, MINUTE], HOUR, id="an earlier time does not loosen a later one"),
        pytest.param([MINUTE, HOUR], HOUR, id="a later time holds"),
        pytest.param([-MINUTE], timedelta(), id="a time that has passed holds nobody"),
        pytest.param([HELD_MOST + HOUR], timedelta(), id="a time beyond every provider's is a clock gone wrong"),
    ],
)
def test_a_provider_holds_all(untils: list[timedelta], waits_until: timedelta) -> None:
    limit, level = Limit.flowing("l", 1.0), Level()
    for until in untils:
        level = tighten(limit, level, Told(until=NOW + until), NOW)
    assert max(ready_at(limit, level, 1.0, NOW), NOW) == NOW + waits_until
    if waits_until:
        held = grant((limit,), (level,), [1.0], NOW)
        assert (held.number, held.wait and held.wait.until) == (0, NOW + waits_until)
        assert grant((limit,), (level,), [1.0], NOW + waits_until).number == 1


@given(limits, st.floats(0.0, 0.9), st.lists(st.tuples(st.floats(0, 500), st.integers(1, 300)), max_size=30))
def test_what_can_wait_leaves_its_share_and_gets_what_flows_in(
    limit: Limit, kept: float, asked: list[tuple[float, int]]
) -> None:
    """However greedily updates ask, an acknowledgement finds the kept share; once it is full they flow as before."""
    limit = replace(limit, kept=kept)
    level, now = Level(), NOW
    for seconds, number in asked:
        now += timedelta(seconds=seconds)
        found = grant((limit,), (level,), [1.0] * number, now, [True] * number)
        (level,) = found.levels
        urgent = room((limit,), (level,), now)
        assert urgent >= int(limit.burst * kept / limit.cost - 1e-6) or limit.burst * (1 - kept) < limit.cost
        if found.wait is not None:
            (later,) = grant((limit,), (level,), [1.0], found.wait.until, [True]).levels
            assert later != level, "who waits as long as it is told to gets its turn"


def test_what_cannot_wait_is_not_held_up_behind_what_can_though_a_window_is_used_up() -> None:
    day = Limit.within("day", 240, 24 * HOUR)
    updates = grant((day,), (Level(),), [1.0] * 500, NOW, [True] * 500)
    assert updates.number == 60, "three quarters of the eighty that may leave at once"
    mixed = grant((day,), updates.levels, [1.0] * 30, NOW, [False] * 5 + [True] * 25)
    assert mixed.number == 5
    assert grant((day,), mixed.levels, [1.0] * 30, NOW).number == 15


def test_of_several_limits_the_tightest_decides_and_is_named() -> None:
    fast, day = Limit.flowing("fast", 100.0), Limit.within("day", 30, 24 * HOUR)
    granted = grant((fast, day), (Level(), Level()), [1.0] * 50, NOW)
    assert (granted.number, granted.wait and granted.wait.limit) == (10, "day")
    assert room((fast,), granted.levels[:1], NOW) == 90, "what the other refused was not taken"


def test_a_light_message_does_not_pass_by_a_heavy_one() -> None:
    """Three segments on a number that takes one a second: sent from a full bucket, and paid off afterwards."""
    limit = Limit.flowing("l", 1.0)
    granted = grant((limit,), (Level(),), [3.0, 1.0], NOW)
    assert granted.number == 1
    assert granted.wait is not None
    assert granted.wait.until == NOW + 3 * SECOND
    (level,) = granted.levels
    assert grant((limit,), (level,), [3.0, 1.0], NOW + 2 * SECOND).number == 0


@pytest.mark.parametrize("change", [{"rate": 0.0}, {"burst": 0.5}, {"cost": 0.0}, {"window": timedelta()}])
def test_a_limit_nothing_could_pass_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="room for one"):
        Limit(**{"name": "l", "rate": 1.0, "burst": 1.0, "window": MINUTE, "cost": 1.0, **change})  # type: ignore[arg-type]
