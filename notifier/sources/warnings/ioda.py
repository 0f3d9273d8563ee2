"""IODA (Georgia Tech): outages of countries, regions and networks as measured from outside, version 2 of its API.

Checked against the server's own source: an event is what its detectors (bgp, ping-slash24, merit-nt …) saw fall below
their baseline, from the first alert to the alert that says normal. One that still lasts is given the end of the window
that was asked for. Its score is the drop in per cent times its minutes, so that score by minutes is the mean drop; a
fall of one per cent already counts as critical there, hence the levels of our own. An event has no id: the entity, the
detector and its method name it. Alerts are read too; they name the newest change of each detector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import Field, model_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.model.signal import Level, SignalClass
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..clocks import any_time
from ..page import Context, PageSource, below
from ..placing import Finder
from ..settings import HttpSettings, request_of
from ..shapes import Unreadable, json_of, kind_of, moment, one_line, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, read_page

_LIMIT = 1000
"""Most events or alerts asked for: as many in the answer are not all, and the oldest come first."""
_REACH = 14 * 24 * 3600
"""Seconds before the window in which IODA looks for the beginning of what lasts (its own default for events)."""
_LATE = timedelta(hours=1)
_MOST_SCORE = 1e12


class IodaSettings(HttpSettings):
    """What IODA measures of some entities."""

    kind: Literal["ioda"] = "ioda"
    url: str = "https://api.ioda.inetintel.cc.gatech.edu/v2"
    """Address of the API."""
    every: Duration = timedelta(minutes=5)
    """Time between polls; its detectors speak every 5 to 10 minutes."""
    freshness: Duration = timedelta(minutes=30)
    """How old its last good answer may get before its silence means nothing."""
    report: Literal["events", "alerts"] = "events"
    """What to ask for: events (outages from beginning to end), or the alerts they are made of."""
    entity_type: Literal["country", "region", "asn", "geoasn"] = "country"
    """What the entities are. A region has IODA's own number, asn is a network, geoasn a network in one place."""
    entities: tuple[str, ...] = ()
    """Codes: US, 4437, 7922, 7922-4437. Empty: all there are."""
    lookback: Duration = timedelta(hours=24)
    """How long ended ones are still listed."""
    ignore: tuple[str, ...] = ()
    """Detectors to leave out, as IODA names them: merit-nt.*, *.sarima. Its telescope (merit-nt) is the noisiest."""
    minor_from: float = Field(default=10.0, gt=0, le=100)
    """Per cent of what is normal that must be missing before it is trouble; less is worth knowing only."""
    major_from: float = Field(default=40.0, gt=0, le=100)
    """Per cent missing from which it is major."""
    critical_from: float = Field(default=80.0, gt=0, le=100)
    """Per cent missing from which it is critical."""

    @model_validator(mode="after")
    def _rising(self) -> IodaSettings:
        if not self.minor_from <= self.major_from <= self.critical_from:
            raise ValueError("expected minor_from, major_from and critical_from to rise")
        return self


@dataclass(frozen=True, slots=True)
class _Run:
    """One time a detector saw an entity below its baseline. `ended` None: it lasts. `drop` is in per cent, None where
    it cannot be told."""

    location: str
    name: str
    detector: str
    began: int
    ended: int | None
    drop: float | None


def make(settings: IodaSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[IodaSettings]:
    """One query."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch, speaks_up=False)


def ask(settings: IodaSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Ask for the window that ends now."""
    until = int(now.timestamp())
    query: dict[str, int | str] = {
        "from": until - int(settings.lookback.total_seconds()), "until": until,
        "entityType": settings.entity_type, "limit": _LIMIT, "extendWindow": _REACH}
    query |= {"entityCode": ",".join(settings.entities)} if settings.entities else {}
    query |= {"ignoreMethods": ",".join(settings.ignore)} if settings.ignore else {}
    url = f"{below(settings.url, f'/outages/{settings.report}')}?{urlencode(query)}"
    return fetch(request_of(settings, url), memory, now)


def read(body: bytes, context: Context[IodaSettings]) -> Reading:
    """What the answer says. It is whole; only what began more than 14 days before the window is not listed any more,
    and then it is over for us too."""
    answer = record(json_of(body), "the answer")
    if answer.get("error"):
        raise Unreadable(f"IODA reports an error: {one_line(str(answer['error'])[:200])}")
    moment(optional(record(answer.get("metadata") or {}, "metadata"), "requestTime"), context.now)
    until = _window_end(answer, context.now)
    listed = records(answer.get("data"), "data")
    if len(listed) >= _LIMIT:
        raise Unreadable(f"IODA has {_LIMIT} entries or more, and leaves out the newest: name fewer entities")
    readers = {"outages.events": _runs_of_events, "outages.alerts": _runs_of_alerts}
    reader = readers.get(required(answer, "type", "the answer"))
    if reader is None:
        raise Unreadable(f"the answer is of the type {one_line(answer['type'], 40)!r}, expected outages.events")
    newest: dict[tuple[str, str], _Run] = {}
    for run in sorted(reader(listed, until), key=lambda one: one.began):
        newest[run.location, run.detector] = run
    asked = context.settings.entity_type
    if any(not location.startswith(f"{asked}/") for location, _ in newest):
        raise Unreadable(f"the answer tells of something else than was asked for: a {asked}")
    incidents = tuple(_incident(run, context) for run in newest.values())
    return read_page(VendorPage(incidents, whole=True), context, SignalClass.MEASUREMENT)


def _window_end(answer: Mapping[str, Any], now: datetime) -> int:
    """The end of the window IODA answers for, in seconds since 1970: as asked, so that it is about now."""
    asked = record(answer.get("requestParameters"), "requestParameters")
    until = any_time(asked.get("until"))
    if until is None or not now - _LATE <= until <= now + _LATE:
        raise Unreadable("the answer is not for a window that ends now")
    return int(until.timestamp())


# ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _runs_of_events(events: Iterable[Mapping[str, Any]], until: int) -> list[_Run]:
    return [_run_of_event(one, until) for one in events]


def _run_of_event(event: Mapping[str, Any], until: int) -> _Run:
    location = required(event, "location", "an event")
    began, lasted = _seconds(event, "start"), _seconds(event, "duration")
    score = _number(event, "score")
    if score is None or not 0 <= score <= _MOST_SCORE:
        raise Unreadable("an event has no usable score")
    return _Run(
        location=location,
        name=optional(event, "location_name") or location,
        detector=_detector(event, "an event"),
        began=began,
        ended=None if began + lasted >= until else began + lasted,
        drop=min(60 * score / lasted, 100.0) if lasted else None,
    )


# ── Alerts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _runs_of_alerts(alerts: Iterable[Mapping[str, Any]], until: int) -> list[_Run]:
    """Each detector's alerts put together: a run begins with the first that is not normal and ends with normal."""
    runs: dict[tuple[str, str, int], _Run] = {}
    lasting: dict[tuple[str, str], int] = {}
    for alert in sorted(alerts, key=lambda one: _seconds(one, "time")):
        entity = record(alert.get("entity"), "an alert's entity")
        location = f"{required(entity, 'type', 'an entity')}/{required(entity, 'code', 'an entity')}"
        key, at = (location, _detector(alert, "an alert")), _seconds(alert, "time")
        over = required(alert, "level", "an alert") == "normal"
        began = lasting.pop(key, at)
        if not over:
            lasting[key] = began
        runs[(*key, began)] = _Run(location, optional(entity, "name") or location, key[1], began, at if over else None,
                                   _drop(alert))
    return list(runs.values())


def _drop(alert: Mapping[str, Any]) -> float | None:
    """By how many per cent it lies below its baseline; None where a number is missing or the level is none we know."""
    value, baseline = _number(alert, "value"), _number(alert, "historyValue")
    if value is None or baseline is None or baseline <= 0 or optional(alert, "level") not in ("warning", "critical"):
        return None
    return max(0.0, min(100.0, 100.0 * (baseline - value) / baseline))


# ── Both ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _detector(one: Mapping[str, Any], what: str) -> str:
    return f"{required(one, 'datasource', what)}.{optional(one, 'method') or 'unknown'}"[:100]


def _seconds(holder: Mapping[str, Any], key: str) -> int:
    """A whole number of seconds, as IODA writes its times and durations."""
    value = holder.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**11:
        raise Unreadable(f"{key} of an entry is {kind_of(value)} that is no time in seconds")
    return value


def _number(holder: Mapping[str, Any], key: str) -> float | None:
    value = holder.get(key)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if usable and value is not None else None


def _incident(run: _Run, context: Context[IodaSettings]) -> VendorIncident:
    began = datetime.fromtimestamp(run.began, UTC)
    kind, _, code = run.location.partition("/")
    network, _, where = code.partition("-") if kind == "geoasn" else (code, "", "")
    drop = "" if run.drop is None else f"{run.drop:.0f} % below normal"
    return VendorIncident(
        id=f"{run.location}:{run.detector}",
        title=f"{run.name}: {run.detector.partition('.')[0]} {drop or 'below normal'}",
        level=_level(run, context.settings),
        started_at=min(began, context.now),
        components=(VendorComponent("", run.name),) if kind == "asn" else (),
        locations=_locations(kind, where or code, run.name, context.finder),
        url=f"https://ioda.inetintel.cc.gatech.edu/{run.location}",
        facts={"drop": drop, "detector": run.detector},
        labels={"entity": run.location, "detector": run.detector, **({"asn": network} if "asn" in kind else {})},
    )


def _level(run: _Run, settings: IodaSettings) -> Level:
    if run.ended is not None:
        return Level.OK
    steps = ((settings.critical_from, Level.CRITICAL), (settings.major_from, Level.MAJOR),
             (settings.minor_from, Level.MINOR))
    return next((level for least, level in steps if run.drop is not None and run.drop >= least), Level.NOTICE)


def _locations(kind: str, code: str, name: str, finder: Finder) -> tuple[str, ...]:
    """The place an entity is, for placing. None for a network: it is where the settings say. Numbers of regions are
    IODA's own: they count only as IODA:4437, or by the region's name ("COMCAST -- Vermont" for a network there)."""
    if kind == "asn":
        return ()
    own = f"IODA:{code}"
    if finder.by_code(own) is not None:
        return (own,)
    if code.isalpha() and finder.by_code(code) is not None:
        return (code,)
    return (name.rpartition(" -- ")[2],)
