"""What every mention source does to a post from outside before it may become a Mention.

Networks hand over what strangers typed: broken surrogates, times from next year, numbers where text belongs. One
place knows how to read that without raising.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import msgspec

from ...model.mention import TEXT_LIMIT
from ...model.times import parse_rfc3339

LINE_LIMIT = 1_048_576
"""Bytes of one line, event or frame; anything longer is not a post."""
FIELD_LIMIT = 500
_HTML_LIMIT = 100_000
_BREAKS = frozenset({"br", "p", "div", "li", "blockquote"})
_HIDDEN = frozenset({"script", "style"})
_strictly = msgspec.json.Decoder().decode
_UNSPACED_FROM = 0x0590
"""Scripts from here on may write words without spaces between them; Latin, Greek and Cyrillic lie below."""


def read_object(raw: bytes | str, limit: int = LINE_LIMIT) -> dict[str, Any] | None:
    """Read one JSON object. None for anything else: too long, not JSON, nested too deep, a list."""
    if len(raw) > limit:
        return None
    try:
        found = _strictly(raw)
    except (ValueError, RecursionError):  # half a surrogate pair, NaN: read all the same, at a third of the speed
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None


def clean(text: str) -> str:
    """Make text safe to store and print: lone surrogates become "?", NUL goes."""
    if text.isascii():  # known without looking at each letter
        return text.replace("\x00", "")
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def words(value: Any, limit: int = FIELD_LIMIT) -> str | None:
    """A field as text, cut to `limit` characters; whole numbers are spelled; None for anything else or empty."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**40 else None
    if not isinstance(value, str):
        return None
    return clean(value[:limit]).strip() or None


def body(value: Any) -> str | None:
    """A post's text, cut to what a Mention keeps."""
    return words(value, TEXT_LIMIT)


def part(value: Any) -> dict[str, Any]:
    """The object found there, or an empty one."""
    return value if isinstance(value, dict) else {}


def parts(value: Any, limit: int = 1000) -> list[dict[str, Any]]:
    """The objects in the list found there, at most `limit`; whatever is not an object is left out."""
    return [item for item in value[:limit] if isinstance(item, dict)] if isinstance(value, list) else []


def moment(
    value: Any, now: datetime, *, oldest: timedelta | None = None, otherwise: datetime | None = None
) -> datetime:
    """When a post says it was written, never after `now`.

    A time that cannot be read, and one older than `oldest`, is replaced by `otherwise` (or `now`): a clock set wrong
    by its owner must not put a complaint into last year or into next week.
    """
    fallback = min(otherwise or now, now)
    if not isinstance(value, str) or len(value) > 64:
        return fallback
    try:
        found = parse_rfc3339(value)
    except (ValueError, OverflowError):
        return fallback
    if found > now or (oldest is not None and found < now - oldest):
        return fallback
    return found


def in_languages(lang: str | None, wanted: Iterable[str]) -> bool:
    """Whether a post's language is wanted. Unknown languages pass: most complaints are too short to tell."""
    wanted = tuple(wanted)
    if not wanted or lang is None:
        return True
    primary = lang.casefold().split("-")[0]
    return any(primary == one.casefold().split("-")[0] for one in wanted)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def matcher(terms: Iterable[str]) -> Callable[[str], bool]:
    """Return a test for "contains any of these terms"; without terms everything passes.

    Case, width and spacing do not matter. A term begins where a word or a hashtag's word begins, so "outage" finds
    "outages" and "#VTelOutage" but "att" does not find "attention": terms under four letters must be whole words.
    """
    wanted = {folded: re.compile("|".join(_patterns(folded))) for term in terms if (folded := _folded(term))}
    if not wanted:
        return lambda _text: True

    def contains(text: str) -> bool:
        read = _folded(text)  # most posts contain no term at all, which costs no pattern
        return any(term in read and pattern.search(read) is not None for term, pattern in wanted.items())

    return contains


def _patterns(term: str) -> Iterable[str]:
    literal = re.escape(term)
    if any(ord(character) >= _UNSPACED_FROM for character in term):
        return (literal,)
    if len(term) < 4:
        return (rf"(?<!\w){literal}(?!\w)",)
    return (rf"(?<!\w){literal}", rf"#\w{{1,100}}?{literal}")


class _Text(HTMLParser):
    """Collects what a reader would see. Never builds a tree, so depth costs nothing."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self.hidden += 1
        elif tag in _BREAKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag == "p":
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.found.append(data)


def html_text(value: Any) -> str | None:
    """The text of an HTML fragment, tags gone and breaks kept; None for what is not text or says nothing."""
    if not isinstance(value, str):
        return None
    reader = _Text()
    try:
        reader.feed(value[:_HTML_LIMIT])
        reader.close()
    except (AssertionError, ValueError):
        return body(re.sub(r"<[^>]{0,1000}>", " ", value[:_HTML_LIMIT]))
    lines = (" ".join(line.split()) for line in "".join(reader.found).split("\n"))
    return body("\n".join(line for line in lines if line))
