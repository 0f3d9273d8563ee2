"""Bluesky: one record under a key of our choosing, so that sending it twice is sending it once.

putRecord of a record that is there already, byte for byte, changes nothing; the record is therefore frozen: its key
and `createdAt` come from the message, never from the moment of sending (atproto, com.atproto.repo.putRecord; record
keys and TIDs: atproto.com/specs/tid). XRPC is spoken over requests: the atproto package takes three seconds to import.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from pydantic import Field

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Message, Outcome, Reason
from notifier.model.limit import Limit
from notifier.model.notice import Mode
from notifier.model.people import AddressKind
from notifier.model.settings import Settings, Slug
from notifier.model.times import rfc3339, utc
from notifier.notices.fit import facets
from notifier.ports import CannotTell, Finding, Found, NotFound
from notifier.secret import Secret, SecretMissing

from .allowance import Allowance, limits_of
from .bluesky_session import STALE, NoSession, Session
from .wire import (
    RETRY_LEAST,
    BaseUrl,
    ClaimPassed,
    HttpAnswer,
    Wire,
    failed,
    judge_status,
    no_secret,
    rejected,
    reset_at,
    retry,
    sent,
    throttled,
    unknown,
)

PUT_POINTS = 2.0
"""What putRecord costs, whether or not it writes: it counts as an update."""
COLLECTION = "app.bsky.feed.post"
ANOTHER = CannotTell("another record stands under this key")
_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
_BLOCKED = ("AccountTakedown", "AccountDeactivated", "AccountSuspended", "RepoTakendown", "RepoDeactivated")


class BlueskySettings(Settings):
    """Posting on Bluesky as one account."""

    id: Slug
    kind: Literal["bluesky"]
    mode: Mode = Mode.TEST
    """What the account is for: test notices or live ones."""
    languages: tuple[str, ...] = ()
    """Languages posted; empty: all the company's."""
    per_minute: float = Field(default=20.0, gt=0, le=60)
    """Most posts a minute."""
    limits: tuple[Allowance, ...] = (
        Allowance(most=5000, within=timedelta(hours=1)), Allowance(most=35_000, within=timedelta(days=1)))
    """Points the server allows the account, counted together for all channels with its handle; a post is put, which
    costs 2 of them."""
    handle: str = Field(min_length=3, max_length=253)
    """The account's handle, without @."""
    app_password: Secret
    """An app password of the account, not its own password."""
    base_url: BaseUrl = "https://bsky.social"
    """The account's personal data server."""
    session_file: Path | None = None
    """Where the session is kept over restarts, sealed under the app password; a server allows 300 log-ins a day."""


class BlueskyChannel:
    """One account on Bluesky. Nothing is read or connected before the first send, find or check. `rate`: posts a
    second."""

    keyed_for = timedelta(days=365)
    """A record key never expires; a year outlives every notice."""
    reaches: AddressKind | None = None

    def __init__(self, settings: BlueskySettings, *, timeout: tuple[float, float] | None = None) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.rate = settings.per_minute / 60
        account = f"bluesky/{urlsplit(settings.base_url).netloc}/{settings.handle}"
        self.limits = (Limit.flowing(f"channel/{self.id}", self.rate),
                       *limits_of(account, settings.limits, cost=PUT_POINTS))
        self.profile = ChannelProfile(self.id, self.kind, settings.mode, self.reaches, settings.languages)
        self._settings = settings
        self._session = Session(settings.base_url, settings.handle, settings.app_password,
                                Wire(None, timeout) if timeout else Wire(), settings.session_file)

    def send(self, message: Message, now: datetime) -> Outcome:
        """Put the record. Where another stands under its key, it is read and compared."""
        try:
            did = self._session.open()["did"]
        except (NoSession, SecretMissing, requests.RequestException) as error:
            return _not_begun(error, now)
        try:
            answer = self._session.authorised("POST", "com.atproto.repo.putRecord", json=payload(message, did))
            outcome = judge(answer, now)
            return self._compared(message, did) if outcome.reason is Reason.DUPLICATE else outcome
        except (NoSession, SecretMissing) as error:
            return _not_begun(error, now)
        except requests.RequestException as error:
            return failed(error)

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """Read the record under the message's key."""
        try:
            return read_record(self._record(message, self._session.open()["did"]), message)
        except SecretMissing as error:
            return CannotTell(str(error))
        except NoSession as error:
            return CannotTell(str(error))
        except requests.RequestException as error:
            return CannotTell(f"the server cannot be read: {type(error).__name__}")

    def check(self) -> Sequence[Finding]:
        """Open a session and ask whose it is."""
        subject = f"channel {self.id}"
        try:
            self._session.open()
            answer = self._session.authorised("GET", "com.atproto.server.getSession")
        except (SecretMissing, NoSession) as error:
            return (Finding(subject, False, str(error)),)
        except requests.RequestException as error:
            return (Finding(subject, False, f"cannot be reached: {type(error).__name__}"),)
        handle = answer.fields().get("handle")
        if answer.status == 200 and isinstance(handle, str):
            return (Finding(subject, True, f"posts as @{handle}"),)
        return (Finding(subject, False, f"answered HTTP {answer.status}, which is not what it should say"),)

    def _compared(self, message: Message, did: str) -> Outcome:
        """What the record that is there makes of a refused put."""
        found = read_record(self._record(message, did), message)
        if isinstance(found, Found):
            return replace(sent(found.provider_id), reason=Reason.ADOPTED)
        if found == ANOTHER:
            return rejected(Reason.DUPLICATE, ANOTHER.why)
        if isinstance(found, CannotTell):
            return unknown(Reason.DUPLICATE, f"a record stands under this key; {found.why}")
        return retry(Reason.BAD_ANSWER, "refused for a record that is not there")

    def _record(self, message: Message, did: str) -> HttpAnswer:
        asked = {"repo": did, "collection": COLLECTION, "rkey": record_key(message)}
        return self._session.ask("GET", "com.atproto.repo.getRecord", params=asked)


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def record_key(message: Message) -> str:
    """A TID: 13 characters, 53 bits of microseconds, 10 bits of "clock". Microseconds within the millisecond and the
    clock come from the message's key, so that texts planned in the same instant do not collide."""
    seed = int.from_bytes(hashlib.sha256(message.key.encode()).digest()[:8])
    micros = int(utc(message.created_at).timestamp() * 1000) * 1000 + seed % 1000
    number = (micros << 10) | (seed // 1000 % 1024)
    return "".join(_SORTABLE[(number >> shift) & 31] for shift in range(60, -1, -5))


def record(message: Message) -> dict[str, Any]:
    """The post itself, the same on every attempt."""
    post: dict[str, Any] = {
        "$type": COLLECTION, "text": message.body, "createdAt": rfc3339(message.created_at),
        "langs": [message.language],
    }
    links = [
        {
            "index": {"byteStart": start, "byteEnd": end},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": url}],
        }
        for start, end, url in facets(message.body)
    ]
    return post | ({"facets": links} if links else {})


def payload(message: Message, did: str) -> dict[str, Any]:
    """putRecord: only where nothing, or just this, stands under the key."""
    return {
        "repo": did, "collection": COLLECTION, "rkey": record_key(message), "validate": True, "swapRecord": None,
        "record": record(message),
    }


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """What the server's answer to putRecord means. DUPLICATE: something stands under the key, to be compared."""
    read = answer.fields()
    error, words = str(read.get("error", "")), str(read.get("message", "")).lower()
    if 200 <= answer.status < 300:
        uri = read.get("uri") if answer.status == 200 else None
        return sent(uri) if isinstance(uri, str) and uri.startswith("at://") else unknown(
            Reason.BAD_ANSWER, f"HTTP {answer.status} without the record's address")
    if error == "InvalidSwap":
        return rejected(Reason.DUPLICATE, "another record stands under this key")
    if error in _BLOCKED or answer.status == 403:  # a filter before the server, or the account: nothing was written
        return retry(Reason.FORBIDDEN, f"HTTP {answer.status}: {error}"[:80], stops=True)
    if error in STALE:
        return retry(Reason.AUTHENTICATION, f"HTTP {answer.status}: {error}", stops=True)
    if answer.status == 400 and ("longer than" in words or "graphemes" in words or "too big" in words):
        return rejected(Reason.TOO_LONG, "HTTP 400: longer than the server takes")
    if answer.status == 429:
        at = reset_at(answer.headers, "ratelimit-reset", now) or now + RETRY_LEAST
        return throttled("HTTP 429", at)
    return judge_status(answer, now, keyed=True)


def read_record(answer: HttpAnswer, message: Message) -> Found | NotFound | CannotTell:
    """What getRecord says of our record."""
    read = answer.fields()
    if answer.status in (400, 404) and read.get("error") == "RecordNotFound":
        return NotFound()
    uri, value = read.get("uri"), read.get("value")
    if answer.status != 200 or not isinstance(uri, str) or not isinstance(value, dict):
        return CannotTell(f"the record answered HTTP {answer.status}")
    if value.get("text") == message.body and value.get("createdAt") == rfc3339(message.created_at):
        return Found(uri)
    return ANOTHER


def _not_begun(error: Exception, now: datetime) -> Outcome:
    """Why there is no session; nothing was sent, so nothing is in doubt."""
    if isinstance(error, SecretMissing):
        return no_secret(error)
    if isinstance(error, ClaimPassed):
        return failed(error)
    if isinstance(error, NoSession):
        answer = error.answer
        if answer.status in (400, 401, 403):
            return retry(Reason.AUTHENTICATION, f"log-in refused: HTTP {answer.status}", stops=True)
        outcome = judge(answer, now)
        if outcome.retry_at is not None:
            return outcome
        return retry(Reason.SERVER_ERROR, f"no log-in: HTTP {answer.status}")
    return retry(Reason.UNREACHABLE, f"no log-in: {type(error).__name__}")
