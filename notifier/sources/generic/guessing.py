"""What vendors' words mostly mean, for a first mapping that is proposed to a person and never polled by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..shapes import Unreadable, json_of, one_line, xml_of

FEED_PATHS = ("/history.rss", "/feed.rss", "/rss", "/feed", "/history.atom", "/feed.atom", "/feed.xml", "/index.xml",
              "/feed.json")
"""Where status pages keep their feeds."""
LEVELS: Mapping[str, tuple[str, ...]] = {
    "ok": ("resolved", "closed", "restored", "completed", "fixed", "operational", "ok", "up", "normal", "available",
           "ended", "green"),
    "notice": ("notice", "info", "information", "informational"),
    "maintenance": ("maintenance", "planned", "scheduled", "under maintenance", "upcoming"),
    "minor": ("minor", "degraded", "degraded performance", "monitoring", "watching", "warning", "medium", "low",
              "yellow", "amber", "open", "active", "ongoing", "new", "in progress"),
    "major": ("major", "partial outage", "disruption", "disrupted", "investigating", "identified", "high", "red"),
    "critical": ("critical", "major outage", "full outage", "outage", "down", "severe"),
}
"""What words for a state mostly mean."""
_ENDS = ("resolved", "closed", "restored", "completed")


def level_of(word: str) -> str | None:
    """The level a word for a state mostly means; None where nobody can tell."""
    plain = " ".join(re.split(r"[\s_-]+", word.strip().casefold()))
    return next((level for level, words in LEVELS.items() if plain in words), None)


def statuses_of(words: Sequence[str]) -> dict[str, str]:
    """What the words seen mean, those nobody can tell left out; and the words that mostly say it is over."""
    known = {word.casefold(): level for word in words if (level := level_of(word)) is not None}
    return {**known, **{word: "ok" for word in _ENDS if word not in known}}


def guess_feed(url: str, body: bytes) -> Mapping[str, Any]:
    """The title a feed has, for it to be held to; empty where the body is no feed, or has none."""
    try:
        if body.lstrip()[:1] == b"{":
            value = json_of(body)
            title = value.get("title") if isinstance(value, dict) and "items" in value else None
        else:
            named = (child for holder in (xml_of(body), *xml_of(body).findall("channel")) for child in holder)
            title = next((one.text for one in named if str(one.tag).rpartition("}")[2] == "title"), None)
    except Unreadable:
        return {}
    line = one_line(title) if isinstance(title, str) else ""
    return {"expect_title": line} if line and not line.endswith("…") else {}
