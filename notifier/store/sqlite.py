"""The store over SQLite: each method one durable step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from notifier.model.delivery import Delivery, DeliveryState, Message, Outcome, Reason
from notifier.ports import CannotTell, Found, NotFound

from . import sending
from .database import Database
from .settings import StoreSettings
from .transaction import SqliteTransaction


class SqliteStore:
    """ports.Store in one SQLite file, shared by threads through one connection and a lock, by processes through the
    file. Every method raises StoreUnavailable when nothing was kept."""

    def __init__(self, settings: StoreSettings) -> None:
        self._db = Database(settings)

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        with self._db.step("transaction") as db:
            yield SqliteTransaction(db)

    def claim(self, channel: str, limit: int, lease: timedelta, now: datetime) -> tuple[tuple[Delivery, Message], ...]:
        with self._db.step("claim") as db:
            return sending.claim(db, channel, limit, lease, now)

    def begin(self, delivery: str, token: int, now: datetime) -> Reason | None:
        with self._db.step("begin") as db:
            return sending.begin(db, delivery, token, now)

    def settle(self, delivery: str, token: int, outcome: Outcome, now: datetime) -> bool:
        with self._db.step("settle") as db:
            return sending.settle(db, delivery, token, outcome, now)

    def expired_leases(self, now: datetime) -> int:
        with self._db.step("expired_leases") as db:
            return sending.expired_leases(db, now)

    def unknowns(self, limit: int, now: datetime) -> tuple[tuple[Delivery, Message], ...]:
        with self._db.step("unknowns") as db:
            return sending.unknowns(db, limit, now)

    def unheld(self, delivery: str, provider_ids: Sequence[str]) -> tuple[str, ...] | None:
        with self._db.step("unheld") as db:
            return sending.unheld(db, delivery, provider_ids)

    def reconcile(
        self,
        delivery: str,
        result: Found | NotFound | CannotTell,
        now: datetime,
        *,
        again_at: datetime | None,
        resend: bool,
    ) -> None:
        with self._db.step("reconcile") as db:
            sending.reconcile(db, delivery, result, now, again_at=again_at, resend=resend)

    def callback(
        self, provider_id: str, state: DeliveryState, reason: Reason, now: datetime, delivery: str | None = None
    ) -> bool:
        with self._db.step("callback") as db:
            return sending.callback(db, provider_id, state, reason, now, delivery)

    def expire(self, now: datetime) -> int:
        with self._db.step("expire") as db:
            return sending.expire(db, now)

    def close(self) -> None:
        self._db.close()
