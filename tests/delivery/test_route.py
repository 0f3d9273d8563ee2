"""Which of two routes: tables of what attempts say and what follows, and laws over every course of events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery import route
from notifier.delivery.route import ALL, FOREVER, Health, Routing, Seen, Side, Sign, allowed, fault, sign_of, turned
from notifier.delivery.settings import FailoverSettings
from notifier.model.delivery import Outcome, OutcomeKind, Reason

LIMITS = FailoverSettings()
P, S = Side.PRIMARY, Side.STANDBY
QUIET, SLOW = LIMITS.quiet_first.total_seconds(), LIMITS.slow_after.total_seconds()


def an_outcome(kind: str, reason: str, stops: bool = False) -> Outcome:
    return Outcome(OutcomeKind(kind), Reason(reason), stops_channel=stops)


@pytest.mark.parametrize(
    ("outcome", "seconds", "sign"),
    [
        pytest.param(an_outcome("SENT", "accepted"), 0.3, Sign.GOOD, id="it took it"),
        pytest.param(an_outcome("SENT", "accepted"), 20.0, Sign.BAD, id="it took it, but after 20 seconds"),
        pytest.param(an_outcome("RETRY", "server_error"), 0.1, Sign.BAD, id="it erred"),
        pytest.param(an_outcome("RETRY", "unreachable"), 0.1, Sign.BAD, id="nobody is there"),
        pytest.param(an_outcome("RETRY", "rate_limited"), 0.1, Sign.BAD, id="it throttles"),
        pytest.param(an_outcome("UNKNOWN", "lost_answer"), 10.0, Sign.BAD, id="its answer was lost"),
        pytest.param(an_outcome("UNKNOWN", "server_error"), 0.1, Sign.BAD, id="it erred, and may have taken it"),
        pytest.param(an_outcome("RETRY", "authentication", True), 0.1, Sign.BAD, id="it does not know the account"),
        pytest.param(an_outcome("REJECTED", "not_permitted", True), 0.1, Sign.BAD, id="the account may not do this"),
        pytest.param(an_outcome("REJECTED", "opted_out"), 0.1, Sign.NOTHING, id="the person has opted out"),
        pytest.param(an_outcome("REJECTED", "invalid_address"), 0.1, Sign.NOTHING, id="there is no such number"),
        pytest.param(an_outcome("REJECTED", "content_refused"), 0.1, Sign.NOTHING, id="the text is refused"),
        pytest.param(an_outcome("REJECTED", "opted_out"), 20.0, Sign.BAD, id="it says so after 20 seconds"),
        pytest.param(an_outcome("RETRY", "mailbox_full"), 0.1, Sign.NOTHING, id="the mailbox is full"),
        pytest.param(an_outcome("RETRY", "lease_lost"), 0.0, Sign.NOTHING, id="we did not ask it at all"),
        pytest.param(an_outcome("RETRY", "none"), 0.0, Sign.NOTHING, id="we gave it back"),
    ],
)
def test_what_an_answer_says_of_its_route(outcome: Outcome, seconds: float, sign: Sign) -> None:
    assert sign_of(outcome, seconds, LIMITS) is sign


def seen(marks: str, last: float = 99.0) -> tuple[Seen, ...]:
    """One attempt a second, the last at `last`: "." went well, "x" did not."""
    return tuple(Seen(last - len(marks) + 1 + n, "" if mark == "." else "server_error") for n, mark in enumerate(marks))


@pytest.mark.parametrize(
    ("health", "why"),
    [
        pytest.param(Health(), "", id="nothing is known"),
        pytest.param(Health(seen("xx")), "", id="two failures are not enough"),
        pytest.param(Health(seen("xxx")), "3 attempts in a row: server_error", id="three in a row are"),
        pytest.param(Health(seen("xx.x")), "", id="one went well in between"),
        pytest.param(Health(seen("xxx", last=-30.0)), "3 attempts in a row: server_error", id="whenever it was"),
        pytest.param(Health(seen("x.x.x.x.x.", last=-30.0)), "", id="half of ten failed, two minutes ago"),
        pytest.param(Health(seen("x.x.x.x.x.")), "5 of 10 attempts: server_error", id="half of ten failed"),
        pytest.param(Health(seen("x.x.x.x..")), "", id="four of nine failed"),
        pytest.param(Health(under_way={"d": 92.0}), "no answer for 8 s", id="a request has no answer for 8 seconds"),
        pytest.param(Health(under_way={"d": 92.1}), "", id="not yet 8 seconds"),
        pytest.param(Health(seen("."), {"d": 92.0}), "", id="another was answered meanwhile"),
        pytest.param(Health(seen(".", last=91.0), {"d": 92.0}), "no answer for 8 s", id="another was, before"),
        pytest.param(Health(seen("x"), {"d": 92.0}), "no answer for 8 s", id="another failed meanwhile"),
        pytest.param(Health(under_way={"d": 80.0}, since=90.0), "", id="what it was judged by already"),
        pytest.param(Health(stopped="out_of_credit"), "stopped: out_of_credit", id="its account is at fault"),
    ],
)
def test_what_is_wrong_with_a_route(health: Health, why: str) -> None:
    assert fault(health, LIMITS, 100.0) == why


# ── one course of events, step by step ──


def test_it_takes_over_tries_one_then_a_share_and_drifts_back() -> None:
    desk = Desk()
    desk.all(P, Sign.BAD, 3)
    assert (desk.routing.active, desk.routing.why) == (S, "3 attempts in a row: server_error")
    assert (desk.may(P), desk.may(S)) == (0, ALL)
    desk.wait(QUIET - 1)
    assert desk.may(P) == 0, "it is left alone"
    desk.wait(1)
    assert desk.may(P) == 1, "one message tries it"
    desk.begin(P)
    assert desk.may(P) == 0, "and no second before that one is answered"
    desk.answer(P, Sign.GOOD)
    assert desk.may(P) == 1, "a tenth, beside one message"
    desk.all(P, Sign.GOOD, 1)
    assert desk.may(P) == 0
    desk.all(S, Sign.GOOD, 18)
    assert desk.may(P) == 1
    desk.all(P, Sign.GOOD, 1)
    desk.all(S, Sign.GOOD, 10)
    desk.all(P, Sign.GOOD, 1)
    assert (desk.routing.step, desk.routing.active) == (3, S)
    while desk.routing.active is S:
        desk.all(P if desk.may(P) else S, Sign.GOOD, 1)
    assert (desk.may(P), desk.may(S), desk.routing.back) == (ALL, 0, True)


def test_a_trial_that_fails_leaves_the_primary_alone_for_twice_as_long() -> None:
    desk = Desk()
    desk.all(P, Sign.BAD, 3)
    desk.wait(QUIET)
    desk.all(P, Sign.BAD, 1)
    assert desk.may(P) == 0
    desk.wait(2 * QUIET - 1)
    assert desk.may(P) == 0
    desk.wait(1)
    assert desk.may(P) == 1


def test_a_trial_without_an_answer_has_failed() -> None:
    desk = Desk()
    desk.all(P, Sign.BAD, 3)
    desk.wait(QUIET)
    assert desk.may(P) == 1
    desk.begin(P)
    desk.wait(SLOW)
    assert (desk.may(P), desk.routing.step, desk.routing.why) == (0, 0, "no answer for 8 s")
    desk.answer(P, Sign.GOOD)
    assert desk.routing.step == 0, "an answer that comes later is too late for it"


def test_a_trial_that_says_nothing_is_made_with_another_message() -> None:
    desk = Desk()
    desk.all(P, Sign.BAD, 3)
    desk.wait(QUIET)
    assert desk.may(P) == 1
    desk.all(P, Sign.NOTHING, 1)
    assert (desk.may(P), desk.routing.step) == (1, 1)


def test_answers_to_what_was_asked_before_the_takeover_say_nothing_new() -> None:
    desk = Desk()
    for _ in range(5):
        desk.begin(P)
    for _ in range(3):
        desk.answer(P, Sign.BAD)
    desk.wait(QUIET)
    assert desk.may(P) == 1
    desk.answer(P, Sign.BAD)
    desk.answer(P, Sign.GOOD)
    assert (desk.may(P), desk.routing.step) == (1, 1)


def test_a_primary_that_fails_soon_after_it_came_back_is_left_alone_for_longer() -> None:
    desk = Desk()
    desk.all(P, Sign.BAD, 3)
    desk.drift_back()
    desk.all(P, Sign.BAD, 3)
    assert desk.routing.active is S
    desk.wait(2 * QUIET - 1)
    assert desk.may(P) == 0
    desk.wait(1)
    assert desk.may(P) == 1


def test_one_that_was_well_for_long_has_no_relapse() -> None:
    desk = Desk()
    desk.all(P, Sign.BAD, 3)
    desk.drift_back()
    desk.wait(LIMITS.quiet_most.total_seconds())
    desk.all(P, Sign.BAD, 3)
    desk.wait(QUIET)
    assert desk.may(P) == 1


def test_where_both_fail_they_take_turns() -> None:
    desk = Desk()
    turns: list[tuple[Side, float]] = []
    for _ in range(200):
        desk.all(desk.routing.active, Sign.BAD, 1)
        desk.wait(1)
        if not turns or turns[-1][0] is not desk.routing.active:
            turns.append((desk.routing.active, desk.routing.since))
    lasted = [after[1] - before[1] for before, after in pairwise(turns[1:])]
    assert min(lasted) >= LIMITS.dwell.total_seconds()
    assert len(turns) >= 5, "neither is given up"


def test_a_stop_moves_all_at_once_and_a_stop_of_both_moves_nothing() -> None:
    desk = Desk()
    desk.stop(P, "out_of_credit")
    assert (desk.may(S), desk.routing.why) == (ALL, "stopped: out_of_credit")
    desk.stop(S, "authentication")
    assert desk.routing.active is S, "the other one is stopped too"
    desk.stop(P, "")
    assert (desk.routing.active, desk.may(P)) == (P, ALL)


def test_a_stopped_primary_is_not_tried_however_long_it_was_quiet() -> None:
    desk = Desk()
    desk.stop(P, "out_of_credit")
    desk.wait(10 * QUIET)
    assert (desk.may(P), desk.routing.step) == (0, 0)
    desk.stop(P, "")
    assert desk.may(P) == 1


# ── laws ──


@dataclass
class Desk:
    """Two routes, their clock, and what is under way, oldest first."""

    limits: FailoverSettings = LIMITS
    now: float = 1000.0
    routing: Routing = field(default_factory=Routing)
    under_way: dict[Side, list[str]] = field(default_factory=lambda: {P: [], S: []})
    number: int = 0

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.turn()

    def turn(self) -> None:
        self.routing = turned(self.routing, self.limits, self.now)

    def may(self, side: Side) -> int:
        self.turn()
        return allowed(self.routing, side)

    def begin(self, side: Side) -> None:
        self.number += 1
        self.under_way[side].append(str(self.number))
        self.routing = route.began(self.routing, side, str(self.number), self.now)
        self.turn()

    def answer(self, side: Side, sign: Sign) -> None:
        key = self.under_way[side].pop(0)
        self.routing = route.answered(self.routing, side, key, sign, "server_error", self.limits, self.now)
        self.turn()

    def all(self, side: Side, sign: Sign, times: int) -> None:
        for _ in range(times):
            self.begin(side)
            self.answer(side, sign)

    def stop(self, side: Side, why: str) -> None:
        self.routing = route.stopped(self.routing, side, why)
        self.turn()

    def drift_back(self) -> None:
        self.wait(QUIET)
        while self.routing.active is S:
            self.all(P if self.may(P) else S, Sign.GOOD, 1)


SIDES = st.sampled_from(list(Side))
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), SIDES),
        st.tuples(st.just("answer"), SIDES, st.sampled_from(list(Sign))),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 9.0, 31.0, 121.0, 2000.0])),
        st.tuples(st.just("stop"), SIDES, st.sampled_from(["", "", "out_of_credit"])),
    ),
    max_size=80,
)


def play(desk: Desk, event: tuple[object, ...]) -> bool:
    """One event, where it can happen: what is not allowed does not begin. True if it did."""
    match event:
        case ("begin", Side() as side) if desk.may(side) and not desk.routing.health[side].stopped:
            desk.begin(side)
        case ("answer", Side() as side, Sign() as sign) if desk.under_way[side]:
            desk.answer(side, sign)
        case ("wait", float() as seconds):
            desk.wait(seconds)
        case ("stop", Side() as side, str() as why):
            desk.stop(side, why)
        case _:
            return False
    return True


@given(EVENTS)
def test_one_route_always_takes_everything_and_the_other_a_trial_at_most(events: list[tuple[object, ...]]) -> None:
    """Silence is feared: no course of events leaves a channel without a route; and none exposes more than the share."""
    desk = Desk()
    for event in events:
        play(desk, event)
        assert desk.may(desk.routing.active) == ALL
        assert desk.may(desk.routing.active.other) <= 1 + 0.5 * sum(desk.routing.begun.values())
        if desk.routing.active is P:
            assert desk.may(S) == 0


@given(EVENTS)
def test_a_route_that_may_not_send_is_never_preferred_to_one_that_may(events: list[tuple[object, ...]]) -> None:
    desk = Desk()
    for event in events:
        play(desk, event)
        if desk.routing.health[desk.routing.active].stopped:
            assert desk.routing.health[desk.routing.active.other].stopped


@given(EVENTS)
def test_what_a_trial_exposes_never_exceeds_its_share(events: list[tuple[object, ...]]) -> None:
    """Of all that begins while a trial lasts, the primary's part: one message, and the share of the whole."""
    desk = Desk()
    for event in events:
        play(desk, event)
        if desk.routing.step:
            share, _ = route.TRIALS[desk.routing.step - 1]
            assert desk.routing.begun[P] <= 1 + share * sum(desk.routing.begun.values())


@given(EVENTS)
def test_changes_are_bounded_where_no_account_is_stopped(events: list[tuple[object, ...]]) -> None:
    """Two changes to the same side are at least the dwelling time apart, whatever is answered."""
    desk = Desk()
    taken: dict[Side, float] = {P: FOREVER, S: FOREVER}
    for event in events:
        if event[0] == "stop":
            continue
        before = desk.routing.active
        play(desk, event)
        if desk.routing.active is not before:
            assert desk.now - taken[desk.routing.active] >= LIMITS.dwell.total_seconds()
            taken[desk.routing.active] = desk.now


@given(EVENTS)
def test_with_both_well_the_primary_gets_all_in_the_end(events: list[tuple[object, ...]]) -> None:
    """Whatever came before: an hour and a hundred messages that go well bring everything back."""
    desk = Desk()
    for event in events:
        play(desk, event)
    for side in Side:
        desk.stop(side, "")
        while desk.under_way[side]:
            desk.answer(side, Sign.GOOD)
    desk.wait(3600)
    for _ in range(100):
        desk.all(P if desk.may(P) else S, Sign.GOOD, 1)
        desk.wait(1)
    assert (desk.may(P), desk.may(S)) == (ALL, 0)


@given(
    how=st.sampled_from(["errs", "hangs"]),
    every=st.floats(0.2, 3.0),
    well_before=st.integers(0, 60),
    at_once=st.integers(1, 16),
)
def test_with_the_primary_dead_nothing_waits_longer_than_a_few_messages(
    how: str, every: float, well_before: int, at_once: int
) -> None:
    """A message comes every so often; from the death on, all begin by the standby after three failures, or after
    eight seconds without an answer and the time to the next look."""
    desk = Desk()
    for _ in range(well_before):
        desk.all(P, Sign.GOOD, 1)
        desk.wait(every)
    died = desk.now
    while desk.may(P) and desk.routing.active is P:
        if how == "errs":
            desk.all(P, Sign.BAD, 1)
        elif len(desk.under_way[P]) < at_once:
            desk.begin(P)
        desk.wait(every)
    assert desk.now - died <= (3 * every if how == "errs" else SLOW + every) + 1e-6
    assert desk.may(S) == ALL


@given(EVENTS, st.floats(10.0, 60.0))
def test_with_the_primary_dead_only_trials_meet_it(events: list[tuple[object, ...]], every: float) -> None:
    """Over an hour of a dead primary and a standby that is well, it meets three messages and one for each trial."""
    desk = Desk()
    for event in events:
        play(desk, event)
    desk.stop(P, "")
    desk.stop(S, "")
    while desk.under_way[S]:
        desk.answer(S, Sign.GOOD)
    desk.under_way[P].clear()
    desk.routing = replace(desk.routing, health={**desk.routing.health, P: Health()})
    met, end = 0, desk.now + 3600
    while desk.now < end:
        if desk.may(P):
            desk.all(P, Sign.BAD, 1)
            met += 1
        else:
            desk.all(S, Sign.GOOD, 1)
        desk.wait(every)
    assert met <= 3 + LIMITS.in_a_row + 3600 / QUIET


def test_limits_are_what_the_configuration_says() -> None:
    limits = FailoverSettings(in_a_row=1, quiet_first=timedelta(seconds=5))
    desk = Desk(limits)
    desk.all(P, Sign.BAD, 1)
    assert desk.routing.active is S
    desk.wait(5)
    assert desk.may(P) == 1
