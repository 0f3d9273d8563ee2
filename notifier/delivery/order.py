"""What follows from an outcome, a lost answer or a fault: when to try again, when to give up, whom to ask. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifier.model.delivery import Delivery, Outcome, OutcomeKind, Reason
from notifier.model.times import parse_rfc3339, rfc3339
from notifier.ports import CannotTell, Found, NotFound

from .settings import DeliverySettings, LostAnswer

RETRY_LEAST = timedelta(seconds=1)
"""However soon a provider says "again", we are never in a tight loop with it."""


def doubled(first: timedelta, most: timedelta, times: int) -> timedelta:
    """`first` doubled `times` times, at most `most`."""
    return min(first * float(2 ** max(0, min(times, 30))), most)


def judged(outcome: Outcome, attempts: int, now: datetime, settings: DeliverySettings) -> Outcome:
    """The outcome as it is to be recorded after the `attempts`-th attempt: a retry has its time or is given up, an
    unknown one has the time it is first looked for."""
    if outcome.kind is OutcomeKind.UNKNOWN:
        return replace(outcome, retry_at=now + settings.unknown_after)
    if outcome.kind is not OutcomeKind.RETRY:
        return outcome
    if attempts >= settings.attempts and outcome.counts:
        why = f"{outcome.reason} after {attempts} attempts; {outcome.detail}".rstrip("; ")
        return replace(outcome, kind=OutcomeKind.REJECTED, reason=Reason.GAVE_UP, retry_at=None, detail=why)
    at = outcome.retry_at or now + doubled(settings.retry_first, settings.retry_most, attempts - 1)
    return replace(outcome, retry_at=max(at, now + RETRY_LEAST))


def repeatable(doubt_since: datetime | None, keyed_for: timedelta, now: datetime, margin: timedelta) -> bool:
    """Whether sending the same message again is harmless now: there is no doubt, or the far side still knows the key
    and will for `margin` more, so that a slow request does not arrive after it forgot."""
    return doubt_since is None or now + margin < doubt_since + keyed_for


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell the store about a delivery that was looked for; `why` is for the log."""

    again_at: datetime | None
    resend: bool
    why: str


def verdict(
    delivery: Delivery,
    result: Found | NotFound | CannotTell,
    now: datetime,
    settings: DeliverySettings,
    *,
    rule: LostAnswer,
    harmless: bool,
) -> Verdict:
    """What follows from having looked. Nothing is sent again because nobody could tell, unless its key makes that
    `harmless`; and nothing is sent again too often or too late."""
    if isinstance(result, Found):
        return Verdict(None, False, "the far side has it")
    why = "the far side does not have it" if isinstance(result, NotFound) else result.why
    wanted = harmless or (isinstance(result, NotFound) and rule is LostAnswer.RESEND)
    if wanted and delivery.attempts < settings.attempts and now < delivery.expires_at:
        return Verdict(None, True, why)
    since = delivery.began_at or delivery.doubt_since or delivery.created_at
    if isinstance(result, NotFound) or now >= since + settings.unsettled_after:
        return Verdict(None, False, why)
    return Verdict(now + settings.unknown_again, False, why)


# ── a stopped channel ────────────────────────────────────────────────────────────────────────────────────────────────


LATER = "told later:"
"""What a stop's reason begins with where a callback told it: that a message is accepted does not show that it ended."""


TRYING = "a message is on trial"
"""The reason of a stop that waits for what becomes of one message."""


@dataclass(frozen=True, slots=True)
class Stop:
    """That a channel does not send: until a time, or until somebody clears it (None)."""

    until: datetime | None
    why: str

    def holds(self, now: datetime) -> bool:
        """Whether it still stops the channel."""
        return self.until is None or now < self.until

    def to_switch(self) -> str:
        """As the switch "stop:<channel>" keeps it: "until <time> <why>"."""
        return f"until {rfc3339(self.until)} {self.why}" if self.until else f"on {self.why}"


def read_stop(switch: str | None) -> Stop | None:
    """Read the switch "stop:<channel>": "off" or unset clears it, "until <RFC 3339> <why>" is the daemon's own word,
    anything else is a person's and stops the channel until it is cleared."""
    if switch is None or switch.strip().lower() in ("", "off"):
        return None
    word, _, rest = switch.partition(" ")
    if word == "until":
        moment, _, why = rest.partition(" ")
        try:
            return Stop(parse_rfc3339(moment), why)
        except ValueError:
            return Stop(None, switch)
    return Stop(None, rest if word == "on" else switch)
