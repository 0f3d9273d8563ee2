"""A deployment's move from its SQLite file to PostgreSQL: whole or not at all, and never in both.

First the file is closed for good: every table gets another name in one transaction, so that a daemon or command that
still has it open can neither send nor keep anything. Then all of it is copied in one transaction of PostgreSQL, which
notes the file it came from. Whenever this is interrupted, the same command goes on; what was being sent when the file
was closed is looked for at the far side, as after any crash.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
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


class CannotMove(Exception):
    """Why nothing was moved, in a sentence that says what to do."""


def move(source: StoreSettings, target: StoreSettings) -> Mapping[str, int]:
    """Move everything; returns the rows of each table. Raises CannotMove, and StoreUnavailable where a side cannot be
    used; the same call may be made again. Nobody may be using the deployment."""
    if not Path(source.path).is_file():
        raise CannotMove(f"there is no store at {source.path}")
    mark = _close(source)
    database, leader = open_postgres(target)
    leader.close()
    database.close()
    with closing(Pooled(target)) as connections, closing(sqlite3.connect(source.path)) as old:
        old.row_factory = sqlite3.Row
        with connections.begun() as new:
            try:
                found = _copied(old, new, mark)
                failpoint("move.copied")
                new.execute("COMMIT")
            except BaseException:
                new.execute("ROLLBACK")
                raise
        failpoint("move.kept")
    return found


def take_back(source: StoreSettings, target: StoreSettings) -> None:
    """Open a file again whose move was not completed. Raises CannotMove where it was: the deployment goes on in
    PostgreSQL then."""
    with closing(sqlite3.connect(source.path, isolation_level=None)) as old:
        mark = _mark(old)
        if mark is None:
            raise CannotMove(f"{source.path} was not closed: there is nothing to take back")
        with closing(Pooled(target)) as connections, connections.begun() as new:
            if _knows(new) and _came_from(new) == mark:
                raise CannotMove("the move was completed: the deployment goes on in PostgreSQL")
            new.execute("ROLLBACK")
        _rename(old, {AWAY + name: name for name in _tables(old, AWAY)}, migrations()[-1][0])


def _close(source: StoreSettings) -> bytes:
    """Close the file to everyone who still has it open; returns its mark. Once closed it stays so."""
    with closing(sqlite3.connect(source.path, isolation_level=None)) as old:
        if (mark := _mark(old)) is not None:
            return mark
    SqliteEngine(source).close()  # brought to the newest schema
    mark = secrets.token_bytes(16)
    with closing(sqlite3.connect(source.path, isolation_level=None)) as old:
        old.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('moved', ?)", (mark,))
        _rename(old, {name: AWAY + name for name in _tables(old, "")}, MOVED + migrations()[-1][0])
    failpoint("move.closed")
    return mark


def _mark(old: sqlite3.Connection) -> bytes | None:
    """The mark of a closed file; None where it is open."""
    if old.execute("PRAGMA user_version").fetchone()[0] < MOVED:
        return None
    return bytes(old.execute(f"SELECT value FROM {AWAY}meta WHERE name = 'moved'").fetchone()[0])  # noqa: S608


def _rename(old: sqlite3.Connection, names: Mapping[str, str], version: int) -> None:
    old.execute("BEGIN IMMEDIATE")
    for before, after in names.items():
        old.execute(f"ALTER TABLE {before} RENAME TO {after}")
    old.execute(f"PRAGMA user_version = {version:d}")
    old.execute("COMMIT")


def _tables(old: sqlite3.Connection, beginning: str) -> list[str]:
    """Names of our tables, without what they begin with."""
    rows = old.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    return [row[0].removeprefix(beginning) for row in rows if row[0].startswith(beginning)]


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
    return {table: _number(new, table) for table in tables}


def _in_order(tables: list[str]) -> list[str]:
    """What others refer to first."""
    first = ("meta", "incidents", "notices", "subscribers")
    return [*first, *(table for table in tables if table not in first)]


def _refuse_rows(new: Connection, table: str) -> None:
    if table == "meta":  # holds the key that was made when the database was first opened
        new.execute("DELETE FROM meta")
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
    with psycopg.Cursor(new) as cursor, cursor.copy(into) as copy:
        for row in rows:
            copy.write_row([without_nul(value) for value in row])
    there = old.execute(f"SELECT count(*) FROM {AWAY}{table}").fetchone()[0]  # noqa: S608 our own names
    if there != _number(new, table):
        raise StoreUnavailable(f"{there} rows of {table} became {_number(new, table)}: nothing was moved")
    if (column := NUMBERED.get(table)) is not None:
        new.execute(sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), greatest(max({}), 1)) FROM {}").format(
            table, column, sql.Identifier(column), sql.Identifier(table)))
