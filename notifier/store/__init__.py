"""Keeping: SQLite behind the port `Store`. SQL is kept as SQL (`sql/`, `migrations/`), by topic."""

from __future__ import annotations

from .settings import StoreSettings
from .sqlite import SqliteStore


def open_store(settings: StoreSettings) -> SqliteStore:
    """Open the store, creating and migrating it as needed.

    Raises StoreUnavailable when the file cannot be used or was made by a newer program. `path` ":memory:" gives a
    store that several threads may share and that is gone when closed.
    """
    return SqliteStore(settings)


__all__ = ["SqliteStore", "StoreSettings", "open_store"]
