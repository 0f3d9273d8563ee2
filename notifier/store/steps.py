"""The store over a database: each method one durable step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from notifier.model.canary import Fate
from notifier.model.delivery import Delivery, DeliveryState, Message, Outcome, Reason
from notifier.model.limit import Limit, Told
from notifier.model.people import AudienceSizes
from notifier.ports import CannotTell, Claimed, Found, NotFound

from . import canaries, people, sending, words
from . import limits as limiting
from .bell import Bell
from .database import Engine
from .mark import Mark
from .transaction import SqlTransaction

log = structlog.get_logger(__name__)


class Leader(Protocol):
    """Who may listen and decide, where several nodes could; `engine` is for what only that node does."""

    @property
    def engine(self) -> Engine: ...

    def leads(self) -> bool: ...

    def close(self) -> None: ...


class Announcements(Protocol):
    """Other nodes' word that they added deliveries."""

    def start(self) -> None: ...

    def close(self) -> None: ...


class SqlStore:
    """ports.Store over one `Engine`, shared by threads and processes. Every method raises StoreUnavailable when
    nothing was kept."""

    def __init__(self, engine: Engine, leader: Leader | None = None, bell: Bell | None = None,
                 announcements: Announcements | None = None, mark: Mark | None = None) -> None:
        """`leader` None: nobody else could lead. `bell` is rung once deliveries were added, by other nodes' too where
        they have `announcements`. `mark` None: a database that is put back is not told from another."""
        self._engine = engine
        self._leader = leader
        self._bell = bell or Bell()
        self._announcements = announcements
        self._mark = mark

    def leads(self) -> bool:
        return self._leader is None or self._leader.leads()

    def leading(self) -> SqlStore:
        return self if self._leader is None else SqlStore(self._leader.engine, bell=self._bell)

    def ahead(self, now: datetime) -> timedelta | None:
        there = self._engine.now()
        return None if there is None else now - there

    def on_outbox(self, ring: Callable[[], None]) -> None:
        self._bell.add(ring)
        if self._announcements is not None:
            self._announcements.start()

    def look_back(self, now: datetime) -> None:
        if self._mark is not None:
            self._mark.look(now)
        else:
            log.warning("mark.none", why="store.mark names no file, and there is no state directory: a database put "
                        "back from a backup would not be known for one")

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        with self._engine.step("transaction") as db:
            tx = SqlTransaction(db)
            yield tx
            if tx.added:
                db.announce()
        if tx.added:
            self._bell.ring()

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        with self._engine.reading() as db:
            yield SqlTransaction(db)

    def audience_sizes(self, regions: Iterable[str], service: str, incident: str) -> AudienceSizes:
        with self._engine.reading() as db:
            return people.sizes(db, regions, service, incident)

    def audience_numbers(self, regions: Iterable[str], service: str, after: str = "") -> Sequence[int]:
        with self._engine.reading() as db:
            return people.in_order(db, regions, service, after)

    def fates(self, notice: str, channel: str, *, sampled: bool) -> tuple[Fate, ...]:
        with self._engine.reading() as db:
            return canaries.fates(db, notice, channel, sampled=sampled)

    def claim(self, channel: str, limit: int, lease: timedelta, now: datetime) -> tuple[tuple[Delivery, Message], ...]:
        return self._engine.run_step("claim", lambda db: sending.claim(db, channel, limit, lease, now))

    def claim_within(
        self,
        channel: str,
        limits: Sequence[Limit],
        weigh: Callable[[Message], float],
        most: int,
        lease: timedelta,
        now: datetime,
    ) -> Claimed:
        return self._engine.run_step("claim", lambda db: limiting.claim(db, channel, limits, weigh, most, lease, now))

    def give_back(self, limits: Sequence[Limit], unspent: float, reserved_at: datetime, now: datetime) -> None:
        self._engine.run_step("give_back", lambda db: limiting.give_back(db, limits, unspent, reserved_at, now))

    def tighten(self, limit: Limit, told: Told, now: datetime) -> None:
        self._engine.run_step("tighten", lambda db: limiting.tighten(db, limit, told, now))

    def begin(self, delivery: str, token: int, now: datetime, route: str | None = None) -> Reason | None:
        if self._mark is not None:
            self._mark.reach(now)
        return self._engine.run_step("begin", lambda db: sending.begin(db, delivery, token, now, route))

    def settle(self, delivery: str, token: int, outcome: Outcome, now: datetime) -> bool:
        return self._engine.run_step("settle", lambda db: sending.settle(db, delivery, token, outcome, now))

    def hand_over(
        self, settled: Sequence[tuple[str, int, Outcome]], begun: Sequence[tuple[str, int]], now: datetime,
        route: str | None = None,
    ) -> tuple[tuple[bool, ...], tuple[Reason | None, ...]]:
        if begun and self._mark is not None:
            self._mark.reach(now)
        return self._engine.run_step("hand_over", lambda db: sending.hand_over(db, settled, begun, now, route))

    def expired_leases(self, now: datetime) -> int:
        return self._engine.run_step("expired_leases", lambda db: sending.expired_leases(db, now))

    def unknowns(
        self, limit: int, lease: timedelta, now: datetime, *, asked: str | None = None, overdue: timedelta = timedelta()
    ) -> tuple[tuple[Delivery, Message], ...]:
        return self._engine.run_step("unknowns", lambda db: sending.unknowns(db, limit, lease, now, asked, overdue))

    def unheld(
        self, delivery: str, provider_ids: Sequence[str], account: str | None = None
    ) -> tuple[str, ...] | None:
        return self._engine.run_step("unheld", lambda db: words.unheld(db, delivery, provider_ids, account))

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
        return self._engine.run_step("reconcile", lambda db: words.reconcile(
            db, delivery, token, result, now, again_at=again_at, resend=resend))

    def callback(
        self, provider_id: str, state: DeliveryState, reason: Reason, now: datetime, delivery: str | None = None,
        route: str | None = None, *, again: Sequence[datetime] = (),
    ) -> DeliveryState | None:
        return self._engine.run_step("callback", lambda db: words.callback(
            db, provider_id, state, reason, now, delivery, route, again))

    def expire(self, now: datetime) -> int:
        return self._engine.run_step("expire", lambda db: sending.expire(db, now))

    def close(self) -> None:
        if self._announcements is not None:
            self._announcements.close()
        if self._leader is not None:
            self._leader.close()
        self._engine.close()
