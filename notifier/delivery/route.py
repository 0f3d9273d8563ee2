"""Which of two accounts a channel's messages go by: its own, or the one that stands in for it. Pure.

A provider that errs, hangs or is slow must not keep a notice from people while another would carry it; and one that
is well again must not be flooded to find that out. The state is a value: what each route was seen to do, which is
active and why. Times are seconds of a clock that never goes back.

This chooses who is asked next, nothing else. That a message is never sent twice is the store's: a lost answer stays
unknown until the route that was asked has been read (see store.sending).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from notifier.model.delivery import Outcome, OutcomeKind, Reason

from .settings import FailoverSettings

FOREVER = -math.inf
ALL = 2**31
"""As many as there are."""
TRIALS: tuple[tuple[float, int], ...] = ((0.0, 1), (0.1, 3), (0.5, 5))
"""How a route comes back: its share of what begins, beside one message, and how many must go well before the next."""
SIGNS_KEPT = 50
"""Attempts by which a route is judged at most: the newest."""

OF_THE_ROUTE = frozenset({
    Reason.RATE_LIMITED, Reason.SERVER_ERROR, Reason.UNREACHABLE, Reason.LOST_ANSWER, Reason.BAD_ANSWER,
    Reason.AUTHENTICATION, Reason.FORBIDDEN, Reason.OUT_OF_CREDIT, Reason.NOT_PERMITTED,
})
"""Why an attempt may be repeated for which the route is to blame; the others are the recipient's, or our own."""


class Side(StrEnum):
    """One of the two."""

    PRIMARY = "primary"
    STANDBY = "standby"

    @property
    def other(self) -> Side:
        """The other one."""
        return Side.STANDBY if self is Side.PRIMARY else Side.PRIMARY


class Sign(StrEnum):
    """What one attempt says of its route."""

    GOOD = "good"
    BAD = "bad"
    NOTHING = "nothing"


def sign_of(outcome: Outcome, seconds: float, limits: FailoverSettings) -> Sign:
    """What an answer after `seconds` says of the route. An answer that takes too long is bad whatever it says; a
    rejection is about the message or who was to get it, unless it is the account's."""
    late = seconds > limits.slow_after.total_seconds()
    if late or outcome.stops_channel or outcome.kind is OutcomeKind.UNKNOWN:
        return Sign.BAD
    if outcome.kind is OutcomeKind.SENT:
        return Sign.GOOD
    return Sign.BAD if outcome.kind is OutcomeKind.RETRY and outcome.reason in OF_THE_ROUTE else Sign.NOTHING


@dataclass(frozen=True, slots=True)
class Seen:
    """One attempt that ended at `at`, and why it counts as bad; "": it went well."""

    at: float
    why: str


@dataclass(frozen=True, slots=True)
class Health:
    """What one route was seen to do, oldest first; `under_way` when each attempt without an answer began. Attempts that
    began before `since` say nothing: the route was judged by them already. `stopped` says why it may not send at all.
    """

    seen: tuple[Seen, ...] = ()
    under_way: Mapping[str, float] = field(default_factory=dict)
    since: float = FOREVER
    stopped: str = ""

    def anew(self, now: float) -> Health:
        """To be judged by what begins from now on."""
        return replace(self, seen=(), since=now)


def fault(health: Health, limits: FailoverSettings, now: float) -> str:
    """What is wrong with a route, in words for people; "": nothing is known to be."""
    if health.stopped:
        return f"stopped: {health.stopped}"
    oldest_seen = now - limits.window.total_seconds()
    seen = [one for one in health.seen if one.at > oldest_seen]
    oldest = min((began for began in health.under_way.values() if began >= health.since), default=now)
    waited, well = now - oldest, any(not one.why and one.at >= oldest for one in seen)
    if waited >= limits.slow_after.total_seconds() and not well:
        return f"no answer for {waited:.0f} s"
    last = health.seen[-limits.in_a_row :]  # whenever it was: where little is sent, they lie far apart
    if len(last) == limits.in_a_row and all(one.why for one in last):
        return f"{len(last)} attempts in a row: {last[-1].why}"
    bad = [one.why for one in seen if one.why]
    if len(seen) >= limits.least and len(bad) >= limits.share * len(seen):
        return f"{len(bad)} of {len(seen)} attempts: {bad[-1]}"
    return ""


@dataclass(frozen=True, slots=True)
class Routing:
    """Which route is `active`, `since` when and why; `back`: because it came back. While the standby is: `step` is the
    trial the primary is in (0: none), `begun` what began by each since that trial did, and `well` how many of the
    primary's went well in it. `avoided` until when each is left alone after it failed, `relapses` how often the primary
    failed soon after."""

    health: Mapping[Side, Health] = field(default_factory=lambda: dict.fromkeys(Side, Health()))
    active: Side = Side.PRIMARY
    since: float = FOREVER
    why: str = ""
    back: bool = False
    avoided: Mapping[Side, float] = field(default_factory=lambda: dict.fromkeys(Side, FOREVER))
    relapses: int = 0
    step: int = 0
    begun: Mapping[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    well: int = 0


def allowed(routing: Routing, side: Side) -> int:
    """How many more messages may begin by this route now."""
    if side is routing.active:
        return ALL
    if side is Side.STANDBY or routing.step == 0:
        return 0
    share, _ = TRIALS[routing.step - 1]
    most = 1 + int(share * sum(routing.begun.values()))
    return max(0, most - routing.begun[side])


def turned(routing: Routing, limits: FailoverSettings, now: float) -> Routing:
    """As time and what was seen want it: another route, a trial, or its end."""
    wrong = fault(routing.health[routing.active], limits, now)
    if wrong and _may_take_over(routing, limits, now):
        return _taken_over(routing, wrong, limits, now)
    if routing.active is Side.PRIMARY:
        return routing
    primary = routing.health[Side.PRIMARY]
    if routing.step:
        of_primary = fault(primary, limits, now)
        return _relapsed(routing, of_primary, limits, now) if of_primary else routing
    if primary.stopped or now < routing.avoided[Side.PRIMARY]:
        return routing
    return _in_trial(_anew(routing, Side.PRIMARY, now), 1)


def began(routing: Routing, side: Side, key: str, now: float) -> Routing:
    """An attempt, known by `key`, began."""
    health = routing.health[side]
    more = replace(health, under_way={**health.under_way, key: now})
    begun = {**routing.begun, side: routing.begun[side] + 1}
    return _with(replace(routing, begun=begun), side, more)


def answered(
    routing: Routing, side: Side, key: str, sign: Sign, why: str, limits: FailoverSettings, now: float
) -> Routing:
    """The attempt `key` ended; `why` says what was bad about it. What began before the route was last judged is known
    already."""
    health = routing.health[side]
    at = health.under_way.get(key, now)
    left = replace(health, under_way={other: since for other, since in health.under_way.items() if other != key})
    routing = _with(routing, side, left)
    if at < health.since:
        return routing
    in_trial = side is Side.PRIMARY and routing.active is Side.STANDBY and routing.step > 0
    if sign is Sign.NOTHING:  # another may try in its place
        return replace(routing, begun={**routing.begun, side: max(0, routing.begun[side] - 1)}) if in_trial else routing
    seen = (*left.seen, Seen(now, why if sign is Sign.BAD else ""))[-SIGNS_KEPT:]
    routing = _with(routing, side, replace(left, seen=seen))
    if not in_trial:
        return routing
    return _relapsed(routing, why, limits, now) if sign is Sign.BAD else _well(routing, now)


def stopped(routing: Routing, side: Side, why: str) -> Routing:
    """The route may not send, since its account or sender is at fault, or a person said so; "": it may again."""
    return _with(routing, side, replace(routing.health[side], stopped=why))


# ── the moves ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _may_take_over(routing: Routing, limits: FailoverSettings, now: float) -> bool:
    """Whether the other route is worth asking. Where both are bad they take turns, so that neither is flooded with
    changes and none is given up: silence is what people fear."""
    other = routing.active.other
    if routing.health[other].stopped:
        return False
    if routing.health[routing.active].stopped or now >= routing.since + limits.dwell.total_seconds():
        return True
    return now >= routing.avoided[other] and not fault(routing.health[other], limits, now)


def _taken_over(routing: Routing, why: str, limits: FailoverSettings, now: float) -> Routing:
    """The other route is active. A primary that fails again soon after it came back is left alone for longer."""
    left = routing.active
    relapses = 0
    if left is Side.PRIMARY and now < routing.since + limits.quiet_most.total_seconds():
        relapses = routing.relapses + 1
    elif left is Side.STANDBY:
        relapses = routing.relapses
    avoided = {**routing.avoided, left: now + _quiet(limits, relapses if left is Side.PRIMARY else 0)}
    moved = replace(routing, active=left.other, since=now, why=why, back=False, avoided=avoided, relapses=relapses)
    return _anew(_in_trial(moved, 0), left, now)


def _relapsed(routing: Routing, why: str, limits: FailoverSettings, now: float) -> Routing:
    """A trial failed: the primary is left alone again, for longer."""
    relapses = routing.relapses + 1
    avoided = {**routing.avoided, Side.PRIMARY: now + _quiet(limits, relapses)}
    return _anew(_in_trial(replace(routing, relapses=relapses, avoided=avoided, why=why), 0), Side.PRIMARY, now)


def _well(routing: Routing, now: float) -> Routing:
    """One more message of a trial went well."""
    well = routing.well + 1
    _, enough = TRIALS[routing.step - 1]
    if well < enough:
        return replace(routing, well=well)
    if routing.step < len(TRIALS):
        return _in_trial(routing, routing.step + 1)
    why = "its trials went well"
    return replace(_in_trial(routing, 0), active=Side.PRIMARY, since=now, why=why, back=True)


def _in_trial(routing: Routing, step: int) -> Routing:
    return replace(routing, step=step, well=0, begun=dict.fromkeys(Side, 0))


def _anew(routing: Routing, side: Side, now: float) -> Routing:
    return _with(routing, side, routing.health[side].anew(now))


def _with(routing: Routing, side: Side, health: Health) -> Routing:
    return replace(routing, health={**routing.health, side: health})


def _quiet(limits: FailoverSettings, relapses: int) -> float:
    first, most = limits.quiet_first.total_seconds(), limits.quiet_most.total_seconds()
    return min(first * 2.0 ** min(relapses, 30), most)
