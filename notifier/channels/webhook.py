"""Webhook: one signed POST to a system that wants every notice (Standard Webhooks 1.0: standardwebhooks.com).

`webhook-id` comes from the message's key and the moment it was planned, the same on every attempt: the specification
asks receivers to drop what they had already, so repeating is harmless. The moment is in it because two deployments, or
one that was set up anew, count their incidents alike, and a receiver would drop the second one's notice as a replay.
Whatever a receiver refuses that may be its own passing trouble (a secret not yet changed, an address not yet served)
is tried again: it certainly did not take it.
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
from urllib.parse import urlsplit

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

from .outward import OutwardWire, leads_inside
from .wire import (
    BaseUrl,
    HttpAnswer,
    Wire,
    failed,
    is_loopback,
    judge_status,
    key_of,
    mounted,
    no_secret,
    rejected,
    retry,
    retry_after,
    sent,
)

PREFIX = "whsec_"
SECRET_LEAST = 24
"""Bytes; the specification asks for 24 to 64."""
FURTHER_MOST = 3
"""Secrets a message is signed with besides the first: more than a change-over needs is a mistake."""


INSIDE = "the receiver's name leads inside our own network: set allow_private where that is meant"


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
    allow_private: bool = False
    """Whether the receiver is meant to lie inside our own network; this machine by name or number always may."""
    secret: Secret
    """What they are signed with: "whsec_" and 24 to 64 bytes in base64."""
    also_sign_with: tuple[Secret, ...] = Field(default=(), max_length=FURTHER_MOST)
    """Further secrets every message is signed with too, while a receiver changes from one to the other."""


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
        inward = settings.allow_private or is_loopback(urlsplit(settings.url).hostname or "")
        make = Wire if inward else OutwardWire
        self._wire = make(None, timeout) if timeout else make()
        self._session = mounted(requests.Session(), self._wire)

    def send(self, message: Message, now: datetime) -> Outcome:
        """Post it, signed with the time of this attempt."""
        try:
            secrets, _ = self._secrets()
            body = payload(message)
            headers = {"Content-Type": "application/json", **signed(webhook_id(message), body, secrets, now)}
            answer = self._wire.ask(lambda: self._session.post(
                self._settings.url, data=body, headers=headers, allow_redirects=False))
        except SecretMissing as error:
            return no_secret(error)
        except requests.RequestException as error:
            return retry(Reason.UNREACHABLE, INSIDE, stops=True) if leads_inside(error) else failed(error)
        return judge(answer, message, now)

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """A receiver has nothing to ask."""
        return CannotTell("a webhook's receiver cannot be asked: repeat it, or look into its log for the webhook-id")

    def check(self) -> Sequence[Finding]:
        """Read the secrets and ask for the address without a body."""
        subject = f"channel {self.id}"
        try:
            _, missing = self._secrets()
            answer = self._wire.ask(lambda: self._session.head(self._settings.url, allow_redirects=False))
        except SecretMissing as error:
            return (Finding(subject, False, str(error)),)
        except requests.RequestException as error:
            why = INSIDE if leads_inside(error) else f"cannot be reached: {type(error).__name__}"
            return (Finding(subject, False, why),)
        there = answer.status not in (404, 410, 500, 502, 503, 504) and not 300 <= answer.status < 400
        told = Finding(subject, there, f"the receiver answers (HTTP {answer.status} to HEAD)")
        return (told, *(Finding(f"{subject} also_sign_with", False, problem) for problem in missing))

    def _secrets(self) -> tuple[list[bytes], list[str]]:
        """What to sign with, and what is wrong with the further secrets. One of those that is gone already does not
        silence us: the first must be there. Raises SecretMissing where it is not."""
        secrets, missing = [read_secret(self._settings.secret.reveal())], []
        for further in self._settings.also_sign_with:
            try:
                secrets.append(read_secret(further.reveal()))
            except SecretMissing as error:
                missing.append(str(error))
        return secrets, missing


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


def webhook_id(message: Message) -> str:
    """What the receiver knows the message by: no full stop in it, which parts what is signed."""
    return key_of(message).replace(".", "-")


def signed(id: str, body: bytes, secrets: Sequence[bytes], now: datetime) -> dict[str, str]:
    """The three headers of Standard Webhooks: HMAC-SHA256 over "id.timestamp.body", once for each secret."""
    at = str(int(now.timestamp()))
    digests = [hmac.new(secret, f"{id}.{at}.".encode() + body, hashlib.sha256).digest() for secret in secrets]
    signatures = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": signatures}


def judge(answer: HttpAnswer, message: Message, now: datetime) -> Outcome:
    """What the receiver's answer means: any 2xx took it; 410 wants no more; what it read and refused (400, 409, 413,
    415, 422 …) would be refused again; all else may pass, and is tried again while the notice lives."""
    status = answer.status
    if 200 <= status < 300:
        return sent(webhook_id(message))
    if status == 410:
        return rejected(Reason.RECIPIENT_GONE, "HTTP 410: the receiver wants no more", stops=True)
    if status in (401, 403, 407):
        return retry(Reason.AUTHENTICATION, f"HTTP {status}: the receiver does not accept the signature", stops=True)
    if status == 425:
        return retry(Reason.SERVER_ERROR, "HTTP 425: too early", at=retry_after(answer.headers, now))
    if status in (402, 404, 405, 408, 429) or status >= 500 or 300 <= status < 400:
        return judge_status(answer, now, keyed=True)
    return rejected(Reason.BAD_ANSWER, f"HTTP {status}")
