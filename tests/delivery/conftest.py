"""A store, a clock that stands still, and one notice in the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from notifier.clock import VirtualClock
from notifier.delivery.housekeeper import Housekeeper
from notifier.delivery.reconciler import Reconciler
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.model.delivery import Delivery, DeliveryState
from notifier.store import SqlStore, StoreSettings, open_store

from ..store.making import NOW, a_delivery, a_notice, queue
from .far_side import FarSide


@dataclass
class Desk:
    """Everything delivery needs, wired as the daemon wires it."""

    store: SqlStore
    clock: VirtualClock
    far: FarSide = field(default_factory=FarSide)
    settings: DeliverySettings = field(default_factory=DeliverySettings)
    sender: Sender = field(init=False)
    reconciler: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """New workers over the same store, as after a crash."""
        link = "https://example.net/u/{}".format
        self.sender = Sender(self.far, self.store, self.clock, self.settings, lambda s: link(s) if s else None)
        self.reconciler = Reconciler({"sms": self.far}, self.store, self.clock, self.settings)

    def queue(self, *addresses: str) -> None:
        notice = a_notice()
        queue(self.store, notice, *(a_delivery(notice, address=a, subscriber=f"s{a}") for a in addresses or ("+1",)))

    def break_the_disk(self, full: bool) -> None:
        """Nothing can be written; or it can again."""
        connection = self.store._engine._connection  # type: ignore[attr-defined]
        assert connection is not None
        connection.execute(f"PRAGMA query_only = {'ON' if full else 'OFF'}")

    def rows(self) -> list[Delivery]:
        with self.store.transaction() as tx:
            return list(tx.deliveries())

    def states(self) -> list[DeliveryState]:
        return [row.state for row in self.rows()]

    def after(self, minutes: float) -> None:
        """Let time pass, every loop turning once a minute."""
        for _ in range(int(minutes)):
            self.clock.advance(timedelta(minutes=1))
            Housekeeper(self.store, self.clock).run_once()
            self.reconciler.run_once()
            self.sender.run_once()


@pytest.fixture
def desk() -> Iterator[Desk]:
    store = open_store(StoreSettings(path=":memory:"))
    yield Desk(store, VirtualClock(NOW))
    store.close()
