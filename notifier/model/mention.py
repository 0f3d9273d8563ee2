"""Mentions: public posts that may be complaints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .times import parse_rfc3339, rfc3339, utc

TEXT_LIMIT = 10_000
"""Characters of a post that are kept; the longest post any listened-to network allows is shorter."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One public post, as a recording keeps it (see DESIGN: mentions*.jsonl). `author` may be None: then the post
    counts as a person of its own. `reply_to_at` is when the post it answers was written, where that is known."""

    id: str
    created_at: datetime
    network: str
    text: str
    author: str | None = None
    author_location: str | None = None
    place: str | None = None
    lang: str | None = None
    is_repost: bool = False
    reply_to: str | None = None
    url: str | None = None
    reply_to_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "created_at", utc(self.created_at))
        if self.reply_to_at is not None:
            object.__setattr__(self, "reply_to_at", utc(self.reply_to_at))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Mention:
        """Read one line of a recording or of a social-listening export.

        Raises ValueError naming the field that is missing or of the wrong type. Unknown fields are ignored: exports
        carry many.
        """

        def text_of(key: str, *, required: bool = False, limit: int = 500) -> str | None:
            value = record.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if value is None or value == "":
                if required:
                    raise ValueError(f"mention without {key!r}")
                return None
            if not isinstance(value, str):
                raise ValueError(f"mention's {key!r} is {type(value).__name__}, expected text")
            return value[:limit]

        created = text_of("created_at", required=True)
        assert created is not None
        return cls(
            id=text_of("id", required=True) or "",
            created_at=parse_rfc3339(created),
            network=text_of("network") or "export",
            text=text_of("text", required=True, limit=TEXT_LIMIT) or "",
            author=text_of("author"),
            author_location=text_of("author_location"),
            place=text_of("place"),
            lang=text_of("lang"),
            is_repost=record.get("is_repost") is True,
            reply_to=text_of("reply_to"),
            url=text_of("url", limit=2000),
            reply_to_at=_time(record.get("reply_to_at")),
        )

    def to_record(self) -> dict[str, Any]:
        """The recording's line for this mention; fields that are unknown are left out."""
        found: dict[str, Any] = {
            "id": self.id,
            "created_at": rfc3339(self.created_at),
            "network": self.network,
            "text": self.text,
            "author": self.author,
            "author_location": self.author_location,
            "place": self.place,
            "lang": self.lang,
            "is_repost": self.is_repost or None,
            "reply_to": self.reply_to,
            "url": self.url,
            "reply_to_at": rfc3339(self.reply_to_at) if self.reply_to_at is not None else None,
        }
        return {key: value for key, value in found.items() if value is not None}


def _time(value: Any) -> datetime | None:
    """A time that a post can do without: None for what cannot be read."""
    try:
        return parse_rfc3339(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
