"""One SQLite file as an `Engine`: opening, migrating, transactions, and the words for its failures.

One connection writes, guarded by a lock; every transaction takes SQLite's write lock at once (BEGIN IMMEDIATE), so
that several processes (daemon, command line) queue up instead of failing half-way.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import structlog

from notifier.failpoints import failpoint
from notifier.ports import StoreUnavailable

from .database import (
    PARAMETER,
    Database,
    Row,
    RowsAlike,
    T,
    migrations,
    pieces,
    statements,
    too_new,
    unavailable,
)
from .hash_key import MARK, choose, confirm, hashed, keep
from .settings import StoreSettings

log = structlog.get_logger(__name__)

sqlite3.register_adapter(list, json.dumps)  # some values at once: an array to PostgreSQL, json_each here

_PRAGMAS = ("foreign_keys = ON", "synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY",
            "cache_size = -65536", "wal_autocheckpoint = 16384")
"""FULL: a committed delivery survives power loss, as WAL's default NORMAL would not promise
(https://www.sqlite.org/pragma.html#pragma_synchronous). secure_delete: an erased person is overwritten, not just
unlinked. 64 MiB of pages are kept, and as many are written before the log is copied into the file: with SQLite's own 2
and 4 MiB a large fan-out reads and writes the pages of its indexes over and over."""


_READING = ("PRAGMA temp_store = MEMORY", "PRAGMA query_only = ON")
"""Of who only reads. Whom to tell must not be sorted in a file of the system's."""

MOVED = 1_000_000
"""Added to the schema's number of a file that is used no more."""


@cache
def _positional(name: str) -> tuple[str, tuple[str, ...]]:
    """A statement whose parameters go by their place, at half the cost, and their names in order."""
    topic, _, short = name.partition(".")
    text = statements(topic)[short]
    return PARAMETER.sub("?", text), tuple(PARAMETER.findall(text))


def _is_outage(error: sqlite3.Error) -> bool:
    """Whether the file or disk is at fault; anything else is a mistake of ours and must be seen as one."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _statement(name: str) -> str:
    topic, _, short = name.partition(".")
    return statements(topic)[short]


class SqliteDatabase:
    """One connection within a transaction; see `Database`."""

    def __init__(self, connection: sqlite3.Connection, key: bytes | None) -> None:
        self._connection = connection
        self._key = key
        self._confirmed = False
        self.scrub = False
        """Whether the transaction deleted what must not stay in the log."""

    def rows(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """See Database.rows."""
        return self._execute(name, parameters).fetchall()

    def row(self, name: str, parameters: Mapping[str, Any] | None = None) -> Row | None:
        """See Database.row."""
        found: Row | None = self._execute(name, parameters).fetchone()
        return found

    def each(self, name: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Row]:
        """See Database.each."""
        return iter(self._execute(name, parameters))

    def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> int:
        """See Database.run."""
        return self._execute(name, parameters).rowcount

    def run_many(self, name: str, parameters: Iterable[Mapping[str, Any]]) -> int:
        """See Database.run_many."""
        return self._connection.executemany(_statement(name), parameters).rowcount

    def run_alike(self, name: str, alike: RowsAlike) -> int:
        """See Database.run_alike."""
        text, names = _positional(name)
        rows = (one + shared for given, own in alike if own
                for shared in (tuple(given[column] for column in names[len(own[0]):]),) for one in own)
        return self._connection.executemany(text, rows).rowcount

    def lock(self, name: str, *, shared: bool = False) -> None:
        """Nothing more is needed: who writes is alone."""

    def keyed_hash(self, kind: str, address: str) -> str:
        """See Database.keyed_hash."""
        if not self._confirmed:
            confirm(self._key, self.row("staff.meta", {"name": MARK}))
            self._confirmed = True
        return hashed(self._key, kind, address)

    def announce(self) -> None:
        """There are no other nodes."""

    def scrub_afterwards(self) -> None:
        """After this transaction, empty the write-ahead log too: it still holds what was deleted."""
        self.scrub = True

    def _execute(self, name: str, parameters: Mapping[str, Any] | None) -> sqlite3.Cursor:
        return self._connection.execute(_statement(name), parameters or {})


class SqliteEngine:
    """One open file."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._queue, self._lock = threading.RLock(), threading.RLock()
        self._key: bytes | None = None
        self._connection: sqlite3.Connection | None = None
        self.opened = 0
        """See Engine.opened."""
        with self._lock, self._words():
            self._open()

    def run_step(self, name: str, work: Callable[[Database], T]) -> T:
        """See Engine.run_step; nobody else can be in the way."""
        with self.step(name) as db:
            return work(db)

    @contextmanager
    def step(self, name: str) -> Iterator[SqliteDatabase]:
        """See Engine.step."""
        with self._turn():
            if self._connection is not None and self._connection.in_transaction:
                raise RuntimeError("store transactions do not nest: pass the open transaction on instead")
            with self._words():
                connection = self._begun()
                database = SqliteDatabase(connection, self._key)
                try:
                    yield database
                    failpoint(f"{name}.before_commit")
                    connection.execute("COMMIT")
                except BaseException:
                    self._roll_back()
                    raise
                failpoint(f"{name}.after_commit")
                if database.scrub:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The one connection, in turn: a thread that goes from one transaction to the next would else have the lock
        again before whoever waits for it has noticed that it is free."""
        with self._queue:
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def reading(self) -> Iterator[SqliteDatabase]:
        """See Engine.reading: in WAL neither it nor the writer waits for the other. A database in memory has one
        connection, which is lent."""
        if self._settings.path == ":memory:":
            with self._words(), self._lock:
                live = self._live()
                before = live.execute("PRAGMA query_only").fetchone()[0]
                live.execute("PRAGMA query_only = ON")
                try:
                    yield SqliteDatabase(live, self._key)
                finally:
                    live.execute(f"PRAGMA query_only = {before:d}")
            return
        there = Path(self._settings.path).absolute().as_uri() + "?mode=rw"  # a file that is gone is not made anew
        seconds = self._settings.busy_timeout.total_seconds()
        with self._words(), closing(sqlite3.connect(there, timeout=seconds, isolation_level=None, uri=True)) as own:
            own.row_factory = sqlite3.Row
            for pragma in _READING:
                own.execute(pragma)
            own.execute("BEGIN")
            yield SqliteDatabase(own, self._key)

    def now(self) -> datetime | None:
        """The clock is this machine's."""
        return None

    def close(self) -> None:
        """Close the file; the next transaction would open it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _live(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreUnavailable("the store is closed")
        return self._connection

    def _begun(self) -> sqlite3.Connection:
        if self._connection is None:
            self._open()
        connection = self._live()
        connection.execute("BEGIN IMMEDIATE")
        return connection

    def _roll_back(self) -> None:
        """Undo; where even that fails the connection is worth nothing and is opened anew next time."""
        connection = self._connection
        if connection is None or not connection.in_transaction:
            return
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            if self._settings.path != ":memory:":
                with suppress(sqlite3.Error):
                    connection.close()
                self._connection = None

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if not _is_outage(error):
                raise
            raise unavailable(error) from error

    # ── opening ──

    def _open(self) -> None:
        path = self._settings.path
        if path != ":memory:" and not Path(path).exists():
            # personal data: nobody else may read it, whatever the umask says
            try:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError as error:
                raise unavailable(error) from error
        connection = sqlite3.connect(
            path,
            timeout=self._settings.busy_timeout.total_seconds(),
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            connection.row_factory = sqlite3.Row
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            if path != ":memory:":
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
            self._connection = connection
            self.opened += 1
            self._migrate(connection)
            self._key = self._chosen_key(connection)
        except BaseException:
            self._connection = None
            connection.close()
            raise

    def _migrate(self, connection: sqlite3.Connection) -> None:
        newest = migrations()[-1][0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == newest:
            return
        if version >= MOVED:
            raise StoreUnavailable("this store was moved to PostgreSQL: set store.url; where `notifier migrate-store` "
                                   "was interrupted, run it again")
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > newest:
                raise too_new(version, newest)
            for number, script in migrations():
                if number > version:
                    for piece in pieces(script):  # `executescript` would commit around it
                        connection.execute(piece)
                    log.info("store.migrated", version=number)
            connection.execute(f"PRAGMA user_version = {newest:d}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _chosen_key(self, connection: sqlite3.Connection) -> bytes | None:
        """The key of the hashes; where something is new to keep, chosen again once nobody else can write."""
        db = SqliteDatabase(connection, None)
        choice = choose(self._settings, db)
        if not choice.new:
            return choice.key
        connection.execute("BEGIN IMMEDIATE")
        try:
            choice = choose(self._settings, db)
            keep(choice, db)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return choice.key
