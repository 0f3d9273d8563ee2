"""Notices and the approvals bound to them."""

from __future__ import annotations

from notifier.model.notice import Approval, Notice, NoticeState

from .codec import build, columns
from .database import Database


def put(db: Database, notice: Notice) -> None:
    """Insert or replace by id."""
    db.run("notices.put", columns(notice))


def get(db: Database, id: str) -> Notice | None:
    """One notice by id."""
    row = db.row("notices.get", {"id": id})
    return None if row is None else build(Notice, row)


def find(db: Database, *, incident: str | None, state: NoticeState | None) -> tuple[Notice, ...]:
    """See Transaction.notices."""
    given = {"incident": incident, "state": state}
    if incident is not None:
        rows = db.rows("notices.of_incident", given)
    else:
        rows = db.rows("notices.waiting") if state is NoticeState.WAITING else db.rows("notices.all", given)
    return tuple(build(Notice, row) for row in rows)


def put_approval(db: Database, approval: Approval) -> None:
    """Keep one person's yes; the same person's later yes replaces it."""
    db.run("notices.put_approval", columns(approval))


def approvals(db: Database, notice: str) -> tuple[Approval, ...]:
    """The approvals of a notice, oldest first."""
    return tuple(build(Approval, row) for row in db.rows("notices.approvals", {"notice": notice}))
