"""Webhook: one signed POST to a system that wants every notice (Standard Webhooks 1.0: standardwebhooks.com).

`webhook-id` is the message's key, the same on every attempt: the specification asks receivers to drop what they had
already, so repeating is harmless.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import requests
from pydantic import Field

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Message, Outcome, Reason
from notifier.model.notice import Mode
from notifier.model.people import AddressKind
from notifier.model.settings import Settings, Slug
from notifier.model.times import rfc3339
from notifier.ports import CannotTell, Finding, Found, NotFound
from notifier.secret import Secret, SecretMissing

from .wire import BaseUrl, HttpAnswer, Wire, failed, judge_status, mounted, no_secret, rejected, sent

PREFIX = "whsec_"
SECRET_LEAST = 24
"""Bytes; the specification asks for 24 to 64."""


class WebhookSettings(Settings):
    """Posting every notice to one address."""

    id: Slug
    kind: Literal["webhook"]
    mode: Mode = Mode.TEST
    """What the receiver is for: test notices or live ones."""
    languages: tuple[str, ...] = ()
    """Languages posted; empty: all the company's."""
    per_minute: float = Field(default=60.0, gt=0, le=6_000)
    """Most posts a minute."""
    url: BaseUrl
    """Where notices are posted. The receiver must drop a webhook-id it has seen."""
    secret: Secret
    """What they are signed with: "whsec_" and 24 to 64 bytes in base64."""


class BadSecret(SecretMissing):
    """The secret is no signing secret: make one with `openssl rand -base64 32`, with "whsec_" before it."""


class WebhookChannel:
    """One receiver. Nothing is read or connected before the first send or check. `rate`: posts a second."""

    keyed_for = timedelta(days=7)
    reaches: AddressKind | None = None

    def __init__(self, settings: WebhookSettings, *, timeout: tuple[float, float] | None = None) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.rate = settings.per_minute / 60
        self.profile = ChannelProfile(self.id, self.kind, settings.mode, self.reaches, settings.languages)
        self._settings = settings
        self._wire = Wire(None, timeout) if timeout else Wire()
        self._session = mounted(requests.Session(), self._wire)

    def send(self, message: Message, now: datetime) -> Outcome:
        """Post it, signed with the time of this attempt."""
        try:
            secret = read_secret(self._settings.secret.reveal())
            body = payload(message)
            headers = {"Content-Type": "application/json", **signed(message.key, body, secret, now)}
            answer = self._wire.ask(lambda: self._session.post(
                self._settings.url, data=body, headers=headers, allow_redirects=False))
        except SecretMissing as error:
            return no_secret(error)
        except requests.RequestException as error:
            return failed(error)
        return judge(answer, message, now)

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """A receiver has nothing to ask."""
        return CannotTell("a webhook's receiver cannot be asked: repeat it, or look into its log for the webhook-id")

    def check(self) -> Sequence[Finding]:
        """Read the secret and ask for the address without a body."""
        subject = f"channel {self.id}"
        try:
            read_secret(self._settings.secret.reveal())
            answer = self._wire.ask(lambda: self._session.head(self._settings.url, allow_redirects=False))
        except SecretMissing as error:
            return (Finding(subject, False, str(error)),)
        except requests.RequestException as error:
            return (Finding(subject, False, f"cannot be reached: {type(error).__name__}"),)
        there = answer.status not in (404, 410, 500, 502, 503, 504) and not 300 <= answer.status < 400
        return (Finding(subject, there, f"the receiver answers (HTTP {answer.status} to HEAD)"),)


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def payload(message: Message) -> bytes:
    """The notice as JSON, the same on every attempt."""
    data = {
        "incident": message.incident, "stage": message.stage, "mode": message.mode, "language": message.language,
        "text": message.body, "subject": message.subject, "valid_until": rfc3339(message.expires_at),
    }
    whole = {"type": f"notice.{message.stage}", "timestamp": rfc3339(message.created_at), "data": data}
    return json.dumps(whole, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")


def read_secret(text: str) -> bytes:
    """The bytes of a signing secret. Raises BadSecret, which does not hold it."""
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) < SECRET_LEAST:
        raise BadSecret(f"the webhook's secret must be {PREFIX} and at least {SECRET_LEAST} bytes in base64")
    return raw


def signed(id: str, body: bytes, secret: bytes, now: datetime) -> dict[str, str]:
    """The three headers of Standard Webhooks: HMAC-SHA256 over "id.timestamp.body"."""
    at = str(int(now.timestamp()))
    digest = hmac.new(secret, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def judge(answer: HttpAnswer, message: Message, now: datetime) -> Outcome:
    """What the receiver's answer means: any 2xx took it; 429, 408 and 5xx ask for another try; the rest is final."""
    status = answer.status
    if 200 <= status < 300:
        return sent(message.key)
    if status in (408, 429) or status >= 500:
        return judge_status(answer, now, keyed=True)
    if status == 410:
        return rejected(Reason.RECIPIENT_GONE, "HTTP 410: the receiver wants no more", stops=True)
    if status in (401, 403):
        return rejected(Reason.AUTHENTICATION, f"HTTP {status}: the receiver does not accept the signature", stops=True)
    return rejected(Reason.BAD_ANSWER, f"HTTP {status}")
