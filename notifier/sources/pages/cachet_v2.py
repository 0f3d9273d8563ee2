"""The lists of Cachet 2.x, as a page.

`status` of an incident is where it began: `latest_status` (2.4) or the newest update says where it is. 0 is planned
work, as incidents before 2.4 announced it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier.model.signal import Level
from notifier.model.times import rfc3339

from ..clocks import any_time, past_time
from ..shapes import Unreadable, json_of, optional, record, records, whole_number
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, newest_first
from .cachet_states import UNRESOLVED, component_level, ident, incident_level, is_hidden, schedule_level

PATHS: Mapping[str, str] = {
    "components": "/api/v1/components?per_page=100",
    "groups": "/api/v1/components/groups?per_page=100",
    "incidents": "/api/v1/incidents?per_page=100&sort=id&order=desc",
    "schedules": "/api/v1/schedules?per_page=100&sort=id&order=desc",
}


@dataclass(frozen=True, slots=True)
class _Clock:
    """How its times are to be read."""

    zone: str
    now: datetime

    def past(self, value: Any) -> datetime | None:
        return past_time(value, self.now, self.zone)

    def text(self, value: Any) -> str:
        found = any_time(value, self.zone)
        return rfc3339(found) if found else ""


def page_of(parts: Mapping[str, bytes], *, zone: str, default: Level, now: datetime) -> VendorPage:
    """The lists as a page. Raises Unreadable where anything always there is missing."""
    clock = _Clock(zone, now)
    listed, all_components = entries(parts["components"], "components")
    groups = {ident(one.get("id"), "a group"): optional(one, "name") for one in entries(parts["groups"], "groups")[0]}
    components = {one.id: one for one in (_component(each, groups, clock) for each in listed)}
    incidents, all_incidents = entries(parts["incidents"], "incidents")
    planned = entries(parts["schedules"], "schedules")[0] if "schedules" in parts else ()
    return VendorPage(
        incidents=(*(_incident(one, components, default, clock) for one in incidents
                     if not is_hidden(one.get("visible"))),
                   *(_schedule(one, components, clock) for one in planned)),
        components=tuple(components.values()),
        whole=all_components and all_incidents,
        affirmed=any(one.level is Level.OK for one in components.values()),
    )


def entries(part: bytes, what: str) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """A list, and whether it is all there is. Raises Unreadable where it has not as many entries as it says."""
    body = record(json_of(part), what)
    pagination = record(record(body.get("meta"), f"meta of {what}").get("pagination"), f"pagination of {what}")
    found = records(body.get("data"), what)
    count, pages = whole_number(pagination.get("count")), whole_number(pagination.get("total_pages"))
    if count is None or pages is None or count != len(found):
        raise Unreadable(f"{what} has {len(found)} entries, and says it has {count}")
    return found, pages <= 1


def _component(one: Mapping[str, Any], groups: Mapping[str, str], clock: _Clock) -> VendorComponent:
    level = component_level(one.get("status"))
    return VendorComponent(
        id=ident(one.get("id"), "a component"),
        name=optional(one, "name"),
        group=groups.get(str(whole_number(one.get("group_id"))), ""),
        level=level,
        said=optional(one, "status_name").lower(),
        since=clock.past(one.get("updated_at")) if level is not Level.OK else None,
    )


def _incident(
    one: Mapping[str, Any], components: Mapping[str, VendorComponent], default: Level, clock: _Clock
) -> VendorIncident:
    updates = _updates(one, clock)
    newest = newest_first(updates)[0].status if updates else ""
    first, latest = whole_number(one.get("status")), whole_number(one.get("latest_status"))
    status = latest if latest is not None else whole_number(newest)
    status = status if status is not None else first
    named = components.get(str(whole_number(one.get("component_id"))))
    affected = (named,) if named is not None else ()
    started = clock.past(one.get("occurred_at")) or clock.past(one.get("created_at"))
    return VendorIncident(
        id=ident(one.get("id"), "an incident"),
        title=optional(one, "name"),
        level=_planned(one, clock) if status == 0 else incident_level(status, affected, default),
        status=UNRESOLVED.get(status or 0, optional(one, "latest_human_status").lower()),
        started_at=started,
        updates=(*updates, VendorUpdate(started, optional(one, "message", 4000))),
        components=affected,
        url=optional(one, "permalink"),
        facts={"scheduled_for": clock.text(one.get("scheduled_at"))} if status == 0 else None,
    )


def _planned(one: Mapping[str, Any], clock: _Clock) -> Level:
    start = any_time(one.get("scheduled_at"), clock.zone)
    return Level.MAINTENANCE if start is not None and start <= clock.now else Level.NOTICE


def _updates(one: Mapping[str, Any], clock: _Clock) -> tuple[VendorUpdate, ...]:
    """Updates; `status` is the number, as text."""
    return tuple(VendorUpdate(clock.past(each.get("created_at")), optional(each, "message", 4000),
                              str(whole_number(each.get("status"))))
                 for each in records(one.get("updates") or [], "updates"))


def _schedule(one: Mapping[str, Any], components: Mapping[str, VendorComponent], clock: _Clock) -> VendorIncident:
    named = (components.get(str(whole_number(each.get("component_id"))))
             for each in records(one.get("components") or [], "components of planned work"))
    return VendorIncident(
        id=f"schedule-{ident(one.get('id'), 'planned work')}",
        title=optional(one, "name"),
        level=schedule_level(one.get("status")),
        status=optional(one, "human_status").lower(),
        updates=(VendorUpdate(None, optional(one, "message", 4000)),),
        components=tuple(each for each in named if each is not None),
        facts={"scheduled_for": clock.text(one.get("scheduled_at")),
               "scheduled_until": clock.text(one.get("completed_at"))},
    )
