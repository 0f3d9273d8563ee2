"""Uptime Kuma: the public status page of a self-hosted monitor.

Two addresses say it together: the page itself (what people pinned there, work under way, groups of monitors) and the
heartbeats of its monitors. The newest heartbeat of each monitor decides. Heartbeats that have stopped are unknown, not
well: the page goes on serving them. Kuma writes its times without a zone, in UTC whatever the server's own zone is.
Since January 2026 the page lists `incidents`; before, it held one `incident` or none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.model.signal import Level, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..clocks import any_time, known_zone, past_time
from ..page import Context, PageSource, get_parts, parts_of
from ..settings import HttpSettings, request_of
from ..shapes import MOST, Unreadable, identity, json_of, optional, record, records
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

DOWN, UP, PENDING, MAINTENANCE = 0, 1, 2, 3
STATES: Mapping[int, str] = {DOWN: "down", UP: "up", PENDING: "pending", MAINTENANCE: "maintenance"}
STYLES: Mapping[str, Level] = {
    "danger": Level.MAJOR,
    "warning": Level.MINOR,
    "info": Level.NOTICE,
    "primary": Level.NOTICE,
    "light": Level.NOTICE,
    "dark": Level.NOTICE,
}
"""How bad an incident is: the colour it was pinned in is all that Kuma knows of it."""
WORK: Mapping[str, Level] = {
    "under-maintenance": Level.MAINTENANCE,
    "scheduled": Level.NOTICE,
    "inactive": Level.OK,
    "ended": Level.OK,
}


class UptimeKumaSettings(HttpSettings):
    """A public status page of Uptime Kuma; `url` is that of the server."""

    kind: Literal["uptime-kuma"] = "uptime-kuma"
    slug: str = Field(default="default", pattern=r"^[A-Za-z0-9-]+$")
    """Which page: the last part of its address, …/status/<slug>."""
    level: Literal["minor", "major", "critical"] = "major"
    """How bad a monitor that is down is."""
    stale_after: Duration = timedelta(minutes=15)
    """Heartbeats older than this say nothing: more than the interval of the slowest monitor."""
    timezone: str = "UTC"
    """Zone of times that come without one."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)


def slug_in(url: str, body: bytes) -> Mapping[str, Any]:
    """The slug that the address of a status page names (…/status/<slug>); empty where it names none."""
    found = re.search(r"/status/([A-Za-z0-9-]+)/?$", url.partition("?")[0])
    return {"slug": found[1]} if found else {}


class Beat(NamedTuple):
    """One heartbeat: when, and its state (None: a word nobody knows)."""

    at: datetime
    state: int | None


def make(settings: UptimeKumaSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[UptimeKumaSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch, conditional=False)


def ask(settings: UptimeKumaSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the page and its heartbeats."""
    base = f"{settings.url.rstrip('/')}/api/status-page"
    return get_parts({"page": request_of(settings, f"{base}/{settings.slug}"),
                      "heartbeat": request_of(settings, f"{base}/heartbeat/{settings.slug}")}, fetch, memory, now)


def read(body: bytes, context: Context[UptimeKumaSettings]) -> Reading:
    """What the page says: people's word for incidents, a measurement for monitors."""
    page, heartbeat = parts_of(body, "page", "heartbeat")
    found = page_of(json_of(page), json_of(heartbeat), context.settings, context.now)
    return read_page(found, context, zone=context.settings.timezone, component_class=SignalClass.MEASUREMENT)


def page_of(page: Any, heartbeat: Any, settings: UptimeKumaSettings, now: datetime) -> VendorPage:
    """Both answers, checked. Raises Unreadable where anything a page always has is missing, and where all its
    heartbeats are old."""
    body = record(page, "the page")
    record(body.get("config"), "config")
    lists = record(record(heartbeat, "the heartbeats").get("heartbeatList"), "heartbeatList")
    work = records(body.get("maintenanceList") or [], "maintenanceList")
    components: list[VendorComponent] = []
    newest: list[datetime] = []
    for group in records(body.get("publicGroupList"), "publicGroupList"):
        for monitor in records(group.get("monitorList"), "monitorList"):
            id = identity(monitor, "id", "a monitor")
            beats = beats_of(lists.get(id), settings, now)
            newest += [beats[-1].at] if beats else []
            components.append(_monitor(id, optional(monitor, "name"), optional(group, "name"), beats, settings, now))
    if components and now - max(newest, default=now - settings.stale_after) >= settings.stale_after:
        last = f"the last is of {rfc3339(max(newest))}" if newest else "there is none at all"
        raise Unreadable(f"no monitor has had a heartbeat lately: {last}")
    return VendorPage(
        incidents=(*(_incident(one, settings, now) for one in _pinned(body)), *(_work(one, settings) for one in work)),
        components=tuple(components),
        whole=True,
        affirmed=any(one.level is Level.OK for one in components),
    )


# ── Monitors ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def beats_of(value: Any, settings: UptimeKumaSettings, now: datetime) -> list[Beat]:
    """A monitor's heartbeats by their own time, oldest first; one without a time says nothing, and a bare 0 stands for
    a stretch without any."""
    if not isinstance(value, list | None) or len(value or ()) > MOST:
        raise Unreadable("a monitor's heartbeats are not a list of reasonable length")
    beats: list[Beat] = []
    for one in value or ():
        if one is None or (type(one) is int and one == 0):
            continue
        beat = record(one, "a heartbeat")
        state = beat.get("status")
        if (at := past_time(beat.get("time"), now, settings.timezone)) is not None:
            beats.append(Beat(at, state if type(state) is int and state in STATES else None))
    return sorted(beats, key=lambda beat: beat.at)


def _monitor(
    id: str, name: str, group: str, beats: Sequence[Beat], settings: UptimeKumaSettings, now: datetime
) -> VendorComponent:
    if not beats or now - beats[-1].at >= settings.stale_after:
        return VendorComponent(id, name, group, Level.NOTICE, "no heartbeat", beats[-1].at if beats else None)
    state = beats[-1].state
    if state == UP:
        return VendorComponent(id, name, group)
    level = Level.MAINTENANCE if state == MAINTENANCE else Level.NOTICE
    if state == DOWN:
        level = Level[settings.level.upper()]
    said = "in a state nobody knows" if state is None else STATES[state]
    return VendorComponent(id, name, group, level, said, _since(beats))


def _since(beats: Sequence[Beat]) -> datetime:
    """When the newest state began; checks that are pending have failed too, so being down begins with them."""
    like = (DOWN, PENDING) if beats[-1].state == DOWN else (beats[-1].state,)
    since = beats[-1].at
    for beat in reversed(beats):
        if beat.state not in like:
            break
        since = beat.at
    return since


# ── What people wrote ────────────────────────────────────────────────────────────────────────────────────────────────


def _pinned(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if "incidents" in body:
        return records(body["incidents"], "incidents")
    if "incident" not in body:
        raise Unreadable("the page has neither incidents nor an incident")
    return () if body["incident"] is None else (record(body["incident"], "incident"),)


def _incident(incident: Mapping[str, Any], settings: UptimeKumaSettings, now: datetime) -> VendorIncident:
    began = past_time(incident.get("createdDate"), now, settings.timezone)
    said = past_time(incident.get("lastUpdatedDate"), now, settings.timezone) or began
    over = incident.get("active") is False or incident.get("pin") is False
    return VendorIncident(
        id=identity(incident, "id", "an incident"),
        title=optional(incident, "title"),
        level=Level.OK if over else STYLES.get(optional(incident, "style"), Level.NOTICE),
        started_at=began,
        updates=(VendorUpdate(said, optional(incident, "content", 4000)),),
    )


def _work(work: Mapping[str, Any], settings: UptimeKumaSettings) -> VendorIncident:
    """Maintenance. Its first slot is the one under way, in the zone it names."""
    slots = records(work.get("timeslotList") or [], "timeslotList")
    zone = _zone_of(optional(work, "timezone"), settings.timezone)
    first = slots[0] if slots else {}
    begin, end = (any_time(first.get(name), zone) for name in ("startDate", "endDate"))
    status = optional(work, "status")
    return VendorIncident(
        id=f"maintenance-{identity(work, 'id', 'a maintenance')}",
        title=optional(work, "title"),
        level=WORK.get(status, Level.NOTICE),
        status=status,
        started_at=begin,
        updates=(VendorUpdate(begin, optional(work, "description", 4000)),),
        facts={"scheduled_for": rfc3339(begin) if begin else "", "scheduled_until": rfc3339(end) if end else ""},
    )


def _zone_of(name: str, fallback: str) -> str:
    try:
        return known_zone(name) if name else fallback
    except ValueError:
        return fallback
