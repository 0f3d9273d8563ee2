"""A first mapping for a page nobody has mapped yet: which of its elements are incidents, and what is in them.

Pure. It goes by the classes people give such elements; a person looks at it before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bs4 import Tag

from ..shapes import Unreadable, text_of_bytes
from .guessing import statuses_of
from .markup import Markup, text_in

_CLASSES = re.compile(r"incident|outage|disruption|fault|issue|st(?:ö|oe)rung|panne|aver[ií]a|problem|event", re.I)
_STATES = re.compile(r"^(?:.*[-_])?(?:status|state|badge|severity|label)$", re.I)
_TEXTS = re.compile(r"^(?:.*[-_])?(?:note|message|body|text|update|description|content|details)s?$", re.I)
_PLACES = re.compile(r"^(?:.*[-_])?(?:where|location|area|region|place|city|county)$", re.I)


def guess_html(url: str, body: bytes) -> Mapping[str, Any] | None:
    """Settings of kind html beside id and url for a page that shows at least one item; None where it shows none."""
    try:
        text = text_of_bytes(body)
        page = Markup(text)
        found = _html_items(page)
        if found is None:
            return None
        selector, items = found
        expect = _html_anchors(page, items)
    except Unreadable:
        return None
    fields = _html_fields(items)
    if expect is None or "id" not in fields:
        return None
    ending = {} if text.rstrip().casefold().endswith("</html>") else {"ends_with": text.rstrip()[-20:]}
    states = [text_in(one) for item in items for one in item.select(fields["status"])] if "status" in fields else []
    meaning: dict[str, Any] = {"statuses": statuses_of(states)} if states else {"prose": True}
    return {"expect": expect, **ending, "items": selector, "fields": fields, **meaning}


def _html_items(page: Markup) -> tuple[str, list[Tag]] | None:
    """The elements whose class speaks of incidents, the most specific class that fits several parts of the page."""
    seen: dict[str, int] = {}
    for tag in page.all("article[class], li[class], div[class], section[class], tr[class]"):
        for name in _classes(tag):
            if _CLASSES.search(name) and re.fullmatch(r"[A-Za-z][\w-]*", name) and len(text_in(tag)) > 10:
                seen.setdefault(f"{tag.name}.{name}", len(seen))
    for selector in seen:
        try:
            items = page.items(selector)
        except Unreadable:
            continue
        if items and "id" in _html_fields(items):
            return selector, items
    return None


def _classes(tag: Tag) -> list[str]:
    value = tag.get("class")
    return [str(one) for one in value] if isinstance(value, list) else []


def _html_fields(items: list[Tag]) -> dict[str, str]:
    first = items[0]
    picks = {
        "id": next((pick for pick in ("@id", "@data-id", "a@href") if _identifies(pick, items)), None),
        "title": next((name for name in ("h2", "h3", "h4", "h1", "h5", "strong", "a") if first.find(name)), None),
        "status": _by_class(first, _STATES),
        "started_at": "time@datetime" if first.select_one("time[datetime]") else None,
        "text": _by_class(first, _TEXTS) or ("p" if first.find("p") else None),
        "location": _by_class(first, _PLACES),
        "url": "a@href" if first.select_one("a[href]") else None,
    }
    return {name: pick for name, pick in picks.items() if pick is not None}


def _identifies(pick: str, items: list[Tag]) -> bool:
    selector, _, name = pick.partition("@")
    holders = [item.find(selector) if selector else item for item in items]
    values = [one.get(name) if isinstance(one, Tag) else None for one in holders]
    return all(isinstance(value, str) and value for value in values) and len({*map(str, values)}) == len(values)


def _by_class(item: Tag, pattern: re.Pattern[str]) -> str | None:
    named = (name for tag in item.find_all(class_=True) for name in _classes(tag) if text_in(tag))
    return next((f".{name}" for name in named if pattern.match(name) and re.fullmatch(r"[A-Za-z][\w-]*", name)), None)


def _html_anchors(page: Markup, items: list[Tag]) -> dict[str, Any] | None:
    """A heading above the items with its words, and a footer below them with its own."""
    above = [tag for tag in page.all("h1, h2, title") if tag not in items and text_in(tag)]
    below = [tag for tag in page.all("footer, [id*=footer], [class*=footer]") if text_in(tag)]
    if not above or not below:
        return None
    start, end = above[0], below[-1]
    return {"start": {"at": start.name, "says": _some(text_in(start))},
            "end": {"at": _own(end), "says": _some(text_in(end))}}


def _own(tag: Tag) -> str:
    name = next((one for one in _classes(tag) if re.fullmatch(r"[A-Za-z][\w-]*", one)), "")
    return f"{tag.name}.{name}" if name else tag.name


def _some(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text)[:4])
