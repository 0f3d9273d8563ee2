"""Incidents, their history and evidence, and workarounds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from notifier.model.incident import Incident, Move
from notifier.model.signal import Signal
from notifier.model.workaround import Workaround
from notifier.ports import StaleWrite

from .codec import build, columns, micros
from .database import Database


def get(db: Database, id: str) -> Incident | None:
    """One incident by id."""
    row = db.row("incidents.get", {"id": id})
    return None if row is None else build(Incident, row)


def find(db: Database, *, open_only: bool, since: datetime | None) -> tuple[Incident, ...]:
    """See Transaction.incidents; `since` leaves out closed incidents that have not moved from then on."""
    if open_only:
        rows = db.rows("incidents.open")
    else:
        rows = db.rows("incidents.all") if since is None else db.rows("incidents.since", {"since": micros(since)})
    return tuple(build(Incident, row) for row in rows)


def family(db: Database, incident: str) -> list[str]:
    """The incident, and those that were merged into it. As values in a statement they are what PostgreSQL has
    statistics of: as a query it takes the told of a new incident for half the table, and reads all of it."""
    return [incident, *(row["id"] for row in db.rows("incidents.family", {"incident": incident}))]


def put(db: Database, incident: Incident, move: Move | None) -> None:
    """See Transaction.put_incident."""
    given = {**columns(incident), "moved_at": micros(incident.opened_at if move is None else move.at)}
    if db.run("incidents.insert", given) == 0 and db.run("incidents.update", given) == 0:
        raise StaleWrite(f"incident {incident.id} is no longer at version {incident.version - 1}: read it again")
    if move is not None:
        db.run("incidents.add_move", columns(move))


def moves(db: Database, incident: str) -> tuple[Move, ...]:
    """An incident's history, oldest first."""
    return tuple(build(Move, row) for row in db.rows("incidents.moves", {"incident": incident}))


def next_id(db: Database, now: datetime) -> str:
    """See Transaction.next_incident_id; days are UTC days."""
    day = now.astimezone(UTC).strftime("%y%m%d")
    row = db.row("incidents.next_number", {"day": day})
    assert row is not None
    return f"I{day}-{row['last']}"


def link(db: Database, incident: str, signals: Iterable[Signal]) -> None:
    """See Transaction.link_evidence."""
    db.run_many("incidents.link", ({**columns(signal), "incident": incident} for signal in signals))


def evidence(db: Database, incident: str) -> tuple[Signal, ...]:
    """The signals kept as an incident's evidence, by key."""
    return tuple(build(Signal, row) for row in db.rows("incidents.evidence", {"incident": incident}))


def put_workaround(db: Database, workaround: Workaround) -> None:
    """Insert or replace by id."""
    db.run("incidents.put_workaround", columns(workaround))


def workarounds(db: Database, *, service: str | None, incident: str | None) -> tuple[Workaround, ...]:
    """Those of a service, an incident, both or all; by id."""
    rows = db.rows("incidents.workarounds", {"service": service, "incident": incident})
    return tuple(build(Workaround, row) for row in rows)
