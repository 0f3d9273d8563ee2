"""X: posts through tweepy, and finds out from our own timeline what became of one whose answer was lost.

X takes no idempotency key. It refuses a doubled text with 403 and no id, and every other 403 means something else, so
the body is read and, for a double, the timeline (docs.x.com; xdevplatform/docs, August 2026).
"""

from __future__ import annotations

import html
import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
import tweepy
from pydantic import Field

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Message, Outcome, Reason
from notifier.model.notice import Mode
from notifier.model.people import AddressKind
from notifier.model.settings import Settings, Slug
from notifier.model.times import rfc3339
from notifier.notices.urls import find_links
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
    reset_at,
    retry,
    sent,
    unknown,
)

CLOCKS_DIFFER = timedelta(minutes=1)
"""How much earlier than our own record a post may seem to have been written."""
PAGE = 100
PAGES = 5
_ACCOUNT_TROUBLE = re.compile(
    r"suspend|locked|oauth1-permissions|oauth1 app permissions|client-forbidden|client-not-enrolled"
    r"|unsupported-authentication|read[- ]only application", re.IGNORECASE
)
_CREDIT_TROUBLE = re.compile(r"creditsdepleted|credits? depleted|out of credit|does not have any credits|usage-?cap",
                             re.IGNORECASE)


class XSettings(Settings):
    """Posting on X as one account."""

    id: Slug
    kind: Literal["x"]
    mode: Mode = Mode.TEST
    """What the account is for: test notices or live ones."""
    languages: tuple[str, ...] = ()
    """Languages posted; empty: all the company's."""
    per_minute: float = Field(default=6.0, gt=0, le=60)
    """Most posts a minute; X allows 100 in 15 minutes for each account."""
    consumer_key: Secret
    """API key of the app."""
    consumer_secret: Secret
    """API key secret of the app."""
    access_token: Secret
    """Access token of the account, with permission to write."""
    access_token_secret: Secret
    """Its secret."""
    base_url: BaseUrl = "https://api.x.com"
    """Where X's API is; another only for stand-ins."""


class _Addressed(requests.Session):
    """Asks `base`, whatever host tweepy names, before the request is signed: OAuth 1.0a signs the host too (RFC 5849
    3.4.1.2), so a request readdressed later is refused with 401."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As Session.request; tweepy's URLs hold a path only, their parameters come apart."""
        return super().request(method, self._base + urlsplit(str(url)).path, *args, **kwargs)


class XChannel:
    """One account on X. Nothing is read or connected before the first send, find or check. `rate`: posts a second."""

    keyed_for = timedelta(0)
    reaches: AddressKind | None = None

    def __init__(self, settings: XSettings, *, timeout: tuple[float, float] | None = None) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.rate = settings.per_minute / 60
        self.profile = ChannelProfile(self.id, self.kind, settings.mode, self.reaches, settings.languages)
        self._settings = settings
        self._wire = Wire(None, timeout) if timeout else Wire()
        self._lock = threading.Lock()
        self._client_made: tweepy.Client | None = None
        self._user = ""

    def send(self, message: Message, now: datetime) -> Outcome:
        """Post it once. A text X calls a duplicate is adopted where our timeline shows that it is this one."""
        try:
            client = self._client()
            answer = self._wire.ask(
                lambda: client.create_tweet(text=message.body, user_auth=True), tweepy.TweepyException
            )
        except SecretMissing as error:
            return no_secret(error)
        except requests.RequestException as error:
            return failed(error)
        outcome = judge(answer, now)
        if outcome.reason is Reason.AUTHENTICATION:
            self._forget()
        if outcome.reason is not Reason.DUPLICATE:
            return outcome
        found = self.find(message, now)
        if isinstance(found, Found):
            return replace(sent(found.provider_id), reason=Reason.ADOPTED)
        return outcome if isinstance(found, NotFound) else unknown(Reason.DUPLICATE, f"X has this text; {found.why}")

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """Look through our own timeline from a minute before the message was made."""
        try:
            user = self._whoami()
            if not user:
                return CannotTell("X does not say which account this is")
            return self._search(message, user)
        except SecretMissing as error:
            return CannotTell(str(error))
        except requests.RequestException as error:
            return CannotTell(f"X cannot be read: {type(error).__name__}")

    def check(self) -> Sequence[Finding]:
        """Ask X who we are."""
        return (finding_of(f"channel {self.id}", self._ask_me, _greeting),)

    def _search(self, message: Message, user: str) -> Found | NotFound | CannotTell:
        client, token = self._client(), None
        for _ in range(PAGES):
            answer = self._wire.ask(lambda token=token: client.get_users_tweets(  # type: ignore[misc]
                user, max_results=PAGE, start_time=rfc3339((message.created_at - CLOCKS_DIFFER).replace(microsecond=0)),
                tweet_fields=["created_at", "entities"], exclude=["retweets"], pagination_token=token, user_auth=True,
            ), tweepy.TweepyException)
            page = read_timeline(answer)
            if page is None:
                return CannotTell(f"X's timeline answered HTTP {answer.status}")
            posts, token = page
            for post in posts:
                if is_ours(message.body, post):
                    return Found(str(post["id"]))
            if token is None:
                return NotFound()
        return CannotTell(f"the timeline is longer than {PAGE * PAGES} posts")

    def _whoami(self) -> str:
        if not self._user:
            data = self._ask_me().fields().get("data")
            if isinstance(data, dict) and isinstance(data.get("id"), str) and data["id"].isascii():
                self._user = data["id"] if data["id"].isdigit() else ""
        return self._user

    def _ask_me(self) -> HttpAnswer:
        client = self._client()
        return self._wire.ask(lambda: client.get_me(user_auth=True), tweepy.TweepyException)

    def _forget(self) -> None:
        """Read the secrets anew next time: they may have been renewed since."""
        with self._lock:
            self._client_made = None

    def _client(self) -> tweepy.Client:
        with self._lock:
            if self._client_made is None:
                own = self._settings
                client = tweepy.Client(
                    consumer_key=own.consumer_key.reveal(), consumer_secret=own.consumer_secret.reveal(),
                    access_token=own.access_token.reveal(), access_token_secret=own.access_token_secret.reveal(),
                    return_type=requests.Response, wait_on_rate_limit=False,
                )
                client.session = mounted(_Addressed(own.base_url), self._wire)
                self._client_made = client
            return self._client_made


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """What X's answer to a post means."""
    read = answer.fields()
    if answer.status in (200, 201):
        data = read.get("data")
        id = data.get("id") if isinstance(data, dict) else None
        return sent(id) if isinstance(id, str) and id else judge_status(replace(answer, status=299), now)
    words = _problem(read)
    if answer.status in (402, 403, 429) and _CREDIT_TROUBLE.search(words):
        return retry(Reason.OUT_OF_CREDIT, f"HTTP {answer.status}: out of credit or over the plan's cap", stops=True)
    if answer.status == 403:
        return _forbidden(words)
    if answer.status == 429:
        return retry(Reason.RATE_LIMITED, "HTTP 429", at=_limit_ends(answer.headers, now))
    return judge_status(answer, now)


def _forbidden(words: str) -> Outcome:
    text = words.lower()
    if "duplicate content" in text or "code 187" in text:
        return rejected(Reason.DUPLICATE, "HTTP 403: X has this text already")
    if "too long" in text or "code 186" in text:
        return rejected(Reason.TOO_LONG, "HTTP 403: longer than X takes")
    if _ACCOUNT_TROUBLE.search(text):
        return retry(Reason.FORBIDDEN, "HTTP 403: the account or app may not post", stops=True)
    # Nobody knows what it means: the channel stops and tries again later, which a person sees and no notice is lost to.
    return retry(Reason.FORBIDDEN, "HTTP 403: X does not permit this post", stops=True)


def _problem(read: Mapping[str, Any]) -> str:
    """Title, type, detail and error codes of X's two shapes of problem, as one text to search."""
    errors = read.get("errors")
    parts: list[Mapping[str, Any]] = [read]
    parts += [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    words = [str(part.get(name, "")) for part in parts[:10] for name in ("title", "type", "detail", "message")]
    words += [f"code {part['code']}" for part in parts[:10] if "code" in part]
    return " ".join(words)[:4000]


def _limit_ends(headers: Mapping[str, str], now: datetime) -> datetime:
    """When the limits that are used up are reset: the latest of them, for they all hold."""
    daily = [name for name in ("x-app-limit-24hour", "x-user-limit-24hour") if headers.get(f"{name}-remaining") == "0"]
    ends = [reset_at(headers, f"{name}-reset", now) for name in ("x-rate-limit", *daily)]
    known = [end for end in ends if end is not None]
    return bounded(max(known), now) if known else now + timedelta(minutes=15)


def read_timeline(answer: HttpAnswer) -> tuple[list[Mapping[str, Any]], str | None] | None:
    """The posts of one page and the token of the next; None where the answer is no timeline."""
    read = answer.fields()
    meta, data = read.get("meta"), read.get("data", [])
    if answer.status != 200 or not isinstance(meta, dict) or not isinstance(data, list):
        return None
    posts: list[Mapping[str, Any]] = [
        post for post in data if isinstance(post, dict) and isinstance(post.get("text"), str) and post.get("id")
    ]
    if len(posts) != len(data):
        return None
    token = meta.get("next_token")
    return posts, token if isinstance(token, str) and token else None


_SHORT = re.compile(r"https?://t\.co/\w+")


def is_ours(text: str, post: Mapping[str, Any]) -> bool:
    """Whether a post says what we said: X escapes &, < and >, normalises to NFC and swaps every link for a t.co one."""
    said = html.unescape(post["text"])
    for short, whole in _expansions(post):
        said = said.replace(short, whole)
    if _SHORT.search(said):  # a link X does not expand: compare without any
        return _plain(_SHORT.sub("link", said)) == _plain(_linkless(text))
    return _plain(said) == _plain(text)


def _expansions(post: Mapping[str, Any]) -> list[tuple[str, str]]:
    entities = post.get("entities")
    urls = entities.get("urls") if isinstance(entities, dict) else None
    pairs = [(url.get("url"), url.get("expanded_url")) for url in urls if isinstance(url, dict)] if isinstance(
        urls, list) else []
    return [(short, whole) for short, whole in pairs if isinstance(short, str) and short and isinstance(whole, str)]


def _linkless(text: str) -> str:
    for link in reversed(find_links(text)):
        text = text[: link.start] + "link" + text[link.end :]
    return text


def _plain(text: str) -> str:
    bare = re.sub(r"https?://", "", unicodedata.normalize("NFC", text), flags=re.IGNORECASE)
    return " ".join(word.rstrip("/") for word in bare.split())


def _greeting(answer: HttpAnswer) -> str | None:
    data = answer.fields().get("data")
    name = data.get("username") if isinstance(data, dict) else None
    return f"posts as @{name}" if isinstance(name, str) else None


