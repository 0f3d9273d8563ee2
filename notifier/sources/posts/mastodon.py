"""Mastodon: its streaming API over plain HTTP, read by hand.

Server-sent events are five rules and a blank line; a library for them would hide the heartbeats, which are the only
proof that a quiet stream is alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

import requests
import structlog
import urllib3
from pydantic import Field, model_validator

from ... import metrics
from ...clock import SystemClock
from ...model.mention import Mention
from ...model.settings import Duration, Settings, Slug
from ...ports import Clock, Finding
from ...secret import Secret, SecretMissing
from .mastodon_own import OwnStatuses
from .mastodon_posts import mention_from
from .posts import LINE_LIMIT, in_languages, matcher, read_object
from .trying import hears
from .wire import CONNECT_SECONDS, Wire, ended_by, never_redirected

__all__ = ["EventReader", "MastodonMentions", "MastodonSettings", "lines_of", "mention_from"]

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 40.0
"""Mastodon sends a heartbeat every 15 s; two missed and a bit mean the connection is dead."""
PIECE = 16_384
"""Bytes read at a time, at most; what has come is read at once."""
_PATHS = {
    "hashtag": "/api/v1/streaming/hashtag", "public": "/api/v1/streaming/public",
    "local": "/api/v1/streaming/public/local",
}


class MastodonSettings(Settings):
    """Listening on one Mastodon server: one connection for one stream."""

    id: Slug
    kind: Literal["mastodon"]
    enabled: bool = True
    """Whether it is listened to."""
    base_url: str = Field(pattern=r"^https?://")
    """The server, such as https://mastodon.social, or the host it names for streaming."""
    stream: Literal["hashtag", "public", "local"] = "hashtag"
    """hashtag: posts with `hashtag`; public: all the server sees; local: its own people's."""
    hashtag: str | None = Field(default=None, pattern=r"^\w{1,100}$")
    """The tag, without its sign; needed for, and only for, the hashtag stream."""
    terms: tuple[str, ...] = Field(default=(), max_length=200)
    """Words and phrases any of which a post must contain; empty: all posts of the stream."""
    languages: tuple[str, ...] = ()
    """Languages kept, besides posts whose language is not known; empty: all."""
    own_accounts: tuple[Annotated[str, Field(pattern=r"^[\w.-]+@[\w.:-]+$", max_length=350)], ...] = Field(
        default=(), max_length=5)
    """Our own accounts, "care@social.example", whose posts and replies are asked for besides: no public stream holds
    replies to others. Each must stand in detection.own_accounts as "mastodon:care@social.example"."""
    own_url: str | None = Field(default=None, pattern=r"^https?://")
    """The server that is asked for them, best the account's own; `base_url` where left out. The token is not sent to
    another server."""
    own_every: Duration = timedelta(seconds=60)
    """How often they are asked for."""
    token: Secret | None = None
    """Access token; many servers stream to nobody without one."""
    freshness: Duration = timedelta(minutes=5)
    """Silence of the connection for longer than this makes the source blind."""

    @model_validator(mode="after")
    def _tag_where_needed(self) -> MastodonSettings:
        if (self.stream == "hashtag") != (self.hashtag is not None):
            raise ValueError("expected hashtag exactly where stream is hashtag")
        return self


class EventReader:
    """Puts lines of a server-sent event stream together (html.spec.whatwg.org, "server-sent events")."""

    def __init__(self) -> None:
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, line: bytes) -> tuple[str, str] | None:
        """Take one line without its break. Returns (event, data) when it ends an event that carries data."""
        if not line:
            found = (self._event or "message", "\n".join(self._data))
            complete = bool(self._data) and self._size <= LINE_LIMIT
            self._event, self._data, self._size = "", [], 0
            return found if complete else None
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event = value[:100]
        elif name == "data":
            self._size += len(value) + 1
            if self._size <= LINE_LIMIT:
                self._data.append(value)
        return None


def lines_of(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut a body into lines at LF or CRLF; what follows the last break is dropped: it was not finished."""
    pieces: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        pieces.append(first)
        for other in others:
            yield b"".join(pieces).removesuffix(b"\r")
            pieces = [other]


class MastodonMentions:
    """Listens to one stream of one server."""

    def __init__(self, settings: MastodonSettings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.wanted = matcher(settings.terms)
        self.host = urlsplit(settings.base_url).hostname or ""
        self.own = OwnStatuses(
            settings.own_accounts, settings.own_url or settings.base_url, source=settings.id, every=settings.own_every,
            token=settings.token if settings.own_url is None else None, clock=self.clock)

    @property
    def id(self) -> str:
        """Its id in the configuration."""
        return self.settings.id

    @property
    def freshness(self) -> timedelta:
        """How long silence may last."""
        return self.settings.freshness

    def check(self) -> Finding:
        """Connect, and leave at the first sign of life; look up our own accounts."""
        found = hears(self.id, self.listen, self.clock)
        missing = self.own.missing() if found.ok else ""
        return Finding(self.id, False, f"connects, but {missing}") if missing else found

    def listen(self, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]) -> str:
        """Follow the stream until it ends. Returns why it did."""
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        try:
            if self.settings.token is not None:
                headers["Authorization"] = f"Bearer {self.settings.token.reveal()}"
        except SecretMissing as missing:
            return str(missing)
        wire = Wire(self.settings.base_url, clock=self.clock)
        with requests.Session() as session, ended_by(stop, wire.interrupt, self.clock):
            session.mount("https://", wire)
            session.mount("http://", wire)
            never_redirected(session)
            try:
                return self._follow(session, headers, take, alive, stop)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                return "asked to stop" if stop() else f"the connection failed: {type(error).__name__}"

    def _follow(
        self, session: requests.Session, headers: Mapping[str, str], take: Callable[[Mention], None],
        alive: Callable[[], None], stop: Callable[[], bool],
    ) -> str:
        base = urlsplit(self.settings.base_url)
        url = f"{base.scheme}://{base.netloc}{_PATHS[self.settings.stream]}"  # the wire puts the base's path in front
        tag = {"tag": self.settings.hashtag} if self.settings.hashtag else {}
        with session.get(
            url, params=tag, headers=headers, stream=True, timeout=(CONNECT_SECONDS, SILENCE_SECONDS)
        ) as answer:
            if answer.status_code != 200:
                return f"the server answered with status {answer.status_code}"
            if "text/event-stream" not in answer.headers.get("content-type", ""):
                return "the server answered with something that is not an event stream"
            alive()
            self.own.look(take)
            reader = EventReader()
            for line in lines_of(answer.iter_content(chunk_size=PIECE)):
                if stop():
                    return "asked to stop"
                alive()
                self.own.look(take)
                event = reader.feed(line)
                if event is not None and event[0] == "update":
                    self._status(event[1], take)
        return "asked to stop" if stop() else "the server closed the stream"

    def _status(self, data: str, take: Callable[[Mention], None]) -> None:
        status = read_object(data)
        mention = None if status is None else mention_from(status, self.host, self.clock.now())
        if mention is None:
            metrics.MENTIONS_DROPPED.labels(self.id, "unreadable").inc()
        elif self.wanted(mention.text) and in_languages(mention.lang, self.settings.languages):
            take(mention)
