"""Keeping: SQLite or PostgreSQL behind the port `Store`. SQL is kept as SQL (`sql/`, `migrations/`), by topic."""

from __future__ import annotations

from notifier.ports import StoreUnavailable

from .database import Database
from .mark import Mark
from .settings import StoreSettings
from .sqlite import SqliteDatabase
from .steps import SqlStore


def open_store(settings: StoreSettings) -> SqlStore:
    """Open the store, creating and migrating it as needed: PostgreSQL where `url` is set, else the file.

    Raises StoreUnavailable when it cannot be used or was made by a newer program. `path` ":memory:" gives a store that
    several threads may share and that is gone when closed.
    """
    if settings.url is None:
        file = SqliteDatabase(settings)
        return SqlStore(file, mark=_mark(settings, file))
    try:
        from .postgres import open_postgres  # an extra, which only such deployments need
    except ImportError as error:
        raise StoreUnavailable(f"PostgreSQL needs `pip install outage-notifier[postgres]`: {error}") from error
    database, leader = open_postgres(settings)
    return SqlStore(database, leader, _mark(settings, database))


def _mark(settings: StoreSettings, database: Database) -> Mark | None:
    file = settings.mark_file
    return None if file is None else Mark(file, database)


__all__ = ["SqlStore", "StoreSettings", "open_store"]
