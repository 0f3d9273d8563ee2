"""Two accounts of one channel before two stand-ins, while the first goes wrong in every way: the sum of both ledgers is
the oracle. Store, senders, reconciler and routes are the real ones; so are the channels.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from notifier.clock import VirtualClock
from notifier.delivery.housekeeper import Housekeeper
from notifier.delivery.reconciler import Reconciler
from notifier.delivery.routes import Routes
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.model.delivery import Delivery, DeliveryState, Message, Outcome, OutcomeKind
from notifier.model.notice import Text
from notifier.model.people import AddressKind
from notifier.standins.smtp import Smtp
from notifier.standins.twilio import Twilio
from notifier.store import SqlStore, StoreSettings, open_store
from notifier.store.sending import message_of

from ..delivery.far_side import LOST, FarSide
from ..store.making import NOW, a_delivery, a_notice, queue, the
from .far_sides import SECRETS, email_channel, sms_channel, unused_port

S = DeliveryState
LIVES = timedelta(hours=6)
ADDRESSES = {"sms": "+1802555{:04d}".format, "email": "person{}@example.org".format}


class Slow:
    """A channel whose far side takes so many seconds, then answers well."""

    def __init__(self, channel: Any, clock: VirtualClock) -> None:
        self._channel, self._clock = channel, clock
        self.at_once = 1  # virtual time is one for all
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, message: Message, now: datetime) -> Outcome:
        outcome: Outcome = self._channel.send(message, now)
        self._clock.advance(timedelta(seconds=self.seconds))
        return outcome


class Desk:
    """A pair, its outbox, and everything the daemon turns over it."""

    def __init__(self, kind: str, fars: list[Any], channels: list[Any], store: SqlStore, clock: VirtualClock) -> None:
        self.kind, self.fars, self.store, self.clock = kind, fars, store, clock
        self.settings = DeliverySettings()
        self.channels = [Slow(channel, clock) for channel in channels]
        self.ids = [channel.id for channel in self.channels]
        self.planned = 0
        self.restart()

    def restart(self) -> None:
        """New workers, who know nothing of either route."""
        self.routes = Routes(*self.ids, self.clock, self.settings.failover)
        self.senders = [Sender(one, self.store, self.clock, self.settings, route=self.routes.of(one.id))
                        for one in self.channels]
        by_id = dict(zip(self.ids, self.channels, strict=True))
        self.reconciler = Reconciler(by_id, self.store, self.clock, self.settings)

    def plan(self, number: int) -> list[str]:
        """So many more people are to be told; returns the deliveries."""
        notice = a_notice(texts=(Text(self.ids[0], "en", "Mobile data is down in Vermont.", subject="Outage"),),
                          valid_until=NOW + LIVES)
        made = [a_delivery(notice, self.ids[0], ADDRESSES[self.kind](n)) for n in
                range(self.planned, self.planned + number)]
        queue(self.store, notice, *(replace(one, expires_at=NOW + LIVES, id=f"d{one.address}") for one in made))
        self.planned += number
        return [f"d{one.address}" for one in made]

    def turn(self, seconds: float = 0.0) -> None:
        """Every loop once, after so long."""
        self.clock.advance(timedelta(seconds=seconds))
        Housekeeper(self.store, self.clock).run_once()
        for sender in self.senders:
            sender.run_once()
        self.reconciler.run_once()

    def come(self, number: int, seconds: float = 2.0) -> list[str]:
        """So many more people, one after the other."""
        made = []
        for _ in range(number):
            made += self.plan(1)
            self.turn(seconds)
        return made

    def settle(self, minutes: int) -> None:
        """Until nothing is open, so long at most."""
        for _ in range(minutes * 3):
            if not {row.state for row in self.rows()} & {S.PENDING, S.CLAIMED, S.UNKNOWN}:
                return
            self.turn(20.0)
        raise AssertionError(f"still open: {[row for row in self.rows() if row.state is not S.SENT][:3]}")

    def rows(self) -> list[Delivery]:
        with self.store.transaction() as tx:
            return list(tx.deliveries())

    def told(self) -> Counter[str]:
        """How often each address stands in both ledgers together."""
        return Counter(entry["address"] for far in self.fars for entry in far.ledger)

    def check_each_once(self) -> None:
        """Everybody was told, nobody twice, and our records say by whom."""
        rows = self.rows()
        assert self.told() == Counter(row.address for row in rows)
        assert {row.state for row in rows} == {S.SENT}
        for id, far in zip(self.ids, self.fars, strict=True):
            assert {row.address for row in rows if row.route == id} == {entry["address"] for entry in far.ledger}

    @property
    def active(self) -> str:
        active: str = self.routes.status()["active"]
        return active


@pytest.fixture
def store() -> Iterator[SqlStore]:
    opened = open_store(StoreSettings(path=":memory:"))
    yield opened
    opened.close()


@pytest.fixture
def sms(secrets: None, store: SqlStore) -> Iterator[Desk]:
    clock = VirtualClock(NOW)
    with Twilio(auth_token=SECRETS["T_TWILIO"], now=clock.now) as one, Twilio(now=clock.now) as two:
        channels = [sms_channel(one.url, per_minute=6000),
                    sms_channel(two.url, per_minute=6000, id="sms-two", stands_in_for="sms-main",
                                account_sid="AC" + "0b" * 16)]
        yield Desk("sms", [one, two], channels, store, clock)


@pytest.fixture
def mail(secrets: None, store: SqlStore) -> Iterator[Desk]:
    clock = VirtualClock(NOW)
    with Smtp(now=clock.now) as one, Smtp(now=clock.now) as two:
        login = {"username": None, "password": None}
        channels = [email_channel(one.port, **login), email_channel(two.port, id="email-two", **login)]
        yield Desk("email", [one, two], channels, store, clock)


def begin(desk: Desk, how: str) -> None:
    """The first account goes wrong, until `end`."""
    if how == "slow":
        desk.channels[0].seconds = 20.0
    elif how == "another token":
        desk.fars[0].auth_token = "renewed"
    else:
        desk.fars[0].fault(how, 10_000)


def end(desk: Desk) -> None:
    """It is well again."""
    desk.channels[0].seconds = 0.0
    desk.fars[0].faults.clear()
    if desk.kind == "sms":
        desk.fars[0].auth_token = SECRETS["T_TWILIO"]


HOW_SMS = ("500_after_accept", "accept_then_drop", "reset", "hang", "429", "503", "another token", "slow")
HOW_MAIL = ("429", "503", "slow")
"""What a relay takes and does not tell of is further down: there nobody can be asked."""


@pytest.mark.parametrize(("kind", "how"), [*(("sms", how) for how in HOW_SMS), *(("mail", how) for how in HOW_MAIL)])
def test_everybody_is_told_once_while_the_first_account_fails_and_comes_back(
    kind: str, how: str, request: pytest.FixtureRequest
) -> None:
    desk: Desk = request.getfixturevalue(kind)
    desk.come(3)
    assert (desk.active, len(desk.fars[1].ledger)) == (desk.ids[0], 0)
    begin(desk, how)
    desk.come(25)
    assert desk.active == desk.ids[1]
    assert len(desk.fars[1].ledger) >= 15, "the standby carries most of them"
    end(desk)
    desk.settle(minutes=60)
    desk.come(60, seconds=15.0)
    last = desk.come(3)
    desk.settle(minutes=5)
    desk.check_each_once()
    assert desk.active == desk.ids[0], "it has drifted back"
    assert {the(desk.store, id).route for id in last} == {desk.ids[0]}


def test_what_failed_on_one_account_goes_by_the_other_without_its_wait(sms: Desk) -> None:
    """A throttled account says "in a minute"; the other one is free now."""
    begin(sms, "429")
    sms.plan(3)
    sms.turn()
    sms.turn()
    assert sms.active == "sms-two"
    sms.turn(10.0)
    assert len(sms.fars[1].ledger) >= 1
    sms.settle(minutes=3)
    sms.check_each_once()


def test_a_lost_answer_waits_for_the_account_that_was_asked(sms: Desk) -> None:
    """Neither the other's absence nor its presence says anything of it."""
    begin(sms, "accept_then_drop")
    (lost,) = sms.plan(1)
    sms.turn()
    assert (the(sms.store, lost).state, the(sms.store, lost).route) == (S.UNKNOWN, "sms-main")
    sms.fars[0].fault("503", 10_000, "read")
    for _ in range(20):
        sms.turn(60.0)
    assert the(sms.store, lost).state is S.UNKNOWN, "its account cannot be read: nobody sends it meanwhile"
    sms.fars[0].faults.clear()
    sms.settle(minutes=5)
    sms.check_each_once()
    assert sms.fars[1].ledger == []


def test_what_the_first_account_certainly_lost_goes_by_the_other(sms: Desk) -> None:
    begin(sms, "reset")
    lost = sms.plan(3)
    sms.turn()
    sms.settle(minutes=10)
    sms.check_each_once()
    assert {the(sms.store, id).route for id in lost} == {"sms-two"}


def test_a_relay_that_tells_nothing_is_left_and_what_it_may_have_is_sent_by_nobody_else(mail: Desk) -> None:
    """SMTP cannot be asked: those mails are told to a person, each at most once in either ledger; the rest arrive."""
    begin(mail, "accept_then_drop")
    mail.come(20)
    assert mail.active == "email-two"
    end(mail)
    mail.settle(minutes=60)
    rows = mail.rows()
    assert max(mail.told().values()) == 1
    unsettled = [row for row in rows if row.state is S.FAILED]
    assert 1 <= len(unsettled) <= 4, "those that were asked before it was left, and its trials"
    assert {row.route for row in unsettled} == {"email-main"}
    assert {row.address for row in rows} == set(mail.told()), "the relay had taken them"


def test_the_errors_of_recipients_move_nothing(sms: Desk) -> None:
    for n in range(10):
        sms.fars[0].invalid.add(ADDRESSES["sms"](n))
        sms.fars[0].opted_out.add(ADDRESSES["sms"](n + 10))
    sms.come(20)
    assert (sms.active, sms.fars[1].asked) == ("sms-main", [])
    with sms.store.transaction() as tx:
        assert tx.is_opted_out(AddressKind.PHONE, ADDRESSES["sms"](10))


def test_who_opted_out_of_one_account_is_not_told_by_the_other(sms: Desk) -> None:
    gone = ADDRESSES["sms"](0)
    sms.fars[0].opted_out.add(gone)
    sms.come(1)
    begin(sms, "503")
    begin(sms, "another token")
    sms.come(3)
    assert sms.active == "sms-two"
    notice = a_notice("n2", sequence=2, texts=(Text("sms-main", "en", "It is back."),), valid_until=NOW + LIVES)
    queue(sms.store, notice, a_delivery(notice, "sms-main", gone))
    sms.turn(5.0)
    assert the(sms.store, f"n2/sms-main/{gone}").state is S.SUPPRESSED
    assert gone not in sms.told()


def test_both_accounts_fail_and_both_are_tried_until_one_is_well(sms: Desk) -> None:
    for far in sms.fars:
        far.fault("503", 10_000, "send")
        far.fault("reset", 10_000, "read")
    sms.come(20, seconds=10.0)
    asked = [sum(1 for method, _ in far.asked if method == "POST") for far in sms.fars]
    assert min(asked) >= 3, asked
    sms.fars[1].faults.clear()
    sms.fars[0].faults.clear()
    sms.settle(minutes=60)
    sms.check_each_once()


def test_a_person_s_stop_of_the_channel_holds_for_both_accounts(sms: Desk) -> None:
    with sms.store.transaction() as tx:
        tx.set_switch("stop:sms-main", "on a wrong text is out", "ann", NOW)
    sms.come(3)
    assert [far.asked for far in sms.fars] == [[], []]
    with sms.store.transaction() as tx:
        tx.set_switch("stop:sms-main", "off", "ann", NOW)
    sms.settle(minutes=5)
    sms.check_each_once()


def test_a_stop_in_the_store_moves_another_node_too(sms: Desk) -> None:
    """The account is at fault, says a callback to whichever node: all of them go by the other."""
    with sms.store.transaction() as tx:
        tx.set_switch("stop:sms-main", "until 2026-01-15T12:30:00Z not_permitted", "twilio", NOW)
    sms.come(3)
    sms.check_each_once()
    assert len(sms.fars[1].ledger) == 3
    assert sms.routes.status()["why"] == "stopped: not_permitted"


@pytest.mark.parametrize("step", ["before the first byte", "after it was accepted"])
def test_a_crash_between_the_routes_is_settled_with_the_account_that_was_asked(sms: Desk, step: str) -> None:
    """Refused by the first, begun by the second, and then the process is gone: its successor knows neither route's
    health, and asks the second what it has."""
    begin(sms, "503")
    (id,) = sms.plan(1)
    row, _ = sms.store.claim("sms-main", 1, timedelta(minutes=2), sms.clock.now())[0]
    assert sms.store.begin(id, row.token, sms.clock.now(), "sms-two") is None
    if step.startswith("after"):
        assert sms.channels[1].send(_message_of(sms, row), sms.clock.now()).kind is OutcomeKind.SENT
    end(sms)
    sms.restart()
    for _ in range(12):
        sms.turn(60.0)
    sms.settle(minutes=10)
    sms.check_each_once()
    assert the(sms.store, id).route == ("sms-two" if step.startswith("after") else "sms-main")


def _message_of(desk: Desk, row: Delivery) -> Message:
    with desk.store.transaction() as tx:
        message = message_of(row, tx.notice(row.notice))
    assert message is not None
    return message


def test_people_can_see_which_account_carries(sms: Desk) -> None:
    name, labels = "notifier_route_takeovers_total", {"channel": "sms-main", "route": "sms-two"}
    before = REGISTRY.get_sample_value(name, labels) or 0.0
    with structlog.testing.capture_logs() as said:
        begin(sms, "another token")
        sms.come(4)
        end(sms)
        sms.turn(1800.0)
        sms.come(40, seconds=15.0)
    told = {line["event"]: line for line in said}
    assert told["route.taken_over"]["route"] == "sms-two"
    assert told["route.taken_over"]["reason"] == "stopped: authentication"
    assert told["route.drifted_back"]["route"] == "sms-main"
    assert REGISTRY.get_sample_value(name, labels) == before + 1
    assert REGISTRY.get_sample_value("notifier_route_active", {"channel": "sms-main", "route": "sms-main"}) == 1
    assert REGISTRY.get_sample_value("notifier_route_active", {"channel": "sms-main", "route": "sms-two"}) == 0


def test_a_mail_relay_that_is_gone(mail: Desk) -> None:
    """Nobody listens: nothing was accepted for certain, and all go by the other within three attempts."""
    gone = email_channel(unused_port(), username=None, password=None)
    mail.channels[0] = Slow(gone, mail.clock)
    mail.restart()
    mail.come(10)
    mail.settle(minutes=5)
    mail.check_each_once()
    assert len(mail.fars[1].ledger) == 10


def test_what_waits_behind_a_hanging_request_is_let_go_and_carried_by_the_other(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request at a time, and the first says nothing: those claimed behind it are with the other account long before
    it ends. Only the one under way stays, for nobody knows of it."""
    monkeypatch.setattr("notifier.delivery.sender.LOOK_UP", 0.02)
    clock, ended = VirtualClock(NOW), threading.Event()
    one, two = FarSide(id="sms"), FarSide(id="sms-two")
    routes = Routes("sms", "sms-two", clock, DeliverySettings().failover)
    primary, standby = (Sender(far, store, clock, DeliverySettings(), route=routes.of(far.id)) for far in (one, two))

    def say_nothing() -> None:
        clock.advance(timedelta(seconds=9))
        assert ended.wait(20), "the others were not let go"

    one.meanwhile, one.plan = say_nothing, [(True, LOST)]
    notice = a_notice()
    queue(store, notice, *(a_delivery(notice, "sms", f"+{n}") for n in range(5)))
    hanging = threading.Thread(target=primary.run_once)
    hanging.start()
    for _ in range(1000):
        standby.run_once()
        if len(two.ledger) == 4:
            break
        ended.wait(0.01)
    ended.set()
    hanging.join(20)
    assert [len(far.ledger) for far in (one, two)] == [1, 4]
    with store.transaction() as tx:
        assert Counter(row.state for row in tx.deliveries()) == {S.UNKNOWN: 1, S.SENT: 4}


@pytest.mark.parametrize("how", ["accept_then_drop", "reset", "429"])
def test_many_under_way_at_once_when_it_fails(sms: Desk, how: str) -> None:
    for channel in sms.channels:
        channel.at_once = 8
    sms.restart()
    sms.plan(20)
    sms.turn()
    begin(sms, how)
    sms.plan(60)
    sms.turn(5.0)
    sms.turn(5.0)
    assert sms.active == "sms-two"
    asked = sum(1 for method, _ in sms.fars[0].asked if method == "POST")
    assert asked <= 20 + 3 + 2 * 8, "no more than was under way when it was left"
    end(sms)
    sms.settle(minutes=30)
    sms.check_each_once()
