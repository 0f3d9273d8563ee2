"""Our own posts on Mastodon read, and one of them recognised by what it says.

A server makes HTML of a text: paragraphs, line breaks, links cut up by spans, mentions without their server. A post
that was edited shows its last words; what it said before is in its history (docs.joinmastodon.org, methods/statuses).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

from notifier.model.times import parse_rfc3339

from .wire import HttpAnswer

_MENTION = re.compile(r"(?<![\w/])@(\w+)@[\w.-]*\w")


def read_statuses(answer: HttpAnswer) -> list[Mapping[str, Any]] | None:
    """The posts of one page; None where the answer is no list of posts."""
    read = answer.json() if answer.status == 200 else None
    if not isinstance(read, list) or not all(_is_post(post) for post in read):
        return None
    return read


def read_history(answer: HttpAnswer) -> list[Mapping[str, Any]] | None:
    """Every version of a post, the first first; None where the answer is no history."""
    read = answer.json() if answer.status == 200 else None
    if not isinstance(read, list) or not read:
        return None
    return read if all(isinstance(v, dict) and isinstance(v.get("content"), str) for v in read) else None


def _is_post(post: object) -> bool:
    if not isinstance(post, dict) or not all(isinstance(post.get(n), str) for n in ("id", "content", "created_at")):
        return False
    try:
        parse_rfc3339(post["created_at"])
    except (ValueError, OverflowError):
        return False
    return bool(post["id"])


def written_at(post: Mapping[str, Any]) -> datetime:
    """When a post was written."""
    return parse_rfc3339(post["created_at"])


def was_edited(post: Mapping[str, Any]) -> bool:
    """Whether a post says other words than it did at first."""
    return bool(post.get("edited_at"))


def is_ours(text: str, post: Mapping[str, Any]) -> bool:
    """Whether a post, or one version of it, says what we said, blanks and the servers of mentions aside."""
    return _plain(text_of(post["content"])) == _plain(text)


def _plain(text: str) -> list[str]:
    return _MENTION.sub(r"@\1", unicodedata.normalize("NFC", text)).split()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("p", "br", "div", "li", "blockquote", "pre"):
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(content: str) -> str:
    """A post's HTML as text. Shortened links are whole in it: CSS hides parts of them, nothing is left out."""
    reader = _Words()
    reader.feed(content)
    reader.close()
    return "".join(reader.words).strip()
