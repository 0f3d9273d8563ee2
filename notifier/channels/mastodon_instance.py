"""What a Mastodon server says of itself: how long a post may be, what a link counts, whether it honours our key.

Servers set their own limits, and relatives of Mastodon speak its protocol without its Idempotency-Key: by their version
they tell (docs.joinmastodon.org, entities/Instance). What they do not tell is not assumed in our favour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .wire import HttpAnswer

FRESH_FOR = timedelta(hours=12)
"""How long what a server said is believed; its administrators change limits at an update."""
_KEYED_FROM = 3
"""Major version from which a server that calls itself Mastodon, forks included, honours Idempotency-Key; relatives
count from 0 (GoToSocial) or say what they are compatible with (Pleroma, Akkoma, Iceshrimp)."""
_LONGEST_LINK = 1_000


@dataclass(frozen=True, slots=True)
class Instance:
    """`limit`: characters a post may have; `link`: characters every link counts as; None: not told."""

    limit: int | None
    link: int | None
    keyed: bool


def read_instance(answer: HttpAnswer) -> Instance | None:
    """What /api/v2/instance says; None where the answer is none."""
    read = answer.fields() if answer.status == 200 else {}
    version = read.get("version")
    if not isinstance(version, str):
        return None
    link = _number(read, "characters_reserved_per_url")
    return Instance(_number(read, "max_characters"), link if link is None or link <= _LONGEST_LINK else None,
                    _is_keyed(version))


def _is_keyed(version: str) -> bool:
    major = re.match(r"\d{1,4}(?=\.)", version)
    return major is not None and int(major.group()) >= _KEYED_FROM and "compatible" not in version.lower()


def _number(read: Mapping[str, Any], name: str) -> int | None:
    found: Any = read
    for step in ("configuration", "statuses", name):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None
