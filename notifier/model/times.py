"""Times as the whole product keeps them: aware, in UTC, printed as RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(moment: datetime) -> datetime:
    """Return `moment` in UTC. Raises ValueError for a time without a zone (guessing one has closed outages early) and
    for one whose zone carries it out of the calendar."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone: attach one where the value enters the program")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{moment.isoformat()} lies outside the calendar in UTC") from error


def rfc3339(moment: datetime) -> str:
    """Print an aware time as "2013-06-12T11:32:05Z", with milliseconds only where there are any."""
    whole = utc(moment)
    text = whole.isoformat(timespec="milliseconds" if whole.microsecond // 1000 else "seconds")
    return text.replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time with its zone, as UTC. Raises ValueError when it is malformed or has no zone."""
    return utc(datetime.fromisoformat(text.strip().replace("z", "Z")))
