"""The outbox as the stages see it: queueing, listing, cancelling, counting."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from notifier.model.delivery import Alike, Delivery, DeliveryState, Reason

from . import incidents
from .codec import build, columns, micros, moment
from .database import GATE, Database, Row

PAGE = 2500
"""Deliveries looked at by one step of a cancel: as many as can be ended while others wait."""
ALL = 2**62
"""A limit no outbox reaches: SQLite has no word for none that PostgreSQL knows."""


def add(db: Database, deliveries: Iterable[Delivery]) -> int:
    """See Transaction.add_deliveries."""
    return db.run_many("outbox.add", map(columns, deliveries))


def add_alike(db: Database, deliveries: Iterable[Alike]) -> int:
    """See Transaction.add_alike."""
    return db.run_alike("outbox.add_alike", ((columns(like), own) for like, own in deliveries))


def find(
    db: Database, *, notice: str | None, incident: str | None, state: DeliveryState | None, limit: int | None
) -> tuple[Delivery, ...]:
    """See Transaction.deliveries; in the order they were queued."""
    given = {"notice": notice, "incident": incident, "state": state, "limit": ALL if limit is None else limit}
    name = "outbox.of_notice" if notice is not None else "outbox.of_incident" if incident is not None else "outbox.all"
    return tuple(build(Delivery, row) for row in db.rows(name, given))


def get(db: Database, id: str) -> Delivery | None:
    """One delivery by id."""
    row = db.row("outbox.get", {"id": id})
    return None if row is None else build(Delivery, row)


def cancel(
    db: Database,
    *,
    incident: str | None,
    notice: str | None,
    reason: Reason,
    now: datetime,
    stages: Iterable[str] | None,
    channel: str | None = None,
) -> int:
    """See Transaction.cancel_deliveries. An attempt under way cannot be called back, and what was sent not either,
    but no other will follow it."""
    if incident is None and notice is None:
        raise ValueError("cancel_deliveries needs an incident or a notice; the kill switch stops everything")
    named: Mapping[str, Any] = {
        "incident": incident,
        "notice": notice,
        "channel": channel,
        "stages": None if stages is None else json.dumps([str(stage) for stage in stages]),
    }
    db.lock(GATE)  # nobody is between having passed it and having written that sending begins
    db.run("second.note_cancel", {**named, "reason": reason, "now": micros(now)})
    return sum(_cancel(db, row["id"], channel or "", reason, now) for row in db.rows("outbox.notices_of", named))


def _cancel(db: Database, notice: str, only: str, reason: Reason, now: datetime) -> int:
    """End a notice's deliveries, on `only` a channel or on all (""): some at once; where there are more, the others
    later. None of them passes the gate, which goes by what was noted of the cancel."""
    given = {"notice": notice, "only": only, "reason": reason, "channel": "", "address": ""}
    cancelled, last = _cancel_page(db, given, now)
    for state in ("claimed", "unknown"):
        db.run(f"outbox.cancel_{state}_after_this_attempt", given)
    if last is not None:
        db.run("outbox.put_cancelling", {**given, "channel": last["channel"], "address": last["address"]})
    return cancelled


def go_on_cancelling(db: Database, now: datetime) -> bool:
    """See Transaction.go_on_cancelling."""
    found = db.row("outbox.cancelling")
    if found is None:
        return False
    given = {name: found[name] for name in ("notice", "reason", "channel", "address")} | {"only": found["only_on"]}
    _, last = _cancel_page(db, given, now)
    if last is None:
        db.run("outbox.drop_cancelling", given)
    else:
        db.run("outbox.put_cancelling", {**given, "channel": last["channel"], "address": last["address"]})
    return True


def _cancel_page(db: Database, given: Mapping[str, Any], now: datetime) -> tuple[int, Row | None]:
    """Cancel behind a channel and address; returns how many, and the last that was looked at; None:
    there is no more."""
    last = db.row("outbox.end_of_page", {**given, "limit": PAGE - 1})
    if last is None:
        return db.run("outbox.cancel_rest", {**given, "now": micros(now)}), None
    page = {**given, "last": last["channel"], "last_address": last["address"], "now": micros(now)}
    return db.run("outbox.cancel_page", page), last


def told(db: Database, incident: str) -> frozenset[tuple[str, str]]:
    """See Transaction.told. Whoever may have been told counts, those a person must still look into included."""
    rows = db.rows("outbox.told", {"family": incidents.family(db, incident)})
    return frozenset((row["channel"], row["address"]) for row in rows)


def begun(db: Database, incident: str) -> frozenset[tuple[str, str]]:
    """See Transaction.begun."""
    return frozenset((row["channel"], row["address"]) for row in db.rows("outbox.begun", {"incident": incident}))


def told_after(db: Database, incident: str, after: tuple[str, str], limit: int) -> tuple[tuple[str, str], ...]:
    """See Transaction.told_after."""
    given = {"incident": incident, "channel": after[0], "address": after[1], "limit": limit}
    return tuple((row["channel"], row["address"]) for row in db.rows("outbox.told_after", given))


def told_among(
    db: Database, incident: str, channels: Iterable[str], addresses: Iterable[str]
) -> frozenset[tuple[str, str]]:
    """See Transaction.told_among."""
    given = {"channels": json.dumps(list(channels)), "addresses": json.dumps(list(addresses)),
             "family": incidents.family(db, incident)}
    return frozenset((row["channel"], row["address"]) for row in db.rows("outbox.told_among", given))


def gauges(db: Database, now: datetime) -> Mapping[str, float]:
    """Counts for metrics, each from an index that holds only what is open:

    outbox.<channel>.<state>, outbox_oldest.<channel> (since when what is longest due has been, seconds since 1970;
    what waits for the end of quiet hours or for a second attempt is not due), incidents.<state>, evidence.<class>,
    signals (all ever kept), notices_waiting, kill_switch. What has no rows is left out.
    """
    found: dict[str, float] = {}
    for state in (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN):
        for row in db.rows(f"outbox.{state}_by_channel", {"now": micros(now)}):
            found[f"outbox.{row['channel']}.{state}"] = row["number"]
            if state is DeliveryState.PENDING and row["oldest"] is not None:
                found[f"outbox_oldest.{row['channel']}"] = moment(row["oldest"]).timestamp()
    for row in db.rows("incidents.open_by_state"):
        found[f"incidents.{row['state']}"] = row["number"]
    for row in db.rows("signals.open_by_class", {"now": micros(now)}):
        found[f"evidence.{row['klass']}"] = row["number"]
    for name, statement in (("signals", "signals.number"), ("notices_waiting", "notices.number_waiting")):
        counted = db.row(statement)
        found[name] = 0 if counted is None else counted["number"]
    kill = db.row("staff.switch", {"name": "kill"})
    found["kill_switch"] = float(kill is not None and kill["value"] == "on")
    return found
