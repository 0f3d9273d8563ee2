"""An SMS whose answer was lost: looked for before anything is sent again, and never confused with another's.

The whole way: store, sender, reconciler and web part on our side, Twilio's stand-in on the other; its ledger decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from notifier.channels.sms import SmsChannel
from notifier.clock import VirtualClock
from notifier.config.web_settings import WebSettings
from notifier.delivery.reconciler import Reconciler
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.model.delivery import Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.notice import Text
from notifier.ports import Store
from notifier.secret import Secret
from notifier.standins.twilio import Twilio
from notifier.store import open_store
from notifier.store.settings import StoreSettings
from notifier.web.needs import WebNeeds
from notifier.web.server import WebServer
from tests.channels.far_sides import FIXED, SECRETS, sms_channel
from tests.store.making import a_delivery, a_notice, queue, the

S = DeliveryState
TO = "+18025550123"
CHANNEL = "sms-main"


class Desk:
    """One account and one outbox, both living by the same clock."""

    def __init__(self, far: Twilio, store: Store, clock: VirtualClock) -> None:
        self.far, self.store, self.clock = far, store, clock
        self.channel: SmsChannel = sms_channel(far.url, per_minute=6000)
        self.settings = self.policy = DeliverySettings()
        self.sender = Sender(self.channel, store, clock, self.settings)
        self.reconciler = Reconciler({CHANNEL: self.channel}, store, clock, self.settings)

    def plan(self, id: str, text: str = "Mobile data is down in Vermont.") -> str:
        """Queue one delivery of a notice of an incident of its own; returns its id."""
        now = self.clock.now()
        notice = a_notice(id, incident=f"I-{id}", texts=(Text(CHANNEL, "en", text),), created_at=now,
                          valid_until=now + timedelta(hours=1))
        queue(self.store, notice, replace(a_delivery(notice, CHANNEL, TO), id=f"d-{id}"))
        return f"d-{id}"

    def after(self, **time: float) -> None:
        """Let time pass, then send and look for whatever is due."""
        self.clock.advance(timedelta(**time))
        self.sender.run_once()
        self.reconciler.run_once()

    def state(self, id: str) -> tuple[DeliveryState, Reason]:
        delivery = the(self.store, id)
        return delivery.state, delivery.reason

    def told(self) -> list[str]:
        """The texts the far side accepted."""
        return [entry["body"] for entry in self.far.ledger]


@pytest.fixture
def desk(secrets: None) -> Iterator[Desk]:
    clock = VirtualClock(FIXED)
    store = open_store(StoreSettings(path=":memory:"))
    with Twilio(auth_token=SECRETS["T_TWILIO"], now=clock.now) as far:
        assert isinstance(far, Twilio)
        yield Desk(far, store, clock)
    store.close()


def lose(desk: Desk, id: str, fault: str = "accept_then_drop", **more: Any) -> str:
    """Plan one, and lose the answer to its sending."""
    delivery = desk.plan(id, **more)
    desk.far.fault(fault)
    desk.sender.run_once()
    assert the(desk.store, delivery).state is S.UNKNOWN
    return delivery


def test_what_was_accepted_is_adopted(desk: Desk) -> None:
    lost = lose(desk, "n1")
    desk.after(seconds=31)
    assert desk.state(lost) == (S.SENT, Reason.ADOPTED)
    assert len(desk.told()) == 1


def test_absence_is_no_proof_before_the_list_can_be_trusted(desk: Desk) -> None:
    """Twilio's list lags: what is not there after half a minute may have been accepted all the same."""
    desk.far.lag = timedelta(minutes=3)
    lost = lose(desk, "n1")
    for _ in range(3):
        desk.after(minutes=1)
    assert len(desk.told()) == 1
    desk.after(minutes=1)
    assert desk.state(lost) == (S.SENT, Reason.ADOPTED)
    assert len(desk.told()) == 1


def test_what_stays_absent_is_sent_again_once(desk: Desk) -> None:
    lost = lose(desk, "n1", "reset")
    for _ in range(4):
        desk.after(minutes=1)
    assert desk.told() == []
    for _ in range(4):
        desk.after(minutes=1)
    assert desk.state(lost)[0] is S.SENT
    assert len(desk.told()) == 1


def test_a_message_known_to_be_anothers_is_not_adopted(desk: Desk) -> None:
    """The same words to the same person from two notices: one was accepted, the other never arrived."""
    other = desk.plan("n1")
    desk.sender.run_once()
    assert desk.state(other) == (S.SENT, Reason.ACCEPTED)
    lost = lose(desk, "n2", "reset")
    for _ in range(8):
        desk.after(minutes=1)
    assert desk.state(lost)[0] is S.SENT
    assert len(desk.told()) == 2
    assert the(desk.store, lost).provider_id != the(desk.store, other).provider_id


def test_each_of_two_lost_twins_adopts_its_own(desk: Desk) -> None:
    twins = [lose(desk, "n1"), lose(desk, "n2")]
    for _ in range(3):
        desk.after(minutes=1)
    assert [desk.state(id) for id in twins] == [(S.SENT, Reason.ADOPTED)] * 2
    assert len({the(desk.store, id).provider_id for id in twins}) == 2
    assert len(desk.told()) == 2


def test_of_two_lost_twins_of_which_one_arrived_the_other_is_sent_again(desk: Desk) -> None:
    twins = [lose(desk, "n1", "reset"), lose(desk, "n2")]
    for _ in range(8):
        desk.after(minutes=1)
    assert [desk.state(id)[0] for id in twins] == [S.SENT, S.SENT]
    assert len(desk.told()) == 2


def test_nothing_is_adopted_while_a_twin_is_under_way(desk: Desk) -> None:
    """The twin's request has left; the message in the list may be the one it made."""
    lost = lose(desk, "n1", "reset")
    twin = _under_way(desk, "n2")
    desk.after(seconds=31)
    assert desk.state(lost)[0] is S.UNKNOWN
    desk.store.settle(twin.id, twin.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED, desk.far.ledger[0]["id"]),
                      desk.clock.now())
    for _ in range(8):
        desk.after(minutes=1)
    assert desk.state(lost)[0] is S.SENT
    assert len(desk.told()) == 2


def _under_way(desk: Desk, id: str) -> Delivery:
    """A delivery whose message the far side has just made, and whose sender has not written it down yet."""
    desk.plan(id)
    now = desk.clock.now()
    (delivery, message), = desk.store.claim(CHANNEL, 1, timedelta(minutes=2), now)
    assert desk.store.begin(delivery.id, delivery.token, now) is None
    assert desk.channel.send(message, now).kind is OutcomeKind.SENT
    return delivery


def test_a_sender_that_wakes_late_does_not_take_back_what_a_twin_adopted(desk: Desk) -> None:
    """The twin's sender slept past its lease with the answer in hand; meanwhile its message was adopted."""
    lost = lose(desk, "n1", "reset")
    twin = _under_way(desk, "n2")
    desk.clock.advance(timedelta(minutes=3))
    desk.store.expired_leases(desk.clock.now())
    desk.reconciler.run_once()
    assert desk.state(lost) == (S.SENT, Reason.ADOPTED)
    answer = Outcome(OutcomeKind.SENT, Reason.ACCEPTED, desk.far.ledger[0]["id"])
    assert not desk.store.settle(twin.id, twin.token, answer, desk.clock.now())
    for _ in range(8):
        desk.after(minutes=1)
    assert desk.state(twin.id)[0] is S.SENT
    assert len(desk.told()) == 2


def test_a_late_callback_for_an_adopted_message_finds_who_has_it(desk: Desk) -> None:
    """Of two lost twins the first adopted the message the second had made. Its callback names the second, which has
    not been looked for yet: were it believed, both would rest on one message."""
    first, second = lose(desk, "n1", "reset"), lose(desk, "n2")
    sid = desk.far.ledger[0]["id"]
    taken = the(desk.store, first)
    desk.store.reconcile(first, taken.token, desk.reconciler._own(taken, _found(desk), None), desk.clock.now(),
                         again_at=None, resend=False)
    assert desk.store.callback(sid, S.DELIVERED, Reason.ACCEPTED, desk.clock.now(), second)
    assert [desk.state(id)[0] for id in (first, second)] == [S.DELIVERED, S.UNKNOWN]
    for _ in range(8):
        desk.after(minutes=1)
    assert desk.state(second)[0] is S.SENT
    assert len(desk.told()) == 2


def _found(desk: Desk) -> Any:
    (_, message), *_ = desk.store.unknowns(1, timedelta(minutes=2), desk.clock.now() + timedelta(minutes=1))
    return desk.channel.find(message, desk.clock.now())


# ── callbacks, over the wire ──


@pytest.fixture
def heard(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The same desk with its web part listening, where Twilio's callbacks come in."""
    monkeypatch.setenv("T_WEB", SECRETS["T_TWILIO"])
    settings, address = WebSettings(port=0, twilio_token=Secret(env="T_WEB")), ""
    needs = WebNeeds(
        settings=lambda: settings, store=desk.store, clock=desk.clock, stuck=tuple, unready=tuple,
        pushable=frozenset, push_poll=lambda source, answer: None, mention_sources=frozenset,
        push_mentions=lambda source, body, headers: (0, (), ""), push_results=lambda source, body, headers: (404, {}),
        before_scrape=lambda: None, public_url=lambda: address, company=lambda: "Hill",
        delivery=lambda: desk.policy)
    web = WebServer(needs)
    web.start()
    address = f"http://127.0.0.1:{web.port}"
    desk.channel = sms_channel(desk.far.url, per_minute=6000, status_callback_base=address)
    desk.sender = Sender(desk.channel, desk.store, desk.clock, desk.settings)
    yield desk
    web.stop()


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        pytest.param(["sending"], (S.SENT, Reason.ACCEPTED), id="that it is under way is proof enough"),
        pytest.param(["sent", "delivered"], (S.DELIVERED, Reason.ACCEPTED), id="in order"),
        pytest.param(["delivered", "sent", "sending"], (S.DELIVERED, Reason.ACCEPTED), id="backwards"),
        pytest.param(["sent", "sent", "delivered", "delivered"], (S.DELIVERED, Reason.ACCEPTED), id="doubled"),
        pytest.param(["undelivered", "delivered"], (S.FAILED, Reason.RECIPIENT_GONE), id="the first final word stands"),
    ],
)
def test_callbacks_settle_a_lost_answer_without_a_look(
    heard: Desk, statuses: list[str], expected: tuple[DeliveryState, Reason]
) -> None:
    lost = lose(heard, "n1")
    sid = heard.far.ledger[0]["id"]
    codes = {"undelivered": "30005"}
    assert [heard.far.call_back(sid, status, codes.get(status, "")) for status in statuses] == [200] * len(statuses)
    assert heard.state(lost) == expected
    for _ in range(3):
        heard.after(minutes=1)
    assert heard.state(lost) == expected
    assert len(heard.told()) == 1
    assert [method for method, _ in heard.far.asked] == ["POST"], "nothing had to be looked for"


def test_a_callback_signed_by_another_changes_nothing(heard: Desk) -> None:
    lost = lose(heard, "n1")
    heard.far.auth_token = "somebody-elses"
    assert heard.far.call_back(heard.far.ledger[0]["id"], "delivered") == 403
    assert heard.state(lost)[0] is S.UNKNOWN
