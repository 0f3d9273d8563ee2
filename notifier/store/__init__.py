"""Keeping: SQLite or PostgreSQL behind the port `Store`. SQL is kept as SQL (`sql/`, `migrations/`), by topic."""

from __future__ import annotations

from notifier.ports import StoreUnavailable

from .bell import Bell
from .database import Engine
from .mark import Mark
from .settings import StoreSettings
from .sqlite import SqliteEngine
from .steps import SqlStore


def open_store(settings: StoreSettings) -> SqlStore:
    """Open the store, creating and migrating it as needed: PostgreSQL where `url` is set, else the file.

    Raises StoreUnavailable when it cannot be used or was made by a newer program. `path` ":memory:" gives a store that
    several threads may share and that is gone when closed.
    """
    if settings.url is None:
        file = SqliteEngine(settings)
        return SqlStore(file, mark=_mark(settings, file))
    try:
        # an extra, which only such deployments need
        from .announcements import Announcements
        from .postgres import open_postgres
    except ImportError as error:
        raise StoreUnavailable(f"PostgreSQL needs `pip install outage-notifier[postgres]`: {error}") from error
    database, leader = open_postgres(settings)
    bell = Bell()
    return SqlStore(database, leader, bell, Announcements(settings, bell.ring), _mark(settings, database))


def _mark(settings: StoreSettings, engine: Engine) -> Mark | None:
    file = settings.mark_file
    return None if file is None else Mark(file, engine)


__all__ = ["SqlStore", "StoreSettings", "open_store"]
