"""PostgreSQL as an `Engine`, so that any number of nodes share one deployment.

Each transaction has a connection of its own from a pool. Where SQLite lets one transaction write at a time, here the
stages' transactions (which read, decide and write) take turns by an advisory lock, and the steps of senders run beside
them and each other, each holding the one row it changes. That nothing waits while it holds what another needs, and so
nothing can deadlock, rests on four rules: locks are taken before rows; a step holds one row, or takes WRITER first;
`begin` and `hand_over`, which hold GATE or several rows, do not wait for a row but begin anew; rows of limits are taken
last and by name.

Where the connection breaks while a transaction commits nobody knows whether it was kept. That is told as
StoreUnavailable too, and harmless: a begin that was kept is never sent by who was told that it was not, and is looked
for at the far side like any crash; outcomes are kept again; decisions are read again.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from itertools import chain, islice
from typing import Any, cast

import psycopg
import structlog
from psycopg import sql
from psycopg.errors import (
    DeadlockDetected,
    IdleInTransactionSessionTimeout,
    LockNotAvailable,
    ReadOnlySqlTransaction,
    SerializationFailure,
)
from psycopg.rows import DictRow

from notifier.failpoints import failpoint
from notifier.model.times import utc
from notifier.ports import StoreUnavailable

from .announcements import OUTBOX
from .connections import OLDEST_SERVER, Connection, Connections, Pooled, Seat, advisory
from .database import (
    PARAMETER,
    WRITER,
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

AGAIN_SECONDS = 0.02
"""Before a step that found another in its way begins anew."""
ROWS_AT_ONCE = 500
"""Of one INSERT of many."""
FETCHED_AT_ONCE = 5000
_GIVEN = re.compile(r"%\(([a-z_]+)\)s")
_VALUES = re.compile(r"VALUES (\([^()]*\))")
_IN_THE_WAY = (LockNotAvailable, DeadlockDetected, SerializationFailure)
_OUTAGE = (psycopg.OperationalError, psycopg.InterfaceError, ReadOnlySqlTransaction, IdleInTransactionSessionTimeout)
_READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@cache
def _statement(name: str) -> str:
    """A statement in psycopg's words."""
    topic, _, short = name.partition(".")
    text = statements(topic, "postgres")[short].rstrip(";").replace("%", "%%")
    return PARAMETER.sub(r"%(\1)s", text)


def _clean(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """PostgreSQL keeps no NUL in text; what strangers write may hold one."""
    return {name: without_nul(value) for name, value in (parameters or {}).items()}


def without_nul(value: Any) -> Any:
    """A value as PostgreSQL can keep it."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


class PostgresDatabase:
    """One connection within a transaction; see `Database`."""

    def __init__(self, connection: Connection, key: bytes | None) -> None:
        self._connection = connection
        self._key = key
        self._confirmed = False

    def rows(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """See Database.rows."""
        return cast(list[Row], self._execute(name, parameters).fetchall())

    def row(self, name: str, parameters: Mapping[str, Any] | None = None) -> Row | None:
        """See Database.row."""
        return self._execute(name, parameters).fetchone()

    def each(self, name: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Row]:
        """See Database.each."""
        self._connection.execute("SET LOCAL cursor_tuple_fraction = 1")  # all of the rows are wanted
        self._connection.execute(f"DECLARE each NO SCROLL CURSOR FOR {_statement(name)}", _clean(parameters))
        while some := self._connection.execute(f"FETCH {FETCHED_AT_ONCE} FROM each").fetchall():
            yield from cast(list[Row], some)
        self._connection.execute("CLOSE each")

    def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> int:
        """See Database.run."""
        return self._execute(name, parameters).rowcount

    def run_many(self, name: str, parameters: Iterable[Mapping[str, Any]]) -> int:
        """See Database.run_many. Insertions go many rows at a time, but where they may change what another of them
        has just put there."""
        text = _statement(name)
        values = _VALUES.search(text)
        if values is None or "DO UPDATE" in text:
            return sum(self.run(name, given) for given in parameters)
        head, tail = text[:values.start(1)], text[values.end(1):]
        waiting, changed = iter(parameters), 0
        with psycopg.ClientCursor(self._connection) as cursor:
            while some := list(islice(waiting, ROWS_AT_ONCE)):
                rows = ", ".join(cursor.mogrify(values[1], _clean(given)) for given in some)
                cursor.execute(sql.SQL((head + "{}" + tail).replace("%%", "%")).format(sql.SQL(rows)))
                changed += cursor.rowcount
        return changed

    def run_alike(self, name: str, alike: RowsAlike) -> int:
        """See Database.run_alike. One statement; what rows have in common goes once."""
        text, groups = _statement(name), [(given, own) for given, own in alike if own]
        if not groups:
            return 0
        names = list(dict.fromkeys(_GIVEN.findall(text)))
        first = len(groups[0][1][0])
        arrays: dict[str, list[Any]] = {
            column: list(values) for column, values in zip(
                names[:first], zip(*chain.from_iterable(own for _, own in groups), strict=True), strict=True)}
        arrays["alike"] = [at for at, (_, own) in enumerate(groups, 1) for _ in own]
        shared = {column: [given[column] for given, _ in groups] for column in names[first:] if column != "alike"}
        return self._connection.execute(text, arrays | shared).rowcount

    def lock(self, name: str, *, shared: bool = False) -> None:
        """See Database.lock."""
        self._connection.execute(advisory("pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock", name))

    def keyed_hash(self, kind: str, address: str) -> str:
        """See Database.keyed_hash."""
        if not self._confirmed:
            confirm(self._key, self.row("staff.meta", {"name": MARK}))
            self._confirmed = True
        return hashed(self._key, kind, address)

    def announce(self) -> None:
        """See Database.announce."""
        self._connection.execute("SELECT pg_notify(%s, '')", (OUTBOX,))

    def scrub_afterwards(self) -> None:
        """Rows that are gone stay in the files until the server's vacuum has passed: its administrator's matter."""

    def _execute(self, name: str, parameters: Mapping[str, Any] | None) -> psycopg.Cursor[DictRow]:
        return self._connection.execute(_statement(name), _clean(parameters))


class PostgresEngine:
    """One PostgreSQL database over some connections."""

    def __init__(self, connections: Connections, key: bytes | None, busy_timeout: timedelta,
                 reading: Connections | None = None) -> None:
        """`key` is that of the hashes; `busy_timeout`, how long a step begins anew where another is in its way;
        `reading`, where what is only read goes, if not there too."""
        self._connections = connections
        self._reading = reading or connections
        self._key = key
        self._seconds = busy_timeout.total_seconds()
        self._own = threading.local()

    @property
    def opened(self) -> int:
        """See Engine.opened."""
        return self._connections.opened

    @contextmanager
    def step(self, name: str) -> Iterator[PostgresDatabase]:
        """See Engine.step. The stages' own transactions take turns."""
        if getattr(self._own, "begun", False):
            raise RuntimeError("store transactions do not nest: pass the open transaction on instead")
        with _words(), self._connections.begun() as connection:
            self._own.begun = True
            try:
                db = PostgresDatabase(connection, self._key)
                if name == "transaction":
                    db.lock(WRITER)
                yield db
                failpoint(f"{name}.before_commit")
                connection.execute("COMMIT")
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._own.begun = False
        failpoint(f"{name}.after_commit")

    def run_step(self, name: str, work: Callable[[Database], T]) -> T:
        """See Engine.run_step."""
        until = time.monotonic() + self._seconds
        while True:
            try:
                with self.step(name) as db:
                    return work(db)
            except StoreUnavailable as error:
                if not isinstance(error.__cause__, _IN_THE_WAY) or time.monotonic() > until:
                    raise
            time.sleep(AGAIN_SECONDS)

    @contextmanager
    def reading(self) -> Iterator[PostgresDatabase]:
        """See Engine.reading."""
        with _words(), self._reading.begun() as connection:
            try:
                connection.execute(_READ_ONLY)
                yield PostgresDatabase(connection, self._key)
            finally:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")

    def now(self) -> datetime | None:
        """See Engine.now."""
        with _words(), self._reading.begun() as connection:
            row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
            connection.execute("ROLLBACK")
        assert row is not None
        return utc(row["now"])

    def close(self) -> None:
        """End every connection; what uses it afterwards is told that the store is closed."""
        self._connections.close()


@contextmanager
def _words() -> Iterator[None]:
    try:
        yield
    except _OUTAGE as error:
        raise unavailable(error) from error


class Leader:
    """The right to listen and decide for a deployment, which one node has at a time, and a database whose transactions
    nobody else's can follow: they run over the connection that holds the right, so that whoever has lost it cannot
    commit."""

    def __init__(self, settings: StoreSettings, key: bytes | None, reading: Connections) -> None:
        self._seat = Seat(settings)
        self.engine = PostgresEngine(self._seat, key, settings.busy_timeout, reading)

    def leads(self) -> bool:
        """Take or keep the right; True while this node has it. Raises StoreUnavailable where nobody can tell."""
        with _words():
            return self._seat.taken()

    def close(self) -> None:
        """Give it up at once."""
        self._seat.close()


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def open_postgres(settings: StoreSettings) -> tuple[PostgresEngine, Leader]:
    """The database, migrated, for everyone's steps and transactions, and the seat of who leads. Raises
    StoreUnavailable where it cannot be used, is too old or was made by a newer program."""
    pooled = Pooled(settings)
    try:
        with _words(), pooled.begun() as connection:
            if connection.info.server_version < OLDEST_SERVER:
                raise StoreUnavailable(f"PostgreSQL {connection.info.server_version // 10000} is too old: 14 or newer "
                                       "is needed")
            _migrate(connection)
            connection.execute("COMMIT")
        with _words():
            key = _chosen_key(settings, pooled)
    except BaseException:
        pooled.close()
        raise
    return PostgresEngine(pooled, key, settings.busy_timeout), Leader(settings, key, pooled)


def _migrate(connection: Connection) -> None:
    """Bring the schema to what this program knows, in the transaction that is open; one node at a time."""
    newest = migrations("postgres")[-1][0]
    connection.execute(advisory("pg_advisory_xact_lock", "migration"))
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
    row = connection.execute("SELECT version FROM schema_version").fetchone()
    version = 0 if row is None else int(row["version"])
    if version > newest:
        raise too_new(version, newest)
    for number, script in migrations("postgres"):
        if number > version:
            for piece in pieces(script):
                connection.execute(piece.replace("%", "%%"))
            log.info("store.migrated", version=number)
    if version < newest:
        connection.execute("DELETE FROM schema_version")
        connection.execute("INSERT INTO schema_version (version) VALUES (%s)", (newest,))


def _chosen_key(settings: StoreSettings, pooled: Pooled) -> bytes | None:
    """The key of the hashes; what is new to keep is kept while nobody else can put a person there."""
    with pooled.begun() as connection:
        db = PostgresDatabase(connection, None)
        try:
            choice = choose(settings, db)
            if choice.new:
                db.lock(WRITER)
                choice = choose(settings, db)
                keep(choice, db)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
            raise
    return choice.key
