"""HTML as strangers send it: parsed within limits, and picked apart by CSS selectors that were checked beforehand.

html.parser takes whatever it is given, so that nothing here says whether a page is whole: that is for the anchors of
the kind that reads it. The parser and the selectors walk without recursion; what nesting could still cost (an item
within an item within an item, each read in whole) is refused.
"""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

import regex
import soupsieve
from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup
from pydantic import AfterValidator, GetJsonSchemaHandler, model_validator

from notifier.model.settings import Settings

from ..placing import says
from ..shapes import MOST, Unreadable, one_line

TAGS_MOST = 40_000
"""Tags of one page: 2,000 items of twenty; they take under 2 s to parse."""
DEPTH_MOST = 300
"""Depth of elements; browsers stop at 512."""
PATIENCE = 1.0
"""Seconds of CPU all regular expressions of one page may take together."""
_LONGEST = 4000
_ATTRIBUTE = re.compile(r"(?P<selector>.*?)\s*@(?P<name>[A-Za-z_][\w:.-]*)", re.DOTALL)
_FIRST_TAG = re.compile(r"<([a-z][^\s/>]*)", re.IGNORECASE)


def checked_selector(text: str) -> str:
    """`text` if it is a CSS selector. Raises ValueError with a sentence."""
    try:
        if len(text) > 500:
            raise ValueError("expected a CSS selector of at most 500 characters")
        soupsieve.compile(text)
    except soupsieve.SelectorSyntaxError as error:
        said = str(error).splitlines()[0].split(". ")[0]
        raise ValueError(f"expected a CSS selector ({one_line(said, 120)})") from error
    except (RecursionError, TypeError) as error:
        raise ValueError("expected a CSS selector, and a simpler one") from error
    return text


def _checked_pattern(text: str) -> str:
    try:
        regex.compile(text)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f"expected a regular expression ({one_line(str(error), 100)})") from error
    return text


Selector = Annotated[str, AfterValidator(checked_selector)]
"""A CSS selector."""


class _OrText(Settings):
    """Settings that are mostly one text: `at`, which may be written instead of the mapping."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"at": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        whole = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [{"type": "string", "description": whole["properties"]["at"].get("description", "")}, whole]}


class Pick(_OrText):
    """Where in an item a value is found: "span.state", "time@datetime", "@data-id" or "." (the item itself); or a
    mapping with `at` and `find`."""

    at: str
    """CSS selector, and @attribute where not the text counts; "." or nothing before it is the item itself."""
    find: Annotated[str, AfterValidator(_checked_pattern)] | None = None
    """Regular expression the value must hold; its first group, or all it matches, is taken."""

    @model_validator(mode="after")
    def _selects(self) -> Pick:
        selector, _ = self.parts
        if selector:
            checked_selector(selector)
        return self

    @property
    def parts(self) -> tuple[str, str]:
        """(selector, attribute); "" is the item itself, and its text."""
        found = _ATTRIBUTE.fullmatch(self.at.strip())
        selector, name = (found["selector"], found["name"]) if found else (self.at.strip(), "")
        return ("" if selector == "." else selector), name

    def __str__(self) -> str:
        return self.at + (f" like {self.find}" if self.find else "")


class Anchor(_OrText):
    """Something a page always has: a selector, or a mapping with `at` and `says`."""

    at: Selector
    """CSS selector."""
    says: str | None = None
    """Words its text must hold, or with * or ? a pattern for all of it."""

    def __str__(self) -> str:
        return self.at + (f" saying {self.says!r}" if self.says else "")


class Markup:
    """One page, parsed, with what reading it may still cost. Raises Unreadable for what is no page, or too much of
    one."""

    def __init__(self, text: str) -> None:
        if text.count("<") > TAGS_MOST * 2:
            raise Unreadable(f"the page has more than {TAGS_MOST} tags")
        root = _FIRST_TAG.search(text)
        if root is None:
            raise Unreadable("the answer is not HTML")
        if "<?xml" in text[:2000].lower() and root[1].lower() != "html":
            raise Unreadable("the answer is XML, not HTML")
        try:
            self._soup = BeautifulSoup(text, "html.parser")
        except (ParserRejectedMarkup, ValueError, AssertionError, LookupError, TypeError, AttributeError) as error:
            raise Unreadable("the answer is not HTML that can be read") from error
        _bounded(self._soup)
        self._left = PATIENCE

    def all(self, selector: str) -> list[Tag]:
        """The elements a selector fits, in the page's order."""
        return list(soupsieve.select(selector, self._soup))

    def items(self, selector: str) -> list[Tag]:
        """As `all`, where none may lie in another: that is not the list it was."""
        found = self.all(selector)
        if len(found) > MOST:
            raise Unreadable(f"the page has {len(found)} of {one_line(selector, 80)}, more than {MOST}")
        known = {id(one) for one in found}
        if any(id(parent) in known for one in found for parent in one.parents):
            raise Unreadable(f"{one_line(selector, 80)} fits elements within one another")
        return found

    def anchored(self, anchor: Anchor) -> list[Tag]:
        """The elements that fit an anchor."""
        return [one for one in self.all(anchor.at) if anchor.says is None or says(anchor.says, text_in(one))]

    def pick(self, pick: Pick, item: Tag, most: int) -> list[str]:
        """The first `most` values in an item."""
        selector, attribute = pick.parts
        found = soupsieve.select(selector, item, limit=most) if selector else [item]
        values = [_attribute(one, attribute) if attribute else text_in(one) for one in found]
        if pick.find is not None:
            values = [self._found(pick.find, value) for value in values]
        return [value for value in values if value]

    def _found(self, pattern: str, text: str) -> str:
        began = time.thread_time()
        try:
            match = regex.search(pattern, text[:_LONGEST], timeout=max(self._left, 0.01))
        except TimeoutError as error:
            raise Unreadable(f"the page is too much for the pattern {one_line(pattern, 60)}") from error
        self._left -= time.thread_time() - began
        if self._left < 0:
            raise Unreadable("the page is too much for the patterns that read it")
        return "" if match is None else (match[1] if match.re.groups else match[0]) or ""


def _bounded(soup: BeautifulSoup) -> None:
    depths = {id(soup): 0}
    for number, tag in enumerate(one for one in soup.descendants if isinstance(one, Tag)):
        depth = depths[id(tag)] = depths[id(tag.parent)] + 1
        if depth > DEPTH_MOST:
            raise Unreadable(f"the page is nested more than {DEPTH_MOST} deep")
        if number > TAGS_MOST:
            raise Unreadable(f"the page has more than {TAGS_MOST} tags")


def _attribute(tag: Tag, name: str) -> str:
    value = tag.get(name)
    return (" ".join(value) if isinstance(value, list) else value or "").strip()[:_LONGEST]


def text_in(tag: Tag) -> str:
    """The text of an element on one line, at most 4,000 characters; comments are none of it."""
    found, length = [], 0
    for part in tag.stripped_strings:
        found.append(part)
        length += len(part) + 1
        if length > _LONGEST:
            break
    return " ".join(" ".join(found).split())[:_LONGEST]


def place_of(tag: Tag) -> tuple[int, int]:
    """Where an element begins in the page, for comparing: line and column."""
    return (tag.sourceline or 0, tag.sourcepos or 0)
