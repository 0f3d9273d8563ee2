"""X: the filtered stream where the account may have it, recent search where it may not.

tweepy speaks to X; what it leaves out (time-outs, limits, leaving a quiet stream, the time a rate limit ends) is in
`wire`. Posts are read from the raw answers: one field of the wrong type must cost one post, not the connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

import requests
import structlog
import tweepy
import urllib3
from pydantic import Field, model_validator

from ... import metrics
from ...clock import SystemClock
from ...model.mention import Mention
from ...model.settings import Duration, Settings, Slug
from ...ports import Clock, Finding
from ...secret import Secret, SecretMissing
from .posts import part, parts, read_object, words
from .trying import answers
from .wire import Wire, ended_by, never_redirected
from .x_posts import QUERY_LENGTH, RULE_LENGTH, mention_from, posted_at, rules

log = structlog.get_logger(__name__)

_HOST = "https://api.twitter.com"
"""Where tweepy believes X lives; the wire takes it to `base_url`."""
PAGE = 100
PAGES = 5
"""Posts read per query and turn, at most: every one read is paid for."""
FIRST_LOOK = timedelta(minutes=15)
OVERLAP_MS = 10_000
"""The search index fills out of order by seconds, so each turn looks back this far before the newest post seen."""
PARK_MOST = timedelta(hours=1)
GIVE_UP_STREAM = 3
"""Connections in a row that brought nothing, after which search takes over."""
STEADY_SECONDS = 60.0
_FIELDS: Mapping[str, list[str]] = {
    "tweet_fields": ["author_id", "created_at", "geo", "lang", "note_tweet", "referenced_tweets"],
    "expansions": ["author_id", "geo.place_id"],
    "user_fields": ["location"],
    "place_fields": ["country", "country_code", "full_name"],
}


class XSettings(Settings):
    """Listening on X."""

    id: Slug
    kind: Literal["x"]
    enabled: bool = True
    """Whether it is listened to."""
    bearer_token: Secret
    """The app's bearer token."""
    terms: tuple[str, ...] = Field(default=(), max_length=200)
    """Words and phrases any of which a post must contain."""
    query: str | None = Field(default=None, max_length=480)
    """A query in X's own language instead of `terms`."""
    own_accounts: tuple[Annotated[str, Field(pattern=r"^[0-9]{1,19}$")], ...] = Field(default=(), max_length=20)
    """Our own accounts, by number, whose posts and replies are heard besides; each must stand in
    detection.own_accounts as "x:NUMBER". Their posts are paid for too. Alone, without `terms`: nothing else is heard.
    """
    languages: tuple[str, ...] = ()
    """Languages asked for; empty: all."""
    reposts: bool = False
    """Whether to read reposts too: they are paid for and count nobody new."""
    method: Literal["auto", "stream", "search"] = "auto"
    """auto: the stream, and recent search while the stream is refused or keeps failing."""
    poll_every: Duration = timedelta(seconds=60)
    """Time between two turns of recent search."""
    retry_stream_after: Duration = timedelta(minutes=30)
    """How long to search before the stream is tried again."""
    freshness: Duration = timedelta(minutes=5)
    """Silence of the connection for longer than this makes the source blind."""
    base_url: str = Field(default="https://api.x.com", pattern=r"^https?://")
    """Where X's API is; another only for stand-ins."""

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> XSettings:
        if bool(self.query) == bool(self.terms) and (self.query or not self.own_accounts):
            raise ValueError("expected exactly one of terms, query")
        return self


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why X did not give what was asked; `again_at` where it said when it will."""

    why: str
    status: int | None = None
    again_at: datetime | None = None


class _Stream(tweepy.StreamingClient):  # type: ignore[misc]
    """tweepy's stream with its own retries, sleeps and logs of contents taken out: any ending ends it."""

    def __init__(
        self, token: str, *, line: Callable[[bytes], None], alive: Callable[[], None], catch_up: Callable[[], None]
    ) -> None:
        super().__init__(token, return_type=dict, wait_on_rate_limit=False, max_retries=0)
        self.line = line
        self.alive = alive
        self.catch_up = catch_up
        self.connected = False
        self.ended = "X closed the stream"

    def on_connect(self) -> None:
        self.connected = True
        self.alive()
        self.catch_up()

    def on_keep_alive(self) -> None:
        self.alive()

    def on_data(self, raw_data: bytes) -> None:
        self.alive()
        self.line(raw_data)

    def on_closed(self, response: requests.Response) -> None:
        pass

    def on_disconnect(self) -> None:
        pass

    def on_request_error(self, status_code: int) -> None:
        self.ended = f"X refused the stream with status {status_code}"
        self.running = False

    def on_connection_error(self) -> None:
        self.ended = "the connection to X failed or fell silent"
        self.running = False

    def on_exception(self, exception: Exception) -> None:
        self.ended = f"the stream broke: {type(exception).__name__}"


class XMentions:
    """Listens to X. One connection at a time, as X allows."""

    def __init__(self, settings: XSettings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.newest: str | None = None
        self.stream_again_at: datetime | None = None
        self.stream_failures = 0

    @property
    def id(self) -> str:
        """Its id in the configuration."""
        return self.settings.id

    @property
    def freshness(self) -> timedelta:
        """How long silence may last."""
        return self.settings.freshness

    def check(self) -> Finding:
        """Ask for the stream's rules: free, and it takes nobody's connection."""
        path = "/2/tweets/search/stream/rules"
        return answers(self.id, self.settings.base_url, path, self.settings.bearer_token, self.clock)

    def listen(self, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]) -> str:
        """Stream, or search while the stream is not to be had. Returns why it ended."""
        try:
            token = self.settings.bearer_token.reveal()
        except SecretMissing as missing:
            return str(missing)
        while not stop():
            if self._stream_is_due():
                refusal = self._stream(token, take, alive, stop)
                if stop():
                    break
                if not self._searches_now(refusal):
                    return refusal.why
                log.info("x.searching_instead", source=self.id, why=refusal.why)
            elif self.settings.method == "stream":
                self._wait_until(self.stream_again_at, stop)
                continue
            why = self._search(token, take, alive, stop)
            if why:
                return why
        return "asked to stop"

    # ── the stream ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _stream_is_due(self) -> bool:
        if self.settings.method == "search":
            return False
        return self.stream_again_at is None or self.clock.now() >= self.stream_again_at

    def _searches_now(self, refusal: Refusal) -> bool:
        """Note how the stream ended; True when search is to take over."""
        if refusal.status == 200:
            self.stream_failures = 0
            return False
        refused = refusal.status is not None and 400 <= refusal.status < 500
        self.stream_failures += 1
        if not refused and self.stream_failures < GIVE_UP_STREAM:
            return False
        self.stream_failures = 0
        wait = self.clock.now() + self.settings.retry_stream_after
        self.stream_again_at = min(refusal.again_at or wait, wait)
        return self.settings.method == "auto"

    def _stream(
        self, token: str, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]
    ) -> Refusal:
        lines = _Lines(self, take)
        stream = _Stream(token, line=lines.read, alive=alive, catch_up=lambda: self._catch_up(token, take))
        begun = self.clock.monotonic()
        wire = self._mount(stream.session)
        refusal = self._sync_rules(stream, wire)
        if refusal is not None:
            stream.session.close()
            return refusal
        with ended_by(stop, wire.interrupt, self.clock):
            stream.filter(**_FIELDS)
        if stream.connected:
            useful = lines.count > 0 or self.clock.monotonic() - begun > STEADY_SECONDS
            return Refusal(lines.farewell or stream.ended, 200 if useful else None)
        again_at = _reset(wire, self.clock.now()) if wire.status == 429 else None
        refused = wire.status if wire.status is not None and wire.status != 200 else None
        return Refusal(stream.ended, refused, again_at)

    def _catch_up(self, token: str, take: Callable[[Mention], None]) -> None:
        """On a new connection, read what was posted since the one before ended."""
        if self.newest is not None:
            self._look_once(token, take)

    def _sync_rules(self, stream: _Stream, wire: Wire) -> Refusal | None:
        """Make the stream's rules those of the settings. Only rules with our tag are ours to delete."""
        tag = f"notifier:{self.id}"
        wanted = rules(self.settings, RULE_LENGTH)
        answer = self._ask(wire, stream.get_rules)
        if isinstance(answer, Refusal):
            return answer
        ours = {str(rule.get("value")): rule.get("id") for rule in parts(answer.get("data")) if rule.get("tag") == tag}
        stale = [id for value, id in ours.items() if value not in wanted and isinstance(id, str)]
        missing = [tweepy.StreamRule(value=value, tag=tag) for value in wanted if value not in ours]
        if stale:
            gone = self._ask(wire, lambda: stream.delete_rules(stale))
            if isinstance(gone, Refusal):
                return gone
        if missing:
            added = self._ask(wire, lambda: stream.add_rules(missing))
            if isinstance(added, Refusal):
                return added
            if added.get("errors"):
                log.warning("x.rules_refused", source=self.id, wanted=len(missing), refused=len(parts(added["errors"])))
        return None

    # ── recent search ────────────────────────────────────────────────────────────────────────────────────────────────

    def _search(
        self, token: str, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]
    ) -> str:
        """Search until the stream is worth another try ("") or something is wrong (why)."""
        while not stop():
            refusal = self._look_once(token, take)
            if refusal is None:
                alive()
                self.clock.wait(self.settings.poll_every.total_seconds(), stop)
            elif refusal.again_at is not None:
                log.warning("x.rate_limited", source=self.id, until=refusal.again_at.isoformat())
                self._wait_until(refusal.again_at, stop)
            else:
                return refusal.why
            if self._stream_is_due():
                return ""
        return "asked to stop"

    def _look_once(self, token: str, take: Callable[[Mention], None]) -> Refusal | None:
        """Ask every query once for what is new, and hand it on oldest first."""
        client = tweepy.Client(token, return_type=dict, wait_on_rate_limit=False)
        wire = self._mount(client.session)
        lines = _Lines(self, take)
        since = self._since()
        try:
            for query in rules(self.settings, QUERY_LENGTH):
                pages = self._pages(client, wire, query, since)
                if isinstance(pages, Refusal):
                    return pages
                for page in reversed(pages):
                    for post in reversed(parts(page.get("data"))):
                        lines.deliver(post, part(page.get("includes")))
        finally:
            client.session.close()
        return None

    def _since(self) -> dict[str, Any]:
        newest = posted_at(self.newest)
        now = self.clock.now()
        if self.newest is not None and newest is not None and newest > now - timedelta(days=6):
            return {"since_id": str(max(1, int(self.newest) - (OVERLAP_MS << 22)))}
        return {"start_time": now - FIRST_LOOK}

    def _pages(
        self, client: tweepy.Client, wire: Wire, query: str, since: Mapping[str, Any]
    ) -> list[dict[str, Any]] | Refusal:
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = dict(since)
        for _ in range(PAGES):
            search = partial(client.search_recent_tweets, query, max_results=PAGE, **_FIELDS, **more)
            answer = self._ask(wire, search)
            if isinstance(answer, Refusal):
                return answer
            found.append(answer)
            token = words(part(answer.get("meta")).get("next_token"), 1000)
            if token is None:
                return found
            more["next_token"] = token
        log.warning("x.search_cut_short", source=self.id, pages=PAGES)
        return found

    # ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _mount(self, session: requests.Session) -> Wire:
        wire = Wire(self.settings.base_url, clock=self.clock)
        session.mount(_HOST, wire)
        never_redirected(session)
        return wire

    def _wait_until(self, moment: datetime | None, stop: Callable[[], bool]) -> None:
        if moment is not None:
            self.clock.wait(max(0.0, (moment - self.clock.now()).total_seconds()), stop)

    def _ask(self, wire: Wire, call: Callable[[], Any]) -> dict[str, Any] | Refusal:
        """One request through tweepy, whose own reading of a hostile answer may raise nearly anything."""
        wire.status = None
        try:
            answer = call()
        except (
            tweepy.TweepyException, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError,
            TypeError, AttributeError, KeyError, RecursionError,
        ) as error:
            again_at = _reset(wire, self.clock.now()) if wire.status == 429 else None
            why = f"X answered with status {wire.status}" if wire.status else f"X not reached: {type(error).__name__}"
            return Refusal(why, wire.status, again_at)
        return answer if isinstance(answer, dict) else Refusal("X answered with something that is not an object")

    def noticed(self, id: str) -> None:
        """Remember the newest post, unless its id claims to be from the future."""
        at = posted_at(id)
        if at is not None and at <= self.clock.now() + timedelta(minutes=1):
            self.newest = id if self.newest is None else max(self.newest, id, key=int)


class _Lines:
    """Turns what the stream says into mentions, one line a post."""

    def __init__(self, source: XMentions, take: Callable[[Mention], None]) -> None:
        self.source = source
        self.take = take
        self.count = 0
        self.farewell = ""

    def read(self, raw: bytes) -> None:
        """One line: a post, or X's word that it is about to close."""
        line = read_object(raw)
        post = None if line is None else line.get("data")
        if line is None or not isinstance(post, dict):
            problems = parts((line or {}).get("errors"))
            if problems:
                self.farewell = f"X ended the stream: {words(problems[0].get('title'), 100) or 'no reason given'}"
            else:
                metrics.MENTIONS_DROPPED.labels(self.source.id, "unreadable").inc()
            return
        if self._is_ours(parts(line.get("matching_rules"))):
            self.deliver(post, part(line.get("includes")))

    def deliver(self, post: Mapping[str, Any], includes: Mapping[str, Any]) -> None:
        """Hand one post on, if it can be read."""
        mention = mention_from(post, includes, self.source.clock.now())
        if mention is None:
            metrics.MENTIONS_DROPPED.labels(self.source.id, "unreadable").inc()
            return
        self.count += 1
        self.source.noticed(mention.id)
        self.take(mention)

    def _is_ours(self, matched: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a rule of ours matched: all rules of an X project share its one stream."""
        tags = [rule.get("tag") for rule in matched]
        return not tags or f"notifier:{self.source.id}" in tags


def _reset(wire: Wire, now: datetime) -> datetime:
    """When a rate limit ends by X's account: in a minute when it does not say, in an hour at most."""
    value = wire.headers.get("x-rate-limit-reset", "")
    if not re.fullmatch(r"[0-9]{1,12}", value):
        return now + timedelta(minutes=1)
    seconds = min(max(int(value) - now.timestamp(), 1.0), PARK_MOST.total_seconds())
    return now + timedelta(seconds=seconds)
