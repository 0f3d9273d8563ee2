"""The lists of Cachet 3, as a page: JSON:API, states as {human, value}, times as {human, string}.

A component's `latest_status` is what the page shows: the worst of its own state, of the work under way and of the
incidents it is part of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from notifier.model.signal import Level
from notifier.model.times import rfc3339

from ..clocks import any_time, past_time
from ..shapes import Unreadable, json_of, optional, record, whole_number
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate
from .cachet_states import UNRESOLVED, component_level, ident, incident_level, is_hidden, schedule_level
from .jsonapi import Key, Resource, by_key, related, resources

PATHS: Mapping[str, str] = {
    "components": "/api/components?per_page=100&include=group",
    "incidents": "/api/incidents?per_page=100&include=components,updates&sort=-id",
    "schedules": "/api/schedules?per_page=100&include=components,updates&sort=-id",
}
_REPORTED = 0
"""An incident's state before anybody looks into it; open, like those of UNRESOLVED."""

_Document = tuple[Sequence[Resource], Mapping[Key, Resource], bool]
"""Its entries, what is included, and whether the entries are all there are."""


def page_of(parts: Mapping[str, bytes], *, zone: str, default: Level, now: datetime) -> VendorPage:
    """The lists as a page. Raises Unreadable where anything always there is missing."""
    listed, with_components, all_components = _document(parts["components"], "components")
    incidents, with_incidents, all_incidents = _document(parts["incidents"], "incidents")
    components = {one.id: _component(one, with_components, zone, now) for one in listed}
    planned: list[VendorIncident] = []
    if "schedules" in parts:
        schedules, with_schedules, _ = _document(parts["schedules"], "schedules")
        planned = [_schedule(one, _named(one, with_schedules, components, zone, now), with_schedules, zone, now)
                   for one in schedules]
    return VendorPage(
        incidents=(*(_incident(one, _named(one, with_incidents, components, zone, now), with_incidents, default, zone,
                               now)
                     for one in incidents if not is_hidden(one.attributes.get("visible"))), *planned),
        components=tuple(components.values()),
        whole=all_components and all_incidents,
        affirmed=any(one.level is Level.OK for one in components.values()),
    )


def _document(part: bytes, what: str) -> _Document:
    """A list. Raises Unreadable where it has not as many entries as it says; `to` and `from` are null where it is
    empty."""
    body = record(json_of(part), what)
    meta, links = record(body.get("meta"), f"meta of {what}"), record(body.get("links"), f"links of {what}")
    found = resources(body.get("data"), what)
    first, last = whole_number(meta.get("from")), whole_number(meta.get("to"))
    count = last - first + 1 if first is not None and last is not None else 0
    if whole_number(meta.get("current_page")) is None or "next" not in links or count != len(found):
        raise Unreadable(f"{what} has {len(found)} entries, and says it has {count}")
    given = body.get("included")
    return found, by_key(resources(given, "included") if given is not None else ()), links["next"] is None


def _value(one: Resource, name: str) -> int | None:
    """The number of a state."""
    given = one.attributes.get(name)
    return whole_number(given.get("value")) if isinstance(given, dict) else None


def _human(one: Resource, name: str) -> str:
    given = one.attributes.get(name)
    return optional(given, "human").lower() if isinstance(given, dict) else ""


def _time(one: Resource, name: str) -> Any:
    given = one.attributes.get(name)
    return given.get("string") if isinstance(given, dict) else None


def _component(one: Resource, included: Mapping[Key, Resource], zone: str, now: datetime) -> VendorComponent:
    shown = "latest_status" if _value(one, "latest_status") is not None else "status"
    level = component_level(_value(one, shown))
    group = next(iter(related(one, "group", included)), None)
    return VendorComponent(
        id=ident(one.id, "a component"),
        name=optional(one.attributes, "name"),
        group=optional(group.attributes, "name") if group is not None else "",
        level=level,
        said=_human(one, shown),
        since=past_time(_time(one, "updated"), now, zone) if level is not Level.OK else None,
    )


def _named(
    one: Resource, included: Mapping[Key, Resource], listed: Mapping[str, VendorComponent], zone: str, now: datetime
) -> tuple[VendorComponent, ...]:
    """The components it names: as the list of components has them, else as they are included. Raises Unreadable where
    they are in neither."""
    found = []
    for key in one.relations.get("components", ()):
        if key[1] not in listed and key not in included:
            raise Unreadable(f"{one.type} {one.id} names component {key[1]}, which is not there")
        found.append(listed.get(key[1]) or _component(included[key], included, zone, now))
    return tuple(found)


def _incident(
    one: Resource, components: Sequence[VendorComponent], included: Mapping[Key, Resource], default: Level, zone: str,
    now: datetime,
) -> VendorIncident:
    status = _value(one, "status")
    started = past_time(_time(one, "occurred"), now, zone) or past_time(_time(one, "created"), now, zone)
    return VendorIncident(
        id=ident(one.id, "an incident"),
        title=optional(one.attributes, "name"),
        level=incident_level(1 if status == _REPORTED else status, components, default),
        status=UNRESOLVED.get(status or 0, _human(one, "status")),
        started_at=started,
        updates=(*_updates(one, included, zone, now), VendorUpdate(started, optional(one.attributes, "message", 4000))),
        components=tuple(components),
    )


def _schedule(
    one: Resource, components: Iterable[VendorComponent], included: Mapping[Key, Resource], zone: str, now: datetime
) -> VendorIncident:
    times = {name: any_time(_time(one, key), zone)
             for name, key in (("scheduled_for", "scheduled"), ("scheduled_until", "completed"))}
    return VendorIncident(
        id=f"schedule-{ident(one.id, 'planned work')}",
        title=optional(one.attributes, "name"),
        level=schedule_level(_value(one, "status")),
        status=_human(one, "status"),
        updates=(*_updates(one, included, zone, now), VendorUpdate(None, optional(one.attributes, "message", 4000))),
        components=tuple(components),
        facts={name: rfc3339(at) if at else "" for name, at in times.items()},
    )


def _updates(
    one: Resource, included: Mapping[Key, Resource], zone: str, now: datetime
) -> tuple[VendorUpdate, ...]:
    """Updates, newest first; they are listed oldest first."""
    return tuple(VendorUpdate(past_time(_time(each, "created"), now, zone), optional(each.attributes, "message", 4000),
                              UNRESOLVED.get(_value(each, "status") or 0, ""))
                 for each in reversed(tuple(related(one, "updates", included))))
