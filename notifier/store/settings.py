"""Where the store keeps what it is given, so that the rest of the daemon never has to know."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from notifier.model.settings import Duration, Settings
from notifier.secret import Secret


class StoreSettings(Settings):
    """One SQLite file that the daemon and the command line share, or a PostgreSQL database that many nodes share."""

    path: str = "notifier.db"
    """File of the database, relative to the daemon's working directory; ":memory:" keeps nothing (replay, tests)."""
    url: str | None = None
    """PostgreSQL instead of the file: "postgresql://notifier@db.example.net/outages?sslmode=verify-full". One database
    for one deployment."""
    password: Secret | None = None
    """PostgreSQL's password for the user named in `url`."""
    connections: int = Field(default=16, ge=2, le=200)
    """Connections to PostgreSQL a node opens at most."""
    busy_timeout: Duration = timedelta(seconds=10)
    """How long to wait for another process that is writing before the store counts as unavailable."""
    hash_key: Secret | None = None
    """Key of the hashes opt-outs are kept as; without it a random key is made once and kept in the database."""

    @field_validator("url")
    @classmethod
    def _is_postgres(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres") or len(parts.path) < 2:
            raise ValueError("expected an address such as postgresql://notifier@db.example.net/outages")
        if parts.password or "password=" in parts.query:
            raise ValueError("it holds a password: put it into `password`, as a file or an environment variable")
        return url
