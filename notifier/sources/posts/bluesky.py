"""Bluesky: every public post, from Jetstream over a web socket, sifted here.

Jetstream has no search: it hands over the whole network's posts, some dozens a second, and resumes from a time. It
delivers at least once, so the same post may come again after a reconnection; the listener counts it once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import structlog
from pydantic import Field
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from ... import metrics
from ...clock import SystemClock
from ...model.mention import Mention
from ...model.post_ids import posted_at
from ...model.settings import Duration, Settings, Slug
from ...ports import Clock, Finding
from .posts import body, in_languages, matcher, moment, part, read_object, words
from .trying import hears

log = structlog.get_logger(__name__)

POSTS = "app.bsky.feed.post"
FRAME_LIMIT = 262_144
"""Bytes of one frame; a post's record is a few thousand."""
LOOK_BACK = timedelta(hours=36)
"""How far back Jetstream keeps events."""
LATE = timedelta(hours=1)
"""A post that says it is older than this when it arrives is imported or lies; the relay's own time is used."""


class BlueskySettings(Settings):
    """Listening on Bluesky."""

    id: Slug
    kind: Literal["bluesky"]
    enabled: bool = True
    """Whether it is listened to."""
    terms: tuple[str, ...] = Field(min_length=1, max_length=200)
    """Words and phrases any of which a post must contain: without them this would be all of Bluesky."""
    own_accounts: tuple[Annotated[str, Field(pattern=r"^did:[a-z]+:[A-Za-z0-9._:%-]+$", max_length=250)], ...] = Field(
        default=(), max_length=20)
    """Our own accounts, by DID, whose posts and replies are heard whatever they say; each must stand in
    detection.own_accounts as "bluesky:DID"."""
    languages: tuple[str, ...] = ()
    """Languages kept, besides posts whose language is not known; empty: all."""
    rewind: Duration = timedelta(seconds=5)
    """How far before the last event seen a new connection begins."""
    silence: Duration = timedelta(seconds=60)
    """The network is never quiet: after so long without an event the connection is made anew."""
    freshness: Duration = timedelta(minutes=5)
    """Silence of the connection for longer than this makes the source blind."""
    base_url: str = Field(default="wss://jetstream2.us-east.bsky.network/subscribe", pattern=r"^wss?://")
    """A Jetstream instance's address for subscribing."""


def event_time(event: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the relay saw an event; None where it says nothing one could believe."""
    micros = event.get("time_us")
    if not isinstance(micros, int) or isinstance(micros, bool):
        return None
    lowest, highest = now - LOOK_BACK, now + timedelta(minutes=1)
    if not lowest.timestamp() * 1e6 <= micros <= highest.timestamp() * 1e6:
        return None
    return min(datetime.fromtimestamp(micros // 1_000_000, UTC) + timedelta(microseconds=micros % 1_000_000), now)


def mention_from(event: Mapping[str, Any], now: datetime) -> Mention | None:
    """A Jetstream event as a mention; None when it is not a new post with text. Pure; never raises."""
    commit = part(event.get("commit"))
    record = part(commit.get("record"))
    did, rkey, text = words(event.get("did")), words(commit.get("rkey")), body(record.get("text"))
    is_new_post = commit.get("operation") == "create" and commit.get("collection") == POSTS
    if not is_new_post or did is None or rkey is None or text is None:
        return None
    langs = record.get("langs")
    answered = words(part(part(record.get("reply")).get("parent")).get("uri"))
    return Mention(
        id=f"at://{did}/{POSTS}/{rkey}",
        created_at=moment(record.get("createdAt"), now, oldest=LATE, otherwise=event_time(event, now)),
        network="bluesky",
        text=text,
        author=did,
        lang=words(langs[0]) if isinstance(langs, list) and langs else None,
        reply_to=answered,
        reply_to_at=posted_at("bluesky", answered, now),
        url=f"https://bsky.app/profile/{did}/post/{rkey}",
    )


class BlueskyMentions:
    """Listens to one Jetstream instance. Remembers where it was, so that a lost connection loses no post."""

    def __init__(self, settings: BlueskySettings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.wanted = matcher(settings.terms)
        self.own = frozenset(account.casefold() for account in settings.own_accounts)
        self.seen_until: datetime | None = None

    @property
    def id(self) -> str:
        """Its id in the configuration."""
        return self.settings.id

    @property
    def freshness(self) -> timedelta:
        """How long silence may last."""
        return self.settings.freshness

    def address(self) -> str:
        """Where to connect: posts only, from a little before the last event seen."""
        asked = {"wantedCollections": POSTS, "maxMessageSizeBytes": str(FRAME_LIMIT)}
        if self.seen_until is not None and self.clock.now() - self.seen_until < LOOK_BACK:
            asked["cursor"] = str(int((self.seen_until - self.settings.rewind).timestamp() * 1_000_000))
        return f"{self.settings.base_url}?{urlencode(asked)}"

    def check(self) -> Finding:
        """Connect, and leave at the first sign of life."""
        return hears(self.id, self.listen, self.clock)

    def listen(self, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]) -> str:
        """Follow the network until the connection ends. Returns why it did."""
        try:
            with connect(
                self.address(), open_timeout=10, close_timeout=2, max_size=FRAME_LIMIT, ping_interval=20,
                ping_timeout=20, user_agent_header="outage-notifier",
            ) as socket:
                alive()
                return self._follow(socket, take, alive, stop)
        except (WebSocketException, OSError, ValueError, EOFError) as error:
            return "asked to stop" if stop() else f"the connection failed: {type(error).__name__}"

    def _follow(
        self, socket: ClientConnection, take: Callable[[Mention], None], alive: Callable[[], None],
        stop: Callable[[], bool],
    ) -> str:
        heard = self.clock.monotonic()
        while not stop():
            try:
                frame = socket.recv(timeout=0.5, decode=False)  # a frame that is not UTF-8 costs one post
            except TimeoutError:
                if self.clock.monotonic() - heard > self.settings.silence.total_seconds():
                    return f"no event for {self.settings.silence}"
                continue
            heard = self.clock.monotonic()
            alive()
            self._event(frame, take)
        return "asked to stop"

    def _event(self, frame: bytes, take: Callable[[Mention], None]) -> None:
        event = read_object(frame, FRAME_LIMIT)
        if event is None:
            metrics.MENTIONS_DROPPED.labels(self.id, "unreadable").inc()
            return
        now = self.clock.now()
        at = event_time(event, now)
        if at is not None:
            self.seen_until = at if self.seen_until is None else max(at, self.seen_until)
        mention = mention_from(event, now)
        if mention is not None and self._wants(mention):
            take(mention)

    def _wants(self, mention: Mention) -> bool:
        if (mention.author or "").casefold() in self.own:
            return True
        return self.wanted(mention.text) and in_languages(mention.lang, self.settings.languages)
