"""Canaries, and the deliveries they are judged by."""

from __future__ import annotations

from datetime import UTC, datetime

from notifier.model.canary import Canary, Fate
from notifier.model.delivery import DeliveryState, Reason

from .codec import build, build_all, columns, moment
from .database import Database, Row

FATES_MOST = 200_000
"""Deliveries of one wave that are looked at, at most: one in 32 of more than any operator's customers."""

NOT_YET = datetime.max.replace(tzinfo=UTC)
_STATES = {str(state): state for state in DeliveryState}
_REASONS = {str(reason): reason for reason in Reason}


def put(db: Database, canary: Canary) -> None:
    """See Transaction.put_canary."""
    db.run("canaries.put", columns(canary))


def get(db: Database, notice: str, channel: str) -> Canary | None:
    """See Transaction.canary."""
    row = db.row("canaries.get", {"notice": notice, "channel": channel})
    return None if row is None else build(Canary, row)


def find(db: Database, incident: str | None) -> tuple[Canary, ...]:
    """See Transaction.canaries."""
    rows = db.rows("canaries.open") if incident is None else db.rows("canaries.of_incident", {"incident": incident})
    return build_all(Canary, rows)


def waits(db: Database, notice: str, channel: str) -> bool:
    """See Transaction.waits_on."""
    return db.row("canaries.waiting", {"notice": notice, "channel": channel}) is not None


def fates(db: Database, notice: str, channel: str, *, sampled: bool) -> tuple[Fate, ...]:
    """See Store.fates."""
    given = {"notice": notice, "channel": channel, "most": FATES_MOST}
    found = map(_fate, db.rows("canaries.sampled_fates" if sampled else "canaries.fates", given))
    return tuple(sorted(found, key=lambda fate: fate.began_at or NOT_YET))


def _fate(row: Row) -> Fate:
    """One whose message was given up, and that waits for another, has failed so far: what became of it is known, and
    the rest need not wait until it has been tried for the last time."""
    state, reason, began_at = _STATES[row["state"]], _REASONS[row["reason"]], row["began_at"]
    if row["second_attempts"] and state in (DeliveryState.PENDING, DeliveryState.CLAIMED):
        return Fate(DeliveryState.FAILED, Reason.UNREACHABLE, moment(began_at or row["created_at"]))
    return Fate(state, reason, None if began_at is None else moment(began_at))
