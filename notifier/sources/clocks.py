"""Times as vendors write them.

RFC 3339 and RFC 822, with a bare Z, a zone name nobody standardised, or no zone at all; JavaScript's Date.toString()
and Go's Time.String() ("2026-01-15 11:30:00 +0100 CET");
seconds or milliseconds since 1970 as numbers or text. What cannot be read is None, never a guess; what has no zone gets
the one the settings name.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from notifier.model.times import utc

from .shapes import FUTURE, Unreadable

_ZONES = {"CET": 1, "CEST": 2, "BST": 1, "WET": 0, "WEST": 1, "EET": 2, "EEST": 3, "IST": 5.5, "JST": 9, "AEST": 10}
"""Hours ahead of UTC of zone names seen in feeds that RFC 822 does not know."""
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
_MILLISECONDS = 100_000_000_000
"""Numbers above it are milliseconds: as seconds they would lie beyond the year 5000."""
_NUMBER = re.compile(r"\d{9,13}(?:\.\d{1,6})?")
_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d) (?:GMT|UTC)([+-]\d{4})?(?: \(.*\))?"
)
_GO = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d{1,9})? ([+-]\d{4})(?: [A-Z]{1,5}| [+-]\d{2,4})?")


def known_zone(value: str) -> str:
    """`value` if it is an IANA zone; for settings. Raises ValueError with a sentence."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("expected an IANA time zone such as Europe/Berlin") from error
    return value


def any_time(value: Any, zone: str = "UTC") -> datetime | None:
    """A time in any of the forms above, past or future, in UTC; `zone` is that of times that come without one. None
    where it is missing, unreadable or before 1990 (several vendors write year 1 for "not yet")."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _since_1970(value)
    if not isinstance(value, str) or len(value) > 100:
        return None
    text = " ".join(value.split())
    if _NUMBER.fullmatch(text):
        return _since_1970(float(text))
    return _recent(_iso(text, zone) or _javascript(text) or _go(text) or _rfc822(text, zone))


def past_time(value: Any, now: datetime, zone: str = "UTC") -> datetime | None:
    """As any_time, at most `now`. Raises Unreadable when it lies more than a day ahead: that clock is not believed."""
    found = any_time(value, zone)
    if found is not None and found > now + FUTURE:
        raise Unreadable("its clock is more than a day ahead of ours")
    return None if found is None else min(found, now)


def _since_1970(number: float) -> datetime | None:
    try:
        return _recent(datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _recent(found: datetime | None) -> datetime | None:
    return found if found is not None and found >= _OLDEST else None


def _iso(text: str, zone: str) -> datetime | None:
    try:
        return utc(_with_zone(datetime.fromisoformat(text), zone))
    except (ValueError, OverflowError):
        return None


def _javascript(text: str) -> datetime | None:
    found = _JAVASCRIPT.fullmatch(text)
    if found is None:
        return None
    month, day, year, clock, offset = found.groups()
    return _rfc822(f"{day} {month} {year} {clock} {offset or '+0000'}", "UTC")


def _go(text: str) -> datetime | None:
    """The offset counts; the name after it only repeats it."""
    found = _GO.fullmatch(text)
    return None if found is None else _iso(f"{found[1]}{found[2]}", "UTC")


def _rfc822(text: str, zone: str) -> datetime | None:
    head, _, name = text.rpartition(" ")
    try:
        if name.upper() in _ZONES:
            return utc(parsedate_to_datetime(f"{head} +0000") - timedelta(hours=_ZONES[name.upper()]))
        return utc(_with_zone(parsedate_to_datetime(text), zone))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _with_zone(at: datetime, zone: str) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))
