"""How early each source spoke, incident by incident."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from notifier.model.track import TrackRecord

from .codec import build, columns, micros
from .database import Database


def put(db: Database, incident: str, records: Iterable[TrackRecord]) -> None:
    """See Transaction.put_track_records."""
    db.run("track.drop", {"incident": incident})
    db.run_many("track.put", (columns(record) for record in records))


def since(db: Database, moment: datetime) -> tuple[TrackRecord, ...]:
    """See Transaction.track_records."""
    return tuple(build(TrackRecord, row) for row in db.rows("track.since", {"since": micros(moment)}))
