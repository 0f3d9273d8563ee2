"""What a feed says beside title, text and dates: elements of the publisher's own, and feeds written in JSON.

Some publishers add a state, a place or a component to each item, in a namespace of their own; RSS and Atom readers
pass over them, and they are the only words in a feed that are not prose. JSON Feed is the same feed without XML
(https://jsonfeed.org/version/1.1: version, title and items; an item has an id).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from notifier.model.settings import Settings
from notifier.model.signal import Level, Signal

from ..clocks import any_time
from ..placing import Texts
from ..shapes import Unreadable, plain, record, records, required
from ..vendor_page import unknown_word

OWN = ("status", "component", "group", "location")
_STATED = "stated"
_KEPT = 200


@dataclass(frozen=True, slots=True)
class Item:
    """One item or entry. `at` is when it was last said, None where the feed does not tell; `own` what it says in
    elements of the publisher's own, by our names for them."""

    guid: str
    link: str
    title: str
    text: str
    categories: tuple[str, ...]
    begun: datetime | None
    at: datetime | None
    own: Mapping[str, str] = field(default_factory=dict)


class FeedOwn(Settings):
    """Names of elements (in JSON: of keys) that items carry beside the usual ones, without their prefix."""

    status: str | None = None
    """State or severity; `statuses` says what its words mean."""
    component: str | None = None
    """What has failed."""
    group: str | None = None
    """What that belongs to."""
    location: str | None = None
    """Place the publisher names as such."""

    def found(self, values: Mapping[str, str]) -> dict[str, str]:
        """Our names of those `values` has by theirs."""
        named = {name: theirs for name in OWN if (theirs := getattr(self, name)) is not None}
        return {name: values[theirs] for name, theirs in named.items() if values.get(theirs)}


def own_of(item: Element, own: FeedOwn) -> dict[str, str]:
    """The values of `own` in an RSS item or an Atom entry: the first element of each name."""
    values: dict[str, str] = {}
    for child in item:
        tag = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
        values.setdefault(tag, (child.text or "").strip()[:500])
    return own.found(values)


def own_of_json(item: Mapping[str, Any], own: FeedOwn) -> dict[str, str]:
    """As own_of, in an item of a JSON Feed: its own keys and those of its extensions, whose names begin with _."""
    extensions = [value for key, value in item.items() if key.startswith("_") and isinstance(value, dict)]
    texts = [(key, value) for holder in (item, *extensions) for key, value in holder.items()]
    return own.found({key: value.strip()[:500] for key, value in reversed(texts) if isinstance(value, str)})


def json_items(value: Any, own: FeedOwn, zone: str) -> tuple[str, list[Item]]:
    """(title, items) of a JSON Feed. Raises Unreadable for JSON that is none."""
    feed = record(value, "the feed")
    version = feed.get("version")
    if not isinstance(version, str) or "jsonfeed.org/version/1" not in version[:200]:
        raise Unreadable("the JSON is no JSON Feed: its version does not say so")
    title = feed.get("title")
    if not isinstance(title, str):
        raise Unreadable("the feed has no title")
    return title, [_json_item(one, own, zone) for one in records(feed.get("items"), "items")]


def _json_item(item: Mapping[str, Any], own: FeedOwn, zone: str) -> Item:
    def text(key: str, limit: int = 1000) -> str:
        value = item.get(key)
        return value.strip()[:limit] if isinstance(value, str) else ""

    tags = item.get("tags")
    listed = tags if isinstance(tags, list) else []
    begun, modified = (any_time(item.get(key), zone) for key in ("date_published", "date_modified"))
    return Item(
        guid=required(item, "id", "an item"), link=text("url"), title=plain(text("title")),
        text=plain(text("content_html", 50_000)) or text("content_text", 20_000) or text("summary", 20_000),
        categories=tuple(tag.strip()[:200] for tag in listed if isinstance(tag, str))[:50],
        begun=begun or modified, at=modified or begun, own=own_of_json(item, own))


def own_texts(own: Mapping[str, str], texts: Texts) -> Texts:
    """What an item is placed by, with its own component, group and location in place of those found otherwise."""
    return replace(texts, component=own.get("component", texts.component), group=own.get("group", texts.group),
                   location=own.get("location", texts.location))


def stated(word: str, statuses: Mapping[str, str], key: str, memory: Mapping[str, str]) -> Level:
    """What an item's own status means. A word nobody mapped opens nothing, and ends nothing that was trouble before."""
    level = statuses.get(word.strip().casefold())
    if level is not None:
        return Level[level.upper()]
    return Level.MINOR if key in _troubled(memory) else Level.NOTICE


def _troubled(memory: Mapping[str, str]) -> list[str]:
    try:
        found = json.loads(memory.get(_STATED, "[]"))
    except ValueError:
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def stated_kept(signals: Iterable[Signal]) -> dict[str, str]:
    """What to remember: the keys of what is trouble now."""
    keys = (one.fingerprint.split(":")[1] for one in signals if one.level.is_trouble)
    kept = list(dict.fromkeys(keys))[:_KEPT]
    return {_STATED: json.dumps(kept)} if kept else {}


def listed_in(items: Iterable[Item]) -> tuple[tuple[str, str, str], ...]:
    """(component, group, location) of what items name; a category is placed by as a group."""
    own = ((item.own.get("component", ""), item.own.get("group", ""), item.own.get("location", "")) for item in items)
    categories = (("", category, "") for item in items for category in item.categories)
    return tuple(one for one in dict.fromkeys((*own, *categories)) if any(one))


def not_understood_in(items: Sequence[Item], own: FeedOwn, statuses: Mapping[str, str]) -> tuple[str, ...]:
    """States nobody mapped, and elements that are named and that no item has."""
    words = dict.fromkeys(item.own.get("status", "") for item in items)
    strange = [one for word in words for one in unknown_word(own.status or "", word.casefold(), statuses)]
    named = {name: theirs for name in OWN if (theirs := getattr(own, name)) is not None}
    nowhere = [f"no item has {theirs}" for name, theirs in named.items()
               if items and not any(name in item.own for item in items)]
    return (*strange, *nowhere)
