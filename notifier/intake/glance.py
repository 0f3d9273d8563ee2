"""A first look at a post's bytes: its text, at a fraction of what reading it all costs.

Of all that is posted next to nothing matters to one operator, so what is decided here is decided for nearly every post.
The one promise: the text is the very text a full reading would give (once `tidied`). Where the bytes are not as
expected it says "look closely" (None), and whoever sends such bytes costs us a full reading, no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ..model.mention import TEXT_LIMIT
from ..sources.posts.bluesky import POSTS
from ..sources.posts.posts import body, clean, html_text, words
from .shapes import Shape

Glance = Callable[[bytes], str | None]
"""Bytes → text; "" where it certainly is nothing to us; None where only a full reading tells."""

CANNOT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not as expected; msgspec.ValidationError is among them."""


class _Note(msgspec.Struct, gc=False):
    text: str | None = None


class _XPost(msgspec.Struct, gc=False):
    text: str | None = None
    note_tweet: _Note | None = None
    note_post: _Note | None = None


class _XLine(msgspec.Struct, gc=False):
    data: _XPost | None = None


class _Record(msgspec.Struct, gc=False):
    text: str | None = None


class _Commit(msgspec.Struct, gc=False):
    operation: str | None = None
    collection: str | None = None
    record: _Record | None = None


class _Event(msgspec.Struct, gc=False):
    commit: _Commit | None = None


class _Reblog(msgspec.Struct, gc=False):
    content: str | None = None


class _Status(msgspec.Struct, gc=False):
    content: str | None = None
    spoiler_text: str | None = None
    reblog: _Reblog | None = None


class _Line(msgspec.Struct, gc=False):
    text: str | None = None


def _x(line: _XLine) -> str | None:
    post = line.data
    if post is None:
        return None  # X's farewell or an error
    if post.note_tweet is None and post.note_post is None:
        return post.text
    note = post.note_tweet or post.note_post
    if note is None or not note.text or (post.note_tweet and post.note_post) or not body(note.text):
        return None  # of a note that cleaning leaves nothing of, a full reading takes the post's own text
    return note.text


def _bluesky(event: _Event) -> str:
    commit = event.commit
    if commit is None or commit.operation != "create" or commit.collection != POSTS or commit.record is None:
        return ""
    return commit.record.text or ""


def _mastodon(status: _Status) -> str:
    text = html_text(status.content) or (html_text(status.reblog.content) if status.reblog is not None else None)
    warning = words(status.spoiler_text)
    return "" if text is None else f"{warning}\n{text}" if warning else text


def _export(line: _Line) -> str | None:
    return line.text or None


def tidied(shape: Shape, text: str) -> str:
    """A glance's text as a full reading cuts and cleans it; "" where it leaves nothing."""
    if shape is Shape.MASTODON:
        return text
    return clean(text)[:TEXT_LIMIT] if shape is Shape.EXPORT else body(text) or ""


def _reader(kind: type[Any], text_of: Callable[[Any], str | None]) -> Glance:
    decode = msgspec.json.Decoder(kind).decode

    def glance(raw: bytes) -> str | None:
        try:
            return text_of(decode(raw))
        except CANNOT:
            return None

    return glance


GLANCES: dict[Shape, Glance] = {
    Shape.X: _reader(_XLine, _x), Shape.BLUESKY: _reader(_Event, _bluesky),
    Shape.MASTODON: _reader(_Status, _mastodon), Shape.EXPORT: _reader(_Line, _export),
}
