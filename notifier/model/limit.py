"""How much may leave now under a limit, as a value: a token bucket kept as one number, the generic cell rate algorithm
of ITU-T I.371. Pure.

It lies in the model because both ends need it: channels say what their limits are, and the store, where all nodes
meet, decides by them. What it costs does not depend on how much was sent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

LATE = timedelta(minutes=2)
"""How long after it was granted a message may arrive at the most: as long as a claim is held. A far side that counts
arrivals sees in one window what was granted in that window and so long before it."""
HELD_MOST = timedelta(hours=25)
"""A provider's "not before" further away than this is a clock that went back: channels keep it within a day."""
KEPT = 0.25
"""Of what an account may send at once, kept for acknowledgements and all-clears."""
HEAVIEST = 24
"""Segments of the longest SMS there is: the heaviest message."""
SLOWEST = 1e-6
"""Tokens a second at the least, so that every wait is a time a calendar has."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate` tokens flow in each second, up to `burst`; a message of weight 1 takes `cost`. In any `t` seconds no more
    than `burst + rate * t` tokens leave, but that one message may be heavier than the burst. All who use the same
    `name` share it. `window`: what a clock that has gone back keeps anybody waiting longer than it would have
    been anyway. `kept`: the share of the burst that what can wait leaves alone, so that what cannot finds it there.
    Raises ValueError for one nothing could ever pass."""

    name: str
    rate: float
    burst: float
    window: timedelta
    cost: float = 1.0
    kept: float = 0.0

    def __post_init__(self) -> None:
        if not (self.rate > 0 and 0 < self.cost <= self.burst and self.window > timedelta() and 0 <= self.kept < 1):
            raise ValueError(f"limit {self.name}: expected a rate above 0 and room for one message")

    @classmethod
    def flowing(cls, name: str, rate: float) -> Limit:
        """`rate` messages a second, one second's worth of them at once, and at least one."""
        rate = max(rate, SLOWEST)
        return cls(name, rate, max(1.0, rate), timedelta(seconds=max(60.0, 1 / rate)))

    @classmethod
    def within(cls, name: str, most: float, window: timedelta, *, burst: float | None = None,
               cost: float = 1.0) -> Limit:
        """At most `most` tokens arrive in any window, wherever it begins: `burst` of them (a third, where not given)
        may leave at once, and the others flow in over the window and `LATE`. A provider that counts from a fixed
        moment on would let more pass; nobody knows its moment."""
        at_once = max(most / 3, cost) if burst is None else burst
        return cls(name, (most - at_once) / (window + LATE).total_seconds(), at_once, window, cost, KEPT)


@dataclass(frozen=True, slots=True)
class Level:
    """Where a limit stands, alike for all who share it. `spent_ns`: when all that was taken will have flowed in again,
    nanoseconds since 1970 (0: long ago; microseconds would let a thousand messages a second lose some to rounding).
    `held_until`: not before then, by the provider's word."""

    spent_ns: int = 0
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider told of its own count: `remaining` tokens, or nothing before `until`."""

    remaining: float | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """That no further message may leave before `until`, because of the limit named; `told`: by the provider's word, not
    by our own count."""

    limit: str
    until: datetime
    told: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """The first `number` messages may leave, after which the limits stand at `levels`; `wait`: what the next of them,
    or another of weight 1, waits for; None where it could leave now."""

    number: int
    levels: tuple[Level, ...]
    wait: Wait | None


def room(limits: Sequence[Limit], levels: Sequence[Level], now: datetime, *, can_wait: bool = False) -> int:
    """How many messages of weight 1 may leave now under all of them."""
    return min((_room(limit, level, now, can_wait) for limit, level in zip(limits, levels, strict=True)), default=0)


def grant(limits: Sequence[Limit], levels: Sequence[Level], weights: Sequence[float], now: datetime,
          can_wait: Sequence[bool] = ()) -> Granted:
    """Let as many of the first messages of these weights leave as all limits allow; none goes ahead of one before it,
    so that a heavy one is not passed by for ever. `can_wait` says of each whether it leaves alone what is kept; none
    does where it is empty."""
    at, held = _ns(now), any(_is_held(level, now) for level in levels)
    patient = (*can_wait, *[False] * (len(weights) - len(can_wait)), bool(can_wait) and can_wait[-1])
    reaches = {which: [_reach(limit, which) for limit in limits] for which in set(patient)}
    spent = [_spent(limit, level, now) for limit, level in zip(limits, levels, strict=True)]
    number = 0
    for weight in weights:
        lengths = [_length(limit, weight) for limit in limits]
        reach = reaches[patient[number]]
        if held or any(s + min(long, most) > at + most for s, long, most in zip(spent, lengths, reach, strict=True)):
            break
        spent = [s + long for s, long in zip(spent, lengths, strict=True)]
        number += 1
    after = tuple(levels)
    if number:
        after = tuple(replace(level, spent_ns=s) for level, s in zip(levels, spent, strict=True))
    following = weights[number] if number < len(weights) else 1.0
    return Granted(number, after, _waits(limits, after, following, now, patient[number]))


def ready_at(limit: Limit, level: Level, weight: float, now: datetime, *, can_wait: bool = False) -> datetime:
    """When a message of this weight may leave, if nobody takes anything before; `now`, or earlier, where it may leave
    at once. One heavier than the burst leaves from a full bucket, and what it is too heavy is paid off after it."""
    spent, reach = _spent(limit, level, now), _reach(limit, can_wait)
    flowed = _moment(spent + min(_length(limit, weight), reach) - reach)
    return max(flowed, level.held_until) if _is_held(level, now) and level.held_until else flowed


def give_back(limit: Limit, level: Level, unspent: float, reserved_at: datetime, now: datetime) -> Level:
    """The level after `unspent` of what was taken at `reserved_at` was not sent. What has flowed in since does not come
    back: without that taking the bucket may have been full meanwhile, and what would have run over cannot be spent."""
    since = now - reserved_at
    back = _length(limit, unspent) - since // _MICROSECOND * 1000
    return replace(level, spent_ns=level.spent_ns - back) if back > 0 and since >= timedelta() else level


def tighten(limit: Limit, level: Level, told: Told, now: datetime) -> Level:
    """The level by what the provider told, where that is less than ours: its word never loosens, and one that changes
    nothing gives back the same level."""
    if told.remaining is not None:
        spent = _ns(now) + round((limit.burst - max(told.remaining, 0.0)) / limit.rate * 1e9)
        level = replace(level, spent_ns=spent) if spent > _spent(limit, level, now) else level
    if told.until is not None and now < told.until <= now + HELD_MOST:
        held = level.held_until if _is_held(level, now) else None
        level = level if held is not None and held >= told.until else replace(level, held_until=told.until)
    return level


def length(limit: Limit, weight: float) -> timedelta:
    """How long a message of this weight takes to flow in again."""
    return timedelta(microseconds=math.floor(_length(limit, weight) / 1000))


# ── the arithmetic, in whole nanoseconds ─────────────────────────────────────────────────────────────────────────────


def _waits(limits: Sequence[Limit], levels: Sequence[Level], weight: float, now: datetime,
           can_wait: bool) -> Wait | None:
    """The limit that lets a message of this weight leave last; None where it may leave now."""
    waits = [Wait(limit.name, ready_at(limit, level, weight, now, can_wait=can_wait), _is_held(level, now))
             for limit, level in zip(limits, levels, strict=True)]
    last = max(waits, key=lambda wait: wait.until, default=None)
    return last if last is not None and last.until > now else None


def _room(limit: Limit, level: Level, now: datetime, can_wait: bool) -> int:
    if ready_at(limit, level, 1.0, now, can_wait=can_wait) > now:
        return 0
    return max((_ns(now) + _reach(limit, can_wait) - _spent(limit, level, now)) // _length(limit, 1.0), 1)


def _spent(limit: Limit, level: Level, now: datetime) -> int:
    """`spent_ns`, but not before now; and where it lies further ahead than can be, because a clock went back, as if all
    had just been taken: that adds nothing, and blocks for one message's time. Short of that it is believed, because
    another node's clock may be ahead of ours."""
    at, ahead = _ns(now), _full(limit)
    furthest = at + max(ahead, _length(limit, HEAVIEST)) + round(limit.window.total_seconds() * 1e9)
    return at + ahead if level.spent_ns > furthest else max(level.spent_ns, at)


def _full(limit: Limit) -> int:
    """What the whole burst takes to flow in; a nanosecond for each message's rounding beside it."""
    return round(limit.burst / limit.rate * 1e9) + math.ceil(limit.burst / limit.cost)


def _reach(limit: Limit, can_wait: bool) -> int:
    """How far ahead of now what is taken may reach."""
    return round(_full(limit) * (1 - limit.kept)) if can_wait else _full(limit)


def _length(limit: Limit, weight: float) -> int:
    return max(round(weight * limit.cost / limit.rate * 1e9), 1)


def _is_held(level: Level, now: datetime) -> bool:
    return level.held_until is not None and now < level.held_until <= now + HELD_MOST


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000


def _moment(ns: int) -> datetime:
    """The first microsecond that is not before it."""
    return _EPOCH + timedelta(microseconds=max(-(-ns // 1000), 0))
