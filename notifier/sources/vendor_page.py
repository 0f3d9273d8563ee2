"""What a status page says, whatever it was written in: incidents, components, and the page as a whole.

Pure. Each vendor's module turns its own format into a `VendorPage`; what that means is decided here once:

- one vendor incident is one trouble, known by the vendor's id however it is renamed, re-dated or re-opened;
- of updates that came out of order the newest by its own time speaks;
- an incident whose impact sinks to nothing while it is unresolved stays minor trouble until the vendor says it is over;
- one that vanishes from a list that still shows older ones was taken back;
- one that is open while the vendor says of every place it names that it is well stays where it was told;
- a component in trouble that no open incident speaks for is trouble by itself; information, and work that has not
  begun, speak for nobody;
- what carries no time of its own began when it was first seen;
- a page that claims trouble nothing listed explains is trouble as a whole;
- the vendor's own workaround and restoration time are kept as facts.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from notifier.model.signal import Level, Signal, SignalClass
from notifier.model.times import rfc3339
from notifier.ports import Reading

from .page import Context
from .placing import Place, Texts, Unplaced
from .promises import restoration_in, workaround_in
from .shapes import any_moment, one_line, plain
from .telling import Report, gather_places, tell

_OPEN = "open"
_OPEN_KEPT = 500


@dataclass(frozen=True, slots=True)
class VendorUpdate:
    """One message of an incident. `at` None: the vendor does not say when."""

    at: datetime | None
    text: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class VendorComponent:
    """Something a page lists. `id` is "" where the vendor has none: then its name is. `said` is the vendor's word for
    its state, `cause` what it says of why; `location` the place it names as such. A `summary` only sums up others (a
    group) and is never trouble by itself."""

    id: str
    name: str
    group: str = ""
    level: Level = Level.OK
    said: str = ""
    since: datetime | None = None
    location: str = ""
    summary: bool = False
    not_understood: tuple[str, ...] = ()
    cause: str = ""

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.id or self.name


@dataclass(frozen=True, slots=True)
class VendorIncident:
    """One incident or planned work. `level` OK: over; NOTICE: worth knowing, or planned and not begun.

    `components` are those it names (any state), `locations` the places it names as such; with both, each component is
    looked at in each place; `labels` are what rules may ask for besides. `updates` come in any order. `stays` True: it
    is open, but everything it names is well now, or the answer no longer says where it is: nothing new is told of it,
    and it ends where it was told once it is over. `lasts_until` is when it goes quiet by itself, for vendors that may
    stop listing what is not over; None: never. `unplaced` is why it is nowhere, in words, where the vendor's module
    knows that; placing is not asked then.
    """

    id: str
    title: str
    level: Level
    status: str = ""
    started_at: datetime | None = None
    updates: tuple[VendorUpdate, ...] = ()
    components: tuple[VendorComponent, ...] = ()
    locations: tuple[str, ...] = ()
    url: str = ""
    facts: Mapping[str, str] | None = None
    not_understood: tuple[str, ...] = ()
    stays: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    lasts_until: datetime | None = None
    unplaced: str = ""


@dataclass(frozen=True, slots=True)
class VendorPage:
    """One answer, checked.

    `whole` True: every open incident is listed, so what is missing is over. `affirmed` True: the page says of something
    that it is well (see ports.Reading). `overall` is the page's own summary, NOTICE where it has none.
    `not_understood`, here and in incidents and components: words of theirs that no table of the vendor's module has,
    and whatever else it cannot make sense of (see ports.Reading).
    """

    incidents: tuple[VendorIncident, ...] = ()
    components: tuple[VendorComponent, ...] = ()
    whole: bool = False
    affirmed: bool = False
    overall: Level = Level.NOTICE
    overall_said: str = ""
    not_understood: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Open:
    """What is remembered of an open trouble (incident, component or page): its worst level and when it began."""

    worst: int
    began: datetime


def read_page(
    page: VendorPage,
    context: Context[Any],
    klass: SignalClass = SignalClass.OFFICIAL,
    *,
    zone: str = "UTC",
    component_class: SignalClass | None = None,
) -> Reading:
    """What a page says as signals. `zone`: that of times the vendor's prose names without one. `component_class`: whose
    word the components' states are, where machines find them (None: `klass`)."""
    before = _opens_of(context.memory)
    kept: dict[str, _Open] = {}
    signals: list[Signal] = []
    unplaced: dict[str, None] = {}
    spoken_for: set[str] = set()
    ended: list[str] = []
    for incident in page.incidents:
        report = _report(incident, before, context.now, zone)
        if report.level != Level.OK:
            kept[report.fingerprint] = _still_open(report, before)
        if report.level >= Level.MAINTENANCE:
            spoken_for |= {one.key for one in incident.components}
        if incident.stays and report.level != Level.OK:
            continue
        places, lost = _places_of(incident, context)
        signals += tell(context.settings.id, klass, report, places, context.now)
        unplaced |= dict.fromkeys(lost) if report.level != Level.OK else {}
        ended += [report.fingerprint] if report.level is Level.OK and lost and not places else []
    for component in page.components:
        if component.level is Level.OK or component.summary or component.key in spoken_for:
            continue
        report = _component_report(component, before, context.now)
        kept[report.fingerprint] = _still_open(report, before)
        told, lost = _placed(report, context.place(_texts(component, "")), context, component_class or klass)
        signals += told
        unplaced |= dict.fromkeys(lost)
    if page.whole and not unplaced and not any(s.level.is_trouble for s in signals):
        report = _page_report(page, before, context.now)
        summed_up = _by_summary(page, report, context, klass)
        kept |= {report.fingerprint: _still_open(report, before)} if summed_up else {}
        signals += summed_up
    gone = () if page.whole else (*_taken_back(page, before, kept), *_well_again(page, before, kept))
    forgotten = before.keys() if page.whole else {*gone, *_listed(page)}
    memory = {**{key: one for key, one in before.items() if key not in forgotten}, **kept}
    return Reading(True, tuple(signals), complete=page.whole, unplaced=tuple(unplaced), present=tuple(kept),
                   gone=(*gone, *ended), affirmed=page.affirmed, listed=_names_of(page),
                   not_understood=_not_understood(page), memory=_written(memory))


def _names_of(page: VendorPage) -> tuple[tuple[str, str, str], ...]:
    """(component, group, location) of what the page names, each once; the places of incidents last."""
    named = [one for one in page.components if not one.summary]
    named += [one for incident in page.incidents for one in incident.components]
    things = ((one.name[:200], one.group[:200], one.location[:200]) for one in named)
    places = (("", "", place[:200]) for incident in page.incidents for place in incident.locations)
    return tuple(one for one in dict.fromkeys((*things, *places)) if any(one))


def unknown_word(what: str, word: str, known: Container[str]) -> tuple[str, ...]:
    """That `word`, the vendor's for `what`, is not one of `known`, as `not_understood` has it; empty where it is one,
    or is ""."""
    return () if not word or word in known else (f"{what} {one_line(word, 60)!r}",)


def _not_understood(page: VendorPage) -> tuple[str, ...]:
    components = (*page.components, *(one for incident in page.incidents for one in incident.components))
    told = (page.not_understood, *(i.not_understood for i in page.incidents), *(c.not_understood for c in components))
    return tuple(dict.fromkeys(one_line(words) for part in told for words in part))


def _still_open(report: Report, before: Mapping[str, _Open]) -> _Open:
    held = before.get(report.fingerprint)
    return _Open(max(report.level, held.worst if held else 0), report.started_at)


# ── Incidents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def newest_first(updates: Iterable[VendorUpdate]) -> list[VendorUpdate]:
    """Updates by their own time, newest first; of the same moment the one listed first; undated ones last."""
    return sorted(updates, key=lambda one: (one.at is None, -(one.at.timestamp() if one.at else 0)))


def _report(incident: VendorIncident, before: Mapping[str, _Open], now: datetime, zone: str) -> Report:
    fingerprint = f"incident:{incident.id}"
    level, held = incident.level, before.get(fingerprint)
    if Level.OK < level < Level.MINOR and held is not None and held.worst >= Level.MINOR:
        level = Level.MINOR
    updates = newest_first(incident.updates)
    told = [one.at for one in updates if one.at is not None]
    name = one_line(incident.title or "an incident without a name")
    words = [plain(one.text) for one in updates]
    return Report(
        fingerprint=fingerprint,
        level=level,
        started_at=min(incident.started_at or min(told, default=held.began if held else now), now),
        why=f"{name}: {incident.status}" if incident.status else name,
        lasts_until=None if level is Level.OK else incident.lasts_until,
        facts={
            "title": name,
            "status": incident.status,
            "update": one_line(words[0], 500) if words else "",
            "url": incident.url[:500],
            **prose_facts(words, now, zone),
            **(incident.facts or {}),
        },
    )


def prose_facts(words: Sequence[str], now: datetime, zone: str = "UTC") -> dict[str, str]:
    """The workaround and the restoration time that messages name; `words` newest first, the newest that has one
    counts. `restoration_at` is RFC 3339, `restoration` the vendor's own words."""
    facts = {"workaround": next(filter(None, map(workaround_in, words)), "")}
    said = next(filter(None, (restoration_in(text, now, zone) for text in words)), None)
    if said is not None:
        facts |= {"restoration": said.words, "restoration_at": rfc3339(said.at) if said.at else ""}
    return facts


def _places_of(incident: VendorIncident, context: Context[Any]) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Its places, and the words of what has none."""
    if incident.unplaced:
        return (), (incident.unplaced,)
    return gather_places(context.place(one) for one in _texts_of(incident))


def _texts_of(incident: VendorIncident) -> list[Texts]:
    named = incident.components or (VendorComponent("", ""),)
    if not incident.locations:
        return [replace(_texts(one, incident.title), labels=incident.labels) for one in named]
    return [Texts(one.name, one.group, incident.title, place, incident.labels)
            for one in named for place in incident.locations]


def _taken_back(page: VendorPage, before: Mapping[str, _Open], kept: Mapping[str, _Open]) -> tuple[str, ...]:
    """Open incidents that a list of the newest no longer has though it still has older ones: they have not scrolled
    away."""
    oldest = min((one.started_at for one in page.incidents if one.started_at is not None), default=None)
    if oldest is None:
        return ()
    listed = _listed(page)
    return tuple(fingerprint for fingerprint, one in before.items()
                 if fingerprint.startswith("incident:") and fingerprint not in listed
                 and one.began > oldest + timedelta(minutes=1))


def _well_again(page: VendorPage, before: Mapping[str, _Open], kept: Mapping[str, _Open]) -> list[str]:
    """Components that were in trouble by themselves and are no more, on a page that does not list everything."""
    listed = {f"component:{one.key}" for one in page.components}
    return [fingerprint for fingerprint in before if fingerprint in listed and fingerprint not in kept]


def _listed(page: VendorPage) -> set[str]:
    return {*(f"incident:{one.id}" for one in page.incidents), *(f"component:{one.key}" for one in page.components)}


# ── Components and the page ──────────────────────────────────────────────────────────────────────────────────────────


def _texts(component: VendorComponent, title: str) -> Texts:
    return Texts(component.name, component.group, title, component.location)


def _component_report(component: VendorComponent, before: Mapping[str, _Open], now: datetime) -> Report:
    """A component in trouble by itself; one whose state becomes a word nobody knows stays minor trouble."""
    name = one_line(component.name or "a component")
    said = component.said.replace("_", " ") or "no status"
    fingerprint = f"component:{component.key}"
    level, held = component.level, before.get(fingerprint)
    if level is Level.NOTICE and held is not None and held.worst >= Level.MINOR:
        level = Level.MINOR
    cause = one_line(component.cause)
    why = f"{name}: {said} ({cause})" if cause else f"{name}: {said}"
    return Report(fingerprint, level, component.since or (held.began if held else now), why,
                  facts={"title": name, "status": component.said, "group": component.group, "cause": cause})


def _page_report(page: VendorPage, before: Mapping[str, _Open], now: datetime) -> Report:
    why = f"the page as a whole reads {one_line(page.overall_said or page.overall.name.lower())}"
    held = before.get("page")
    return Report("page", page.overall, held.began if held else now, why)


def _placed(
    report: Report, found: tuple[Place, ...] | Unplaced, context: Context[Any], klass: SignalClass
) -> tuple[list[Signal], tuple[str, ...]]:
    if isinstance(found, Unplaced):
        return [], (found.words,) if report.level.is_trouble else ()
    return tell(context.settings.id, klass, report, found, context.now), ()


def _by_summary(page: VendorPage, report: Report, context: Context[Any], klass: SignalClass) -> list[Signal]:
    """Trouble the page's summary claims though nothing listed explains it."""
    found = context.place(Texts(title=page.overall_said))
    if not page.overall.is_trouble or isinstance(found, Unplaced):
        return []
    return tell(context.settings.id, klass, report, found, context.now)


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _opens_of(memory: Mapping[str, str]) -> dict[str, _Open]:
    try:
        found = json.loads(memory.get(_OPEN, "{}"))
    except ValueError:
        return {}
    opens: dict[str, _Open] = {}
    for fingerprint, value in found.items() if isinstance(found, dict) else ():
        worst, began = value if isinstance(value, list) and len(value) == 2 else (None, None)
        if isinstance(worst, int) and (at := any_moment(began)) is not None:
            opens[fingerprint] = _Open(worst, at)
    return opens


def _written(opens: Mapping[str, _Open]) -> dict[str, str]:
    newest = sorted(opens.items(), key=lambda one: one[1].began, reverse=True)[:_OPEN_KEPT]
    return {_OPEN: json.dumps({key: [int(one.worst), rfc3339(one.began)] for key, one in newest})} if newest else {}
