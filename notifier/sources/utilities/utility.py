"""A utility's outages, whatever map they were read from: settings, the outage itself, and how bad it is.

Pure. Each utility's module turns its own format into `PowerOutage`s with the readers here; `outages.py` decides what
they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from notifier.model.settings import Duration
from notifier.model.signal import Level
from notifier.model.times import rfc3339

from ..clocks import any_time, known_zone, past_time
from ..geometry import Point
from ..settings import HttpSettings
from ..shapes import Unreadable

_MOST_CUSTOMERS = 100_000_000
"""More than any utility serves; a larger number is a fault."""


_DECIMAL = re.compile(r"-?\d{1,12}(?:\.\d{1,15})?")


class UtilitySettings(HttpSettings):
    """What sources of outage maps share."""

    every: Duration = timedelta(minutes=5)
    """Time between polls; most maps are made anew every 5 to 15 minutes."""
    freshness: Duration = timedelta(hours=1)
    """How old its last good answer, or the answer's own time stamp, may get before its silence means nothing."""
    territory: tuple[str, ...] = ()
    """Regions it serves: counties and towns are looked up inside them, for names that several regions share."""
    nearest_km: float = Field(default=20, ge=0, le=500)
    """An outage no polygon holds belongs to the nearest region with a point, at most so many kilometres away."""
    sum_by_region: bool = True
    """Sum the outages of a region into one trouble; false: each outage is one."""
    at_least: int = Field(default=50, ge=1)
    """Fewer customers out than this are not even worth knowing, and a region with fewer is over."""
    minor: int = Field(default=500, ge=1)
    """Customers out (of one outage, or of a region's sum) from which it is minor trouble; fewer are worth knowing."""
    major: int = Field(default=5_000, ge=1)
    """Customers out from which it is major."""
    critical: int = Field(default=50_000, ge=1)
    """Customers out from which it is critical."""
    minor_share: float | None = Field(default=0.05, gt=0, le=1)
    """Share of the customers served from which it is minor too, where at least `at_least` are out; empty: never."""
    major_share: float | None = Field(default=0.25, gt=0, le=1)
    """As minor_share, for major."""
    critical_share: float | None = Field(default=0.5, gt=0, le=1)
    """As minor_share, for critical."""
    planned: tuple[str, ...] = ("planned", "scheduled", "maintenance")
    """Patterns of causes that are planned work: told as maintenance, and no part of a sum."""
    zone: str = "UTC"
    """Zone of times that come without one."""
    epoch_zone: str | None = None
    """Zone whose wall clock its numeric times show, where it writes local time as if it were UTC (PG&E did in 2024)."""

    @field_validator("zone", "epoch_zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        return None if value is None else known_zone(value)

    @model_validator(mode="after")
    def _rising(self) -> UtilitySettings:
        if not self.at_least <= self.minor <= self.major <= self.critical:
            raise ValueError("expected at_least, minor, major and critical to rise")
        return self


@dataclass(frozen=True, slots=True)
class PowerOutage:
    """One outage, or what a utility says of one area of its map (`is_area`: its name places it before its point does).

    `customers_out` None: not known. `served` are the customers of the area, `count` the outages it stands for, `places`
    names and postcodes the utility gives, the smallest first. `restored_by` is the utility's estimate.
    """

    id: str
    customers_out: int | None
    began: datetime | None = None
    restored_by: datetime | None = None
    cause: str = ""
    crew: str = ""
    area: str = ""
    group: str = ""
    point: Point | None = None
    places: tuple[str, ...] = ()
    served: int | None = None
    count: int = 1
    is_area: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class OutageList:
    """One answer, checked. `whole` False: it was cut off. `affirmed` True: it says of some area that nobody is out, so
    that every area is listed."""

    outages: tuple[PowerOutage, ...]
    whole: bool = True
    affirmed: bool = False


# ── What formats hold ────────────────────────────────────────────────────────────────────────────────────────────────


def count_of(value: Any) -> int | None:
    """A number of customers, also as text of digits; None where it is none."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_CUSTOMERS:
        return None
    return value


def number_of(value: Any) -> float | None:
    """A number, also as text; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= 30 and _DECIMAL.fullmatch(value.strip()):
        return float(value)
    return float(value) if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**9) else None


def id_of(holder: Mapping[str, Any], *keys: str) -> str:
    """The vendor's id under the first of `keys` that holds one, a whole number or text. Raises Unreadable without."""
    for key in keys:
        value = holder.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
            return str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()[:100]
    raise Unreadable(f"an outage has no {keys[0]}")


def began_at(value: Any, settings: UtilitySettings, now: datetime) -> datetime | None:
    """When something began, never after `now`. Raises Unreadable for a clock more than a day ahead."""
    return past_time(_as_utc(value, settings), now, settings.zone)


def time_of(value: Any, settings: UtilitySettings) -> datetime | None:
    """Any time, past or future, in UTC; None where it is none."""
    return any_time(_as_utc(value, settings), settings.zone)


def _as_utc(value: Any, settings: UtilitySettings) -> Any:
    """A number by a wall clock as the moment it stands for; anything else as it is."""
    number = isinstance(value, int | float) or (isinstance(value, str) and value.strip().isdecimal())
    if settings.epoch_zone is None or not number or (shown := any_time(value)) is None:
        return value
    try:
        return rfc3339(shown.replace(tzinfo=ZoneInfo(settings.epoch_zone)).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def check_fresh(stamps: Iterable[Any], settings: UtilitySettings, now: datetime) -> None:
    """Raise Unreadable where an answer's own time stamps are missing, or the newest is older than `freshness`: what is
    served then is a copy nobody renews."""
    times = [at for stamp in stamps if (at := began_at(stamp, settings, now)) is not None]
    if not times:
        raise Unreadable("the answer does not say when it was made")
    if now - max(times) > settings.freshness:
        raise Unreadable(f"the answer was made at {rfc3339(max(times))} and not renewed since")


def check_numbers(outages: Sequence[PowerOutage]) -> None:
    """Raise Unreadable where outages are listed and none says how many customers are out: the format has changed."""
    if outages and all(one.customers_out is None for one in outages):
        raise Unreadable("no outage says how many customers are out")


# ── How bad ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def level_of(out: int, served: int | None, settings: UtilitySettings) -> Level:
    """How bad it is that `out` of `served` customers (None: unknown) have no power; NOTICE below every threshold."""
    if out < settings.at_least:
        return Level.NOTICE
    share = out / served if served is not None and served >= out else 0.0
    for level, customers, of_all in (
        (Level.CRITICAL, settings.critical, settings.critical_share),
        (Level.MAJOR, settings.major, settings.major_share),
        (Level.MINOR, settings.minor, settings.minor_share),
    ):
        if out >= customers or (of_all is not None and share >= of_all):
            return level
    return Level.NOTICE
