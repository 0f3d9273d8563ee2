"""Mastodon: posts over its REST API under an Idempotency-Key, and reads our own posts once that key may be forgotten.

The key lives an hour, is stored after the post is saved, and relatives of Mastodon ignore it: so an error of the
server's is UNKNOWN here, never a plain retry (docs.joinmastodon.org/methods/statuses; PostStatusService). How long a
post may be and what a link counts is the server's to say, and is asked.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import requests
from pydantic import Field

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Message, Outcome, OutcomeKind, Reason
from notifier.model.limit import Limit
from notifier.model.notice import Mode
from notifier.model.people import AddressKind
from notifier.model.settings import Settings, Slug
from notifier.model.times import parse_rfc3339
from notifier.notices.fit import measure
from notifier.ports import CannotTell, Finding, Found, NotFound
from notifier.secret import Secret, SecretMissing

from .allowance import Allowance, limits_of, place, with_remaining
from .far_clock import FarClock
from .mastodon_instance import FRESH_FOR, Instance, read_instance
from .mastodon_posts import is_ours, read_history, read_statuses, was_edited, written_at
from .own_posts import OwnPosts
from .wire import (
    BaseUrl,
    HttpAnswer,
    Wire,
    bounded,
    failed,
    finding_of,
    judge_status,
    key_of,
    mounted,
    no_secret,
    rejected,
    retry,
    retry_after,
    sent,
    throttled,
    was_unsent,
)

KEY_LIFE = timedelta(minutes=55)
"""Five minutes less than the hour a server keeps a key."""
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
    """Most posts a minute."""
    limits: tuple[Allowance, ...] = (Allowance(most=300, within=timedelta(minutes=5)),)
    """Requests the server allows the account, counted together for all channels with its access token; a post is
    one."""
    base_url: BaseUrl
    """The server, such as https://mastodon.example."""
    access_token: Secret
    """Token of the account with the scopes read:accounts, read:statuses and write:statuses."""
    visibility: Literal["public", "unlisted", "private"] = "public"
    """Who sees the posts."""
    max_characters: int | None = Field(default=None, ge=50, le=100_000)
    """Longest post to write; the server's own limit, 500 until it has told, where not given or where that is less."""


class MastodonChannel:
    """One account on a Mastodon server. Nothing is read or connected before the first send, find or check. `rate`:
    posts a second."""

    reaches: AddressKind | None = None

    def __init__(self, settings: MastodonSettings, *, timeout: tuple[float, float] | None = None) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.rate = settings.per_minute / 60
        account = f"mastodon/{urlsplit(settings.base_url).netloc}/{place(settings.access_token)}"
        self.limits = (Limit.flowing(f"channel/{self.id}", self.rate), *limits_of(account, settings.limits))
        self._settings = settings
        self._wire = Wire(None, timeout) if timeout else Wire()
        self._session = mounted(requests.Session(), self._wire)
        self._lock = threading.Lock()
        self._account = ""
        self._instance: Instance | None = None
        self._asked_at: datetime | None = None
        self._own = OwnPosts()
        self._far = FarClock()

    @property
    def profile(self) -> ChannelProfile:
        """What composing needs to know, as far as the server has told by now."""
        told, wanted = self._instance, self._settings.max_characters
        limits = [limit for limit in (wanted, told.limit if told else None) if limit is not None]
        return ChannelProfile(
            self.id, self.kind, self._settings.mode, self.reaches, self._settings.languages,
            min(limits) if limits else None, link_length=told.link if told else None)

    @property
    def keyed_for(self) -> timedelta:
        """Zero until the server has told that it is one that honours keys."""
        return KEY_LIFE if self._instance is not None and self._instance.keyed else timedelta()

    def learn(self, now: datetime) -> None:
        """Ask the server for its limits, so that the first notice is composed by them. Never raises."""
        with contextlib.suppress(requests.RequestException):
            self._told(now)

    def send(self, message: Message, now: datetime) -> Outcome:
        """Post it under its key; a server that knows the key answers with the post it already has."""
        try:
            headers = self._headers() | {"Idempotency-Key": key_of(message)}
            told = self._told(now)
            if told is not None and told.limit is not None:
                size = measure("mastodon", message.body, limit=told.limit, link=told.link)
                if not size.fits:
                    return rejected(Reason.TOO_LONG, f"{size.length} characters; the server takes {size.limit}")
            body = payload(message, self._settings.visibility)
            answer = self._ask("POST", "/api/v1/statuses", headers=headers, json=body)
        except SecretMissing as error:
            return no_secret(error)
        except requests.RequestException as error:
            return failed(error)
        outcome = with_remaining(judge(answer, now), answer.headers, "x-ratelimit-remaining")
        if outcome.kind is OutcomeKind.SENT:
            self._own.take(str(outcome.provider_id), message.key)
        return outcome

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """Look through our own posts from a minute before the message was made."""
        try:
            self._told(now)
            account = self._whoami()
            if not account:
                return CannotTell("the server does not say which account this is")
            return self._search(message, account, now)
        except SecretMissing as error:
            return CannotTell(str(error))
        except requests.RequestException as error:
            return CannotTell(f"the server cannot be read: {type(error).__name__}")

    def check(self) -> Sequence[Finding]:
        """Ask the server who we are, how long a post may be, and for our own posts: without them a lost answer is never
        settled."""
        account = finding_of(
            f"channel {self.id}", lambda: self._ask("GET", "/api/v1/accounts/verify_credentials",
                                                    headers=self._headers()), _greeting)
        length = finding_of(
            f"channel {self.id} length", lambda: self._ask("GET", "/api/v2/instance"), self._length_told)
        posts = finding_of(f"channel {self.id} own posts", self._ask_posts, _readable)
        return (account, length, posts)

    def _search(self, message: Message, account: str, now: datetime) -> Found | NotFound | CannotTell:
        before = ""
        for _ in range(PAGES):
            asked = {"limit": str(PAGE), "exclude_reblogs": "true"} | ({"max_id": before} if before else {})
            answer = self._ask("GET", f"/api/v1/accounts/{account}/statuses", headers=self._headers(), params=asked)
            posts = read_statuses(self._far.heard(answer, now))
            if posts is None:
                return CannotTell(f"our own posts answered HTTP {answer.status}")
            recent = [post for post in posts if written_at(post) >= self._far.earliest(message, now)]
            for post in recent:
                same = self._is_same(message.body, post)
                if isinstance(same, CannotTell):
                    return same
                if same and not self._own.is_anothers(post["id"], message.key):
                    self._own.take(post["id"], message.key)
                    return Found(str(post["id"]))
            if len(recent) < len(posts) or not posts:
                return NotFound()
            before = str(posts[-1]["id"])
        return CannotTell(f"more than {PAGE * PAGES} posts since it was made")

    def _is_same(self, text: str, post: Mapping[str, Any]) -> bool | CannotTell:
        """Whether a post says `text`, or said so before somebody edited it."""
        if is_ours(text, post) or not was_edited(post):
            return is_ours(text, post)
        versions = read_history(self._ask("GET", f"/api/v1/statuses/{quote(post['id'], safe='')}/history",
                                          headers=self._headers()))
        if versions is None:
            return CannotTell("a post of ours was edited, and what it said before cannot be read")
        return any(is_ours(text, version) for version in versions)

    def _ask_posts(self) -> HttpAnswer:
        return self._ask("GET", f"/api/v1/accounts/{self._whoami()}/statuses", headers=self._headers(),
                         params={"limit": "1"})

    def _whoami(self) -> str:
        if not self._account:
            answer = self._ask("GET", "/api/v1/accounts/verify_credentials", headers=self._headers())
            id = answer.fields().get("id") if answer.status == 200 else None
            self._account = id if isinstance(id, str) and id.isalnum() else ""
        return self._account

    def _told(self, now: datetime) -> Instance | None:
        """What the server says of itself, asked twice a day; None while it does not say. Raises only when it cannot be
        reached at all and never could."""
        with self._lock:
            if self._asked_at is None or not timedelta() <= now - self._asked_at < FRESH_FOR:
                try:
                    told = read_instance(self._ask("GET", "/api/v2/instance"))
                except requests.RequestException as error:
                    if self._instance is None and was_unsent(error):
                        raise
                    told = None
                self._instance = told or self._instance
                self._asked_at = now if told else self._asked_at
            return self._instance

    def _length_told(self, answer: HttpAnswer) -> str | None:
        told, wanted = read_instance(answer), self._settings.max_characters
        if told is None or told.limit is None or (wanted is not None and told.limit < wanted):
            return None
        keyed = "honours Idempotency-Key" if told.keyed else "may ignore Idempotency-Key, so posts are read instead"
        return f"takes {told.limit} characters{f'; {wanted} are configured' if wanted else ''}; {keyed}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._settings.access_token.reveal()}"}

    def _ask(self, method: str, path: str, **arguments: Any) -> HttpAnswer:
        return self._wire.ask(lambda: self._session.request(
            method, self._settings.base_url + path, allow_redirects=False, **arguments))


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def payload(message: Message, visibility: str) -> dict[str, str]:
    """The post. Mastodon wants languages by their two letters (ISO 639-1); relatives of it would make Markdown of a
    text unless told that it is plain, and then it is not recognised."""
    language = message.language.split("-")[0].lower()
    return {"status": message.body, "visibility": visibility, "language": language, "content_type": "text/plain"}


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """What the server's answer to a post means."""
    read = answer.fields()
    if answer.status == 200:
        id = read.get("id")
        return sent(id) if isinstance(id, str) and id else judge_status(replace(answer, status=299), now)
    if answer.status == 422 and "character limit" in str(read.get("error", "")).lower():
        return rejected(Reason.TOO_LONG, "HTTP 422: longer than the server takes")
    if answer.status in (403, 410):
        return retry(Reason.FORBIDDEN, f"HTTP {answer.status}: the account or token may not post", stops=True)
    if answer.status == 429:
        return throttled("HTTP 429", _limit_ends(answer.headers, now))
    return judge_status(answer, now)


def _limit_ends(headers: Mapping[str, str], now: datetime) -> datetime:
    """X-RateLimit-Reset, an ISO 8601 time, or what a proxy before the server says; five minutes, the length of a
    window, where nobody does."""
    try:
        return bounded(parse_rfc3339(headers.get("x-ratelimit-reset", "")), now)
    except (ValueError, OverflowError):
        return retry_after(headers, now) or now + timedelta(minutes=5)


def _readable(answer: HttpAnswer) -> str | None:
    return "our own posts can be read" if read_statuses(answer) is not None else None


def _greeting(answer: HttpAnswer) -> str | None:
    name = answer.fields().get("acct")
    return f"posts as @{name}" if isinstance(name, str) else None
