"""How early a source speaks, and whether it was right: measured on every incident it could have known of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """What a source was worth in one incident."""

    LED = "led"
    """It spoke first, and others said the same later."""
    FOLLOWED = "followed"
    """Others had spoken before it."""
    ALONE = "alone"
    """Nobody else spoke."""
    SILENT = "silent"
    """It has spoken of this service near there before, could be heard, and said nothing."""
    FALSE = "false"
    """It spoke, and staff withdrew the incident."""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """One source in one incident that has ended. `lag` is from the first evidence anybody gave to this source's first
    notice: zero where it led or was alone, None where it was silent. `lead` is from its first notice to that of the
    next, where it led."""

    source: str
    incident: str
    service: str
    regions: tuple[str, ...]
    verdict: Verdict
    closed_at: datetime
    lag: timedelta | None = None
    lead: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a source's records amount to. `lag` and `lead` are medians, None without any; `weight` is how much its word
    counts in the evidence, 1 where nothing is known of it."""

    source: str
    counts: dict[Verdict, int]
    lag: timedelta | None
    lead: timedelta | None
    weight: float
