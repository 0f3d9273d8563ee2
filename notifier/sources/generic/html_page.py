"""Any HTML page that lists what is wrong, mapped in YAML by CSS selectors: for vendors that publish nothing else.

A page is made for eyes, and half of one, an error page and next year's design all look like a page on which nothing is
wrong. So it has to prove itself each time: it ends as it always ends, has what it always has before and after the
items, and where no item is found it has to show what it shows when all is well. Whatever fails makes the answer
unknown.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Literal

from bs4 import Tag
from pydantic import Field, field_validator, model_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Settings
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..page import Context, PageSource
from ..shapes import Unreadable, one_line, text_of_bytes
from ..vendor_page import VendorPage, read_page
from .mapped import LISTS, FactName, Item, MappedSettings, mapped, named_fields
from .markup import Anchor, Markup, Pick, Selector, place_of

_ANYBODYS = ("<html><head><title>Title</title></head><body id=body class=body><header><nav><a href=/>a</a></nav>"
             "</header><main><div><section><article><h1>502 Bad Gateway</h1><hr><center>nginx</center><p>p<br>"
             "<img><span>s</span></p><ul><li>l</li></ul><table><tr><td>t</td></tr></table><form><input><button>b</button>"
             "</form></article></section></div></main><footer><p>f</p></footer><script></script></body></html>")
"""A page with every usual tag: what fits it fits an error page too."""


class HtmlExpect(Settings):
    """What the page always has: without it an answer does not count."""

    start: Anchor
    """Something above the items, such as "h1.page-title" or {at: h1, says: Network status}."""
    end: Anchor
    """Something below the items, such as "footer#legal"."""


class HtmlFields(Settings):
    """Where each field of an item is found: a selector within the item, with @attribute where not its text counts."""

    id: Pick
    """The vendor's own id of the trouble, which stays the same while title and text change: "@data-id", "@id",
    "a.more@href"."""
    title: Pick | None = None
    """What people call it."""
    status: Pick | None = None
    """Words for its state, or a class such as ".badge@class"; `statuses` says what they mean."""
    started_at: Pick | None = None
    """When it began, such as "time@datetime"."""
    updated: Pick | None = None
    """When it was last written of."""
    text: Pick | None = None
    """What was written, newest first where there are several."""
    component: Pick | None = None
    """Names of what has failed."""
    group: Pick | None = None
    """What those belong to."""
    location: Pick | None = None
    """Places the vendor names as such."""
    url: Pick | None = None
    """Where people read more."""
    ended: Pick | None = None
    """When it was over: a time; what is no time is no end."""
    facts: Mapping[FactName, Pick] = Field(default_factory=dict)
    """More that is worth keeping as evidence."""


class HtmlSettings(MappedSettings):
    """Any HTML page, mapped by CSS selectors. Scripts are not run: what they put into the page is not seen."""

    kind: Literal["html"] = "html"
    expect: HtmlExpect
    """What the page always has above and below the items."""
    ends_with: str = Field(default="</html>", min_length=3, max_length=200)
    """What the page ends with, whatever its case: half a page is none."""
    nothing: Anchor | None = None
    """What stands there when nothing is wrong, such as {at: p.all-clear, says: no known outages}: a page with neither
    an item nor this is no longer what it was."""
    items: Selector
    """The element of each incident, outage or service, such as "li.outage"."""
    fields: HtmlFields
    """Where each field is found in an item."""
    encoding: str = "utf-8"
    """How the page is encoded."""
    max_bytes: int = Field(default=1_000_000, ge=1000, le=5_000_000)
    """Largest page after decompression, in bytes."""

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            " ".encode(codecs.lookup(value).name)
        except (LookupError, ValueError, TypeError) as error:
            raise ValueError("expected an encoding such as utf-8, latin-1 or windows-1252") from error
        return value

    @model_validator(mode="after")
    def _is_its_own(self) -> HtmlSettings:
        if self.lists_all_open and self.nothing is None:
            raise ValueError("expected nothing: what the page shows when nothing is wrong; lists_all_open would else "
                             "take a page whose items are called something new for all well")
        anybody = Markup(_ANYBODYS)
        if anybody.anchored(self.expect.start) and anybody.anchored(self.expect.end):
            raise ValueError("expected in expect what only this page has, by class, id or says: these two fit any "
                             "page, an error page too")
        if self.nothing is not None and anybody.anchored(self.nothing):
            raise ValueError("expected in nothing what only this page has, by class, id or says: this fits any page")
        return self


def make(settings: HtmlSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[HtmlSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[HtmlSettings]) -> Reading:
    """What the page says."""
    settings = context.settings
    text = _text(body, settings.encoding)
    if not text.rstrip().casefold().endswith(settings.ends_with.casefold()):
        raise Unreadable(f"the page does not end with {one_line(settings.ends_with, 60)}: it was cut off")
    page = Markup(text)
    items = page.items(settings.items)
    _anchored(page, items, settings)
    well = settings.nothing is not None and bool(page.anchored(settings.nothing))
    if not items and settings.nothing is not None and not well:
        raise Unreadable(f"the page has neither {one_line(settings.items, 60)} nor {settings.nothing}, which stands "
                         "there when nothing is wrong")
    found = mapped([_item(one, settings, page) for one in items], settings, context.now)
    return read_page(
        VendorPage(found.incidents, whole=settings.lists_all_open, affirmed=well and not items,
                   not_understood=found.not_understood), context, zone=settings.timezone)


def _text(body: bytes, encoding: str) -> str:
    if codecs.lookup(encoding).name == "utf-8":
        return text_of_bytes(body)
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"the answer is not {encoding}") from error


def _anchored(page: Markup, items: list[Tag], settings: HtmlSettings) -> None:
    """Raises Unreadable unless the start is found above the items and the end below them."""
    start = [place_of(one) for one in page.anchored(settings.expect.start)]
    end = [place_of(one) for one in page.anchored(settings.expect.end)]
    if not start or (items and min(start) > place_of(items[0])):
        raise Unreadable(f"the page has no {settings.expect.start}{' above the items' if start else ''}")
    if not end or (items and max(end) < place_of(items[-1])):
        raise Unreadable(f"the page has no {settings.expect.end}{' below the items' if end else ''}")


def _item(item: Tag, settings: HtmlSettings, page: Markup) -> Item:
    found: dict[str, list[str]] = {}
    for name, pick in named_fields(settings).items():
        found[name] = page.pick(pick, item, 50 if name in LISTS else 1)
    if settings.fields.status is not None and settings.fields.status.parts[1] == "class":
        found["status"] = _classes(found["status"], settings)
    return found


def _classes(values: list[str], settings: HtmlSettings) -> list[str]:
    """Of several classes those that statuses names; all as one word where it names none."""
    named = [one for value in values for one in value.split() if one.casefold() in settings.statuses]
    return named or values
