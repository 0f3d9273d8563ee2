"""Where the store keeps what it is given, so that the rest of the daemon never has to know."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, field_validator, model_validator

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
    node_silent: Duration = timedelta(seconds=6)
    """With PostgreSQL: after so long without a word from a node that leads, or is within a transaction, it is taken for
    stopped: another takes over, and what it held is free. Shorter than `busy_timeout`, for others wait for it."""
    mark: str | None = None
    """File that says, outside the database, how far sending has come, so that a database put back from a backup is
    known for one. Without it: beside the SQLite file; with PostgreSQL in the state directory systemd gives
    ($STATE_DIRECTORY), and where there is none, no mark is kept. Keep it out of the database's backup."""
    hash_key: Secret | None = None
    """Key of the hashes opt-outs are kept as; without it a random key is made once and kept in the database.
    To be chosen before the first subscriber: afterwards another, or none, is refused."""

    _without_key: bool = PrivateAttr(default=False)

    @property
    def without_key(self) -> bool:
        """Whether the store may be opened where `hash_key` cannot be read: the kill switch needs no hash."""
        return self._without_key

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

    @model_validator(mode="after")
    def _can_be_waited_for(self) -> StoreSettings:
        if self.url is not None and self.node_silent >= self.busy_timeout:
            raise ValueError("node_silent must be shorter than busy_timeout: others wait for what a stopped node holds")
        return self

    @property
    def place(self) -> str:
        """What people are told of where it is."""
        return self.url or self.path

    @property
    def mark_file(self) -> Path | None:
        """Where the mark is kept; None: nowhere."""
        if self.mark is not None:
            return Path(self.mark)
        if self.url is None:
            return None if self.path == ":memory:" else Path(f"{self.path}.mark")
        directory = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        return Path(directory, f"{Path(self.path).name}.mark") if directory else None

    def at(self, place: str) -> StoreSettings:
        """The same store at another place: an address of PostgreSQL, or a file. Raises ValueError for an address that
        is none."""
        changed = {"url": place, "path": self.path} if "://" in place else {"path": place, "url": None}
        return StoreSettings.model_validate({**self.model_dump(exclude={"url", "path"}), **changed})

    def for_staff(self) -> StoreSettings:
        """The same, for who may not be allowed to read the key."""
        found = self.model_copy()
        found._without_key = True
        return found
