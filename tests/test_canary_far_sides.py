"""A wave over the wire, on SQLite and on PostgreSQL: senders, the providers' stand-ins, callbacks and bounces as they
come in. What counts is the far side's ledger: whom did a stopped wave reach?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from notifier.channels.mail.bounces import taken
from notifier.channels.mail.returns import return_path
from notifier.channels.mail.settings import EmailSettings
from notifier.config.web_settings import WebSettings
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.incidents import fanout
from notifier.incidents.canary import CanarySettings
from notifier.model.canary import CanaryState
from notifier.model.delivery import DeliveryState
from notifier.model.people import AddressKind, Subscriber
from notifier.model.staff import Verb
from notifier.ports import Channel
from notifier.secret import Secret
from notifier.standins.smtp import Smtp
from notifier.standins.twilio import Twilio
from notifier.store import StoreSettings
from notifier.web.needs import WebNeeds
from notifier.web.server import WebServer

from .channels.far_sides import SECRETS, email_channel, sms_channel, unused_port
from .channels.mail.reports import report
from .incidents.builders import NOW, signal, speaker
from .incidents.scene import Scene

S = CanaryState
SETTINGS = CanarySettings(share=0.1, least=20, most=20, above=40)
NUMBERS = tuple(f"+1802555{number:04}" for number in range(60))


def people(kind: AddressKind, addresses: tuple[str, ...]) -> list[Subscriber]:
    return [Subscriber(f"s{number * 7919 % 10_007:05}", kind, address, ("US-VT",), "en", "UTC", NOW, "CSV import")
            for number, address in enumerate(addresses)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty people are many; every secret is set."""
    monkeypatch.setattr(fanout, "AT_ONCE", 40)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["sqlite", "postgres"])
def kept_in(request: pytest.FixtureRequest) -> StoreSettings:
    if request.param == "postgres":
        return StoreSettings(url=request.getfixturevalue("database"), connections=4)
    return StoreSettings(path=":memory:")


class Desk:
    """A decider and one channel's sender, with the clock in hand."""

    def __init__(self, kept_in: StoreSettings, channel: Channel, told: list[Subscriber]) -> None:
        self.channel = channel
        words = speaker({channel.id: getattr(channel, "profile")})  # noqa: B009 every channel has it; Protocols none
        self.scene = Scene(people=told, speaker=words, canary=SETTINGS, store=kept_in)
        self.sender = Sender(channel, self.scene.store, self.scene.clock, DeliverySettings())

    def begin(self) -> None:
        self.scene.hear(signal())
        self.scene.settle()
        self.run()

    def run(self, turns: int = 8, seconds: int = 5) -> None:
        """Send and decide, so many times, with so many seconds between two."""
        for _ in range(turns):
            self.sender.run_once()
            self.scene.clock.advance(timedelta(seconds=seconds))
            self.scene.decider.run_once()

    @property
    def state(self) -> CanaryState:
        incident = self.scene.incident.id
        with self.scene.store.transaction() as tx:
            (wave,) = tx.canaries(incident=incident)
            return wave.state

    def close(self) -> None:
        self.scene.store.close()


# ── SMS ──


@pytest.fixture
def far() -> Iterator[Twilio]:
    with Twilio(auth_token=SECRETS["T_TWILIO"]) as twilio:
        yield twilio


@pytest.fixture
def texts(far: Twilio, kept_in: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk that sends SMS and hears what became of them."""
    monkeypatch.setenv("T_WEB", SECRETS["T_TWILIO"])
    settings = WebSettings(port=unused_port(), twilio_token=Secret(env="T_WEB"))
    address = f"http://127.0.0.1:{settings.port}"
    channel = sms_channel(far.url, per_minute=6000, status_callback_base=address)
    desk = Desk(kept_in, channel, people(AddressKind.PHONE, NUMBERS))
    web = WebServer(WebNeeds(
        settings=lambda: settings, store=desk.scene.store, clock=desk.scene.clock, stuck=tuple, unready=tuple,
        pushable=frozenset, push_poll=lambda source, answer: None, mention_sources=frozenset,
        push_mentions=lambda source, body, headers: (0, (), ""), push_results=lambda source, body, headers: (404, {}),
        before_scrape=lambda: None, public_url=lambda: address, company=lambda: "Hill"))
    web.start()
    yield desk
    web.stop()
    desk.close()


def call_back(far: Twilio, status: str, code: str = "") -> None:
    for entry in list(far.ledger):
        assert far.call_back(entry["id"], status, code) == 200


def test_what_carriers_filter_reaches_twenty_and_nobody_else(texts: Desk, far: Twilio) -> None:
    texts.begin()
    assert len(far.ledger) == 20
    call_back(far, "undelivered", "30007")
    texts.run(8, seconds=60)
    assert texts.state is S.STOPPED
    assert len(far.ledger) == 20
    texts.scene.ask(Verb.DROP, notice=texts.scene.notices()[0].id, channel="sms-main")
    texts.run(8, seconds=60)
    assert len(far.ledger) == 20


def test_what_arrives_lets_the_rest_go(texts: Desk, far: Twilio) -> None:
    texts.begin()
    call_back(far, "delivered")
    texts.run()
    assert sorted(entry["address"] for entry in far.ledger) == sorted(NUMBERS), "everybody, and nobody twice"


def test_a_list_full_of_people_who_had_opted_out_stops_at_twenty(texts: Desk, far: Twilio) -> None:
    far.opted_out = set(NUMBERS)
    texts.begin()
    texts.run()
    assert texts.state is S.STOPPED
    assert len(far.asked) == 20
    assert far.ledger == []


def test_telephones_that_are_off_stop_nothing(texts: Desk, far: Twilio) -> None:
    texts.begin()
    call_back(far, "undelivered", "30003")
    texts.run()
    assert {entry["address"] for entry in far.ledger} == set(NUMBERS)


def test_a_person_who_has_looked_lets_it_go_on(texts: Desk, far: Twilio) -> None:
    texts.begin()
    call_back(far, "undelivered", "30007")
    texts.run()
    texts.scene.ask(Verb.GO_ON, notice=texts.scene.notices()[0].id, channel="sms-main")
    texts.run()
    assert sorted(entry["address"] for entry in far.ledger) == sorted(NUMBERS)


# ── mail ──

ADDRESSES = tuple(f"c{number:03}@example.org" for number in range(60))


@pytest.fixture
def relay() -> Iterator[Smtp]:
    with Smtp(username="relay", password=SECRETS["T_SMTP"]) as smtp:
        yield smtp


@pytest.fixture
def mails(relay: Smtp, kept_in: StoreSettings) -> Iterator[Desk]:
    channel = email_channel(relay.port)
    desk = Desk(kept_in, channel, people(AddressKind.EMAIL, ADDRESSES))
    yield desk
    desk.close()


def settings_of(port: int) -> EmailSettings:
    return EmailSettings.model_validate({
        "id": "email-main", "kind": "email", "host": "127.0.0.1", "port": port, "security": "none",
        "sender": "status@example.com", "sender_name": "Example Status", "bounces_to": "bounces@example.net",
        "bounce_key": {"env": "T_BOUNCE_KEY"}})


def test_mail_that_bounces_reaches_twenty_and_nobody_else(
    mails: Desk, relay: Smtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_BOUNCE_KEY", "k")
    mails.begin()
    assert len(relay.ledger) == 20
    store = mails.scene.store
    with store.transaction() as tx:
        sent = tx.deliveries(state=DeliveryState.SENT)
    for delivery in sent:
        bounce = report(to=return_path("bounces@example.net", delivery.id, "k"))
        assert taken(settings_of(relay.port), bounce, store, mails.scene.clock) == "changed"
    mails.run(8, seconds=60)
    assert mails.state is S.STOPPED
    assert len(relay.ledger) == 20


def test_mail_of_which_nothing_is_heard_follows_after_three_minutes(mails: Desk, relay: Smtp) -> None:
    mails.begin()
    mails.run(20)
    assert len(relay.ledger) == 20
    mails.run(20)
    assert sorted(entry["address"] for entry in relay.ledger) == sorted(ADDRESSES)
