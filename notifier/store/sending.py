"""The durable steps of the send path: what each may change, and in which order it is sure of what.

Every function runs inside one transaction that the store opens. The far side is never talked to from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from notifier.model.delivery import DELIVERY_MOVES, Delivery, DeliveryState, Message, Outcome, OutcomeKind, Reason
from notifier.model.notice import Notice, NoticeState
from notifier.model.people import AddressKind
from notifier.ports import CannotTell, Found, NotFound

from . import notices, people, second
from .codec import build, micros, moment
from .database import GATE, WRITER, Database, Row
from .gate import Surroundings, refusal

log = structlog.get_logger(__name__)

Claimed = tuple[tuple[Delivery, Message], ...]
Settled = tuple[str, int, Outcome]
"""A delivery, the token it was held by, and its outcome."""

RETRY_FIRST = timedelta(seconds=5)
RETRY_MOST = timedelta(minutes=5)
"""Wait before another attempt where the outcome named no time: doubling from the first to the most."""
EXPIRED_AT_ONCE = 2500
"""Deliveries that one step ends because they are too late; the gate lets none of the others pass."""
ATTEMPTS_MOST = 50
"""However a sender decides, no address is tried more often than this for one notice."""
ENDED_UNTOLD = (DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.EXPIRED, DeliveryState.SUPPRESSED)
"""Ends after which nobody counts as told."""
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
        _to_pending(db, stored, refused.until or now, Reason.NONE, doubt=stored.doubt_since)
    elif refused.state is not None:
        _to_end(db, stored, refused.state, refused.reason, now)
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
        return outcome.kind is OutcomeKind.SENT and _late_word(db, row, outcome, now)
    if stored.state in (DeliveryState.SENT, DeliveryState.DELIVERED) and outcome.kind is OutcomeKind.SENT:
        # the provider's callback was faster than its answer
        db.run("outbox.add_provider_id", {"id": delivery, "provider_id": outcome.provider_id})
        return True
    if stored.state is not DeliveryState.CLAIMED:
        return False
    _record(db, stored, outcome, row["cancel_reason"], now)
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
            _to_unknown(db, build(Delivery, row), Reason.CRASHED, now, now, "")
            continue
        over = row["claims_lost"] + 1 - CLAIMS_LOST_FREE
        wait = _doubled(over - 1) if over > 0 else timedelta()
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
        _to_sent(db, stored, Reason.ADOPTED, result.provider_id, "", now)
    elif resend:
        doubt = None if isinstance(result, NotFound) else stored.doubt_since
        if row["cancel_reason"] is None:
            db.run("second.doubt_earlier", {"id": delivery})  # lists lag: that it was not there is no proof for ever
        _again(db, replace(stored, doubt_since=doubt), row["cancel_reason"], now, Reason.NONE)
    elif isinstance(result, NotFound):
        _to_end(db, replace(stored, doubt_since=None), DeliveryState.FAILED, Reason.LOST_ANSWER, now)
    elif again_at is not None:
        db.run("outbox.look_again", {"id": delivery, "look_at": micros(again_at), "detail": result.why[:500]})
    else:
        _to_end(db, stored, DeliveryState.FAILED, Reason.UNSETTLED, now, result.why)
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


def expire(db: Database, now: datetime) -> int:
    """See Store.expire; also marks signals that ran out as over."""
    db.lock(WRITER)
    db.run("signals.seal", {"now": micros(now)})
    return db.run("outbox.expire", {"now": micros(now), "limit": EXPIRED_AT_ONCE})


def _late_word(db: Database, row: Row, outcome: Outcome, now: datetime) -> bool:
    """That a message was accepted is a fact whoever brings it: it spares a repeat that has not begun, and where the
    delivery has ended otherwise its person is still owed the all-clear. A message that a twin has adopted meanwhile
    is the twin's, and serves no second delivery; one that was given up meanwhile serves none."""
    if outcome.provider_id and not _is_free(db, outcome.provider_id, row, None):
        return False
    stored = build(Delivery, row)
    repeat_began = stored.state is DeliveryState.CLAIMED and stored.began_at is not None
    if stored.state in (DeliveryState.UNKNOWN, DeliveryState.PENDING, DeliveryState.CLAIMED) and not repeat_began:
        _to_sent(db, stored, outcome.reason, outcome.provider_id, outcome.detail, now)
        return True
    if stored.state not in (DeliveryState.SENT, DeliveryState.DELIVERED) and not repeat_began:
        db.run("outbox.doubt", {"id": stored.id, "now": micros(now)})
    return False


# ── the moves ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _record(db: Database, stored: Delivery, outcome: Outcome, cancel_reason: str | None, now: datetime) -> None:
    if outcome.kind is OutcomeKind.SENT:
        _to_sent(db, stored, outcome.reason, outcome.provider_id, outcome.detail, now)
    elif outcome.kind is OutcomeKind.UNKNOWN:
        _to_unknown(db, stored, outcome.reason, now, outcome.retry_at or now, outcome.detail)
    elif outcome.kind is OutcomeKind.REJECTED:
        if outcome.reason is Reason.OPTED_OUT and stored.address:
            kind = AddressKind.EMAIL if "@" in stored.address else AddressKind.PHONE
            people.opt_out(db, kind, stored.address, now, "provider")
        _to_end(db, stored, DeliveryState.FAILED, outcome.reason, now, outcome.detail)
    elif stored.attempts >= ATTEMPTS_MOST and outcome.counts:
        _to_end(db, stored, DeliveryState.FAILED, Reason.GAVE_UP, now, outcome.detail)
    else:
        at = outcome.retry_at or now + _doubled(stored.attempts - 1)
        if outcome.in_doubt:
            stored = replace(stored, doubt_since=stored.doubt_since or stored.began_at)
        if not outcome.counts and stored.began_at is not None:
            db.run("outbox.uncount", {"id": stored.id})
        _again(db, stored, cancel_reason, now, outcome.reason, at=at, detail=outcome.detail)


def _again(
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
        _to_end(db, stored, DeliveryState.CANCELLED, Reason(cancel_reason), now)
    else:
        _to_pending(db, stored, at or now, reason, doubt=stored.doubt_since, detail=detail)


def _to_pending(
    db: Database, stored: Delivery, at: datetime, reason: Reason, *, doubt: datetime | None, detail: str = ""
) -> None:
    given = {"id": stored.id, "not_before": micros(at), "reason": reason, "detail": detail[:500]}
    db.run("outbox.to_pending", {**given, "doubt_since": None if doubt is None else micros(doubt)})


def _to_sent(
    db: Database, stored: Delivery, reason: Reason, provider_id: str | None, detail: str, now: datetime
) -> None:
    given = {"id": stored.id, "reason": reason, "provider_id": provider_id, "detail": detail[:500]}
    db.run("outbox.to_sent", {**given, "now": micros(now)})


def _to_unknown(db: Database, stored: Delivery, reason: Reason, now: datetime, look_at: datetime, detail: str) -> None:
    given = {"id": stored.id, "reason": reason, "now": micros(now), "look_at": micros(look_at)}
    db.run("outbox.to_unknown", {**given, "detail": detail[:500]})


def _to_end(
    db: Database, stored: Delivery, state: DeliveryState, reason: Reason, now: datetime, detail: str = ""
) -> None:
    doubt = None if stored.doubt_since is None else micros(stored.doubt_since)
    given = {"id": stored.id, "state": state, "reason": reason, "now": micros(now), "detail": detail[:500]}
    db.run("outbox.to_end", {**given, "doubt_since": doubt})


def _doubled(times: int) -> timedelta:
    return min(RETRY_FIRST * float(2 ** max(0, min(times, 20))), RETRY_MOST)


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
            _to_end(db, delivery, DeliveryState.FAILED, Reason.CONTENT_REFUSED, now, "the notice has no text for it")
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
