"""How far sending has come, noted outside the database, so that one put back from a backup is known for what it is.

What such a database holds as pending may have been sent since: by itself it would send all of that again. Before
anything begins past the mark, the mark is moved on: the row is given the next number, then the file. A row below the
file's number is from before. A crash between the two leaves the row ahead, which is no alarm; and nothing is sent until
both are durable.

Several processes of a node may share the file: what one writes late over another's says less, never too much.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from notifier import metrics
from notifier.failpoints import failpoint

from .codec import micros
from .database import WRITER, Database, Engine

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
"""How far ahead a mark is set. A backup made within so short a time of what was sent after it is not told from a crash;
and each costs a transaction and a small file on the disk."""
STILL_UNDER_WAY = timedelta(minutes=1)
"""How long after the database was put back the far side is first read: no request of before lasts longer."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What the file says. `deployment`: of which database. `number`: what its row has at least. `until`: microseconds
    since 1970; nothing created later was ever begun from here."""

    deployment: str
    node: str
    number: int = 0
    until: int = 0


def read(file: Path) -> Noted | None:
    """What was noted; None where nothing was, or nobody can read it. Raises OSError where the disk fails."""
    try:
        found = json.loads(file.read_bytes())
        noted = Noted(**found)
        whole = type(noted.number) is type(noted.until) is int and type(noted.node) is str
        if whole and bytes.fromhex(noted.deployment):
            return noted
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        pass
    log.error("mark.unreadable", file=str(file))
    return None


def write(file: Path, noted: Noted) -> None:
    """Whole and durable, or as it was before. Raises OSError."""
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, json.dumps(asdict(noted)).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Mark:
    """The mark of one node over one database. Safe to use from many threads."""

    def __init__(self, file: Path, engine: Engine) -> None:
        self._file = file
        self._engine = engine
        self._lock = threading.Lock()
        self._reached: tuple[datetime, datetime, int] | None = None
        """From when until when may be sent, and the number of the connection over which that was found."""
        self._written = True

    def reach(self, now: datetime) -> None:
        """To be called before anything begins at `now`. Raises StoreUnavailable where that must not be."""
        if self._holds(now):
            return
        with self._lock:
            if not self._holds(now):
                opened = self._engine.opened  # a database can be put back only where every connection to it breaks
                self._move_on(now)
                self._reached = (now, now + EVERY, opened)

    def look(self, now: datetime) -> None:
        """The same, for who begins nothing: at the start and the end of a daemon."""
        with self._lock:
            self._reached = None
            self._move_on(now)

    def _holds(self, now: datetime) -> bool:
        reached = self._reached
        return reached is not None and reached[0] <= now < reached[1] and reached[2] == self._engine.opened

    def _move_on(self, now: datetime) -> None:
        """A disk that does not take the file must not silence us: then it is said, and sent without a mark."""
        try:
            noted = self._engine.run_step("mark", lambda db: self._next(db, now))
            if noted is None:
                noted = self._restored(now)
            write(self._file, noted)
            failpoint("mark.after_kept")
        except OSError as error:
            metrics.MARK_WRITTEN.set(0)
            if self._written:
                log.error("mark.not_written", file=str(self._file), error=str(error))
            self._written = False
            return
        metrics.MARK_WRITTEN.set(1)
        self._written = True

    def _next(self, db: Database, now: datetime) -> Noted | None:
        """Move the row on; returns what the file is to say. None where the row is older than it says."""
        noted = self._noted(db)
        there = _there(db, noted)
        return None if there < noted.number else _put(db, noted, there, now)

    def _restored(self, now: datetime) -> Noted:
        """Doubt whatever may have been sent after the backup, and go on from there."""
        def doubt(db: Database) -> tuple[Noted, int]:
            db.lock(WRITER)
            noted = self._noted(db)
            there = _there(db, noted)
            given = {"until": noted.until, "now": micros(now), "look_at": micros(now + STILL_UNDER_WAY)}
            doubted = db.run("marks.doubt", given) if there < noted.number else 0
            return _put(db, noted, there, now), doubted

        noted, doubted = self._engine.run_step("restored", doubt)
        metrics.STORE_RESTORED.inc()
        log.error("store.restored", deliveries=doubted, why="the database is older than what was sent from here: it "
                  "was put back from a backup; whatever waited in it is looked for before it is sent")
        return noted

    def _noted(self, db: Database) -> Noted:
        """What the file says of this database; where it says nothing of it, a beginning. A database that has no name of
        its own yet is new, or older than any mark: it takes the file's, and so is found to be behind it."""
        noted = read(self._file)
        name = secrets.token_bytes(16) if noted is None else bytes.fromhex(noted.deployment)
        db.run("staff.keep_meta", {"name": "deployment", "value": name})
        row = db.row("staff.meta", {"name": "deployment"})
        assert row is not None
        deployment = bytes(row["value"]).hex()
        if noted is not None and noted.deployment == deployment:
            return noted
        why = "there is none" if noted is None else "it is of another database"
        log.warning("mark.new", file=str(self._file), why=f"{why}: whether this database was put back from a backup "
                    "cannot be told this time")
        return Noted(deployment, secrets.token_hex(8))


def _put(db: Database, noted: Noted, there: int, now: datetime) -> Noted:
    moved = replace(noted, number=max(there, noted.number) + 1, until=max(noted.until, micros(now + EVERY)))
    db.run("marks.put", {"node": moved.node, "number": moved.number, "until": moved.until})
    return moved


def _there(db: Database, noted: Noted) -> int:
    row = db.row("marks.get", {"node": noted.node})
    return 0 if row is None else int(row["number"])
