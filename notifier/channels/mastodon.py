"""Mastodon: posts over its REST API under an Idempotency-Key, and reads our own posts once that key may be forgotten.

The key lives an hour, is stored after the post is saved, and relatives of Mastodon ignore it: so an error of the
server's is UNKNOWN here, never a plain retry (docs.joinmastodon.org/methods/statuses; PostStatusService).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any, Literal

import requests
from pydantic import Field

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Message, Outcome, Reason
from notifier.model.notice import Mode
from notifier.model.people import AddressKind
from notifier.model.settings import Settings, Slug
from notifier.model.times import parse_rfc3339
from notifier.notices.fit import measure
from notifier.ports import CannotTell, Finding, Found, NotFound
from notifier.secret import Secret, SecretMissing

from .wire import (
    BaseUrl,
    HttpAnswer,
    Wire,
    bounded,
    failed,
    finding_of,
    judge_status,
    mounted,
    no_secret,
    rejected,
    retry,
    sent,
    was_unsent,
)

KEY_LIFE = timedelta(minutes=55)
"""Five minutes less than the hour a server keeps a key."""
CLOCKS_DIFFER = timedelta(minutes=1)
PAGE = 40
PAGES = 10


class MastodonSettings(Settings):
    """Posting on a Mastodon server as one account."""

    id: Slug
    kind: Literal["mastodon"]
    mode: Mode = Mode.TEST
    """What the account is for: test notices or live ones."""
    languages: tuple[str, ...] = ()
    """Languages posted; empty: all the company's."""
    per_minute: float = Field(default=30.0, gt=0, le=60)
    """Most posts a minute; a server allows 300 requests in 5 minutes."""
    base_url: BaseUrl
    """The server, such as https://mastodon.example."""
    access_token: Secret
    """Token of the account with the scopes read:accounts, read:statuses and write:statuses."""
    visibility: Literal["public", "unlisted", "private"] = "public"
    """Who sees the posts."""
    max_characters: int = Field(default=500, ge=50, le=100_000)
    """Longest post the server takes; `check` compares it with what the server says."""


class MastodonChannel:
    """One account on a Mastodon server. Nothing is read or connected before the first send, find or check. `rate`:
    posts a second."""

    keyed_for = KEY_LIFE
    reaches: AddressKind | None = None

    def __init__(self, settings: MastodonSettings, *, timeout: tuple[float, float] | None = None) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.rate = settings.per_minute / 60
        self.profile = ChannelProfile(
            self.id, self.kind, settings.mode, self.reaches, settings.languages, settings.max_characters
        )
        self._settings = settings
        self._wire = Wire(None, timeout) if timeout else Wire()
        self._session = mounted(requests.Session(), self._wire)
        self._lock = threading.Lock()
        self._account = ""
        self._limit: int | None = None

    def send(self, message: Message, now: datetime) -> Outcome:
        """Post it under its key; a server that knows the key answers with the post it already has."""
        try:
            headers = self._headers() | {"Idempotency-Key": message.key}
            limit = self._instance_limit()
            size = measure("mastodon", message.body, limit=limit or self._settings.max_characters)
            if limit is not None and not size.fits:
                return rejected(Reason.TOO_LONG, f"{size.length} characters; the server takes {size.limit}")
            body = payload(message, self._settings.visibility)
            answer = self._ask("POST", "/api/v1/statuses", headers=headers, json=body)
        except SecretMissing as error:
            return no_secret(error)
        except requests.RequestException as error:
            return failed(error)
        return judge(answer, now)

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """Look through our own posts from a minute before the message was made."""
        try:
            account = self._whoami()
            if not account:
                return CannotTell("the server does not say which account this is")
            return self._search(message, account)
        except SecretMissing as error:
            return CannotTell(str(error))
        except requests.RequestException as error:
            return CannotTell(f"the server cannot be read: {type(error).__name__}")

    def check(self) -> Sequence[Finding]:
        """Ask the server who we are and how long a post may be."""
        account = finding_of(
            f"channel {self.id}", lambda: self._ask("GET", "/api/v1/accounts/verify_credentials",
                                                    headers=self._headers()), _greeting)
        length = finding_of(
            f"channel {self.id} length", lambda: self._ask("GET", "/api/v2/instance"), self._length_told)
        return (account, length)

    def _search(self, message: Message, account: str) -> Found | NotFound | CannotTell:
        since, before = message.created_at - CLOCKS_DIFFER, ""
        for _ in range(PAGES):
            asked = {"limit": str(PAGE), "exclude_reblogs": "true"} | ({"max_id": before} if before else {})
            answer = self._ask("GET", f"/api/v1/accounts/{account}/statuses", headers=self._headers(), params=asked)
            posts = read_statuses(answer)
            if posts is None:
                return CannotTell(f"our own posts answered HTTP {answer.status}")
            recent = [post for post in posts if written_at(post) >= since]
            for post in recent:
                if is_ours(message.body, post):
                    return Found(str(post["id"]))
            if len(recent) < len(posts) or not posts:
                return NotFound()
            before = str(posts[-1]["id"])
        return CannotTell(f"more than {PAGE * PAGES} posts since it was made")

    def _whoami(self) -> str:
        if not self._account:
            answer = self._ask("GET", "/api/v1/accounts/verify_credentials", headers=self._headers())
            id = answer.fields().get("id") if answer.status == 200 else None
            self._account = id if isinstance(id, str) and id.isalnum() else ""
        return self._account

    def _instance_limit(self) -> int | None:
        """How long a post may be, asked once; None while the server does not say. Raises only when it cannot be
        reached at all."""
        with self._lock:
            if self._limit is None:
                try:
                    self._limit = read_limit(self._ask("GET", "/api/v2/instance"))
                except requests.RequestException as error:
                    if was_unsent(error):
                        raise
            return self._limit

    def _length_told(self, answer: HttpAnswer) -> str | None:
        limit = read_limit(answer)
        if limit is None or limit < self._settings.max_characters:
            return None
        return f"takes {limit} characters; {self._settings.max_characters} are configured"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._settings.access_token.reveal()}"}

    def _ask(self, method: str, path: str, **arguments: Any) -> HttpAnswer:
        return self._wire.ask(lambda: self._session.request(
            method, self._settings.base_url + path, allow_redirects=False, **arguments))


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def payload(message: Message, visibility: str) -> dict[str, str]:
    """The post. Mastodon wants languages by their two letters (ISO 639-1)."""
    return {"status": message.body, "visibility": visibility, "language": message.language.split("-")[0].lower()}


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """What the server's answer to a post means."""
    read = answer.fields()
    if answer.status == 200:
        id = read.get("id")
        return sent(id) if isinstance(id, str) and id else judge_status(replace(answer, status=299), now)
    if answer.status == 422 and "character limit" in str(read.get("error", "")).lower():
        return rejected(Reason.TOO_LONG, "HTTP 422: longer than the server takes")
    if answer.status == 403:
        return retry(Reason.FORBIDDEN, "HTTP 403: the account or token may not post", stops=True)
    if answer.status == 429:
        return retry(Reason.RATE_LIMITED, "HTTP 429", at=_limit_ends(answer.headers, now))
    return judge_status(answer, now)


def _limit_ends(headers: Mapping[str, str], now: datetime) -> datetime:
    """X-RateLimit-Reset, an ISO 8601 time; five minutes, the length of a window, where it is missing."""
    try:
        return bounded(parse_rfc3339(headers.get("x-ratelimit-reset", "")), now)
    except (ValueError, OverflowError):
        return now + timedelta(minutes=5)


def read_limit(answer: HttpAnswer) -> int | None:
    """configuration.statuses.max_characters of /api/v2/instance; None where it is not there."""
    read: Any = answer.fields() if answer.status == 200 else {}
    for name in ("configuration", "statuses", "max_characters"):
        read = read.get(name) if isinstance(read, dict) else None
    return read if isinstance(read, int) and not isinstance(read, bool) and read > 0 else None


def read_statuses(answer: HttpAnswer) -> list[Mapping[str, Any]] | None:
    """The posts of one page; None where the answer is no list of posts."""
    read = answer.json() if answer.status == 200 else None
    if not isinstance(read, list) or not all(_is_post(post) for post in read):
        return None
    return read


def _is_post(post: object) -> bool:
    if not isinstance(post, dict) or not all(isinstance(post.get(n), str) for n in ("id", "content", "created_at")):
        return False
    try:
        parse_rfc3339(post["created_at"])
    except (ValueError, OverflowError):
        return False
    return True


def written_at(post: Mapping[str, Any]) -> datetime:
    """When a post was written."""
    return parse_rfc3339(post["created_at"])


def is_ours(text: str, post: Mapping[str, Any]) -> bool:
    """Whether a post says what we said, blanks aside: the server makes HTML of it."""
    return text_of(post["content"]).split() == text.split()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("p", "br", "div", "li"):
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(content: str) -> str:
    """A post's HTML as text. Shortened links are whole in it: CSS hides parts of them, nothing is left out."""
    reader = _Words()
    reader.feed(content)
    reader.close()
    return "".join(reader.words).strip()


def _greeting(answer: HttpAnswer) -> str | None:
    name = answer.fields().get("acct")
    return f"posts as @{name}" if isinstance(name, str) else None
