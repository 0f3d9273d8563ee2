"""Our own timeline on X read, and our own post recognised in it.

X shows a text with & < > escaped, in NFC and with every link swapped for a t.co one, which `entities.urls` opens again.
A post that was edited shows its last words under a new id; the versions before it can be read by theirs.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from notifier.model.post_ids import posted_at
from notifier.model.times import parse_rfc3339
from notifier.notices.urls import find_links

from .wire import HttpAnswer

_SHORT = re.compile(r"https?://t\.co/\w+")


@dataclass(frozen=True, slots=True)
class Post:
    """One post of ours. `id` is that of its first version, `versions` the ids of those before the one shown here."""

    id: str
    at: datetime
    raw: Mapping[str, Any]
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Posts, newest first, and the token of the page with older ones; None: there is none."""

    posts: tuple[Post, ...]
    next: str | None = None


class Likeness(Enum):
    """Whether a post says what we said. UNCLEAR: but for a link X does not show whole."""

    SAME = "same"
    OTHER = "other"
    UNCLEAR = "unclear"


def read_page(answer: HttpAnswer, now: datetime) -> Page | None:
    """One page of a timeline; None where the answer is none."""
    read = answer.fields()
    meta, data = read.get("meta"), read.get("data", [])
    if answer.status != 200 or not isinstance(meta, dict) or not isinstance(data, list):
        return None
    posts = _posts(data, now)
    token = meta.get("next_token")
    return Page(posts, token if isinstance(token, str) and token else None) if posts is not None else None


def read_versions(answer: HttpAnswer, wanted: Sequence[str], now: datetime) -> tuple[Post, ...] | None:
    """The posts asked for by their ids; None where not all of them are there."""
    data = answer.fields().get("data")
    posts = _posts(data, now) if answer.status == 200 and isinstance(data, list) else None
    if posts is None or {str(post.raw["id"]) for post in posts} != set(wanted):
        return None
    return posts


def _posts(data: Sequence[object], now: datetime) -> tuple[Post, ...] | None:
    posts = [_post(one, now) for one in data]
    known = tuple(post for post in posts if post is not None)
    return known if len(known) == len(posts) else None


def _post(one: object, now: datetime) -> Post | None:
    if not isinstance(one, dict) or not all(isinstance(one.get(n), str) and one[n] for n in ("id", "text")):
        return None
    at = _written_at(one, now)
    if at is None:
        return None
    history = one.get("edit_history_tweet_ids", one.get("edit_history_post_ids"))
    ids = [id for id in history if isinstance(id, str) and id.isdigit()] if isinstance(history, list) else []
    before = tuple(sorted((id for id in ids if id != one["id"]), key=int))
    return Post(before[0] if before else one["id"], at, one, before)


def _written_at(one: Mapping[str, Any], now: datetime) -> datetime | None:
    """By what X says, or else by the id, which holds the time."""
    try:
        return parse_rfc3339(str(one.get("created_at")))
    except (ValueError, OverflowError):
        return posted_at("x", one["id"], now)


def likeness(text: str, post: Mapping[str, Any]) -> Likeness:
    """Whether a post says `text`, whatever X made of it."""
    said = html.unescape(post["text"])
    for short, whole in _expansions(post):
        said = said.replace(short, whole)
    if _plain(said) == _plain(text):
        return Likeness.SAME
    if _SHORT.search(said) and _plain(_SHORT.sub("link", said)) == _plain(_linkless(text)):
        return Likeness.UNCLEAR
    return Likeness.OTHER


def _expansions(post: Mapping[str, Any]) -> list[tuple[str, str]]:
    entities = post.get("entities")
    urls = entities.get("urls") if isinstance(entities, dict) else None
    pairs = [(url.get("url"), url.get("expanded_url")) for url in urls if isinstance(url, dict)] if isinstance(
        urls, list) else []
    return [(short, whole) for short, whole in pairs if isinstance(short, str) and short and isinstance(whole, str)]


def _linkless(text: str) -> str:
    for link in reversed(find_links(text)):
        text = text[: link.start] + "link" + text[link.end :]
    return text


def _plain(text: str) -> str:
    bare = re.sub(r"https?://", "", unicodedata.normalize("NFC", text), flags=re.IGNORECASE)
    return " ".join(word.rstrip("/") for word in bare.split())
