"""Canaries, and the deliveries they are judged by."""

from __future__ import annotations

from operator import itemgetter

from notifier.model.canary import Canary, Fate
from notifier.model.delivery import DeliveryState, Reason

from .codec import build, build_all, columns, moment
from .database import Database

FATES_MOST = 200_000
"""Deliveries of one wave that are looked at, at most: one in 32 of more than any operator's customers."""

_STATES = {str(state): state for state in DeliveryState}
_REASONS = {str(reason): reason for reason in Reason}
_OF_A_FATE = itemgetter("state", "reason", "began_at")


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
    """See Store.fates. One whose message was given up and that waits for another has failed so far: what became of it
    is known, and the rest need not wait until it has been tried for the last time."""
    given = {"notice": notice, "channel": channel, "most": FATES_MOST}
    rows = db.rows("canaries.sampled_fates" if sampled else "canaries.fates", given)
    return tuple(Fate(_STATES[state], _REASONS[reason], None if began_at is None else moment(began_at))
                 for state, reason, began_at in map(_OF_A_FATE, rows))
