"""Signals and what is remembered of sources."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from notifier.model.signal import Level, Signal
from notifier.ports import SourceState

from .codec import build, columns, micros, moment
from .database import Database, Row


def put(db: Database, signal: Signal) -> None:
    """Insert, renew or end one signal; see Transaction.put_signals."""
    given = columns(signal)
    row = db.row("signals.get", given)
    lasting = row is not None and _lasts(row, given["observed_at"])
    if signal.level is Level.OK:
        if row is not None and lasting:
            db.run("signals.end", {**given, "ended_at": given["observed_at"], "why": signal.why or row["why"]})
        return
    if row is not None and lasting:
        given["observed_at"] = row["observed_at"]
        given["started_at"] = row["started_at"]
    db.run("signals.put", given)


def _lasts(row: Row, now: int) -> bool:
    """Whether the stored trouble is still the same one at `now`."""
    return row["ended_at"] is None and (row["lasts_until"] is None or row["lasts_until"] > now)


def open_at(db: Database, now: datetime) -> tuple[Signal, ...]:
    """See Transaction.open_signals."""
    return tuple(build(Signal, row) for row in db.rows("signals.open", {"now": micros(now)}))


def ended(db: Database, since: datetime, now: datetime) -> tuple[Signal, ...]:
    """See Transaction.ended_signals; both ends of the span belong to it."""
    rows = db.rows("signals.ended", {"since": micros(since), "now": micros(now)})
    return tuple(replace(build(Signal, row), level=Level.OK, observed_at=moment(row["over_at"])) for row in rows)


def state(db: Database, source: str) -> SourceState | None:
    """What is remembered of one source."""
    row = db.row("signals.source_state", {"source": source})
    return None if row is None else build(SourceState, row)


def states(db: Database) -> tuple[SourceState, ...]:
    """What is remembered of every source, by id."""
    return tuple(build(SourceState, row) for row in db.rows("signals.source_states"))


def silent(db: Database) -> frozenset[str]:
    """See Transaction.silent_sources."""
    return frozenset(row["source"] for row in db.rows("signals.silent_sources"))


def put_state(db: Database, state: SourceState) -> None:
    """Replace what is remembered of a source."""
    db.run("signals.put_source_state", columns(state))
