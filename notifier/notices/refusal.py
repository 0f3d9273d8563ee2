"""What is returned instead of words that must not be said, so that refusing is a value with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was made; `reason` is a sentence for staff, without personal data."""

    reason: str
