"""From the outbox to the ledger and back: what the relay says late settles the delivery, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from notifier.channels.email import EmailChannel
from notifier.clock import VirtualClock
from notifier.delivery.reconciler import Reconciler
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings, LostAnswer
from notifier.model.delivery import DeliveryState, Reason
from notifier.ports import Store
from notifier.standins.smtp import Smtp
from notifier.store import StoreSettings, open_store
from tests.channels.far_sides import email_channel
from tests.store.making import NOW, a_delivery, a_notice, queue

from .test_connections import soon

S = DeliveryState
SECOND = timedelta(seconds=1)
TO = ("ann@example.org", "bob@example.org")


@dataclass
class Desk:
    """One channel's sender and reconciler over a real store and a relay."""

    far: Smtp
    store: Store
    clock: VirtualClock
    channel: EmailChannel
    settings: DeliverySettings

    def send(self) -> None:
        Sender(self.channel, self.store, self.clock, self.settings).run_once()

    def look(self, after: timedelta = SECOND) -> list[tuple[DeliveryState, Reason]]:
        """The reconciler looks, some time later."""
        self.clock.advance(after)
        Reconciler({"email": self.channel}, self.store, self.clock, self.settings).run_once()
        return self.fates()

    def fates(self) -> list[tuple[DeliveryState, Reason]]:
        """In order of state: which of two that are sent at once is held, is the relay's to say."""
        with self.store.transaction() as tx:
            return sorted((row.state, row.reason) for row in tx.deliveries())

    def arrived(self) -> list[str]:
        """Whom the relay has mails for."""
        return sorted(entry["address"] for entry in self.far.ledger)


@pytest.fixture
def desk(lost: LostAnswer) -> Iterator[Desk]:
    store = open_store(StoreSettings(path=":memory:"))
    notice = a_notice()
    queue(store, notice, *(a_delivery(notice, channel="email", address=to) for to in TO))
    settings = DeliverySettings(lost={"email": lost}, unknown_after=SECOND, unknown_again=SECOND)
    with Smtp() as far:
        own = email_channel(far.port, username=None, password=None, id="email")._settings
        yield Desk(far, store, VirtualClock(NOW), EmailChannel(own, timeout=(10, 1.5)), settings)
    store.close()


@pytest.mark.parametrize("lost", list(LostAnswer))
def test_a_yes_that_comes_late_is_adopted_and_nobody_waited_for_it(desk: Desk) -> None:
    desk.far.holding = 1
    desk.send()
    one_held = [(S.SENT, Reason.ACCEPTED), (S.UNKNOWN, Reason.LOST_ANSWER)]
    assert desk.fates() == one_held
    assert desk.look() == one_held, "not yet"
    desk.far.release()
    assert soon(lambda: desk.look() == [(S.SENT, Reason.ACCEPTED), (S.SENT, Reason.ADOPTED)])
    assert desk.arrived() == list(TO)


@pytest.mark.parametrize("lost", [LostAnswer.RESEND])
def test_a_no_that_comes_late_is_certain_so_it_is_sent_again(desk: Desk) -> None:
    """The stand-in enters what it holds, so its ledger has the mail it then refused, and the mail it took."""
    desk.channel.at_once = 1  # so that the mail that is held is the one that is refused
    desk.far.holding = 1
    desk.far.fault("500_after_accept")
    desk.send()
    desk.far.release()
    assert soon(lambda: desk.look()[0][0] is S.PENDING)
    desk.send()
    assert desk.fates() == [(S.SENT, Reason.ACCEPTED)] * 2


@pytest.mark.parametrize("lost", list(LostAnswer))
def test_what_is_never_answered_is_never_repeated(desk: Desk) -> None:
    desk.far.holding = 1
    desk.send()
    desk.far.cut_all()
    for _ in range(40):
        desk.look(timedelta(minutes=1))
        desk.send()
    assert desk.fates() == [(S.FAILED, Reason.UNSETTLED), (S.SENT, Reason.ACCEPTED)]
    assert desk.arrived() == list(TO)
