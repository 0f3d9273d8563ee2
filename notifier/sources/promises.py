"""What vendors' prose promises: what helps meanwhile ("Workaround: …"), and when it will be back.

Kept as facts of the evidence in the vendor's own words; a moment is only read where the words name date, time and zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from notifier.model.times import utc

_PROSE_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Restoration:
    """When a vendor expects to be back: its words, and the moment where they name one with date, time and zone."""

    words: str
    at: datetime | None


_WORKAROUND = re.compile(
    r"(?:^|[\s.!?])(?:(?:temporary |suggested |possible )?work-?\s?arounds?\s*:|"
    r"(?:as a|a (?:temporary |possible )?)\s*work-?\s?around(?:\s*(?:is to|is|,|:))?|"
    r"(?:to|you can|customers can) work around (?:this|the)(?: issue| problem)?,?)\s*(?P<text>[^\n]{3,600})",
    re.IGNORECASE,
)
_NO_WORKAROUND = re.compile(
    r"^\W*(?:none|no work-?\s?arounds?|not available|n/?a|unknown|there (?:is|are) no|no\b|we are|is not)\b",
    re.IGNORECASE,
)
_NEXT_LABEL = re.compile(r"\s+(?=[A-Z][a-z]+(?: [a-z]+)?:\s)")
_RESTORATION = re.compile(
    r"\b(?:etr|eta|etor|(?:estimated|expected|anticipated)(?: time (?:of|to|for))? ?"
    r"(?:restoration|restore|resolution|repair|recovery|fix|completion)(?: time)?|"
    r"(?:expect|anticipate|estimate|hope|aim)\w*[^\n.!?]{0,80}?\b(?:restor|resol|recover|repair|complet|back)\w*)"
    r"\b[^\n!?]{0,200}",
    re.IGNORECASE,
)
_REACH = 300
"""How far before its own words the sentence of a promise is looked for. Backwards, because a pattern that began with
"any characters" took half a minute over 20,000 characters without a full stop."""
_NO_TIME = re.compile(r"\b(?:no|not|unknown|don't|do not|cannot|without)\b[^.]{0,40}\b(?:eta|etr|estimate|time)", re.I)
_CLOCK = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|[A-Z][a-z]{2,8}\.? \d{1,2}(?:,? \d{4})?|\d{1,2} [A-Z][a-z]{2,8}(?: \d{4})?)"
    r"(?:,| at| by|T)?\s*(?P<time>\d{1,2}:\d\d)\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*"
    r"(?P<zone>[A-Z][A-Za-z/_]{1,30}|[+-]\d\d:?\d\d|Z)?"
)
_NAMED_ZONES: Mapping[str, float] = {
    "UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "CET": 1, "CEST": 2, "BST": 1,
}
_DAYS = ("%Y-%m-%d", "%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y")


def workaround_in(text: str) -> str:
    """What a vendor says helps meanwhile ("Workaround: retry the request."), on one line; "" where it says nothing,
    or that there is none."""
    for found in _WORKAROUND.finditer(text[:_PROSE_LIMIT]):
        said = " ".join(_NEXT_LABEL.split(found["text"])[0].split()).strip(" ,:-–—")
        if len(said) > 2 and not _NO_WORKAROUND.match(said):
            return said[:500]
    return ""


def restoration_in(text: str, now: datetime, zone: str = "UTC") -> Restoration | None:
    """When a vendor expects to be back, in its words; None where it names no such expectation, or says it has none.
    `zone` counts where the words name none."""
    for found in _RESTORATION.finditer(text := text[:_PROSE_LIMIT]):
        head = text[max(0, found.start() - _REACH) : found.start()]
        begin = max(head.rfind(mark) for mark in "\n.!?") + 1
        words = " ".join(f"{head[begin:]}{found[0]}".split())[:300]
        if _NO_TIME.search(words):
            continue
        if (clock := _CLOCK.search(words)) is not None:
            return Restoration(words, _moment(clock, now, zone))
        if re.search(r"\d", words):
            return Restoration(words, None)
    return None


def _moment(clock: re.Match[str], now: datetime, zone: str) -> datetime | None:
    """The moment a match of _CLOCK names; a day without a year is the one nearest to `now`."""
    day = clock["day"].replace(",", "").replace(".", "")
    half = (clock["half"] or "").replace(".", "").upper()
    where = _zone_of(clock["zone"] or zone)
    years = [""] if re.search(r"\d{4}", day) else [f" {year}" for year in (now.year - 1, now.year, now.year + 1)]
    moments = []
    for year in years:
        for form in _DAYS:
            try:
                date = datetime.strptime(f"{day}{year}", form)  # noqa: DTZ007 its zone comes with the next line
                time = datetime.strptime(f"{clock['time']} {half}".strip(), "%I:%M %p" if half else "%H:%M")  # noqa: DTZ007
                if where is not None:
                    moments.append(utc(datetime.combine(date.date(), time.time(), where)))
            except (ValueError, OverflowError):
                continue
    return min(moments, key=lambda at: abs((at - now).total_seconds()), default=None)


def _zone_of(name: str) -> tzinfo | None:
    if name.upper() in _NAMED_ZONES:
        return timezone(timedelta(hours=_NAMED_ZONES[name.upper()]))
    if name[:1] in "+-":
        digits = name.replace(":", "")
        return timezone(timedelta(hours=int(digits[:3]), minutes=int(digits[0] + digits[3:])))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
