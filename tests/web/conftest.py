"""A web part over a real store, with the daemon's side written down in lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from notifier.clock import VirtualClock
from notifier.config.web_settings import WebSettings
from notifier.model.people import AddressKind, Subscriber
from notifier.ports import Answer, Store
from notifier.secret import Secret
from notifier.store import open_store
from notifier.store.settings import StoreSettings
from notifier.web.needs import WebNeeds
from notifier.web.server import make_web

BASE = "https://notify.example.net"


@dataclass
class Heard:
    """What the web part handed on."""

    polls: list[tuple[str, Answer]] = field(default_factory=list)
    mentions: list[bytes] = field(default_factory=list)
    results: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    bounces: list[bytes] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass
class InForce:
    """What the configuration says now: a test that sets one of these has reloaded it."""

    settings: WebSettings
    own_tokens: dict[str, list[Secret]] = field(default_factory=dict)
    public_url: str = BASE
    company: str = "Green Mountain Mobile"


@dataclass
class Site:
    """Everything a test of the web part touches."""

    client: FlaskClient
    store: Store
    heard: Heard
    needs: WebNeeds
    now: InForce


SUBSCRIBER = Subscriber(
    id="s-1", kind=AddressKind.PHONE, address="+18025550101", regions=("US-VT",), language="en",
    timezone="America/New_York", consent_at=datetime(2026, 1, 1, tzinfo=UTC), consent_by="test")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, clock: VirtualClock) -> Iterator[Site]:
    """A site with every secret set and one subscriber."""
    for name in ("ALERTS", "TWILIO", "BOUNCES", "UNSUBSCRIBE"):
        monkeypatch.setenv(f"TEST_{name}", f"{name.lower()}-secret-{'x' * 32}")
    now = InForce(WebSettings(
        alerts_token=Secret(env="TEST_ALERTS"), twilio_token=Secret(env="TEST_TWILIO"),
        bounces_token=Secret(env="TEST_BOUNCES"),
        unsubscribe_key=Secret(env="TEST_UNSUBSCRIBE"), body_limit=10_000))
    store = open_store(StoreSettings(path=":memory:"))
    with store.transaction() as tx:
        tx.put_subscriber(SUBSCRIBER)
    heard = Heard()

    def push_mentions(source: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, tuple[str, ...], str]:
        heard.mentions.append(body)
        return (1, (), "") if headers.get("webhook-signature") else (0, (), "no signature")

    def push_results(source: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, object]]:
        heard.results.append((source, body, dict(headers)))
        return (200, {"accepted": 1}) if headers.get("webhook-signature") else (401, {"error": "no signature"})

    def take_bounce(channel: str, mail: bytes) -> str | None:
        heard.bounces.append(mail)
        return "changed" if channel == "email" else None

    needs = WebNeeds(
        settings=lambda: now.settings, store=store, clock=clock, stuck=lambda: heard.stuck,
        unready=lambda: heard.missing,
        pushable=lambda: frozenset({"am"}), push_poll=lambda source, answer: heard.polls.append((source, answer)),
        mention_sources=lambda: frozenset({"export"}), push_mentions=push_mentions,
        push_results=push_results, before_scrape=lambda: None,
        public_url=lambda: now.public_url, company=lambda: now.company, take_bounce=take_bounce,
        callback_tokens=lambda: now.own_tokens)
    yield Site(make_web(needs).test_client(), store, heard, needs, now)
    store.close()
