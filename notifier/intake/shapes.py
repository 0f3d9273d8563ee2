"""A post's bytes → Mention, by the very rules of the sources that listen: there is one meaning of a post.

What comes as one line or frame of a network's stream is read here without the connection it came by, so that posts
taken from a queue mean what they would have meant when heard directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from ..model.mention import Mention
from ..model.settings import Settings
from ..sources.posts import bluesky, mastodon, x_posts
from ..sources.posts.bluesky import FRAME_LIMIT, BlueskySettings
from ..sources.posts.export import ExportSettings
from ..sources.posts.export_lines import RefusedLine, read_line
from ..sources.posts.mastodon import MastodonSettings
from ..sources.posts.posts import LINE_LIMIT, in_languages, matcher, part, parts, read_object
from ..sources.posts.x import XSettings


class Shape(StrEnum):
    """How a source writes its posts."""

    X = "x"
    """A line of X's filtered stream: {"data", "includes", "matching_rules"}."""
    BLUESKY = "bluesky"
    """A Jetstream event."""
    MASTODON = "mastodon"
    """A status, as the data of an "update" event."""
    EXPORT = "export"
    """A line of a recording or of another tool's export."""


class Unread(StrEnum):
    """Why bytes are no post to us."""

    UNREADABLE = "unreadable"
    """Not what the source's shape says: nobody should have sent it."""
    NO_POST = "no_post"
    """Well formed, but no new public post with text: a like, a deletion, a picture."""
    UNWANTED = "unwanted"
    """A post the source's settings leave out."""


@dataclass(frozen=True)
class Feed:
    """One source's posts: their shape, and what its settings keep. `host` is Mastodon's, `network` an export's; `tag`
    names our rule among those of X's one stream."""

    shape: Shape
    host: str = ""
    network: str | None = None
    tag: str = ""
    languages: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    wanted: Callable[[str], bool] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wanted", matcher(self.terms))

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: the test of `terms` is made anew there."""
        return Feed, (self.shape, self.host, self.network, self.tag, self.languages, self.terms)


def feed_of(settings: Settings) -> Feed:
    """The feed of a mention source's settings; a kind that is not known here hands over a recording's lines."""
    if isinstance(settings, XSettings):
        return Feed(Shape.X, tag=f"notifier:{settings.id}")
    if isinstance(settings, BlueskySettings):
        return Feed(Shape.BLUESKY, languages=settings.languages, terms=settings.terms)
    if isinstance(settings, MastodonSettings):
        host = urlsplit(settings.base_url).hostname or ""
        return Feed(Shape.MASTODON, host=host, languages=settings.languages, terms=settings.terms)
    return Feed(Shape.EXPORT, network=settings.network if isinstance(settings, ExportSettings) else None)


def read(feed: Feed, raw: bytes, now: datetime) -> Mention | Unread:
    """What `raw` says. Pure; never raises; takes time in proportion to its length."""
    if feed.shape is Shape.EXPORT:
        found = read_line(raw, 1, now, feed.network)
        if found is None or isinstance(found, RefusedLine):
            return Unread.NO_POST if found is None else Unread.UNREADABLE
        return found
    record = read_object(raw, FRAME_LIMIT if feed.shape is Shape.BLUESKY else LINE_LIMIT)
    if record is None:
        return Unread.UNREADABLE
    if feed.shape is Shape.X:
        return _x(feed, record, now)
    mention = (bluesky.mention_from(record, now) if feed.shape is Shape.BLUESKY
               else mastodon.mention_from(record, feed.host, now))
    if mention is None:
        return Unread.NO_POST
    return mention if feed.wanted(mention.text) and in_languages(mention.lang, feed.languages) else Unread.UNWANTED


def _x(feed: Feed, line: Mapping[str, Any], now: datetime) -> Mention | Unread:
    tags = [rule.get("tag") for rule in parts(line.get("matching_rules"))]
    if feed.tag and tags and feed.tag not in tags:
        return Unread.UNWANTED
    mention = x_posts.mention_from(part(line.get("data")), part(line.get("includes")), now)
    return Unread.UNREADABLE if mention is None else mention


def feeds_of(sources: Iterable[tuple[str, Settings]]) -> dict[str, Feed]:
    """Every mention source's feed, by id."""
    return {id: feed_of(settings) for id, settings in sources}
