"""A deployment's move from its SQLite file to PostgreSQL: whole or not at all, and never in both.

First the database notes that a file is to come. Then the file is closed for good: every table gets another name in one
transaction, so that a daemon or command that still has it open can neither send nor keep anything. Then all of it is
copied in one transaction of PostgreSQL, which notes the file it came from. Whenever this is interrupted, the same
command goes on; what was being sent when the file was closed is looked for at the far side, as after any crash.

A closed file moves to, and is taken back from, the database that noted it and no other. While that is done the file's
write lock is held, and a lock of the database's that lasts as long as the transaction which could complete the move.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from notifier.failpoints import failpoint
from notifier.ports import StoreUnavailable

from .connections import Connection, Pooled, advisory
from .database import migrations
from .postgres import open_postgres, without_nul
from .settings import StoreSettings
from .sqlite import MOVED, SqliteEngine

MOVE_PATH = ("move.closed", "move.copied", "move.kept")
"""Every step of a move after which it may be interrupted."""
AWAY = "moved_"
"""What the names of a closed file's tables begin with."""
NUMBERED = {"moves": "number", "deliveries": "number", "requests": "id", "switches": "number", "cancels": "number"}
"""Tables whose rows PostgreSQL numbers, and the column."""
HOLD_SECONDS = 1.0
"""How long the file is waited for: nobody uses it but another move."""


class CannotMove(Exception):
    """Why nothing was moved, in a sentence that says what to do."""


def move(source: StoreSettings, target: StoreSettings) -> Mapping[str, int]:
    """Move everything; returns the rows of each table. Raises CannotMove, and StoreUnavailable where a side cannot be
    used; the same call may be made again. Nobody may be using the deployment."""
    with closing(_opened(source)) as old:
        closed = _mark(old) is not None
    if not closed:
        SqliteEngine(source).close()  # brought to the newest schema
    database, leader = open_postgres(target)
    leader.close()
    database.close()
    with closing(Pooled(target)) as connections, closing(_opened(source)) as old:
        if not closed:
            _close(old, connections)
        _hold(old)
        with connections.begun() as new:
            try:
                found = _copied(old, new, _begun_here(old, new))
                failpoint("move.copied")
                new.execute("COMMIT")
            except BaseException:
                new.execute("ROLLBACK")
                raise
        failpoint("move.kept")
    return found


def take_back(source: StoreSettings, target: StoreSettings) -> None:
    """Open a file again whose move was not completed. Raises CannotMove where it was, for the deployment goes on in
    PostgreSQL then, where it is under way, and where it was begun to another database."""
    with closing(_opened(source)) as old:
        _hold(old)
        with closing(Pooled(target)) as connections, connections.begun() as new:
            mark = _begun_here(old, new)
            if _came_from(new) == mark:
                raise CannotMove("the move was completed: the deployment goes on in PostgreSQL")
            version = old.execute("PRAGMA user_version").fetchone()[0] - MOVED
            _rename(old, {AWAY + name: name for name in _tables(old, AWAY)}, version)
            old.execute("COMMIT")
            with suppress(psycopg.Error):  # the file is open again; a note that stays says nothing of it
                new.execute("DELETE FROM meta WHERE name = %s", (_note(mark),))
                new.execute("COMMIT")


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _opened(source: StoreSettings) -> sqlite3.Connection:
    if not Path(source.path).is_file():  # to open it would make it
        raise CannotMove(f"there is no store at {source.path}")
    old = sqlite3.connect(source.path, isolation_level=None, timeout=HOLD_SECONDS)
    old.row_factory = sqlite3.Row
    return old


def _hold(old: sqlite3.Connection) -> None:
    """Keep everybody else from closing, moving and taking back the file, until this transaction of it ends."""
    try:
        old.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise CannotMove("the file is in use, by a move that is under way perhaps: wait for it to end") from error


def _close(old: sqlite3.Connection, connections: Pooled) -> None:
    """Close the file to everyone who still has it open, with a mark that the database it moves to has noted before.
    Once closed it stays so."""
    mark = secrets.token_bytes(16)
    with connections.begun() as new:
        new.execute("INSERT INTO meta (name, value) VALUES (%s, %s)", (_note(mark), mark))
        new.execute("COMMIT")
    _hold(old)
    if _mark(old) is not None:
        raise CannotMove("another move of this file was begun at the same moment: wait for it to end")
    old.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('moved', ?)", (mark,))
    _rename(old, {name: AWAY + name for name in _tables(old, "")}, MOVED + migrations()[-1][0])
    old.execute("COMMIT")
    failpoint("move.closed")


def _mark(old: sqlite3.Connection) -> bytes | None:
    """The mark of a closed file; None where it is open."""
    if old.execute("PRAGMA user_version").fetchone()[0] < MOVED:
        return None
    return bytes(old.execute(f"SELECT value FROM {AWAY}meta WHERE name = 'moved'").fetchone()[0])  # noqa: S608


def _rename(old: sqlite3.Connection, names: Mapping[str, str], version: int) -> None:
    """Give tables other names, and the schema another number, in the transaction that is open."""
    for before, after in names.items():
        old.execute(f"ALTER TABLE {before} RENAME TO {after}")
    old.execute(f"PRAGMA user_version = {version:d}")


def _tables(old: sqlite3.Connection, beginning: str) -> list[str]:
    """Names of our tables, without what they begin with."""
    rows = old.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    return [row[0].removeprefix(beginning) for row in rows if row[0].startswith(beginning)]


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _note(mark: bytes) -> str:
    """What a database notes a move under that was begun to it; of each file its own."""
    return f"moving:{mark.hex()}"


def _begun_here(old: sqlite3.Connection, new: Connection) -> bytes:
    """The mark of a file that is held, whose move was begun to this database, or completed. Until this transaction of
    the database ends no other can commit such a move: not even that of a process that has died meanwhile."""
    mark = _mark(old)
    if mark is None:
        raise CannotMove("the file is not closed: there is nothing to take back")
    row = new.execute(advisory("pg_try_advisory_xact_lock", "moving")).fetchone()
    if row is None or not row["held"]:
        raise CannotMove("a move to this database is under way: wait for it to end")
    if not _knows(new) or (_came_from(new) != mark and not _noted(new, mark)):
        raise CannotMove("the move of this file was begun to another database: give the address it was begun with")
    return mark


def _noted(new: Connection, mark: bytes) -> bool:
    return new.execute("SELECT 1 FROM meta WHERE name = %s", (_note(mark),)).fetchone() is not None


def _knows(new: Connection) -> bool:
    """Whether this database has our tables at all."""
    row = new.execute("SELECT to_regclass('meta') IS NOT NULL AS there").fetchone()
    return row is not None and bool(row["there"])


def _came_from(new: Connection) -> bytes | None:
    """The mark of the file that was moved here."""
    row = new.execute("SELECT value FROM meta WHERE name = 'moved'").fetchone()
    return None if row is None else bytes(row["value"])


def _copied(old: sqlite3.Connection, new: Connection, mark: bytes) -> dict[str, int]:
    """Copy all tables in the transaction that is open; where that was done before, only count."""
    new.execute(advisory("pg_advisory_xact_lock", "writer"))
    tables = _in_order(_tables(old, AWAY))
    if _came_from(new) != mark:
        for table in tables:
            _refuse_rows(new, table)
        for table in tables:
            _copy(old, new, table)
        new.execute("DELETE FROM meta WHERE name = %s", (_note(mark),))
    return {table: _number(new, table) for table in tables}


def _in_order(tables: list[str]) -> list[str]:
    """What others refer to first."""
    first = ("meta", "incidents", "notices", "subscribers")
    return [*first, *(table for table in tables if table not in first)]


def _refuse_rows(new: Connection, table: str) -> None:
    if table == "meta":  # holds the key that was made when the database was first opened
        new.execute("DELETE FROM meta WHERE name NOT LIKE 'moving:%'")
    elif _number(new, table):
        raise CannotMove(f"the PostgreSQL database holds a deployment already (there are {table}): give an empty one")


def _number(new: Connection, table: str) -> int:
    row = new.execute(sql.SQL("SELECT count(*) AS number FROM {}").format(sql.Identifier(table))).fetchone()
    return 0 if row is None else int(row["number"])


def _copy(old: sqlite3.Connection, new: Connection, table: str) -> None:
    rows = old.execute(f"SELECT * FROM {AWAY}{table}")  # noqa: S608 our own names
    names = [column[0] for column in rows.description]
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names)))
    with psycopg.Cursor(new) as cursor:
        with cursor.copy(into) as copy:
            for row in rows:
                copy.write_row([without_nul(value) for value in row])
        kept = cursor.rowcount
    there = old.execute(f"SELECT count(*) FROM {AWAY}{table}").fetchone()[0]  # noqa: S608 our own names
    if there != kept:
        raise StoreUnavailable(f"{there} rows of {table} became {kept}: nothing was moved")
    if (column := NUMBERED.get(table)) is not None:
        new.execute(sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), greatest(max({}), 1)) FROM {}").format(
            table, column, sql.Identifier(column), sql.Identifier(table)))
