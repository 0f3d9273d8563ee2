"""Where the store keeps its file, so that the rest of the daemon never has to know."""

from __future__ import annotations

from datetime import timedelta

from notifier.model.settings import Duration, Settings
from notifier.secret import Secret


class StoreSettings(Settings):
    """The embedded store: one SQLite file that the daemon and the command line share."""

    path: str = "notifier.db"
    """File of the database, relative to the daemon's working directory; ":memory:" keeps nothing (replay, tests)."""
    busy_timeout: Duration = timedelta(seconds=10)
    """How long to wait for another process that is writing before the store counts as unavailable."""
    hash_key: Secret | None = None
    """Key of the hashes opt-outs are kept as; without it a random key is made once and kept in the database."""
