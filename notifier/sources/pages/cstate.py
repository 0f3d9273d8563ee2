"""cState: a static status page that Hugo builds anew with each edit, read from its `/index.json`.

Everything unresolved is listed beneath the systems it affects; an issue that affects several comes several times. Being
static the page never fails and never notices that nobody tends it: `buildDate` and `buildTime` say how old it is, which
means something only where the vendor rebuilds it regularly. Times are as Go prints them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal

from pydantic import field_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.model.signal import Level
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import any_time, known_zone, past_time
from ..page import Context, PageSource, ask_at
from ..settings import HttpSettings
from ..shapes import Unreadable, json_of, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, read_page

STATES: Mapping[str, Level] = {
    "ok": Level.OK,
    "notice": Level.NOTICE,
    "disrupted": Level.MINOR,
    "down": Level.MAJOR,
}
"""Of the page, of a system, and of an issue (its severity). A notice is what cState itself shows as maintenance or an
announcement."""


class CStateSettings(HttpSettings):
    """A page made with cState."""

    kind: Literal["cstate"] = "cstate"
    stale_after: Duration | None = None
    """A page built longer ago says nothing. Only for vendors that rebuild theirs regularly, whether or not anything
    happened; empty: its age means nothing."""
    timezone: str = "UTC"
    """Zone of times that come without one, or with one nobody knows."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)


def make(settings: CStateSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[CStateSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask_at("/index.json"), fetch=fetch,
                      conditional=settings.stale_after is None)


def read(body: bytes, context: Context[CStateSettings]) -> Reading:
    """What the page says."""
    zone = context.settings.timezone
    return read_page(page_of(json_of(body), context.settings, context.now), context, zone=zone)


def page_of(value: Any, settings: CStateSettings, now: datetime) -> VendorPage:
    """The index, checked. Raises Unreadable where anything it always has is missing (versions before 5 list no issues),
    and where it is too old."""
    body = record(value, "the answer")
    if body.get("is") != "index":
        raise Unreadable("the answer is not cState's index")
    overall = required(body, "summaryStatus", "the index")
    _check_age(body, settings, now)
    listings = [_listing(one, settings, now) for one in records(body.get("systems"), "systems")]
    issues = [issue for _, beneath in listings for issue in beneath]
    known = STATES.get(overall, Level.NOTICE)
    return VendorPage(
        incidents=_merged(listings),
        components=tuple(system for system, _ in listings),
        whole=True,
        affirmed=any(system.level is Level.OK for system, _ in listings),
        overall=Level.NOTICE if _only_announced(issues, now) else known,
        overall_said=overall if overall in STATES else "",
    )


def _check_age(body: Mapping[str, Any], settings: CStateSettings, now: datetime) -> None:
    built = built_at(body, settings.timezone, now)
    if settings.stale_after is None:
        return
    if built is None:
        raise Unreadable("the page does not say when it was built")
    if now - built >= settings.stale_after:
        raise Unreadable(f"the page was built at {rfc3339(built)} and not since")


def built_at(body: Mapping[str, Any], zone: str, now: datetime) -> datetime | None:
    """When the page was built; None where it does not say. Its zone is a name ("CET") or hours ("+03")."""
    try:
        day = date.fromisoformat(optional(body, "buildDate", 20)).strftime("%d %b %Y")
    except ValueError:
        return None
    name = optional(body, "buildTimezone", 10)
    name = f"{name}00" if re.fullmatch(r"[+-]\d\d", name) else name
    return past_time(f"{day} {optional(body, 'buildTime', 10)}:00 {name}".strip(), now, zone)


def _listing(
    system: Mapping[str, Any], settings: CStateSettings, now: datetime
) -> tuple[VendorComponent, list[VendorIncident]]:
    """A system, and the issues listed beneath it. Its state sums them up: with nothing but announcements it is well."""
    status, name = required(system, "status", "a system"), required(system, "name", "a system")
    level = STATES.get(status, Level.NOTICE)
    group = optional(system, "category")
    given = records(system.get("unresolvedIssues"), "unresolvedIssues")
    issues = [_issue(one, level, settings, now) for one in given]
    if _only_announced(issues, now):
        level = Level.NOTICE
    return VendorComponent("", name, group, level, status), issues


def _only_announced(issues: Sequence[VendorIncident], now: datetime) -> bool:
    return bool(issues) and all(one.started_at is not None and one.started_at > now for one in issues)


def _merged(listings: Sequence[tuple[VendorComponent, Sequence[VendorIncident]]]) -> tuple[VendorIncident, ...]:
    """Every issue once, with all the systems it is listed beneath."""
    merged: dict[str, VendorIncident] = {}
    for system, issues in listings:
        for issue in issues:
            first = merged.get(issue.id, issue)
            merged[issue.id] = replace(first, level=max(first.level, issue.level),
                                       components=(*first.components, system))
    return tuple(merged.values())


def _issue(issue: Mapping[str, Any], beneath: Level, settings: CStateSettings, now: datetime) -> VendorIncident:
    began = _created_at(issue, settings.timezone)
    ahead = began is not None and began > now
    return VendorIncident(
        id=optional(issue, "permalink") or required(issue, "filename", "an issue"),
        title=optional(issue, "title"),
        level=_level(issue, beneath, announced=ahead),
        status=optional(issue, "severity"),
        started_at=began,
        url=optional(issue, "permalink"),
        facts={"scheduled_for": rfc3339(began) if began is not None and ahead else ""},
    )


def _created_at(issue: Mapping[str, Any], zone: str) -> datetime | None:
    """None where it was never dated: Hugo then writes year 1. A time of another shape is that of another page."""
    written = optional(issue, "createdAt")
    began = any_time(written, zone)
    if began is None and written and not written.startswith("0001-"):
        raise Unreadable("an issue's createdAt is not a time")
    return began


def _level(issue: Mapping[str, Any], beneath: Level, *, announced: bool) -> Level:
    """By severity, and where that is a word nobody knows by the state of the system it is listed beneath. What is only
    information, or dated ahead, is worth knowing."""
    if issue.get("resolved") is True:
        return Level.OK
    if issue.get("informational") is True or announced:
        return Level.NOTICE
    level = STATES.get(optional(issue, "severity"), Level.OK)
    return level if level is not Level.OK else max(beneath, Level.NOTICE)
