"""Atlassian Statuspage v2, and the many pages that answer in its shape.

Reads `summary.json` (unresolved incidents and all components: what is missing from it is over) and `incidents.json`
(the newest incidents, resolved ones included: what is missing from it has only scrolled away). An incident is known by
the vendor's id, however it is renamed. The page's indicator may read "none" while an incident is open: the incident
counts. Enums grow; an unknown value never breaks reading and never opens anything by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level, Signal, SignalClass
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading
from notifier.secret import SecretMissing

from .placing import Place, Texts, Unplaced, finder_of, place
from .settings import HttpSettings, host_of, request_of
from .shapes import Unreadable, json_of, moment, one_line, optional, plain, record, records, required, unread
from .telling import Report, gather_places, tell

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
_WORST = "worst"


class StatuspageSettings(HttpSettings):
    """A Statuspage v2 page."""

    kind: Literal["statuspage"] = "statuspage"
    path: str = "/api/v2/summary.json"
    """Path below url: summary.json (best) or incidents.json."""


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer, checked: `components` by id; `whole` True for a summary."""

    incidents: Sequence[Mapping[str, Any]]
    maintenances: Sequence[Mapping[str, Any]]
    components: Mapping[str, Mapping[str, Any]]
    indicator: str
    description: str
    whole: bool


class StatuspageSource:
    """One page."""

    def __init__(self, settings: StatuspageSettings, *, regions: RegionTree, fetch: Get = get) -> None:
        self.settings = settings
        self.id, self.kind = settings.id, settings.kind
        self.every, self.freshness, self.host = settings.every, settings.freshness, host_of(settings.url)
        self._get = fetch
        self._finder = finder_of(regions)

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        """Get the page."""
        try:
            request = request_of(self.settings, self.settings.url.rstrip("/") + self.settings.path)
        except SecretMissing as error:
            return Failure(now, "internal", str(error))
        return self._get(request, memory, now)

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """What the page says. Its memory holds the worst level of each open incident: one whose impact sinks to none
        while it is still unresolved stays minor trouble until the vendor says it is over."""
        if (early := unread(answer, memory)) is not None:
            return early
        try:
            return self._read(_page(json_of(answer.body), now), _worst_of(memory), now)
        except Unreadable as error:
            return Reading(known=False, why=str(error), memory=memory)

    def _read(self, page: _Page, worst: Mapping[str, int], now: datetime) -> Reading:
        signals: list[Signal] = []
        unplaced: dict[str, None] = {}
        spoken_for: set[str] = set()
        kept: dict[str, int] = {}
        present: list[str] = []
        for incident in (*page.incidents, *page.maintenances):
            report = _report(incident, worst, now)
            if report.level != Level.OK:
                spoken_for |= {c["id"] for c in _components(incident) if isinstance(c.get("id"), str)}
                kept[report.fingerprint] = max(report.level, worst.get(report.fingerprint, 0))
            places, lost = gather_places(self._places(incident, page))
            signals += tell(self.id, SignalClass.OFFICIAL, report, places, now)
            if report.level != Level.OK:
                unplaced |= dict.fromkeys(lost)
        for component in page.components.values():
            if component["id"] not in spoken_for and (report_of := _component_report(component, now)) is not None:
                found = place(_texts(component, "", page), self.settings.placing, self._finder)
                signals, unplaced = self._add(report_of, found, now, signals, unplaced)
                present.append(report_of.fingerprint)
        if page.whole and not unplaced and not any(s.level.is_trouble for s in signals):
            signals += self._by_indicator(page, now)
        memory = {_WORST: json.dumps(kept)} if kept else {}
        return Reading(True, tuple(signals), complete=page.whole, unplaced=tuple(unplaced),
                       present=(*kept, *present), memory=memory)

    def _add(
        self,
        report: Report,
        found: tuple[Place, ...] | Unplaced,
        now: datetime,
        signals: list[Signal],
        unplaced: dict[str, None],
    ) -> tuple[list[Signal], dict[str, None]]:
        if isinstance(found, Unplaced):
            return signals, {**unplaced, found.words: None} if report.level.is_trouble else unplaced
        return signals + tell(self.id, SignalClass.OFFICIAL, report, found, now), unplaced

    def _places(self, incident: Mapping[str, Any], page: _Page) -> Iterable[tuple[Place, ...] | Unplaced]:
        title = optional(incident, "name")
        texts = [_texts(component, title, page) for component in _components(incident)] or [Texts(title=title)]
        return [place(one, self.settings.placing, self._finder) for one in texts]

    def _by_indicator(self, page: _Page, now: datetime) -> list[Signal]:
        """Trouble the page's indicator claims though nothing listed explains it."""
        level = IMPACTS.get(page.indicator, Level.NOTICE)
        found = place(Texts(title=page.description), self.settings.placing, self._finder)
        if not level.is_trouble or isinstance(found, Unplaced):
            return []
        report = Report("page", level, now, f"the page as a whole reads {one_line(page.description or page.indicator)}")
        return tell(self.id, SignalClass.OFFICIAL, report, found, now)


def _page(value: Any, now: datetime) -> _Page:
    body = record(value, "the answer")
    about = record(body.get("page"), "page")
    moment(about.get("updated_at"), now)
    whole = "status" in body and "components" in body
    status = record(body.get("status"), "status") if whole else {}
    listed = records(body.get("components"), "components") if whole else []
    if whole and not isinstance(status.get("indicator"), str):
        raise Unreadable("status has no indicator")
    return _Page(
        incidents=records(body.get("incidents"), "incidents"),
        maintenances=records(body.get("scheduled_maintenances") or [], "scheduled_maintenances"),
        components={required(one, "id", "a component"): one for one in listed},
        indicator=optional(status, "indicator"),
        description=optional(status, "description"),
        whole=whole,
    )


def _worst_of(memory: Mapping[str, str]) -> dict[str, int]:
    try:
        found = json.loads(memory.get(_WORST, "{}"))
    except ValueError:
        return {}
    return {k: v for k, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}


def _report(incident: Mapping[str, Any], worst: Mapping[str, int], now: datetime) -> Report:
    status = required(incident, "status", "an incident")
    fingerprint = f"incident:{required(incident, 'id', 'an incident')}"
    level = _level(incident, status)
    if Level.OK < level < Level.MINOR and worst.get(fingerprint, 0) >= Level.MINOR:
        level = Level.MINOR
    updates = _updates(incident, now)
    told = [at for at, _ in updates]
    started = moment(incident.get("started_at"), now) or moment(incident.get("created_at"), now)
    last = optional(updates[-1][1], "body", 4000) if updates else ""
    name = one_line(optional(incident, "name") or "an incident without a name")
    return Report(
        fingerprint=fingerprint,
        level=level,
        started_at=started or min(told, default=now),
        why=f"{name}: {status}",
        facts={
            "title": name,
            "status": status,
            "update": one_line(plain(last), 500),
            "url": optional(incident, "shortlink"),
            "scheduled_for": optional(incident, "scheduled_for", 60),
            "scheduled_until": optional(incident, "scheduled_until", 60),
        },
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
    states = [COMPONENTS.get(optional(one, "status"), Level.NOTICE) for one in _components(incident)]
    return max([Level.NOTICE, *states])


def _updates(incident: Mapping[str, Any], now: datetime) -> list[tuple[datetime, Mapping[str, Any]]]:
    """Updates with their times, oldest first; the list itself comes in any order."""
    given = incident.get("incident_updates")
    updates = records(given, "incident_updates") if given is not None else ()
    timed = [(moment(u.get("display_at"), now) or moment(u.get("created_at"), now), u) for u in updates]
    return sorted(((at, u) for at, u in timed if at is not None), key=lambda one: one[0])


def _components(incident: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
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


def _texts(component: Mapping[str, Any], title: str, page: _Page) -> Texts:
    group = component.get("group_id")
    parent = page.components.get(group) if isinstance(group, str) else None
    return Texts(optional(component, "name"), optional(parent or {}, "name"), title)


def _component_report(component: Mapping[str, Any], now: datetime) -> Report | None:
    """A component in trouble by itself; None for healthy ones and for groups, which only sum up their members."""
    status = optional(component, "status")
    level = COMPONENTS.get(status, Level.NOTICE)
    if level == Level.OK or component.get("group") is True:
        return None
    name = one_line(optional(component, "name") or "a component")
    started = moment(component.get("updated_at"), now) or now
    return Report(f"component:{component['id']}", level, started, f"{name}: {status.replace('_', ' ') or 'no status'}")
