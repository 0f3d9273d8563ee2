"""Better Stack (formerly Better Uptime) status pages: {page}/index.json, one JSON:API document.

Resources are what the page watches, in sections; reports are its incidents and planned work, with the updates to them.
Reports stay in the list after their end: one is over when its state is "resolved" or its end has passed. The page's
feed (feed.rss) is read by the kind `feed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import any_time, past_time
from ..page import Context, PageSource, ask_at
from ..settings import HttpSettings
from ..shapes import Unreadable, json_of, optional, record, records, required, whole_number
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page
from .jsonapi import Key, Resource, by_key, resource, resources

STATES: Mapping[str, Level] = {
    "operational": Level.OK,
    "recovered": Level.OK,
    "resolved": Level.OK,
    "degraded": Level.MINOR,
    "downtime": Level.MAJOR,
    "maintenance": Level.MAINTENANCE,
    "under_maintenance": Level.MAINTENANCE,
}
NOT_MONITORED = "not_monitored"


class BetterstackSettings(HttpSettings):
    """A Better Stack status page."""

    kind: Literal["betterstack"] = "betterstack"


def make(settings: BetterstackSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[BetterstackSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask_at("/index.json"), fetch=fetch)


def read(body: bytes, context: Context[BetterstackSettings]) -> Reading:
    """What the page says."""
    return read_page(page_of(json_of(body), context.now), context)


def page_of(value: Any, now: datetime) -> VendorPage:
    """One answer, checked. Raises Unreadable where anything always there is missing."""
    body = record(value, "the answer")
    page = resource(body.get("data"), "data")
    if page.type != "status_page":
        raise Unreadable(f"the answer is about {page.type[:40]!r}, expected status_page")
    state = required(page.attributes, "aggregate_state", "the page").lower()
    past_time(page.attributes.get("updated_at"), now)
    included = by_key(resources(body.get("included"), "included"))
    missing = [key for key in page.relations.get("status_reports", ()) if key not in included]
    components = {one.id: _component(one, included) for one in included.values() if one.type == "status_page_resource"}
    reports = [one for one in included.values() if one.type == "status_report"]
    return VendorPage(
        incidents=(*(_report(one, components, included, now) for one in reports), *map(_not_included, missing)),
        components=tuple(one for one in components.values() if one.said != NOT_MONITORED),
        whole=all(key in included for key in page.relations.get("resources", ())),
        affirmed=any(one.level is Level.OK for one in components.values()),
        overall=STATES.get(state, Level.NOTICE),
        overall_said=state,
    )


def _component(one: Resource, included: Mapping[Key, Resource]) -> VendorComponent:
    status = required(one.attributes, "status", "a resource").lower()
    section = included.get(("status_page_section", _id(one.attributes.get("status_page_section_id"))))
    return VendorComponent(
        id=one.id,
        name=optional(one.attributes, "public_name"),
        group=optional(section.attributes, "name") if section is not None else "",
        level=STATES.get(status, Level.NOTICE),
        said=status,
    )


def _id(value: Any) -> str:
    """An id, which attributes give as a number and relations as text."""
    number = whole_number(value)
    return str(number) if number is not None else value if isinstance(value, str) else ""


def _report(
    one: Resource, components: Mapping[str, VendorComponent], included: Mapping[Key, Resource], now: datetime
) -> VendorIncident:
    given = one.attributes
    planned = optional(given, "report_type") == "maintenance"
    starts, ends = any_time(given.get("starts_at")), any_time(given.get("ends_at"))
    affected = [(_id(each.get("status_page_resource_id")), optional(each, "status").lower())
                for each in records(given.get("affected_resources") or [], "affected_resources")]
    state = required(given, "aggregate_state", "a report").lower()
    if state == "resolved" or (ends is not None and ends <= now):
        level = Level.OK
    elif planned:
        level = Level.NOTICE if starts is not None and starts > now else Level.MAINTENANCE
    else:
        level = _level(state, [status for _, status in affected])
    times = {"scheduled_for": rfc3339(starts) if starts else "", "scheduled_until": rfc3339(ends) if ends else ""}
    return VendorIncident(
        id=one.id,
        title=optional(given, "title"),
        level=level,
        status=state,
        started_at=None if planned else past_time(given.get("starts_at"), now),
        updates=_updates(one, included, now),
        components=tuple(components[key] for key, _ in affected if key in components),
        facts=times if planned else None,
    )


def _not_included(key: Key) -> VendorIncident:
    """A report the page names and does not tell of: if it was open, it stays so."""
    return VendorIncident(key[1], "", Level.NOTICE, stays=True)


def _level(state: str, affected: list[str]) -> Level:
    """How bad a report that is not over is: by its own state, or where that is a word we do not know, by those of what
    it affects. That everything is operational is no end: the end is "resolved"."""
    if state in STATES:
        return max(STATES[state], Level.NOTICE)
    return max((Level.NOTICE, *(STATES.get(one, Level.NOTICE) for one in affected)))


def _updates(one: Resource, included: Mapping[Key, Resource], now: datetime) -> tuple[VendorUpdate, ...]:
    return tuple(VendorUpdate(past_time(update.attributes.get("published_at"), now),
                              optional(update.attributes, "message", 4000))
                 for key in one.relations.get("status_updates", ()) if (update := included.get(key)) is not None)
