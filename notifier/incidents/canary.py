"""When the first of a large audience have shown that the rest may be told, and when the rest must not be. Pure.

Two fears pull here: a million messages that carriers filter, bounce or take offence at, and silence because nobody
says what became of the first. So a wave is stopped only by what cannot be chance, and goes on when no word comes.

What is looked at is the sequence of those tried, in the order their sending began, each either bad for a rule or not
(yet): a message of which nothing is heard counts as good, so that words that come late, or bad ones first, stop
nothing. For a rule that allows the share p, and a worse share q, `log(q/p)` is added for each bad one and
`log((1-q)/(1-p))`, which is negative, for each other; the sum never falls below 0. That is Page's cumulative sum
(E. S. Page, Continuous inspection schemes, Biometrika 41, 1954): forty thousand good ones before do not outweigh the
bad ones that begin now, as they would in a share over all. Several q are tried beside each other, so that a share of
all and one a little over the limit are both found soon.

That chance stops a wave is bounded however often it is looked at: from any one starting point the product of the
likelihood ratios is a martingale while the true share is p, and below p a supermartingale, so by Ville's inequality
(J. Ville, Étude critique de la notion de collectif, 1939) it ever reaches B with a probability of at most 1/B. A
cumulative sum over n messages is the largest over n starting points; with B = n × (number of q) / CHANCE, the
probability that a rule stops a wave whose true share is what it allows is at most CHANCE.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import Field, model_validator

from ..model.canary import Canary, CanaryState, Fate
from ..model.delivery import DeliveryState, Reason
from ..model.settings import Duration, Settings

CHANCE = 0.001
"""How probable it may be that a rule stops, by chance, a wave that is as good as the rule allows."""
SAMPLED = 32
"""Once the rest goes out, one delivery in so many is looked at (the store's index says which)."""
OVERSAMPLED = 3
"""So many times the first are looked for, since some may be in their quiet hours."""


class StopShares(Settings):
    """Shares of those tried that are still in order. A wave stops where more than that cannot be chance."""

    filtered: float = Field(default=0.02, gt=0, lt=1)
    """Refused for their words: carriers' filters (Twilio's 30007), mail taken for spam."""
    opted_out: float = Field(default=0.02, gt=0, lt=1)
    """People who had asked the provider to be told no more (Twilio's 21610): our own list would be out of date."""
    bounced: float = Field(default=0.05, gt=0, lt=1)
    """Nobody there: no such number or mailbox, one that is gone or full."""
    failed: float = Field(default=0.2, gt=0, lt=1)
    """Failed for any other reason, but telephones that are switched off or out of reach, as in an outage they are."""


class CanarySettings(Settings):
    """Who of a large audience is told first, and what must not become of them. Each channel that reaches people has
    its own; the end of an outage and corrections have none."""

    share: float = Field(default=0.01, ge=0, le=0.5)
    """Part of a channel's audience that is told first; 0: everybody at once."""
    least: int = Field(default=50, ge=1)
    """People told first at least."""
    most: int = Field(default=1000, ge=1, le=5000)
    """People told first at most."""
    above: int = Field(default=1000, ge=0)
    """A channel that reaches no more people than this has no canary; nor has an audience of up to 1,000 in all."""
    enough: float = Field(default=0.9, gt=0, le=1)
    """The rest is told once so much of the canary is known to have arrived, or not, and no rule stops it."""
    words_within: Duration = timedelta(minutes=3)
    """How long to wait for words once so much of the canary has been sent; mail that arrives is never confirmed."""
    longest: Duration = timedelta(minutes=20)
    """However little is known by then, the rest is told so long after the canary was due: silence is no answer. Only
    where none of it could be sent at all, the rest waits with it."""
    least_fates: int = Field(default=20, ge=1)
    """No rule stops a wave of which fewer have been tried."""
    stop: StopShares = Field(default_factory=StopShares)
    """What stops a wave."""

    @model_validator(mode="after")
    def _in_order(self) -> CanarySettings:
        if self.least > self.most:
            raise ValueError("least is more than most")
        return self

    def size(self, people: int) -> int:
        """How many of `people` on one channel are told first; 0: it has no canary."""
        if self.share == 0 or people <= self.above:
            return 0
        first = min(max(math.ceil(people * self.share), self.least), self.most)
        return first if first < people else 0


OFF = CanarySettings(share=0)
"""Everybody at once."""

FILTERED = frozenset({Reason.FILTERED, Reason.CONTENT_REFUSED})
OPTED_OUT = frozenset({Reason.OPTED_OUT})
BOUNCED = frozenset({Reason.INVALID_ADDRESS, Reason.RECIPIENT_GONE, Reason.MAILBOX_FULL})
NO_FAULT = frozenset({Reason.UNREACHABLE, Reason.LOST_ANSWER, Reason.UNSETTLED, Reason.TOO_LATE, Reason.QUIET_HOURS,
                      Reason.ERASED, Reason.WITHDRAWN})
"""Failures that tell nothing of our words, our list or our account."""
FAILED = frozenset(Reason) - FILTERED - OPTED_OUT - BOUNCED - NO_FAULT


def rules(stop: StopShares) -> Mapping[str, tuple[frozenset[Reason], float]]:
    """By name: the reasons a rule counts, and the share it allows."""
    return {"filtered": (FILTERED, stop.filtered), "opted out": (OPTED_OUT, stop.opted_out),
            "bounced": (BOUNCED, stop.bounced), "failed": (FAILED, stop.failed)}


# ── the rule ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of those tried in which too many were bad."""

    bad: int
    tried: int


def worse(allowed: float) -> tuple[float, ...]:
    """The shares a rule looks for: twice the allowed one, and so on up to nearly all."""
    found = [share for k in range(1, 30) if (share := allowed * 2**k) < 0.9]
    return (*found, (9 + allowed) / 10)


def too_many(bad: Sequence[int], tried: int, allowed: float, *, horizon: int, least: int) -> Run | None:
    """The stretch that is least likely chance; None: there is none that cannot be. `bad`: which of the `tried` messages
    were bad, counted from 0, ascending; `horizon`: how many will be looked at in all; `least`: fewer say nothing."""
    shares = worse(allowed)
    enough = math.log(max(horizon, tried, 1) * len(shares) / CHANCE)
    found = (_cumulative(bad, allowed, share, least) for share in shares)
    return max((one for one in found if one[0] >= enough), key=lambda one: one[0], default=(0.0, None))[1]


def _cumulative(bad: Sequence[int], allowed: float, share: float, least: int) -> tuple[float, Run | None]:
    """The highest that Page's cumulative sum for one share ever is, from bad one to bad one, and its stretch."""
    up, down = math.log(share / allowed), math.log((1 - share) / (1 - allowed))
    total, start, first, last = 0.0, 0, 0, -1
    highest: tuple[float, Run | None] = 0.0, None
    for number, at in enumerate(bad):
        total = max(0.0, total + down * (at - last - 1))
        if total == 0.0:
            start, first = at, number
        total, last = total + up, at
        if total > highest[0] and at + 1 >= least:
            highest = total, Run(number - first + 1, at - start + 1)
    return highest


def stopped(fates: Sequence[Fate], canary: Canary, settings: CanarySettings) -> str | None:
    """Why a wave must not go on, in words; None: nothing speaks against it."""
    tried = [fate for fate in fates if fate.began_at is not None and _since(fate, canary)]
    holds = canary.state is CanaryState.HOLDS
    horizon = canary.size if holds else math.ceil(canary.people / SAMPLED)
    for name, (reasons, allowed) in rules(settings.stop).items():
        bad = [at for at, fate in enumerate(tried)
               if fate.state is DeliveryState.FAILED and fate.reason in reasons]
        run = too_many(bad, len(tried), allowed, horizon=horizon, least=settings.least_fates)
        if run is not None:
            which = "" if holds else f" (of one in {SAMPLED} that is looked at)"
            return f"{run.bad} of {run.tried} {name}{which}, where {allowed:.1%} is in order"
    return None


def _since(fate: Fate, canary: Canary) -> bool:
    return canary.since is None or (fate.began_at is not None and fate.began_at >= canary.since)


# ── the verdict ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class GoOn:
    """The rest may be told."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Too little is known; at `until` the wave goes on whatever is known then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """The rest is not to be told unless a person says so."""

    why: str


def verdict(fates: Sequence[Fate], canary: Canary, settings: CanarySettings, now: datetime) -> GoOn | Wait | Stop:
    """What follows from what has become of the first, in the order their sending began."""
    why = stopped(fates, canary, settings)
    if why is not None:
        return Stop(why)
    begun = [fate for fate in fates if fate.began_at is not None]
    waiting = sum(fate.state in (DeliveryState.PENDING, DeliveryState.CLAIMED) and fate.began_at is None
                  for fate in fates)
    enough = math.ceil(settings.enough * (len(begun) + waiting))
    known = sum(fate.state in (DeliveryState.DELIVERED, DeliveryState.FAILED) for fate in begun)
    told = f"of {len(begun) + waiting} people told first, {', '.join(_counted(fates, waiting)) or 'none could be told'}"
    if known >= enough:
        return GoOn(told)
    until = canary.due_at + settings.longest
    if not begun:  # a stopped channel, or a provider that is down: the rest would not be sent either
        return Wait(max(until, now + settings.words_within))
    sent = _sent_at(begun, enough)
    if sent is not None:
        until = min(until, sent + settings.words_within)
    return Wait(until) if now < until else GoOn(f"{told}: no more words came in time")


def _sent_at(begun: Sequence[Fate], enough: int) -> datetime | None:
    """When the sending of enough of them began; None: it has not."""
    moments = sorted(fate.began_at for fate in begun if fate.began_at is not None)
    return moments[enough - 1] if len(moments) >= enough else None


def _counted(fates: Sequence[Fate], waiting: int) -> Iterator[str]:
    """How many met what, in words."""
    states = Counter(fate.state for fate in fates if fate.began_at is not None)
    for state in (DeliveryState.DELIVERED, DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.CLAIMED):
        if states[state]:
            yield f"{states[state]} {'under way' if state is DeliveryState.CLAIMED else state}"
    failed = Counter(fate.reason for fate in fates
                     if fate.began_at is not None and fate.state is DeliveryState.FAILED)
    yield from (f"{number} failed ({reason})" for reason, number in sorted(failed.items()))
    if waiting:
        yield f"{waiting} not yet sent"


def following(
    fates: Sequence[Fate], canary: Canary, settings: CanarySettings, now: datetime, *, over: bool, left: bool
) -> Canary | None:
    """What a wave becomes; None: it stays as it is. `over`: the notice has ended or expired. `left`: somebody of the
    rest is still to be queued, or is queued and waits."""
    state, why = canary.state, ""
    if over or not left:
        state, why = CanaryState.ENDED, "the notice is over" if over else "nobody of it waits any more"
    elif state is CanaryState.HOLDS:
        found = verdict(fates, canary, settings, now)
        if not isinstance(found, Wait):
            state, why = CanaryState.STOPPED if isinstance(found, Stop) else CanaryState.WATCHED, found.why
    elif state is CanaryState.WATCHED:
        why = stopped(fates, canary, settings) or ""
        state = CanaryState.STOPPED if why else state
    if state is canary.state:
        return None
    return replace(canary, state=state, why=why, changed_at=now, actor="canary")
