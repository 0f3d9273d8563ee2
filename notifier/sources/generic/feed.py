"""Status feeds in RSS 2.0, Atom and JSON Feed.

Feeds are prose with dates. Vendors reuse guids for different troubles, post one item for each update or one for all,
let resolved items vanish, and serve an empty channel on the day it matters. So items are grouped, a group's newest item
decides, a new trouble begins where a group was silent for long, and what is not in the feed is taken to be over only
where the settings say that this vendor's feed works so.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from xml.etree.ElementTree import Element

from pydantic import Field, field_validator, model_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Duration, Settings
from notifier.model.signal import Level, Signal, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import any_time, known_zone
from ..page import Context, PageSource
from ..placing import Texts, Unplaced, says
from ..settings import HttpSettings
from ..shapes import FUTURE, MOST, Unreadable, any_moment, json_of, one_line, plain, xml_of
from ..telling import Report, tell
from ..vendor_page import prose_facts
from ..wording import is_over, is_planned
from .feed_items import FeedOwn, Item, json_items, listed_in, not_understood_in, own_of, own_texts, stated, stated_kept
from .mapped import LevelWord

_GROUPS = "groups"
_GROUPS_KEPT = 200
_ONE_UPDATE = re.compile(r"(/(?:incidents?|maintenances?|reports?)/[^/#?]+/?)#.*", re.DOTALL)
"""The address of an incident, and the mark of one update to it (Better Stack). Elsewhere a fragment may be all that
tells two troubles apart (AWS: https://status.aws.amazon.com/#ec2-us-east-1_1768474200)."""


class LevelWords(Settings):
    """Words that say how bad."""

    words: str
    """Pattern looked for in title and categories."""
    level: Literal["notice", "maintenance", "minor", "major", "critical"]
    """What they mean."""


class FeedRules(HttpSettings):
    """What every feed has, whoever publishes it."""

    expect_title: str | None = None
    """Title the feed must have ("Azure Status"): a parked domain serves feeds too."""
    group_by: Literal["guid", "link", "title"] = "guid"
    """What the items of one trouble have in common. Fragments of links and guids that name one update of it
    (#update-1, or any below the address of an incident) are dropped."""
    gap: Duration = timedelta(hours=24)
    """A group silent for longer begins a new trouble: guids are used again."""
    stale_after: Duration = timedelta(hours=24)
    """An open item goes quiet by itself this long after its newest update."""
    level: Literal["notice", "minor", "major", "critical"] = "minor"
    """How bad an item is where no words say."""
    levels: tuple[LevelWords, ...] = ()
    """Words that say how bad; the first that is found decides."""
    lists_all_open: bool = False
    """Whether whatever vanishes from the feed is over (Azure)."""
    empty_is_healthy: bool = False
    """With lists_all_open: whether an empty feed ends everything too."""
    timezone: str = "UTC"
    """Zone of times that come without one, or with one nobody knows."""
    own: FeedOwn = Field(default_factory=FeedOwn)
    """Elements of the publisher's own that items carry."""
    statuses: Mapping[str, LevelWord] = Field(default_factory=dict)
    """What the words of own.status mean, whatever their case; before what title and text say."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
            return known_zone(value)

    @field_validator("statuses")
    @classmethod
    def _lower(cls, value: Mapping[str, LevelWord]) -> Mapping[str, LevelWord]:
        return {word.strip().casefold(): level for word, level in value.items()}

    @model_validator(mode="after")
    def _both_or_none(self) -> FeedRules:
        if (self.own.status is None) != (not self.statuses):
            raise ValueError("expected own.status and statuses together: where a state is found, and what it means")
        return self


class FeedSettings(FeedRules):
    """An RSS 2.0, Atom or JSON feed of a status page."""

    kind: Literal["feed"] = "feed"


@dataclass(frozen=True, slots=True)
class _Group:
    """The items of one trouble: its newest item, and when it began."""

    key: str
    newest: Item
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one publisher means by a feed, where it differs from the rest. Every function is pure.

    `check` raises Unreadable where an anchor of this publisher's feeds is missing; `prepare` gives an item the guid,
    begin and last word that grouping goes by; `over` says whether an item tells the end of its trouble; `texts` is
    what it is placed by.
    """

    check: Callable[[Element, datetime], None]
    prepare: Callable[[Item, datetime], Item]
    over: Callable[[Item], bool]
    texts: Callable[[Item], Texts]


def texts_of(item: Item) -> Texts:
    """Title and categories, which mix services and regions; never the description, which names places in passing."""
    return Texts(group=" . ".join(item.categories), title=item.title)


PLAIN = Dialect(
    check=lambda root, now: None,
    prepare=lambda item, now: item,
    over=lambda item: is_over(item.title, item.text),
    texts=texts_of,
)
"""A feed nothing more is known of."""


def make(
    settings: FeedRules, *, regions: RegionTree, fetch: Get = get, dialect: Dialect = PLAIN, conditional: bool = True
) -> PageSource[FeedRules]:
    """One feed; `conditional` as PageSource has it."""
    return PageSource(settings, regions=regions, read=lambda body, context: read(body, context, dialect), fetch=fetch,
                      conditional=conditional)


def read(body: bytes, context: Context[FeedRules], dialect: Dialect = PLAIN) -> Reading:
    """What the feed says. An empty one proves nothing: known, without signals, not complete."""
    settings, memory, now = context.settings, context.memory, context.now
    items = _items(body, settings, dialect, now)
    remembered = _remembered(memory)
    groups = group(items, remembered, settings, now)
    signals: list[Signal] = []
    unplaced: list[str] = []
    for one in groups:
        found = _tell(one, context, dialect)
        if isinstance(found, Unplaced):
            unplaced.append(found.words)
        else:
            signals += found
    # What could not be placed may be an open trouble whose placing was edited: then being missing ends nothing.
    complete = settings.lists_all_open and not unplaced and (bool(items) or settings.empty_is_healthy)
    troubled = stated_kept(signals) if settings.statuses else {}
    return Reading(True, tuple(signals), complete, unplaced=tuple(unplaced), listed=listed_in(items),
                   not_understood=not_understood_in(items, settings.own, settings.statuses),
                   memory={**_kept(groups, remembered, now), **troubled})


def _items(body: bytes, settings: FeedRules, dialect: Dialect, now: datetime) -> list[Item]:
    """The items of a feed in XML or, where nothing more is known of the publisher, in JSON."""
    if dialect is PLAIN and body.lstrip()[:1] == b"{":
        title, found = json_items(json_of(body), settings.own, settings.timezone)
        _expected(title, settings)
        return found
    root = xml_of(body)
    items = [dialect.prepare(item, now) for item in items_of(root, settings)]
    dialect.check(root, now)
    return items


def _tell(one: _Group, context: Context[FeedRules], dialect: Dialect) -> list[Signal] | Unplaced:
    item, settings, now = one.newest, context.settings, context.now
    if now - one.last >= settings.stale_after:
        return []  # demoted: whatever it had opened has run out by itself
    level = Level.OK if dialect.over(item) else _level(item, settings)
    if word := item.own.get("status"):
        level = stated(word, settings.statuses, one.key, context.memory)
    found = context.place(own_texts(item.own, dialect.texts(item)))
    if isinstance(found, Unplaced):
        return found if level.is_trouble else []
    report = Report(
        fingerprint=f"feed:{one.key}:{int(one.first.timestamp())}",
        level=level,
        started_at=one.first,
        why=one_line(item.title or item.text),
        lasts_until=None if level == Level.OK else one.last + settings.stale_after,
        facts={"title": one_line(item.title), "status": item.own.get("status", ""),
               "update": one_line(item.text, 500), "url": item.link[:500],
               **prose_facts([item.text], now, settings.timezone)},
    )
    return tell(settings.id, SignalClass.OFFICIAL, report, found, now)


def _level(item: Item, settings: FeedRules) -> Level:
    spoken = (item.title, *item.categories)
    for rule in settings.levels:
        if any(says(rule.words, text) for text in spoken):
            return Level[rule.level.upper()]
    return Level.MAINTENANCE if is_planned(item.title, item.text) else Level[settings.level.upper()]


def _expected(title: str, settings: FeedRules) -> None:
    if settings.expect_title is not None and one_line(title) != settings.expect_title:
        raise Unreadable(f"the feed is called {one_line(title)!r}, expected {settings.expect_title!r}")


def items_of(root: Element, settings: FeedRules) -> list[Item]:
    """The items of a feed, in its order. Raises Unreadable unless the root is that of RSS 2.0 or Atom, and where the
    title is not the expected one."""
    holder = _holder(root)
    _expected(_text(holder, "title"), settings)
    found = [child for child in holder if _local(child) in ("item", "entry")]
    if len(found) > MOST:
        raise Unreadable(f"the feed has {len(found)} items, more than {MOST}")
    return [_item(child, settings) for child in found]


def channel_text(root: Element, name: str) -> str:
    """What the feed itself says under `name` ("title", "lastBuildDate"). Raises Unreadable where it is no feed."""
    return _text(_holder(root), name)


def _holder(root: Element) -> Element:
    """The element that holds the items."""
    kind = _local(root)
    if kind not in ("rss", "feed"):
        raise Unreadable(f"the document's root is {kind[:40]!r}, expected rss or feed")
    holder = root if kind == "feed" else _child(root, "channel")
    if holder is None:
        raise Unreadable("the feed has no channel")
    return holder


def _item(item: Element, settings: FeedRules) -> Item:
    link = _child(item, "link")
    href = "" if link is None else (link.get("href") or link.text or "").strip()
    begun = _first_time(item, ("published", "pubDate", "date", "updated"), settings)
    return Item(
        guid=(_text(item, "guid") or _text(item, "id") or href)[:1000],
        link=href[:1000],
        title=plain(_text(item, "title"), 1000),
        text=plain(
            _text(item, "encoded") or _text(item, "description") or _text(item, "content") or _text(item, "summary")
        ),
        categories=tuple((c.get("term") or c.text or "").strip()[:200] for c in item if _local(c) == "category")[:50],
        begun=begun,
        at=_first_time(item, ("updated", "pubDate", "published", "date"), settings) or begun,
        own=own_of(item, settings.own),
    )


def group(
    items: Iterable[Item], remembered: Mapping[str, tuple[datetime, datetime]], settings: FeedRules, now: datetime
) -> list[_Group]:
    """Items by trouble, oldest trouble first. A trouble remembered keeps its beginning when its first items have
    scrolled away. Items dated more than a day ahead are announcements or wrong clocks and are left out."""
    by_key: dict[str, list[tuple[datetime, datetime, Item]]] = {}
    for item in items:
        key = _key(item, settings)
        at = item.at or remembered.get(key, (now, now))[0]
        if at <= now + FUTURE:
            by_key.setdefault(key, []).append((min(at, now), min(item.begun or at, at, now), item))
    groups: list[_Group] = []
    for key, timed in by_key.items():
        groups.append(_newest_trouble(key, timed, remembered.get(key), settings.gap))
    return sorted(groups, key=lambda one: (one.first, one.key))


def _newest_trouble(
    key: str,
    timed: list[tuple[datetime, datetime, Item]],
    before: tuple[datetime, datetime] | None,
    gap: timedelta,
) -> _Group:
    """Only the newest trouble of a key is told: earlier ones under the same guid are history. An end begins no trouble:
    however long after, it is that of the one remembered. Of items of the same moment the one the feed lists first
    counts: feeds are newest first."""
    newest_first = sorted(timed, key=lambda one: one[0], reverse=True)
    last, first, newest = newest_first[0]
    for at, begun, _ in newest_first[1:]:
        if first - at > gap:
            break
        first = min(first, begun)
    if before is not None and before[0] <= last and (first - before[1] <= gap or is_over(newest.title, newest.text)):
        first = before[0]
    return _Group(key, newest, first, last)


def _key(item: Item, settings: FeedRules) -> str:
    chosen = {"guid": item.guid, "link": item.link, "title": item.title}[settings.group_by] or item.title
    whole = _ONE_UPDATE.sub(r"\1", chosen.split("#update")[0])
    return hashlib.sha256(whole.strip().encode("utf-8", "replace")).hexdigest()[:16]


def _remembered(memory: Mapping[str, str]) -> dict[str, tuple[datetime, datetime]]:
    try:
        found = json.loads(memory.get(_GROUPS, "{}"))
    except ValueError:
        return {}
    kept: dict[str, tuple[datetime, datetime]] = {}
    for key, times in found.items() if isinstance(found, dict) else ():
        first, last = (any_moment(t) for t in times) if isinstance(times, list) and len(times) == 2 else (None, None)
        if first is not None and last is not None:
            kept[key] = (first, last)
    return kept


def _kept(groups: Iterable[_Group], before: Mapping[str, tuple[datetime, datetime]], now: datetime) -> dict[str, str]:
    times = {**before, **{one.key: (one.first, one.last) for one in groups}}
    newest = sorted(times.items(), key=lambda one: one[1][1], reverse=True)[:_GROUPS_KEPT]
    recent = {key: [rfc3339(first), rfc3339(last)] for key, (first, last) in newest if now - last < timedelta(days=14)}
    return {_GROUPS: json.dumps(recent)} if recent else {}


def _first_time(item: Element, names: Iterable[str], settings: FeedRules) -> datetime | None:
    found = (any_time(_text(item, name)[:100], settings.timezone) for name in names)
    return next((at for at in found if at is not None), None)


def _local(element: Element) -> str:
    tag = element.tag if isinstance(element.tag, str) else ""
    return tag.rpartition("}")[2]


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if _local(child) == name), None)


def _text(element: Element, name: str) -> str:
    child = _child(element, name)
    if child is None:
        return ""
    if len(child) == 0:
        return (child.text or "")[:50_000].strip()
    return " ".join(part.strip() for part in child.itertext() if part.strip())[:50_000]
