"""Every kind of channel with its stand-in: what the contract suite runs on."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from notifier.channels.bluesky import BlueskyChannel, BlueskySettings
from notifier.channels.email import EmailChannel, EmailSettings
from notifier.channels.mastodon import MastodonChannel, MastodonSettings
from notifier.channels.sms import SmsChannel, SmsSettings
from notifier.channels.webhook import WebhookChannel, WebhookSettings
from notifier.channels.x import XChannel, XSettings
from notifier.clock import SystemClock
from notifier.model.delivery import Message
from notifier.model.notice import Mode, Stage
from notifier.standins.bluesky import Bluesky
from notifier.standins.mastodon import Mastodon
from notifier.standins.smtp import Smtp
from notifier.standins.twilio import Twilio
from notifier.standins.webhook import Webhook
from notifier.standins.x import X

TIMEOUT = (0.5, 0.5)
ACCOUNT = "AC" + "0a" * 16
CANARY = "canary-7f3e91"
"""Part of every secret: nowhere but in requests may it be seen."""
WEBHOOK_SECRET = "whsec_" + base64.b64encode(f"{CANARY}-webhook-signing-secret".encode()).decode()
SECRETS: Mapping[str, str] = {
    "T_CONSUMER_KEY": f"{CANARY}-a", "T_CONSUMER_SECRET": f"{CANARY}-b", "T_ACCESS": f"{CANARY}-c",
    "T_ACCESS_SECRET": f"{CANARY}-d", "T_MASTODON": f"{CANARY}-e", "T_BLUESKY": f"{CANARY}-f",
    "T_TWILIO": f"{CANARY}-g", "T_SMTP": f"{CANARY}-h", "T_WEBHOOK": WEBHOOK_SECRET,
}
TEXT = (
    "I261122-1: Mobile data is failing in Vermont & New Hampshire. Café help: https://status.example.com/vt "
    "(next word by 15:30 EST)"
)


@dataclass(frozen=True)
class Side:
    """One kind: `make` starts nothing; `channel` takes the stand-in's URL or, for mail, its port."""

    kind: str
    make: Callable[[], Any]
    channel: Callable[[Any], Any]
    address: str = ""
    readable: bool = True
    """Whether it can be asked what became of a message."""


def _secret(name: str) -> dict[str, str]:
    return {"env": name}


def x_channel(url: str, **more: Any) -> XChannel:
    return XChannel(XSettings.model_validate({
        "id": "x-main", "kind": "x", "base_url": url, "consumer_key": _secret("T_CONSUMER_KEY"),
        "consumer_secret": _secret("T_CONSUMER_SECRET"), "access_token": _secret("T_ACCESS"),
        "access_token_secret": _secret("T_ACCESS_SECRET"), **more,
    }), timeout=TIMEOUT)


def mastodon_channel(url: str, timeout: tuple[float, float] = TIMEOUT, **more: Any) -> MastodonChannel:
    return MastodonChannel(MastodonSettings.model_validate({
        "id": "mastodon-main", "kind": "mastodon", "base_url": url, "access_token": _secret("T_MASTODON"), **more,
    }), timeout=timeout)


def bluesky_channel(url: str, **more: Any) -> BlueskyChannel:
    return BlueskyChannel(BlueskySettings.model_validate({
        "id": "bluesky-main", "kind": "bluesky", "base_url": url, "handle": "status.example.test",
        "app_password": _secret("T_BLUESKY"), **more,
    }), timeout=TIMEOUT)


def sms_channel(url: str, **more: Any) -> SmsChannel:
    return SmsChannel(SmsSettings.model_validate({
        "id": "sms-main", "kind": "sms", "base_url": url, "account_sid": ACCOUNT, "auth_token": _secret("T_TWILIO"),
        "from_number": "+15005550006", **more,
    }), timeout=TIMEOUT)


def email_channel(port: int, **more: Any) -> EmailChannel:
    return EmailChannel(EmailSettings.model_validate({
        "id": "email-main", "kind": "email", "host": "127.0.0.1", "port": port, "security": "none",
        "sender": "status@example.com", "sender_name": "Example Status", "username": "relay",
        "password": _secret("T_SMTP"), **more,
    }), timeout=TIMEOUT)


def webhook_channel(url: str, **more: Any) -> WebhookChannel:
    return WebhookChannel(WebhookSettings.model_validate({
        "id": "webhook-main", "kind": "webhook", "url": f"{url}/notices", "secret": _secret("T_WEBHOOK"), **more,
    }), timeout=TIMEOUT)


SIDES = {
    side.kind: side
    for side in (
        Side("x", X, lambda far: x_channel(far.url)),
        Side("mastodon", Mastodon, lambda far: mastodon_channel(far.url)),
        Side("bluesky", lambda: Bluesky(password=SECRETS["T_BLUESKY"]), lambda far: bluesky_channel(far.url)),
        Side("sms", lambda: Twilio(auth_token=SECRETS["T_TWILIO"]), lambda far: sms_channel(far.url), "+18025550123"),
        Side("email", lambda: Smtp(username="relay", password=SECRETS["T_SMTP"]), lambda far: email_channel(far.port),
             "ann@example.org", readable=False),
        Side("webhook", lambda: Webhook(secret=WEBHOOK_SECRET), lambda far: webhook_channel(far.url), readable=False),
    )
}


def now() -> datetime:
    """The machine's time: the stand-ins live by it."""
    return SystemClock().now()


def message(address: str = "", *, key: str = "N1/main/1", body: str = TEXT, **more: Any) -> Message:
    """A message made this moment that lives an hour."""
    made = more.pop("created_at", None) or now()
    given: dict[str, Any] = {
        "delivery": "0d9e2f2e-7a53-5b1c-9d5e-0c1b2a3d4e5f", "key": key, "channel": "main", "address": address,
        "language": "en", "body": body, "created_at": made, "expires_at": made + timedelta(hours=1),
        "mode": Mode.TEST, "incident": "I261122-1", "stage": Stage.ACKNOWLEDGE,
    }
    return Message(**(given | more))


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


FIXED = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
