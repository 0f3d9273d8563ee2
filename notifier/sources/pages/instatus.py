"""Instatus pages: the public summary and components, and the keyed API's list of components.

The summary names open incidents without saying what they affect; the components name the incidents they take part in.
So both are asked for and read together. Lists that are empty are left out of the summary, the page may read UP while an
incident is open (the incident counts), times come as ISO 8601 or as JavaScript's Date.toString(), and names may be
objects with one text for each language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..clocks import any_time, past_time
from ..page import Context, PageSource, below, get_parts, parts_of
from ..settings import HttpSettings, request_of
from ..shapes import Unreadable, json_of, optional, record, records, required, whole_number
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

STATES: Mapping[str, Level] = {
    "OPERATIONAL": Level.OK,
    "UNDERMAINTENANCE": Level.MAINTENANCE,
    "DEGRADEDPERFORMANCE": Level.MINOR,
    "MINOROUTAGE": Level.MINOR,
    "PARTIALOUTAGE": Level.MAJOR,
    "MAJOROUTAGE": Level.CRITICAL,
}
"""Of components; the same words say how bad an incident is."""
PLANNED: Mapping[str, Level] = {
    "NOTSTARTEDYET": Level.NOTICE,
    "INPROGRESS": Level.MAINTENANCE,
    "COMPLETED": Level.OK,
}
_HOW_MANY = ("ALL", "SOME", "ONE")
_OWN_WORDS = re.compile(
    rb'OPERATIONAL|[A-Z]OUTAGE|DEGRADEDPERFORMANCE|UNDERMAINTENANCE|HASISSUES|"UP\\?"|activeIncidents|NOTSTARTEDYET')
PER_PAGE = 100
"""Most components the keyed API hands out at once (its `per_page` is 1..100)."""
_DEEPEST = 3


class InstatusSettings(HttpSettings):
    """An Instatus page."""

    kind: Literal["instatus"] = "instatus"
    reads: Literal["page", "summary", "components", "api"] = "page"
    """What is asked for: the public summary and components (page), one of them alone, or the keyed API's list of
    components (api: url is https://api.instatus.com/v1/<page id>, the key goes into bearer)."""
    version: Literal["v2", "v3"] = "v2"
    """Which public addresses: /summary.json and /v2/components.json, or those below /v3/."""
    level: Literal["notice", "minor", "major", "critical"] = "minor"
    """How bad an open incident is that names no impact and no component in trouble."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A component, and the entries of incidents and planned work found with it."""

    component: VendorComponent
    incidents: Sequence[Mapping[str, Any]]
    planned: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class _Found:
    """Entries by their id, each once, with the components that name it."""

    entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    named: dict[str, list[VendorComponent]] = field(default_factory=dict)

    def add(self, entries: Iterable[Mapping[str, Any]], component: VendorComponent | None = None) -> None:
        """The entry met first is kept: the summary's before a component's."""
        for entry in entries:
            key = _id_of(entry)
            self.entries.setdefault(key, entry)
            if component is not None:
                self.named.setdefault(key, []).append(component)


def make(settings: InstatusSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[InstatusSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch)


def looks_like(body: bytes) -> bool:
    """Whether an answer has a word that only Instatus writes so: its components alone look like Statuspage's."""
    return _OWN_WORDS.search(body) is not None


def ask(settings: InstatusSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get what `reads` says."""
    below_version = "/v3" if settings.version == "v3" else ""
    summary = below(settings.url, f"{below_version}/summary.json")
    components = below(settings.url, f"/{settings.version}/components.json")
    if settings.reads == "page":
        parts = {"summary": request_of(settings, summary), "components": request_of(settings, components)}
        return get_parts(parts, fetch, memory, now)
    api = f"{below(settings.url, '/components')}?page=1&per_page={PER_PAGE}"
    return fetch(request_of(settings, {"summary": summary, "components": components, "api": api}[settings.reads]),
                 memory, now)


def read(body: bytes, context: Context[InstatusSettings]) -> Reading:
    """What the page says."""
    settings, now = context.settings, context.now
    summary: Mapping[str, Any] | None = None
    components: Sequence[Mapping[str, Any]] | None = None
    if settings.reads == "page":
        first, second = parts_of(body, "summary", "components")
        summary, components = record(json_of(first), "the summary"), _listed_in(json_of(second))
    elif settings.reads == "summary":
        summary = record(json_of(body), "the summary")
    elif settings.reads == "components":
        components = _listed_in(json_of(body))
    else:
        components = records(json_of(body), "the list of components")
    return read_page(page_of(summary, components, settings, now), context)


def _listed_in(answer: Any) -> Sequence[Mapping[str, Any]]:
    return records(record(answer, "the answer").get("components"), "components")


def page_of(
    summary: Mapping[str, Any] | None, components: Sequence[Mapping[str, Any]] | None, settings: InstatusSettings,
    now: datetime,
) -> VendorPage:
    """A summary and a list of components, or one of them (the other None), checked. Raises Unreadable where anything
    always there is missing."""
    status, listed = "", list[_Listed]()
    incidents, planned = _Found(), _Found()
    if summary is not None:
        status = required(record(summary.get("page"), "page"), "status", "page").upper()
        incidents.add(records(summary.get("activeIncidents", []), "activeIncidents"))  # left out where it is empty
        planned.add(records(summary.get("activeMaintenances", []), "activeMaintenances"))
    if components is not None:
        listed = list(_components(components, "", 0))
        if not listed:
            raise Unreadable("no component is listed")
    for one in listed:
        incidents.add(one.incidents, one.component)
        planned.add(one.planned, one.component)
    return VendorPage(
        incidents=(*(_incident(key, incidents, settings, now) for key in incidents.entries),
                   *(_maintenance(key, planned) for key in planned.entries)),
        components=tuple(one.component for one in listed),
        whole=settings.reads != "api" or len(components or ()) < PER_PAGE,
        affirmed=status == "UP" or any(one.component.level is Level.OK for one in listed),
        overall=page_level(status),
        overall_said=status,
    )


def page_level(status: str) -> Level:
    """How bad the page as a whole is: UP, HASISSUES, a component's word, or one with ALL, SOME or ONE before it."""
    if status == "UP":
        return Level.OK
    if status == "HASISSUES":
        return Level.MINOR
    word = next((status.removeprefix(many) for many in _HOW_MANY if status.startswith(many)), status)
    return STATES.get(word, Level.NOTICE)


# ── Components ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _components(entries: Sequence[Mapping[str, Any]], group: str, depth: int) -> Iterable[_Listed]:
    """Components and those below them; one that others lie below, or name as their group, only sums them up."""
    parents = {group_of["id"] for one in entries if isinstance(group_of := one.get("group"), dict)
               and isinstance(group_of.get("id"), str)}
    for one in entries:
        children = _list(one, "children")
        if one.get("archived") is True:
            continue
        component = _component(one, group, bool(children) or optional(one, "id") in parents)
        yield _Listed(component, (*_list(one, "activeIncidents"), *_list(one, "incidents")),
                      _list(one, "activeMaintenances"))
        if children and depth < _DEEPEST:
            yield from _components(children, component.name, depth + 1)


def _component(one: Mapping[str, Any], group: str = "", summary: bool = False) -> VendorComponent:
    status = required(one, "status", "a component")
    group_of = one.get("group")
    return VendorComponent(
        id=required(one, "id", "a component"),
        name=_name(one),
        group=(_name(group_of) if isinstance(group_of, dict) else optional(one, "group")) or group,
        level=STATES.get(status.upper(), Level.NOTICE),
        said=status.lower(),
        summary=summary,
    )


def _name(one: Mapping[str, Any]) -> str:
    """A name, or the default of one that has a text for each language."""
    name = one.get("name")
    return optional(name, "default") if isinstance(name, dict) else optional(one, "name")


def _list(holder: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """A list that may be left out, or be null."""
    return records(holder[key], key) if holder.get(key) is not None else ()


# ── Incidents and planned work ───────────────────────────────────────────────────────────────────────────────────────


def _id_of(entry: Mapping[str, Any]) -> str:
    """Older answers have no id: the last part of the incident's address is the same id."""
    found = optional(entry, "id")
    if not found:
        try:
            found = urlsplit(optional(entry, "url")).path.rstrip("/").rpartition("/")[2]
        except ValueError:
            found = ""
    if not found:
        raise Unreadable("an incident has neither id nor url")
    return found


def _incident(key: str, found: _Found, settings: InstatusSettings, now: datetime) -> VendorIncident:
    one = found.entries[key]
    status = required(one, "status", "an incident").upper()
    own = [_component(each) for each in _list(one, "components")]
    components = tuple({each.key: each for each in (*own, *found.named.get(key, ()))}.values())
    return VendorIncident(
        id=key,
        title=_name(one),
        level=_level(one, status, components, settings),
        status=status.lower(),
        started_at=past_time(one.get("started"), now),
        updates=tuple(VendorUpdate(past_time(each.get("started"), now), optional(each, "message", 4000),
                                   optional(each, "status").lower()) for each in _list(one, "updates")),
        components=components,
        url=optional(one, "url"),
    )


def _level(
    one: Mapping[str, Any], status: str, components: Sequence[VendorComponent], settings: InstatusSettings
) -> Level:
    """How bad: over once resolved; else by impact; else by the worst component; a word we do not know opens nothing by
    itself."""
    if status == "RESOLVED":
        return Level.OK
    impact = optional(one, "impact").upper()
    if impact in STATES:
        return max(STATES[impact], Level.NOTICE)
    worst = max((each.level for each in components), default=Level.NOTICE)
    if worst.is_trouble:
        return worst
    return Level.NOTICE if impact else Level[settings.level.upper()]


def _maintenance(key: str, found: _Found) -> VendorIncident:
    one = found.entries[key]
    status = required(one, "status", "planned work").upper()
    start = any_time(one.get("start"))
    return VendorIncident(
        id=key,
        title=_name(one),
        level=PLANNED.get(status, Level.NOTICE),
        status=status.lower(),
        components=tuple(found.named.get(key, ())),
        url=optional(one, "url"),
        facts={"scheduled_for": rfc3339(start) if start else "",
               "scheduled_until": _end(start, one.get("duration"))},
    )


def _end(start: datetime | None, duration: Any) -> str:
    """The end of planned work, which has a length in minutes instead; "" where there is none."""
    minutes = whole_number(duration)
    try:
        return rfc3339(start + timedelta(minutes=minutes)) if start is not None and minutes else ""
    except OverflowError:
        return ""
