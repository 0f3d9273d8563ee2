"""Microsoft Azure's public status feed, with the settings its traps ask for.

The feed lists what is open and nothing else: no severity, no lifecycle; items vanish once resolved. An empty channel
is its usual state and was also what a broken instance served for hours during an outage (23 July 2026), so by itself
it ends nothing. Guids are slugs of titles and come back with other troubles. Categories mix services and regions;
descriptions name regions in passing and are never looked at for places. The feed is built anew every minute: a copy
built long ago is not believed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from xml.etree.ElementTree import Element

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.net.fetch import Get, get

from ..clocks import any_time
from ..generic.feed import Dialect, FeedRules, channel_text, texts_of
from ..generic.feed import make as make_feed
from ..generic.feed_items import Item
from ..page import PageSource
from ..shapes import FUTURE, Unreadable
from ..wording import is_over


class AzureSettings(FeedRules):
    """Azure's status feed."""

    kind: Literal["azure"] = "azure"
    url: str = "https://rssfeed.azure.status.microsoft/en-us/status/feed/"
    """Address of the feed. Not status.azure.com: it answers from the nearest region, which may be the one down."""
    expect_title: str | None = "Azure Status"
    """Title the feed must have."""
    level: Literal["notice", "minor", "major", "critical"] = "major"
    """How bad an item is where no words say: only incidents with wide impact are published here."""
    lists_all_open: bool = True
    """Whether whatever vanishes from the feed is over, once it lists anything else."""
    stale_after: Duration = timedelta(hours=6)
    """How long an item counts as open after it was last listed, where the feed has been empty since."""
    built_within: Duration = timedelta(minutes=30)
    """How long ago the feed may have been built."""


def make(settings: AzureSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[FeedRules]:
    """The feed."""
    dialect = Dialect(
        check=lambda root, now: _check(root, now, settings),
        prepare=_listed_is_open,
        over=lambda item: is_over(item.title, item.text),
        texts=texts_of,
    )
    return make_feed(settings, regions=regions, fetch=fetch, dialect=dialect, conditional=False)


def _check(root: Element, now: datetime, settings: AzureSettings) -> None:
    built = any_time(channel_text(root, "lastBuildDate"), settings.timezone)
    if built is None:
        raise Unreadable("the feed does not say when it was built")
    if built > now + FUTURE:
        raise Unreadable("its clock is more than a day ahead of ours")
    if now - built > settings.built_within:
        raise Unreadable(f"the feed was built {int((now - built).total_seconds() // 60)} minutes ago: an old copy")


def _listed_is_open(item: Item, now: datetime) -> Item:
    """An item that is listed is open now, however old its date: its last word is this hour's (by the hour, so that the
    same item is not news at every poll)."""
    if item.at is None:
        return item
    return replace(item, begun=item.begun or item.at, at=max(item.at, now.replace(minute=0, second=0, microsecond=0)))
