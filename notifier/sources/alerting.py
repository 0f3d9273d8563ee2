"""Public alerts (CAP), whatever they were written in: which concern us, how bad, where, until when.

Pure. `cap` and `nws` turn XML and GeoJSON into `Alert`s; what an alert means is decided here once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import model_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Settings
from notifier.model.signal import Level, Signal, SignalClass
from notifier.ports import Reading

from .geometry import centroid, inside
from .placing import Place, Texts, Unplaced, finder_of, place, says
from .settings import HttpSettings
from .shapes import one_line
from .telling import Report, tell

SEVERITIES: Mapping[str, Level] = {
    "Extreme": Level.CRITICAL,
    "Severe": Level.MAJOR,
    "Moderate": Level.MINOR,
    "Minor": Level.MINOR,
    "Unknown": Level.MINOR,
}
"""CAP 1.2 severity. A service that is out is at least minor trouble, whatever the weather office calls it."""
_ROOTS = "roots"
_ROOTS_KEPT = 300


class EventRule(Settings):
    """Which alerts speak of which service: every pattern given must hold, the first rule that does decides."""

    event: str | None = None
    """Pattern for the event's name, such as "Power Outage" or "Ice Storm*"."""
    category: str | None = None
    """CAP category: Infra, Met, Safety …"""
    code: str | None = None
    """Event code, such as SAME's TOE (911 outage)."""
    service: str | None = None
    """Our service; empty: the default of placing."""
    level: Literal["notice", "minor", "major", "critical"] | None = None
    """How bad; empty: by the alert's severity. A storm warning is no outage: give it notice."""

    @model_validator(mode="after")
    def _says_something(self) -> EventRule:
        if not (self.event or self.category or self.code):
            raise ValueError("expected at least one of event, category, code")
        return self


class AlertSettings(HttpSettings):
    """What sources of public alerts share."""

    events: tuple[EventRule, ...] = ()
    """Which alerts speak of which service. Alerts of category Infra that no rule names speak of the default service."""


@dataclass(frozen=True, slots=True)
class Area:
    """Where: description, (name, code) pairs, and polygons as (latitude, longitude) pairs."""

    description: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, one language. `references` are (identifier, sent) of the messages it updates or cancels."""

    identifier: str
    sent: datetime
    status: str
    kind: str
    scope: str = "Public"
    references: tuple[tuple[str, datetime | None], ...] = ()
    event: str = ""
    categories: tuple[str, ...] = ()
    event_codes: tuple[str, ...] = ()
    urgency: str = "Unknown"
    severity: str = "Unknown"
    certainty: str = "Unknown"
    responses: tuple[str, ...] = ()
    begins: datetime | None = None
    expires: datetime | None = None
    headline: str = ""
    description: str = ""
    instruction: str = ""
    url: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    areas: tuple[Area, ...] = ()


def read_alerts(
    alerts: Sequence[Alert],
    *,
    settings: AlertSettings,
    placer: AlertPlacer,
    memory: Mapping[str, str],
    complete: bool,
    now: datetime,
) -> Reading:
    """What a set of alerts says. Only real, public ones count (status Actual, scope Public); an update or cancellation
    speaks for the whole chain of messages it refers to, so that an alert is one trouble however often it is revised."""
    roots = _roots_of(memory)
    newest: dict[str, Alert] = {}
    for alert in sorted(alerts, key=lambda one: (one.sent, one.identifier)):
        if alert.status == "Actual" and alert.scope == "Public" and alert.kind in ("Alert", "Update", "Cancel"):
            newest[_root(alert, roots)] = alert
    signals: list[Signal] = []
    unplaced: dict[str, None] = {}
    present: list[str] = []
    for root, alert in newest.items():
        rule = _rule(alert, settings)
        if rule is None and not (alert.kind == "Cancel" and not alert.event):
            continue
        level = level_of(alert, rule, now)
        if level is None:
            continue
        found = placer.place(alert, rule)
        if isinstance(found, Unplaced):
            unplaced |= {found.words: None} if level.is_trouble else {}
            present += [] if level is Level.OK else [_report(root, alert, level).fingerprint]
            continue
        signals += tell(settings.id, SignalClass.OFFICIAL, _report(root, alert, level), found, now)
    kept = {_ROOTS: json.dumps(dict(list(roots.items())[-_ROOTS_KEPT:]))} if roots else {}
    return Reading(True, tuple(signals), complete, unplaced=tuple(unplaced), present=tuple(present), memory=kept)


def level_of(alert: Alert, rule: EventRule | None, now: datetime) -> Level | None:
    """How bad; OK where it is over; None where it has run out, which its signal's own end already told.

    What has not happened yet (urgency Future, certainty Possible or Unlikely, onset ahead) is worth knowing only.
    """
    if alert.kind == "Cancel" or alert.urgency == "Past" or "AllClear" in alert.responses:
        return Level.OK
    if alert.expires is not None and alert.expires <= now:
        return None
    if rule is not None and rule.level is not None:
        return Level[rule.level.upper()]
    ahead = alert.begins is not None and alert.begins > now
    if ahead or alert.urgency == "Future" or alert.certainty in ("Possible", "Unlikely"):
        return Level.NOTICE
    return SEVERITIES.get(alert.severity, Level.MINOR)


class AlertPlacer:
    """Regions of an alert: by code, then by polygon, then by the names in its description of the area."""

    def __init__(self, settings: AlertSettings, regions: RegionTree) -> None:
        self._placing = settings.placing
        self._finder = finder_of(regions)
        self._shapes = [(region.id, region.polygon) for region in regions if len(region.polygon) >= 4]

    def place(self, alert: Alert, rule: EventRule | None) -> tuple[Place, ...] | Unplaced:
        """(service, region) pairs. Empty where its codes name only places outside our tree: it is not our trouble."""
        title, coded = alert.headline or alert.event, False
        regions: dict[str, None] = {}
        for area in alert.areas:
            found = tuple(r for code in area.codes if (r := self._by_code(*code)) is not None)
            coded = coded or any(name.upper() in _OFFICIAL_CODES for name, _ in area.codes)
            found = found or self._by_shape(area) or self._finder.find(area.description)
            regions |= dict.fromkeys(found)
        if coded and not regions:
            return ()
        update: dict[str, object] = {"service": (rule.service if rule else None) or self._placing.service}
        if regions:
            update |= {"regions": self._finder.innermost(regions), "find_regions": False}
        named = " ".join(area.description for area in alert.areas)
        texts = Texts(component=one_line(named, 1000), title=title, group=alert.event, labels=alert.parameters)
        return place(texts, self._placing.model_copy(update=update), self._finder)

    def _by_code(self, name: str, value: str) -> str | None:
        return self._finder.by_code(*spellings(name, value))

    def _by_shape(self, area: Area) -> tuple[str, ...]:
        found = {region for polygon in area.polygons for region in self._holding(centroid(polygon))}
        return self._finder.innermost(found)

    def _holding(self, point: tuple[float, float] | None) -> Iterable[str]:
        return () if point is None else (region for region, shape in self._shapes if inside(point, shape))


_OFFICIAL_CODES = frozenset({"UGC", "SAME", "FIPS6", "FIPS"})


def spellings(name: str, value: str) -> tuple[str, ...]:
    """How a region's code may be written in our tree, likeliest first.

    SAME and FIPS6 are PSSCCC: part of the county, state, county; part 0 is the whole county and county 000 the whole
    state (47 CFR 11.31). UGC is SSCnnn for counties and SSZnnn for forecast zones (NWS directive 10-1702).
    """
    name, value = name.upper()[:100], value.strip()[:60]
    tried = [f"{name}:{value}"]
    if name in ("SAME", "FIPS6", "FIPS") and value.isdigit() and len(value) in (5, 6):
        digits = value[-5:]
        whole_state = digits[2:] == "000"
        tried += [f"SAME:0{digits}", f"FIPS:{digits}", f"FIPS:{digits[:2]}" if whole_state else digits]
        tried += [digits[:2]] if whole_state else []
    if name == "UGC" and len(value) == 6 and value[2].upper() == "C" and value[3:].isdigit():
        tried += [f"US-{value[:2].upper()}"] if value[3:] == "000" else []
    return (*tried, value) if len(value) > 3 else tuple(tried)


def _rule(alert: Alert, settings: AlertSettings) -> EventRule | None:
    for rule in settings.events:
        fits = (
            (rule.event is None or says(rule.event, alert.event))
            and (rule.category is None or rule.category in alert.categories)
            and (rule.code is None or rule.code in alert.event_codes)
        )
        if fits:
            return rule
    return EventRule(category="Infra") if "Infra" in alert.categories else None


def _root(alert: Alert, roots: dict[str, str]) -> str:
    """The identifier its chain began with: as remembered of any message it refers to, else of the oldest of them."""
    if alert.identifier in roots:
        return roots[alert.identifier]
    known = [roots[ref] for ref, _ in alert.references if ref in roots]
    dated = sorted(((sent or alert.sent), ref) for ref, sent in alert.references)
    root = known[0] if known else (dated[0][1] if dated else alert.identifier)
    for identifier in (*(ref for ref, _ in alert.references), alert.identifier):
        roots[identifier] = root
    return root


def _roots_of(memory: Mapping[str, str]) -> dict[str, str]:
    try:
        found = json.loads(memory.get(_ROOTS, "{}"))
    except ValueError:
        return {}
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


def _report(root: str, alert: Alert, level: Level) -> Report:
    return Report(
        fingerprint=f"alert:{root}",
        level=level,
        started_at=alert.begins or alert.sent,
        why=one_line(alert.headline or alert.event or alert.identifier),
        lasts_until=None if level == Level.OK else alert.expires,
        facts={
            "title": one_line(alert.event),
            "update": one_line(alert.description, 500),
            "workaround": one_line(alert.instruction, 500),
            "url": alert.url[:500],
        },
    )
