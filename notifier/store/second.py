"""Second attempts: a message that a provider took and then gave up is followed by another, where that may pass (the
handset was off), the notice still lives, and nothing has overtaken it.

The numbers of the earlier messages are kept: what is said of them, late or doubled, is not said of the newest, and
none of them is taken for it where its answer was lost. Every function runs inside a step of `sending`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from notifier.model.delivery import Delivery, Reason
from notifier.model.notice import NoticeState

from .codec import micros, moment
from .database import Database, Row

ROOM = timedelta(minutes=1)
"""What must be left of the notice's life when the next message may leave: one that arrives later says little."""


def queued(
    db: Database, stored: Delivery, row: Row, provider_id: str, reason: Reason, now: datetime,
    again: Sequence[datetime],
) -> bool:
    """Queue the next message of a delivery whose message `provider_id` has failed; `again` are the times at which the
    first, second … further one may leave. False, and nothing was changed, where there is to be none. The token is made
    newer, so that a worker that still waits for the failed message's answer, or looks for it, settles nothing."""
    done: int = row["second_attempts"]
    if done >= len(again) or row["cancel_reason"] is not None or row["erased_at"] is not None:
        return False
    chance = db.row("second.chance", {"id": stored.id})
    assert chance is not None  # it is held
    ends = min(stored.expires_at, moment(chance["valid_until"]))
    alive = chance["notice_state"] == NoticeState.RELEASED and again[done] + ROOM <= ends
    if not alive or chance["overtaken"] is not None:
        return False
    keep(db, stored.id, provider_id, reason, now)
    doubt = micros(now) if reason is Reason.LOST_ANSWER else None
    db.run("second.again", {
        "id": stored.id, "reason": reason, "not_before": micros(again[done]), "earlier_doubt": doubt})
    return True


def keep(db: Database, delivery: str, provider_id: str, reason: Reason, now: datetime) -> None:
    """Keep the number of a message of before a delivery's newest, and why that one failed."""
    db.run("second.keep", {"id": delivery, "provider_id": provider_id, "reason": reason, "now": micros(now)})


def overtaken(db: Database, row: Row) -> Reason | None:
    """Why this delivery's next message must not leave, where it is a second attempt: a cancel that came, be it while
    the message before was thought to be on its way, or a later notice to the same person."""
    if not row["second_attempts"]:
        return None
    chance = db.row("second.chance", {"id": row["id"]})
    return None if chance is None or chance["overtaken"] is None else Reason(chance["overtaken"])


def cancelled(db: Database, delivery: str) -> Reason | None:
    """Why a delivery was cancelled, where it was: a cancel holds though the delivery was under way when it came, and
    was put back into the queue since."""
    row = db.row("second.cancelled", {"id": delivery})
    return None if row is None else Reason(row["reason"])


def holder(db: Database, provider_id: str, channel: str | None) -> str | None:
    """The delivery that had this number before its newest message. `channel` None: of any channel, if it is one."""
    found = [row for row in db.rows("second.holders", {"provider_id": provider_id})
             if channel in (None, row["channel"])]
    return str(found[0]["id"]) if len(found) == 1 else None
