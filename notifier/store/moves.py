"""The moves of a delivery that is held: what each outcome makes of it. Every function runs inside a step of the send
path."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from notifier.model.delivery import Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.people import AddressKind

from . import people
from .codec import micros
from .database import Database

RETRY_FIRST = timedelta(seconds=5)
RETRY_MOST = timedelta(minutes=5)
"""Wait before another attempt where the outcome named no time: doubling from the first to the most."""
ATTEMPTS_MOST = 50
"""However a sender decides, no address is tried more often than this for one notice."""


def record(db: Database, stored: Delivery, outcome: Outcome, cancel_reason: str | None, now: datetime) -> None:
    """What follows from an attempt's outcome."""
    if outcome.kind is OutcomeKind.SENT:
        to_sent(db, stored, outcome.reason, outcome.provider_id, outcome.detail, now)
    elif outcome.kind is OutcomeKind.UNKNOWN:
        to_unknown(db, stored, outcome.reason, now, outcome.retry_at or now, outcome.detail)
    elif outcome.kind is OutcomeKind.REJECTED:
        if outcome.reason is Reason.OPTED_OUT and stored.address:
            kind = AddressKind.EMAIL if "@" in stored.address else AddressKind.PHONE
            people.opt_out(db, kind, stored.address, now, "provider")
        to_end(db, stored, DeliveryState.FAILED, outcome.reason, now, outcome.detail)
    elif stored.attempts >= ATTEMPTS_MOST and outcome.counts:
        to_end(db, stored, DeliveryState.FAILED, Reason.GAVE_UP, now, outcome.detail)
    else:
        at = outcome.retry_at or now + doubled(stored.attempts - 1)
        if outcome.in_doubt:
            stored = replace(stored, doubt_since=stored.doubt_since or stored.began_at)
        if not outcome.counts and stored.began_at is not None:
            db.run("outbox.uncount", {"id": stored.id})
        again_or_end(db, stored, cancel_reason, now, outcome.reason, at=at, detail=outcome.detail)


def again_or_end(
    db: Database,
    stored: Delivery,
    cancel_reason: str | None,
    now: datetime,
    reason: Reason,
    *,
    at: datetime | None = None,
    detail: str = "",
) -> None:
    """Back to the queue, unless a cancel came while the attempt was under way."""
    if cancel_reason is not None:
        to_end(db, stored, DeliveryState.CANCELLED, Reason(cancel_reason), now)
    else:
        to_pending(db, stored, at or now, reason, doubt=stored.doubt_since, detail=detail)


def to_pending(
    db: Database, stored: Delivery, at: datetime, reason: Reason, *, doubt: datetime | None, detail: str = ""
) -> None:
    """Back to the queue, not to be sent before `at`."""
    given = {"id": stored.id, "not_before": micros(at), "reason": reason, "detail": detail[:500]}
    db.run("outbox.to_pending", {**given, "doubt_since": None if doubt is None else micros(doubt)})


def to_sent(
    db: Database, stored: Delivery, reason: Reason, provider_id: str | None, detail: str, now: datetime
) -> None:
    """The far side has it, under its number."""
    given = {"id": stored.id, "reason": reason, "provider_id": provider_id, "detail": detail[:500]}
    db.run("outbox.to_sent", {**given, "now": micros(now)})


def to_unknown(db: Database, stored: Delivery, reason: Reason, now: datetime, look_at: datetime, detail: str) -> None:
    """It may have been accepted; the far side is looked at from `look_at` on."""
    given = {"id": stored.id, "reason": reason, "now": micros(now), "look_at": micros(look_at)}
    db.run("outbox.to_unknown", {**given, "detail": detail[:500]})


def to_end(
    db: Database, stored: Delivery, state: DeliveryState, reason: Reason, now: datetime, detail: str = ""
) -> None:
    """It ends so, with whatever doubt it has."""
    doubt = None if stored.doubt_since is None else micros(stored.doubt_since)
    given = {"id": stored.id, "state": state, "reason": reason, "now": micros(now), "detail": detail[:500]}
    db.run("outbox.to_end", {**given, "doubt_since": doubt})


def doubled(times: int) -> timedelta:
    """The wait after so many attempts before this one."""
    return min(RETRY_FIRST * float(2 ** max(0, min(times, 20))), RETRY_MOST)
