"""The durable steps of the send path: what each may change, and in which order it is sure of what.

Every function runs inside one transaction that the store opens. The far side is never talked to from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from notifier.model.delivery import Delivery, DeliveryState, Message, Outcome, OutcomeKind, Reason
from notifier.model.notice import Notice, NoticeState
from notifier.model.people import AddressKind

from . import notices, people, second
from .codec import build, micros, moment
from .database import GATE, WRITER, Database, Row
from .gate import Surroundings, refusal
from .moves import doubled, record, to_end, to_pending, to_unknown
from .words import late_word

log = structlog.get_logger(__name__)

Claimed = tuple[tuple[Delivery, Message], ...]
Settled = tuple[str, int, Outcome]
"""A delivery, the token it was held by, and its outcome."""

EXPIRED_AT_ONCE = 2500
"""Deliveries that one step ends because they are too late; the gate lets none of the others pass."""
CLAIMS_LOST_FREE = 2
"""Claims lost before sending, as a restart does; beyond them a row is suspected of ending its workers, and waits."""


def claim(db: Database, channel: str, limit: int, lease: timedelta, now: datetime) -> Claimed:
    """See Store.claim. A row no message can be made of fails at once instead of blocking those behind it."""
    kill = db.row("staff.switch", {"name": "kill"})
    if kill is not None and kill["value"] == "on":
        return ()
    given = {"channel": channel, "limit": limit, "now": micros(now), "leased_until": micros(now + lease)}
    rows = sorted(db.rows("outbox.claim", given), key=lambda row: (row["priority"], row["created_at"], row["number"]))
    return _with_messages(db, [build(Delivery, row) for row in rows], now)


def begin(db: Database, delivery: str, token: int, now: datetime, route: str | None = None) -> Reason | None:
    """See Store.begin."""
    db.lock(GATE, shared=True)
    held = db.row("outbox.hold_at_once", {"id": delivery})
    if held is None:
        return Reason.LEASE_LOST
    stored = build(Delivery, held)
    row = db.row("outbox.at_the_gate", {"id": delivery, **_hashes(db, stored.address)})
    assert row is not None  # it is held
    quiet = people.quiet_until(db, stored.subscriber, now)
    cancelled = second.cancelled(db, delivery) if row["cancels_there"] else None
    around = _surroundings(row, cancelled, second.overtaken(db, held), quiet)
    refused = refusal(stored, token, around, now, route)
    if refused is None:
        db.run("outbox.begin", {"id": delivery, "now": micros(now), "route": route})
        return None
    if refused.state is DeliveryState.PENDING:
        to_pending(db, stored, refused.until or now, Reason.NONE, doubt=stored.doubt_since)
    elif refused.state is not None:
        to_end(db, stored, refused.state, refused.reason, now)
    return refused.reason


def settle(
    db: Database, delivery: str, token: int, outcome: Outcome, now: datetime, *, hold: str = "outbox.hold"
) -> bool:
    """See Store.settle. True when the outcome was recorded, by a late holder of an unknown one included. `hold`: the
    statement that takes the row; one that does not wait, where others are held."""
    if outcome.reason is Reason.OPTED_OUT:
        db.lock(WRITER)  # the person's other deliveries are ended too
    row = db.row(hold, {"id": delivery})
    if row is None:
        return False
    stored = build(Delivery, row)
    if stored.token != token:
        return outcome.kind is OutcomeKind.SENT and late_word(db, row, outcome, now)
    if stored.state in (DeliveryState.SENT, DeliveryState.DELIVERED) and outcome.kind is OutcomeKind.SENT:
        # the provider's callback was faster than its answer
        db.run("outbox.add_provider_id", {"id": delivery, "provider_id": outcome.provider_id})
        return True
    if stored.state is not DeliveryState.CLAIMED:
        return False
    record(db, stored, outcome, row["cancel_reason"], now)
    return True


def hand_over(
    db: Database, settled: Sequence[Settled], begun: Sequence[tuple[str, int]], now: datetime, route: str | None = None
) -> tuple[tuple[bool, ...], tuple[Reason | None, ...]]:
    """See Store.hand_over."""
    if any(outcome.reason is Reason.OPTED_OUT for _, _, outcome in settled):
        db.lock(WRITER)
    if begun:
        db.lock(GATE, shared=True)  # before any row is held
    kept = tuple(settle(db, *one, now, hold="outbox.hold_at_once") for one in settled)  # other rows are held already
    return kept, tuple(begin(db, id, token, now, route) for id, token in begun)


def expired_leases(db: Database, now: datetime) -> int:
    """See Store.expired_leases. Each gets a newer token, so that the worker that was thought dead cannot settle."""
    db.lock(WRITER)
    rows = db.rows("outbox.leases_passed", {"now": micros(now)})
    for row in rows:
        if row["began_at"] is not None:
            to_unknown(db, build(Delivery, row), Reason.CRASHED, now, now, "")
            continue
        over = row["claims_lost"] + 1 - CLAIMS_LOST_FREE
        wait = doubled(over - 1) if over > 0 else timedelta()
        db.run("outbox.lose_claim", {"id": row["id"], "not_before": micros(now + wait)})
    return len(rows)


def unknowns(
    db: Database, limit: int, lease: timedelta, now: datetime, asked: str | None, overdue: timedelta
) -> Claimed:
    """See Store.unknowns."""
    given = {"limit": limit, "due": micros(now - overdue), "look_at": micros(now + lease), "asked": asked}
    rows = db.rows("outbox.unknowns", given)
    found = sorted((build(Delivery, row) for row in rows), key=lambda d: (d.doubt_since or d.created_at, d.id))
    return _with_messages(db, found, now)


def expire(db: Database, now: datetime) -> int:
    """See Store.expire; also marks signals that ran out as over."""
    db.lock(WRITER)
    db.run("signals.seal", {"now": micros(now)})
    return db.run("outbox.expire", {"now": micros(now), "limit": EXPIRED_AT_ONCE})


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _hashes(db: Database, address: str) -> dict[str, str]:
    """What an opt-out of this address would be kept as; of a public account there is none."""
    kinds = {"email": AddressKind.EMAIL, "phone": AddressKind.PHONE}
    return {name: db.keyed_hash(kind, address) if address else "" for name, kind in kinds.items()}


def _surroundings(
    row: Row, cancelled: Reason | None, overtaken: Reason | None, quiet: datetime | None
) -> Surroundings:
    return Surroundings(
        notice=NoticeState(row["notice_state"]),
        valid_until=moment(row["valid_until"]),
        killed=row["kill"] == "on",
        cancelled=cancelled,
        opted_out=bool(row["opted_out"]),
        told=bool(row["told"]),
        quiet_until=quiet,
        overtaken=overtaken,
    )


def _with_messages(db: Database, found: Iterable[Delivery], now: datetime) -> Claimed:
    """Each delivery with its message; one whose notice has no text for it is failed and left out."""
    known: dict[str, Notice | None] = {}
    pairs = []
    for delivery in found:
        if delivery.notice not in known:
            known[delivery.notice] = notices.get(db, delivery.notice)
        message = message_of(delivery, known[delivery.notice])
        if message is None:
            log.error("delivery.no_text", delivery=delivery.id, channel=delivery.channel, language=delivery.language)
            to_end(db, delivery, DeliveryState.FAILED, Reason.CONTENT_REFUSED, now, "the notice has no text for it")
            continue
        pairs.append((delivery, message))
    return tuple(pairs)


def message_of(delivery: Delivery, notice: Notice | None) -> Message | None:
    """What the channel is given: the same bytes on every attempt. None where the notice has no such text."""
    if notice is None:
        return None
    wanted = (delivery.channel, delivery.language)
    text = next((text for text in notice.texts if (text.channel, text.language) == wanted), None)
    if text is None:
        return None
    return Message(
        delivery=delivery.id,
        key=delivery.id,
        channel=delivery.channel,
        address=delivery.address,
        language=delivery.language,
        body=text.body,
        created_at=delivery.created_at,
        expires_at=delivery.expires_at,
        mode=delivery.mode,
        incident=delivery.incident,
        stage=delivery.stage,
        subject=text.subject,
        html=text.html,
    )
