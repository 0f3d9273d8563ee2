"""What the far side says of a message after its answer, or where that was lost: when it is looked for, called back
about, or answered too late. Which delivery a word is about is told by the number of its message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from notifier.model.delivery import DELIVERY_MOVES, Delivery, DeliveryState, Outcome, Reason
from notifier.ports import CannotTell, Found, NotFound

from . import second
from .codec import build, micros
from .database import WRITER, Database, Row
from .moves import again_or_end, to_end, to_sent

ENDED_UNTOLD = (DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.EXPIRED, DeliveryState.SUPPRESSED)
"""Ends after which nobody counts as told."""


def unheld(
    db: Database, delivery: str, provider_ids: Sequence[str], account: str | None
) -> tuple[str, ...] | None:
    """See Store.unheld."""
    row = db.row("outbox.get", {"id": delivery})
    if row is None or db.row("outbox.unanswered_beside", {"id": delivery}) is not None:
        return None
    return tuple(id for id in provider_ids if _is_free(db, id, row, account))


def _is_free(db: Database, provider_id: str, row: Row, account: str | None) -> bool:
    """Whether a message is nobody else's, nor one of before this delivery's newest; `account`: the channel whose
    account has it, None: that which was asked."""
    channel = row["channel"]
    holder = _holder(db, provider_id, channel, account or row["route"])
    return holder in (None, row["id"]) and second.holder(db, provider_id, channel) is None


def _holder(db: Database, provider_id: str, channel: str, route: str | None) -> str | None:
    """The delivery of this channel that has the number of the far side behind `route`: the numbers of two accounts
    have nothing to do with each other."""
    rows = db.rows("outbox.by_provider", {"provider_id": provider_id})
    same = (row for row in rows if row["channel"] == channel and (row["route"] or channel) == (route or channel))
    return next((str(row["id"]) for row in same), None)


def reconcile(
    db: Database,
    delivery: str,
    token: int,
    result: Found | NotFound | CannotTell,
    now: datetime,
    *,
    again_at: datetime | None,
    resend: bool,
) -> bool:
    """See Store.reconcile. CannotTell with `resend`: pending again with the doubt kept, for a channel whose key makes
    repeating harmless. What is no longer unknown, or has become so anew, is left alone; so is a delivery whose message
    another has adopted since it was looked for."""
    if isinstance(result, Found):
        db.lock(WRITER)  # of two that found one message, only one is to have it
    row = db.row("outbox.hold", {"id": delivery})
    if row is None or row["state"] != DeliveryState.UNKNOWN or row["token"] != token:
        return False
    stored = build(Delivery, row)
    if isinstance(result, Found):
        if not _is_free(db, result.provider_id, row, result.account):
            return False
        if result.account is not None:
            db.run("outbox.put_route", {"id": delivery, "route": result.account})
        to_sent(db, stored, Reason.ADOPTED, result.provider_id, "", now)
    elif resend:
        doubt = None if isinstance(result, NotFound) else stored.doubt_since
        if row["cancel_reason"] is None:
            db.run("second.doubt_earlier", {"id": delivery})  # lists lag: that it was not there is no proof for ever
        again_or_end(db, replace(stored, doubt_since=doubt), row["cancel_reason"], now, Reason.NONE)
    elif isinstance(result, NotFound):
        to_end(db, replace(stored, doubt_since=None), DeliveryState.FAILED, Reason.LOST_ANSWER, now)
    elif again_at is not None:
        db.run("outbox.look_again", {"id": delivery, "look_at": micros(again_at), "detail": result.why[:500]})
    else:
        to_end(db, stored, DeliveryState.FAILED, Reason.UNSETTLED, now, result.why)
    return True


def callback(
    db: Database,
    provider_id: str,
    state: DeliveryState,
    reason: Reason,
    now: datetime,
    delivery: str | None,
    route: str | None,
    again: Sequence[datetime],
) -> DeliveryState | None:
    """See Store.callback. A provider's number that two deliveries share names neither."""
    row = _told_of(db, provider_id, delivery, route)
    if row is None or state not in (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.FAILED):
        return None
    if state is DeliveryState.FAILED and _of_an_earlier_attempt(row, route):
        second.keep(db, row["id"], provider_id, reason, now)
        return None
    stored = build(Delivery, row)
    earlier = second.holder(db, provider_id, stored.channel) == stored.id
    if earlier and state is not DeliveryState.DELIVERED:
        return None
    if not earlier and row["provider_id"] not in (None, provider_id):
        return None
    if not _movable(stored, state):
        if state is DeliveryState.DELIVERED and stored.state in ENDED_UNTOLD:
            db.run("outbox.doubt", {"id": stored.id, "now": micros(now)})
        return None
    if state is DeliveryState.FAILED and second.queued(db, stored, row, provider_id, reason, now, again):
        return DeliveryState.PENDING
    given = {"id": stored.id, "state": state, "reason": reason, "now": micros(now)}
    db.run("outbox.by_word", {**given, "provider_id": None if earlier else provider_id})
    if state is DeliveryState.FAILED and reason is Reason.LOST_ANSWER:
        db.run("outbox.doubt", {"id": stored.id, "now": micros(now)})
    return state


def _of_an_earlier_attempt(row: Row, route: str | None) -> bool:
    """Whether a message that nobody here knows may be one of before the attempt that is not answered yet: that one may
    well arrive. Its answer will tell, or the far side: which is not to give us the one that failed for it."""
    if row["provider_id"] is not None:
        return False
    unanswered = row["state"] in (DeliveryState.CLAIMED, DeliveryState.UNKNOWN)
    repeats = unanswered and row["earlier_doubt"] is not None
    return repeats or (None not in (route, row["route"]) and route != row["route"])


def _movable(stored: Delivery, state: DeliveryState) -> bool:
    """Whether a word can be about a message of this delivery, and moves it. That one was taken is said also of a
    message before the next, while that is waiting to be made; that one failed, only of the newest."""
    if stored.state in (DeliveryState.PENDING, DeliveryState.CLAIMED) and stored.began_at is None:
        return stored.attempts > 0 and state is not DeliveryState.FAILED
    return state in DELIVERY_MOVES[stored.state]


def _told_of(db: Database, provider_id: str, delivery: str | None, route: str | None) -> Row | None:
    """The row a provider's word is about, held: whoever has its number, else the delivery it names."""
    if delivery is None:
        rows = db.rows("outbox.by_provider", {"provider_id": provider_id})
        id = rows[0]["id"] if len(rows) == 1 else None if rows else second.holder(db, provider_id, None)
    else:
        row = db.row("outbox.get", {"id": delivery})
        id = delivery
        if row is not None:
            channel = row["channel"]
            holder = _holder(db, provider_id, channel, route or row["route"])
            id = holder or second.holder(db, provider_id, channel) or delivery
    return None if id is None else db.row("outbox.hold", {"id": id})


def late_word(db: Database, row: Row, outcome: Outcome, now: datetime) -> bool:
    """That a message was accepted is a fact whoever brings it: it spares a repeat that has not begun, and where the
    delivery has ended otherwise its person is still owed the all-clear. A message that a twin has adopted meanwhile
    is the twin's, and serves no second delivery; one that was given up meanwhile serves none."""
    if outcome.provider_id and not _is_free(db, outcome.provider_id, row, None):
        return False
    stored = build(Delivery, row)
    repeat_began = stored.state is DeliveryState.CLAIMED and stored.began_at is not None
    if stored.state in (DeliveryState.UNKNOWN, DeliveryState.PENDING, DeliveryState.CLAIMED) and not repeat_began:
        to_sent(db, stored, outcome.reason, outcome.provider_id, outcome.detail, now)
        return True
    if stored.state not in (DeliveryState.SENT, DeliveryState.DELIVERED) and not repeat_began:
        db.run("outbox.doubt", {"id": stored.id, "now": micros(now)})
    return False
