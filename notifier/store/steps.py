"""The store over a database: each method one durable step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from notifier.model.delivery import Delivery, DeliveryState, Message, Outcome, Reason
from notifier.model.people import AudienceSizes
from notifier.ports import CannotTell, Found, NotFound

from . import people, sending
from .database import Database
from .transaction import SqlTransaction


class Leader(Protocol):
    """Who may listen and decide, where several nodes could; `database` is for what only that node does."""

    @property
    def database(self) -> Database: ...

    def leads(self) -> bool: ...

    def close(self) -> None: ...


class SqlStore:
    """ports.Store over one `Database`, shared by threads and processes. Every method raises StoreUnavailable when
    nothing was kept."""

    def __init__(self, db: Database, leader: Leader | None = None) -> None:
        """`leader` None: nobody else could lead."""
        self._db = db
        self._leader = leader

    def leads(self) -> bool:
        return self._leader is None or self._leader.leads()

    def leading(self) -> SqlStore:
        return self if self._leader is None else SqlStore(self._leader.database)

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        with self._db.step("transaction") as db:
            yield SqlTransaction(db)

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        with self._db.step("reading") as db:
            yield SqlTransaction(db)

    def audience_sizes(self, regions: Iterable[str], service: str, incident: str) -> AudienceSizes:
        with self._db.beside() as db:
            return people.sizes(db, regions, service, incident)

    def audience_numbers(self, regions: Iterable[str], service: str, after: str = "") -> Sequence[int]:
        with self._db.beside() as db:
            return people.in_order(db, regions, service, after)

    def claim(self, channel: str, limit: int, lease: timedelta, now: datetime) -> tuple[tuple[Delivery, Message], ...]:
        return self._db.run_step("claim", lambda db: sending.claim(db, channel, limit, lease, now))

    def begin(self, delivery: str, token: int, now: datetime) -> Reason | None:
        return self._db.run_step("begin", lambda db: sending.begin(db, delivery, token, now))

    def settle(self, delivery: str, token: int, outcome: Outcome, now: datetime) -> bool:
        return self._db.run_step("settle", lambda db: sending.settle(db, delivery, token, outcome, now))

    def hand_over(
        self, settled: Sequence[tuple[str, int, Outcome]], begun: Sequence[tuple[str, int]], now: datetime
    ) -> tuple[tuple[bool, ...], tuple[Reason | None, ...]]:
        return self._db.run_step("hand_over", lambda db: sending.hand_over(db, settled, begun, now))

    def expired_leases(self, now: datetime) -> int:
        return self._db.run_step("expired_leases", lambda db: sending.expired_leases(db, now))

    def unknowns(
        self, limit: int, lease: timedelta, now: datetime
    ) -> tuple[tuple[Delivery, Message], ...]:
        return self._db.run_step("unknowns", lambda db: sending.unknowns(db, limit, lease, now))

    def unheld(self, delivery: str, provider_ids: Sequence[str]) -> tuple[str, ...] | None:
        return self._db.run_step("unheld", lambda db: sending.unheld(db, delivery, provider_ids))

    def reconcile(
        self,
        delivery: str,
        token: int,
        result: Found | NotFound | CannotTell,
        now: datetime,
        *,
        again_at: datetime | None,
        resend: bool,
    ) -> bool:
        return self._db.run_step("reconcile", lambda db: sending.reconcile(
            db, delivery, token, result, now, again_at=again_at, resend=resend))

    def callback(
        self, provider_id: str, state: DeliveryState, reason: Reason, now: datetime, delivery: str | None = None
    ) -> bool:
        return self._db.run_step("callback", lambda db: sending.callback(
            db, provider_id, state, reason, now, delivery))

    def expire(self, now: datetime) -> int:
        return self._db.run_step("expire", lambda db: sending.expire(db, now))

    def close(self) -> None:
        if self._leader is not None:
            self._leader.close()
        self._db.close()
