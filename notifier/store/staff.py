"""Staff's requests, switches, and the small state of loops."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from notifier.model.staff import StaffRequest, Verb
from notifier.ports import StaleWrite

from .codec import build, column, micros
from .database import GATE, Database


def put_request(db: Database, verb: Verb, actor: str, arguments: Mapping[str, str], now: datetime) -> int:
    """Keep a request; returns its number."""
    given = {"verb": verb, "actor": actor, "arguments": column(dict(arguments)), "at": micros(now)}
    row = db.row("staff.add", given)
    assert row is not None
    return int(row["id"])


def waiting(db: Database) -> tuple[StaffRequest, ...]:
    """Requests without an answer, oldest first."""
    return tuple(build(StaffRequest, row) for row in db.rows("staff.waiting"))


def answer(db: Database, id: int, accepted: bool, text: str, now: datetime) -> None:
    """Answer a waiting request. Raises StaleWrite when it is not waiting: an answer, once given, stands."""
    given = {"id": id, "accepted": int(accepted), "answer": text, "at": micros(now)}
    if db.run("staff.answer", given) == 0:
        raise StaleWrite(f"request {id} is not waiting for an answer")


def request(db: Database, id: int) -> StaffRequest | None:
    """One request by number."""
    row = db.row("staff.get", {"id": id})
    return None if row is None else build(StaffRequest, row)


def set_switch(db: Database, name: str, value: str, actor: str, now: datetime) -> None:
    """Set a switch; what it was before stays on record."""
    if name == "kill":
        db.lock(GATE)
    db.run("staff.set_switch", {"name": name, "value": value, "actor": actor, "at": micros(now)})


def switch(db: Database, name: str) -> str | None:
    """A switch's value; None where it was never set."""
    row = db.row("staff.switch", {"name": name})
    return None if row is None else str(row["value"])


def put_checkpoint(db: Database, name: str, state: bytes, now: datetime) -> None:
    """Replace a loop's state."""
    db.run("staff.put_checkpoint", {"name": name, "state": state, "at": micros(now)})


def checkpoint(db: Database, name: str) -> bytes | None:
    """A loop's state, as last kept."""
    row = db.row("staff.checkpoint", {"name": name})
    return None if row is None else bytes(row["state"])
