"""What the store's topics ask of a database, in the few words both engines, SQLite and PostgreSQL, share.

SQL is kept as SQL: `sql/<topic>.sql` is in words both understand, or in SQLite's; `sql/postgres/<topic>.sql` holds the
statements PostgreSQL needs otherwise. The schemas are `migrations/` and `migrations/postgres/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Protocol, TypeVar

from notifier.ports import StoreUnavailable

T = TypeVar("T")
Row = Mapping[str, Any]
RowsAlike = Iterable[tuple[Mapping[str, Any], Sequence[tuple[Any, ...]]]]
"""What some rows have in common, and what each has of its own."""

GATE = "gate"
"""The lock that passing the last gate shares, and that turning the kill switch holds alone: once that has committed
nobody is between having looked at the switch and having written that sending begins."""
WRITER = "writer"
"""The lock of whatever changes many rows, or reads and then writes: one at a time, so that two cannot be in each
other's way. Steps that touch the one row they hold do without."""

PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
"""A named parameter in a statement."""
_NAME = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)


class Database(Protocol):
    """A database within one open transaction. Statements are named "topic.name" after the .sql files."""

    def rows(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of a statement."""
        ...

    def row(self, name: str, parameters: Mapping[str, Any] | None = None) -> Row | None:
        """The first row of a statement, or None."""
        ...

    def each(self, name: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Row]:
        """The rows of a statement one by one, for what would fill the memory. No other statement may run meanwhile."""
        ...

    def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Run a statement; returns how many rows it changed."""
        ...

    def run_many(self, name: str, parameters: Iterable[Mapping[str, Any]]) -> int:
        """Run a statement for each set of parameters; returns how many rows changed together."""
        ...

    def run_alike(self, name: str, alike: RowsAlike) -> int:
        """Insert many rows that have most of their values in common: what a statement names first comes from each
        row's own tuple, the rest from the mapping beside; returns how many rows changed together."""
        ...

    def lock(self, name: str, *, shared: bool = False) -> None:
        """Take a lock until the transaction ends, waiting for it. To be taken before any row is held."""
        ...

    def keyed_hash(self, kind: str, address: str) -> str:
        """A keyed hash of an address, 64 hex characters: without the key nobody can try numbers until one fits.

        Spellings that reach the same person hash alike: suppressing one too many is the safe mistake.
        """
        ...

    def announce(self) -> None:
        """With this transaction's commit, tell other nodes that deliveries were put into the outbox, as far as the
        database can carry that."""
        ...

    def scrub_afterwards(self) -> None:
        """After this transaction, clear away what still holds what it deleted, as far as that can be done at once."""
        ...


class Engine(Protocol):
    """A database that is open. Safe to use from many threads; a transaction belongs to its thread."""

    @property
    def opened(self) -> int:
        """How many connections were made so far: another database can stand in its place only behind a new one."""
        ...

    def step(self, name: str) -> AbstractContextManager[Database]:
        """One transaction, with fail points `name`.before_commit and `name`.after_commit.

        Raises StoreUnavailable when nothing was kept; the transaction's own exceptions pass through after rolling
        back. RuntimeError when entered within itself by one thread.
        """
        ...

    def run_step(self, name: str, work: Callable[[Database], T]) -> T:
        """`work` in a step of its own. It may be run more than once: where another transaction is in the way, all it
        did is undone and it begins anew. Raises StoreUnavailable as `step` does."""
        ...

    def reading(self) -> AbstractContextManager[Database]:
        """A transaction that only reads, at one moment: it and who writes do not wait for each other, as far as that
        can be done. May be entered within a step. Raises StoreUnavailable, for an attempt to write too."""
        ...

    def now(self) -> datetime | None:
        """The time by the database's own clock, where it is another machine's. Raises StoreUnavailable."""
        ...

    def close(self) -> None:
        """Close it; the next transaction would open it again."""
        ...


@cache
def statements(topic: str, dialect: str = "") -> Mapping[str, str]:
    """The statements of `sql/<topic>.sql` by the name in their `-- name --` line, those of `sql/<dialect>/` instead
    where it has them."""
    sql = resources.files(__package__).joinpath("sql")
    found = _named(sql.joinpath(f"{topic}.sql"))
    special = sql.joinpath(dialect, f"{topic}.sql")
    if dialect and special.is_file():
        found |= _named(special)
    return found


def _named(file: Traversable) -> dict[str, str]:
    parts = _NAME.split(file.read_text(encoding="utf-8"))
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


@cache
def migrations(dialect: str = "") -> tuple[tuple[int, str], ...]:
    """(number, SQL) of every migration, in order. Together they are the schema; there is no second description."""
    folder = resources.files(__package__).joinpath("migrations", dialect)
    found = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple((int(name.split("_")[0]), entry.read_text(encoding="utf-8")) for name, entry in found)


def pieces(script: str) -> Iterator[str]:
    """The statements of a script one by one. Each ends a line with a semicolon; none holds such a line."""
    piece = ""
    for line in script.splitlines(keepends=True):
        piece += line
        if line.split("--")[0].rstrip().endswith(";"):
            yield piece
            piece = ""


def unavailable(error: Exception) -> StoreUnavailable:
    """The failure in our own word."""
    return StoreUnavailable(f"the store could not be used: {error}")


def too_new(version: int, newest: int) -> StoreUnavailable:
    """That a newer program has migrated this database."""
    return StoreUnavailable(f"the database has schema {version}, this program knows {newest}: run the newer program")
