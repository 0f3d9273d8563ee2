"""Where limits stand, shared by whoever sends: one row each, whatever was sent.

Rows of limits are held for as short as can be, at the end of a claim: they are what all senders meet at. Who holds them
waits for nothing else, and takes them by name, so that no two can wait for each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from notifier.model import limit as rules
from notifier.model.delivery import Delivery, Message, Reason
from notifier.model.limit import Level, Limit, Told, Wait
from notifier.model.notice import CAN_WAIT
from notifier.ports import Claimed

from . import sending
from .codec import micros, moment
from .database import Database, Row


def claim(
    db: Database,
    channel: str,
    limits: Sequence[Limit],
    weigh: Callable[[Message], float],
    most: int,
    lease: timedelta,
    now: datetime,
) -> Claimed:
    """See Store.claim_within. It is looked first, so that what cannot leave is not claimed, and the limits are held
    only once it is known what is due; what another node took in between is missing then, and the last are put back."""
    before = [_level(db.row("limits.get", {"name": limit.name})) for limit in limits]
    room, wait = _room(db, channel, limits, before, most, now)
    if room < 1:
        return Claimed((), wait)
    claimed = sending.claim(db, channel, room, lease, now)
    if not claimed:
        return Claimed()
    levels = _held(db, limits)
    granted = rules.grant(limits, levels, [weigh(message) for _, message in claimed], now,
                          [delivery.stage in CAN_WAIT for delivery, _ in claimed])
    for delivery, _ in claimed[granted.number:]:
        _put_back(db, delivery)
    _put(db, limits, levels, granted.levels)
    return Claimed(claimed[:granted.number], granted.wait)


def _room(db: Database, channel: str, limits: Sequence[Limit], levels: Sequence[Level], most: int,
          now: datetime) -> tuple[int, Wait | None]:
    """How many to claim, at most `most`, and what the next waits for where that is none. Where there is room for what
    cannot wait only, it is looked whether such a one is next: what can wait is due after it."""
    room, wait = min(rules.room(limits, levels, now), most), rules.grant(limits, levels, (), now).wait
    others = min(rules.room(limits, levels, now, can_wait=True), most)
    if room == others:
        return room, wait
    head = db.row("outbox.next_due", {"channel": channel, "now": micros(now)})
    if head is None or head["stage"] not in CAN_WAIT:
        return room, wait
    return others, rules.grant(limits, levels, [1.0] * (others + 1), now, [True] * (others + 1)).wait


def give_back(db: Database, limits: Sequence[Limit], unspent: float, reserved_at: datetime, now: datetime) -> None:
    """See Store.give_back."""
    levels = _held(db, limits)
    after = [rules.give_back(limit, level, unspent, reserved_at, now)
             for limit, level in zip(limits, levels, strict=True)]
    _put(db, limits, levels, after)


def tighten(db: Database, limit: Limit, told: Told, now: datetime) -> None:
    """See Store.tighten. Looked at first: a provider says with every answer what is left, and seldom less than we
    know."""
    level = _level(db.row("limits.get", {"name": limit.name}))
    if rules.tighten(limit, level, told, now) != level:
        levels = _held(db, [limit])
        _put(db, [limit], levels, [rules.tighten(limit, levels[0], told, now)])


def _held(db: Database, limits: Sequence[Limit]) -> list[Level]:
    """Where the limits stand, held until the transaction ends; a row is made for each that has none."""
    names = json.dumps([limit.name for limit in limits])
    found = db.rows("limits.hold", {"names": names})
    if len(found) < len(limits):
        db.run_many("limits.add", [{"name": limit.name} for limit in limits])
        found = db.rows("limits.hold", {"names": names})
    levels: Mapping[str, Level] = {row["name"]: _level(row) for row in found}
    return [levels[limit.name] for limit in limits]


def _put(db: Database, limits: Sequence[Limit], before: Sequence[Level], after: Sequence[Level]) -> None:
    db.run_many("limits.put", [
        {"name": limit.name, "spent_ns": new.spent_ns,
         "held_until": None if new.held_until is None else micros(new.held_until)}
        for limit, old, new in zip(limits, before, after, strict=True) if new != old])


def _put_back(db: Database, delivery: Delivery) -> None:
    """To the queue, as it was, but for its token."""
    doubt = None if delivery.doubt_since is None else micros(delivery.doubt_since)
    db.run("outbox.to_pending", {
        "id": delivery.id, "not_before": micros(delivery.not_before), "reason": Reason.NONE,
        "detail": delivery.detail, "doubt_since": doubt})


def _level(row: Row | None) -> Level:
    if row is None:
        return Level()
    held = row["held_until"]
    return Level(int(row["spent_ns"]), None if held is None else moment(held))
