"""FireHydrant status pages: `{page}/data/payload.json`, the whole history of a page in one file.

There is no state to read: an incident is open until `timestamps.resolved` (or a milestone from there on) says
otherwise. How bad it is, is a severity each customer of FireHydrant names as it likes (SEV1 … SEV5 come with it), and
the condition of the components it touches, whose names the page translates itself. Lists that are empty are left out,
as Protocol Buffers do. `time` is when something was written into the file, months later after a move; `occurredAt` is
when it happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import any_time, past_time
from ..page import Context, PageSource, ask_at
from ..settings import HttpSettings
from ..shapes import identity, json_of, optional, record, records
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

PATH = "/data/payload.json"
HISTORY = 20_000
"""Most incidents in one file: all there ever were (some 950 at Redis in 2026)."""
SEVERITIES: Mapping[str, Level] = {
    "SEV1": Level.CRITICAL,
    "SEV2": Level.MAJOR,
    "SEV3": Level.MINOR,
    "SEV4": Level.MINOR,
    "SEV5": Level.MINOR,
    "MAINTENANCE": Level.MAINTENANCE,
}
CONDITIONS: Mapping[str, Level] = {
    "OPERATIONAL": Level.OK,
    "MAINTENANCE": Level.MAINTENANCE,
    "DEGRADED": Level.MINOR,
    "OFFLINE": Level.CRITICAL,
}
"""What a page's own condition names stand for, by the canonical words of its `conditions`."""
OVER = frozenset({"resolved", "postmortem_started", "postmortem_completed", "closed"})
"""Milestones that come once it is over."""

Words = Literal["notice", "maintenance", "minor", "major", "critical"]


class FireHydrantSettings(HttpSettings):
    """A FireHydrant status page."""

    kind: Literal["firehydrant"] = "firehydrant"
    severities: Mapping[str, Words] = Field(default_factory=dict)
    """How bad severities are that this page names by itself: {INVESTIGATION: minor}."""
    max_bytes: int = Field(default=30_000_000, ge=1000, le=100_000_000)
    """Largest answer after decompression, in bytes: the file holds everything that ever happened."""


def make(settings: FireHydrantSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[FireHydrantSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask_at(PATH), fetch=fetch)


def read(body: bytes, context: Context[FireHydrantSettings]) -> Reading:
    """What is open now; components affirm where the page tells their condition."""
    answer = record(json_of(body), "the answer")
    record(answer.get("config"), "config")
    names = record(answer.get("conditions"), "conditions")
    levels = {str(name).strip(): _condition(str(name), canonical) for name, canonical in names.items()}
    components = tuple(_component(one, levels) for one in records(answer.get("components"), "components"))
    history = records(answer.get("incidents", []), "incidents", HISTORY)
    planned = records(answer.get("scheduledMaintenances", []), "scheduledMaintenances", HISTORY)
    severities = {**SEVERITIES, **{slug: Level[word.upper()] for slug, word in context.settings.severities.items()}}
    found = [_incident(one, levels, severities, context.now) for one in history]
    found += [_planned(one, levels, context.now) for one in planned]
    page = VendorPage(
        incidents=tuple(one for one in found if one.level is not Level.OK),
        components=components,
        whole=True,
        affirmed=any(one.level is Level.OK and one.said for one in components),
    )
    return read_page(page, context)


def _condition(name: str, canonical: Any) -> Level:
    """A condition's level. Some pages file "Maintenance" under DEGRADED: its name counts."""
    if name.strip().casefold() == "maintenance":
        return Level.MAINTENANCE
    return CONDITIONS.get(canonical, Level.NOTICE) if isinstance(canonical, str) else Level.NOTICE


def _component(one: Mapping[str, Any], levels: Mapping[str, Level]) -> VendorComponent:
    """A component as the page lists it; its condition, where it has one. None is said: nothing is known of it."""
    said = optional(one, "customerCondition") or optional(one, "condition")
    level = levels.get(said, CONDITIONS.get(said, Level.NOTICE)) if said else Level.OK
    return VendorComponent(optional(one, "id"), optional(one, "name"), level=level, said=said)


def _named(incident: Mapping[str, Any], levels: Mapping[str, Level]) -> tuple[VendorComponent, ...]:
    """The components an incident touches: a list, or only their conditions by name."""
    if listed := incident.get("components"):
        return tuple(_component(one, levels) for one in records(listed, "an incident's components"))
    conditions = incident.get("componentConditions") or {}
    named = record(conditions, "componentConditions")
    return tuple(_component({"name": name, "condition": said}, levels) for name, said in list(named.items())[:500])


def _incident(
    incident: Mapping[str, Any], levels: Mapping[str, Level], severities: Mapping[str, Level], now: datetime
) -> VendorIncident:
    times = record(incident.get("timestamps", {}), "an incident's timestamps")
    resolved = any_time(times.get("resolved"))
    milestone = optional(incident, "currentMilestone")
    id = identity(incident, "id", "an incident")
    if milestone in OVER or (resolved is not None and resolved <= now):
        return VendorIncident(id, "", Level.OK)
    timeline = records(incident.get("timeline", []), "an incident's timeline", HISTORY)
    named = _named(incident, levels)
    return VendorIncident(
        id=id,
        title=optional(incident, "title") or optional(incident, "name"),
        level=_level(optional(incident, "severitySlug"), severities, named),
        status=milestone or _newest_milestone(timeline),
        started_at=past_time(times.get("started"), now) or past_time(times.get("detected"), now),
        updates=tuple(_updates(timeline, now)) or (VendorUpdate(None, optional(incident, "summary", 4000)),),
        components=named,
    )


def _level(slug: str, severities: Mapping[str, Level], named: tuple[VendorComponent, ...]) -> Level:
    """How bad, by severity; where that is unset or a word nobody knows, by the components; an incident whose severity
    nobody has set yet is trouble all the same."""
    if slug in severities:
        return severities[slug]
    stated = [one.level for one in named if one.said]
    return max([Level.MINOR if slug in ("", "UNSET") and not stated else Level.NOTICE, *stated])


def _updates(timeline: Any, now: datetime) -> list[VendorUpdate]:
    """Entries with words; a note is text, or an object that holds the text."""
    updates = []
    for entry in timeline:
        details = entry.get("details")
        note = details.get("note") if isinstance(details, dict) else None
        words = note.get("note") if isinstance(note, dict) else note
        if isinstance(words, str) and words.strip():
            at = past_time(entry.get("occurredAt"), now) or past_time(entry.get("time"), now)
            updates.append(VendorUpdate(at, words.strip()[:4000]))
    return updates


def _newest_milestone(timeline: Any) -> str:
    """The milestone of the newest entry that changed it."""
    changes = []
    for entry in timeline:
        details = entry.get("details")
        change = details.get("milestoneUpdate") if isinstance(details, dict) else None
        at = any_time(entry.get("occurredAt"))
        if isinstance(change, dict) and at is not None and (name := optional(change, "currentMilestone")):
            changes.append((at, name))
    return max(changes, default=(None, ""))[1]


def _planned(work: Mapping[str, Any], levels: Mapping[str, Level], now: datetime) -> VendorIncident:
    starts, ends = any_time(work.get("startsAt")), any_time(work.get("endsAt"))
    over = ends is not None and ends <= now
    begun = starts is not None and starts <= now
    return VendorIncident(
        id=identity(work, "id", "planned work"),
        title=optional(work, "name"),
        level=Level.OK if over else Level.MAINTENANCE if begun else Level.NOTICE,
        status="in progress" if begun else "scheduled",
        started_at=starts if begun else None,
        updates=(VendorUpdate(None, optional(work, "summary", 4000)),),
        components=_named(work, levels),
        facts={"scheduled_for": rfc3339(starts) if starts else "", "scheduled_until": rfc3339(ends) if ends else ""},
    )
