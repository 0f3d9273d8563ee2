"""When a message that a carrier gave up is followed by another: as often as the settings say, and never within the
person's quiet hours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from notifier.model.people import Subscriber
from notifier.notices.plan import quiet_until

from .settings import DeliverySettings, LostAnswer


def waits(settings: DeliverySettings, *, passes: bool, in_doubt: bool, least: timedelta) -> tuple[timedelta, ...]:
    """How long after the first, second … failure the next message may leave; none: FAILED is final. `passes`: what it
    failed for may pass, after `least`; `in_doubt`: nobody knows whether it arrived."""
    if not passes and not (in_doubt and settings.second_in_doubt is LostAnswer.RESEND):
        return ()
    return tuple(max(wait, least) for wait in settings.second_waits)


def times(waits: Sequence[timedelta], people: Sequence[Subscriber], now: datetime) -> tuple[datetime, ...]:
    """The same as times, put off to the end of the quiet hours of whoever has that address."""
    found = []
    for wait in waits:
        at = now + wait
        for person in people:
            if person.quiet_hours is not None:
                at = max(at, quiet_until(person.quiet_hours, person.timezone, at))
        found.append(at)
    return tuple(found)
