"""A post as staff may see it."""

from __future__ import annotations

import re
from functools import lru_cache

SHOWN_MOST = 200
"""Characters of a post that are shown."""

_HIDDEN = re.compile(r"https?://\S+|www\.\S+|[@＠][\w.-]+", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff]+")


@lru_cache(maxsize=4_096)
def shown(text: str) -> str:
    """A post as staff may see it: no names, links or control characters, on one line, not too long."""
    plain = " ".join(_UNSEEN.sub(" ", _HIDDEN.sub(" ", text[:2_000])).split())
    return plain if len(plain) <= SHOWN_MOST else plain[:SHOWN_MOST - 1].rstrip() + "…"
