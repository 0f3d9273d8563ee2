"""The RSS feeds of the AWS Health Dashboard (`all.rss`, and one for each service and region).

Every item is one update of one event. What the items of an event have in common is the service key in their guid
(`#ec2-us-east-1_1691234567`; the number is the item's own moment), so a key that was silent for a day begins a new
event. The state stands before the title ("Service is operating normally: …"); not every chain is closed by one, and
then it goes quiet by itself. Feeds keep what is long over and leave out nothing at once, so absence says nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Literal
from xml.etree.ElementTree import Element

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get

from ..generic.feed import Dialect, FeedRules, LevelWords, channel_text
from ..generic.feed import make as make_feed
from ..generic.feed_items import Item
from ..page import PageSource
from ..placing import Texts
from ..shapes import Unreadable, one_line
from .aws import split_key

_GUID = re.compile(r"#(?P<key>[a-z0-9][a-z0-9-]{0,80})_\d{9,11}$", re.IGNORECASE)
_OVER = re.compile(r"^\s*service is operating normally\b|\[\s*resolved\s*\]", re.IGNORECASE)


class AwsRssSettings(FeedRules):
    """An RSS feed of AWS."""

    kind: Literal["aws-rss"] = "aws-rss"
    url: str = "https://status.aws.amazon.com/rss/all.rss"
    """Address of the feed."""
    levels: tuple[LevelWords, ...] = (
        LevelWords(words="Service disruption", level="critical"),
        LevelWords(words="Service degradation", level="major"),
        LevelWords(words="Performance issues", level="major"),
    )
    """Words that say how bad; the first that is found decides. An "Informational message" is minor."""


def make(settings: AwsRssSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[FeedRules]:
    """One feed."""
    return make_feed(settings, regions=regions, fetch=fetch, dialect=DIALECT)


def _check(root: Element, now: datetime) -> None:
    title = one_line(channel_text(root, "title"))
    if not title.endswith("Service Status"):
        raise Unreadable(f"the feed is called {title[:80]!r}, expected … Service Status")


def _prepare(item: Item, now: datetime) -> Item:
    """The service key as guid: then all items of one key are one group, and the gap parts its events."""
    found = _GUID.search(item.guid)
    return replace(item, guid=found["key"].lower()) if found else item


def _texts(item: Item) -> Texts:
    if "/" in item.guid or not item.guid:
        return Texts(title=item.title)
    service, region = split_key(item.guid)
    return Texts(group=service, title=item.title, location=region)


DIALECT = Dialect(check=_check, prepare=_prepare, over=lambda item: bool(_OVER.search(item.title)), texts=_texts)
