"""Connections to PostgreSQL: a pool for everyone's transactions, and the one seat of the node that leads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from notifier.ports import StoreUnavailable
from notifier.secret import SecretMissing

from .settings import StoreSettings

Connection = psycopg.Connection[DictRow]

OLDEST_SERVER = 140000
"""The first that ends sessions which say nothing (idle_session_timeout)."""
LOCKS = 0x6F757467
"""First number of our advisory locks; the second says which."""
_NUMBERS = {"gate": 1, "writer": 2, "migration": 3, "leader": 4, "moving": 5}


def advisory(function: str, name: str) -> sql.Composed:
    """The call of one of PostgreSQL's advisory lock functions for one of our locks."""
    return sql.SQL("SELECT {}({}, {}) AS held").format(
        sql.SQL(function), sql.Literal(LOCKS), sql.Literal(_NUMBERS[name]))


class Connections(Protocol):
    """Where a transaction's connection comes from."""

    @property
    def opened(self) -> int:
        """How many were made so far."""
        ...

    def begun(self) -> AbstractContextManager[Connection]:
        """A connection of one's own with a transaction begun, which is given back once that has ended."""
        ...

    def close(self) -> None:
        """End them."""
        ...


def _given(settings: StoreSettings, *, seat: bool = False) -> dict[str, Any]:
    """How a connection is made. A node that says nothing within a transaction, or over the leader's seat, is taken for
    stopped: the server ends the connection, and what it holds is free."""
    try:
        password = settings.password.reveal() if settings.password else None
    except SecretMissing as error:
        raise StoreUnavailable(f"the store's password: {error}") from error
    times = {"lock_timeout": settings.busy_timeout, "idle_in_transaction_session_timeout": settings.node_silent,
             **({"idle_session_timeout": settings.node_silent} if seat else {})}
    options = [f"-c {name}={_milliseconds(value)}" for name, value in times.items()]
    return {"autocommit": True, "row_factory": dict_row, "cursor_factory": psycopg.ClientCursor,
            "connect_timeout": max(int(settings.busy_timeout.total_seconds()), 2),
            "tcp_user_timeout": _milliseconds(settings.busy_timeout),  # a network that is cut must be noticed
            "application_name": "notifier", "options": " ".join(options),
            **({"password": password} if password else {})}


def _milliseconds(time: timedelta) -> int:
    return max(int(time.total_seconds() * 1000), 1)


def dedicated(settings: StoreSettings, *, seat: bool = False) -> Connection:
    """A connection of one's own. Raises psycopg.Error, or StoreUnavailable where the password cannot be read."""
    assert settings.url is not None
    return psycopg.Connection[DictRow].connect(settings.url, **_given(settings, seat=seat))


class Pooled:
    """As many connections as are needed at once, up to `connections`."""

    def __init__(self, settings: StoreSettings) -> None:
        assert settings.url is not None
        self._most = settings.connections
        self.opened = 0
        self._pool = ConnectionPool(
            settings.url, kwargs=_given(settings), connection_class=psycopg.Connection[DictRow], configure=self._made,
            min_size=1, max_size=self._most, timeout=settings.busy_timeout.total_seconds(), name="store", open=False)
        try:
            self._pool.open(wait=True, timeout=settings.busy_timeout.total_seconds())
        except psycopg.OperationalError as error:
            self._pool.close()
            raise StoreUnavailable(f"the store could not be used: {error}") from error

    def _made(self, connection: Connection) -> None:
        self.opened += 1

    @contextmanager
    def begun(self) -> Iterator[Connection]:
        """See Connections.begun. One that the server has ended meanwhile is let go, and another taken."""
        for attempt in range(self._most + 1):
            with self._pool.connection() as connection:
                try:
                    connection.execute("BEGIN")
                except psycopg.OperationalError:
                    if attempt == self._most:
                        raise
                    continue
                yield connection
                return

    def close(self) -> None:
        """See Connections.close."""
        self._pool.close()


class Seat:
    """The connection that holds the right to lead, and over which alone the leader's transactions go. A node that is
    stopped or cut off says nothing over it; then the server ends it, and the right is free."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self.opened = 0

    def taken(self) -> bool:
        """Take the seat where it is free, or say a word over it; True while it is ours. Raises psycopg.Error where
        that cannot be found out: it is ours no more then."""
        with self._lock:
            try:
                if self._connection is not None:
                    self._connection.execute("SELECT 1")
                else:
                    self._take()
            except BaseException:
                self._leave()
                raise
            return self._connection is not None

    def _take(self) -> None:
        connection = dedicated(self._settings, seat=True)
        try:
            row = connection.execute(advisory("pg_try_advisory_lock", "leader")).fetchone()
        except BaseException:
            connection.close()
            raise
        if row is not None and row["held"]:
            self._connection = connection
            self.opened += 1
        else:
            connection.close()

    @contextmanager
    def begun(self) -> Iterator[Connection]:
        """See Connections.begun; one transaction at a time."""
        with self._lock:
            if self._connection is None:
                raise StoreUnavailable("another node leads this deployment, or may by now: what only the leader does "
                                       "was not kept")
            self._connection.execute("BEGIN")
            yield self._connection

    def close(self) -> None:
        """Leave it to others at once."""
        with self._lock:
            self._leave()

    def _leave(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
