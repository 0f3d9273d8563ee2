"""What one post was found to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a post is."""

    COMPLAINT = "complaint"
    RECOVERY = "recovery"
    WORKAROUND = "workaround"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a post is, of which services, and the words that decided: also those that decided against."""

    kind: Kind
    services: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
