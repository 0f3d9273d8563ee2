"""Atlassian Statuspage v2, and the many pages that answer in its shape (incident.io, Rootly and others).

Reads `summary.json` (unresolved incidents and all components: what is missing from it is over) and `incidents.json`
(the newest incidents, resolved ones included: what is missing from it has only scrolled away). The page's indicator may
read "none" while an incident is open: the incident counts. Enums grow; an unknown value never breaks reading and never
opens anything by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from .page import Context, PageSource, below
from .settings import HttpSettings, request_of
from .shapes import Unreadable, json_of, moment, optional, record, records, required
from .vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page, unknown_word

IMPACTS: Mapping[str, Level] = {
    "none": Level.NOTICE,
    "minor": Level.MINOR,
    "major": Level.MAJOR,
    "critical": Level.CRITICAL,
    "maintenance": Level.MAINTENANCE,
}
COMPONENTS: Mapping[str, Level] = {
    "operational": Level.OK,
    "degraded_performance": Level.MINOR,
    "partial_outage": Level.MAJOR,
    "major_outage": Level.CRITICAL,
    "full_outage": Level.CRITICAL,
    "under_maintenance": Level.MAINTENANCE,
}
OVER = frozenset({"resolved", "postmortem", "completed"})
PLANNED = frozenset({"scheduled", "in_progress", "verifying"})


@dataclass(frozen=True, slots=True)
class _Groups:
    """Names of the listed components by id, and the ids that others name as their group: those only sum up."""

    names: Mapping[str, str]
    parents: frozenset[str]


class StatuspageSettings(HttpSettings):
    """A Statuspage v2 page."""

    kind: Literal["statuspage"] = "statuspage"
    path: str = "/api/v2/summary.json"
    """Path below url: summary.json (best) or incidents.json."""


def make(settings: StatuspageSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[StatuspageSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch)


def ask(settings: StatuspageSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the page."""
    return fetch(request_of(settings, below(settings.url, settings.path)), memory, now)


def read(body: bytes, context: Context[StatuspageSettings]) -> Reading:
    """What the page says."""
    return read_page(page_of(json_of(body), context.now), context)


def page_of(value: Any, now: datetime) -> VendorPage:
    """One answer, checked. Raises Unreadable where anything a page always has is missing."""
    body = record(value, "the answer")
    about = record(body.get("page"), "page")
    moment(about.get("updated_at"), now)
    whole = "status" in body and "components" in body
    status = record(body.get("status"), "status") if whole else {}
    listed = records(body.get("components"), "components") if whole else []
    if whole and not isinstance(status.get("indicator"), str):
        raise Unreadable("status has no indicator")
    groups = _Groups(
        {required(one, "id", "a component"): optional(one, "name") for one in listed},
        frozenset(group for one in listed if isinstance(group := one.get("group_id"), str)),
    )
    components = tuple(_component(one, groups, now) for one in listed)
    incidents = records(body.get("incidents"), "incidents")
    planned = records(body.get("scheduled_maintenances") or [], "scheduled_maintenances")
    return VendorPage(
        incidents=tuple(_incident(one, groups, now) for one in (*incidents, *planned)),
        components=components,
        whole=whole,
        affirmed=any(one.level is Level.OK for one in components),
        overall=IMPACTS.get(optional(status, "indicator"), Level.NOTICE),
        overall_said=optional(status, "description"),
        not_understood=unknown_word("indicator", optional(status, "indicator"), IMPACTS),
    )


def _incident(incident: Mapping[str, Any], groups: _Groups, now: datetime) -> VendorIncident:
    status = required(incident, "status", "an incident")
    return VendorIncident(
        id=required(incident, "id", "an incident"),
        title=optional(incident, "name"),
        level=_level(incident, status),
        status=status,
        started_at=moment(incident.get("started_at"), now) or moment(incident.get("created_at"), now),
        updates=_updates(incident, now),
        components=tuple(_component({**one, "updated_at": None}, groups, now) for one in _named(incident)),
        url=optional(incident, "shortlink"),
        facts={key: optional(incident, key, 60) for key in ("scheduled_for", "scheduled_until")},
        not_understood=unknown_word("impact", optional(incident, "impact"), IMPACTS),
    )


def _level(incident: Mapping[str, Any], status: str) -> Level:
    """How bad, by status first: planned work is planned whatever its impact; then impact; then, where the impact is a
    word we do not know, the components' own state."""
    if status in OVER:
        return Level.OK
    impact = optional(incident, "impact")
    if status in PLANNED or impact == "maintenance" or "scheduled_for" in incident:
        return Level.NOTICE if status == "scheduled" else Level.MAINTENANCE
    if impact in IMPACTS:
        return IMPACTS[impact]
    states = [COMPONENTS.get(optional(one, "status"), Level.NOTICE) for one in _named(incident)]
    return max([Level.NOTICE, *states])


def _updates(incident: Mapping[str, Any], now: datetime) -> tuple[VendorUpdate, ...]:
    """Updates with their times; one without a time says nothing."""
    given = incident.get("incident_updates")
    updates = records(given, "incident_updates") if given is not None else ()
    timed = [(moment(one.get("display_at"), now) or moment(one.get("created_at"), now), one) for one in updates]
    return tuple(VendorUpdate(at, optional(one, "body", 4000), optional(one, "status"))
                 for at, one in timed if at is not None)


def _named(incident: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The incident's components; those its newest updates name where it lists none."""
    listed = incident.get("components")
    if listed:
        return records(listed, "an incident's components")
    named: dict[str, Mapping[str, Any]] = {}
    for update in records(incident.get("incident_updates") or [], "incident_updates"):
        for one in records(update.get("affected_components") or [], "affected_components"):
            name, code = optional(one, "name"), optional(one, "code")
            named.setdefault(code or name, {"id": code, "name": name, "status": optional(one, "new_status")})
    return [one for one in named.values() if one["name"]]


def _component(one: Mapping[str, Any], groups: _Groups, now: datetime) -> VendorComponent:
    status, group = optional(one, "status"), one.get("group_id")
    level = COMPONENTS.get(status, Level.NOTICE)
    return VendorComponent(
        id=optional(one, "id"),
        name=optional(one, "name"),
        group=groups.names.get(group, "") if isinstance(group, str) else "",
        level=level,
        said=status,
        since=moment(one.get("updated_at"), now) if level is not Level.OK else None,
        summary=one.get("group") is True or optional(one, "id") in groups.parents,
        not_understood=unknown_word("component's status", status, COMPONENTS),
    )
