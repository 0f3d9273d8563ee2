"""Cloudflare Radar: outages of countries, their regions and networks, annotated by people who watch its traffic.

Checked against the API's schema and examples in its client libraries. An annotation is known by its id and is open
until it has an endDate. The list is one of the newest: what is missing from it has scrolled away or was taken back, and
what started before its date range may still last, so an open one goes quiet by itself when it is no longer told.

Where it is: `scope` names parts of a country in free text, `locations` countries, `asns` networks. A part we do not
know is never widened to its country, and a network's outage is nobody else's: it counts only where a rule names the
network (labels: {asn: "7922"}).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.model.signal import Level, SignalClass
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import any_time, past_time
from ..page import Context, PageSource
from ..placing import Texts, rule_for
from ..settings import HttpSettings
from ..shapes import Unreadable, json_of, kind_of, one_line, optional, record, records, required
from ..vendor_page import VendorIncident, VendorPage, VendorUpdate, read_page

_TYPES: Mapping[str, Level] = {
    "NATIONWIDE": Level.CRITICAL,
    "REGIONAL": Level.MAJOR,
    "NETWORK": Level.MAJOR,
    "PLATFORM": Level.MINOR,
}
_NETWORKS_READ = 50


class RadarSettings(HttpSettings):
    """Cloudflare Radar's annotations of outages."""

    kind: Literal["cloudflare-radar"] = "cloudflare-radar"
    url: str = "https://api.cloudflare.com/client/v4/radar/annotations/outages?dateRange=28d&limit=100&format=json"
    """Address with its query; location=US and asn=7922 narrow it. Its token goes into bearer."""
    every: Duration = timedelta(minutes=5)
    """Time between polls."""
    freshness: Duration = timedelta(minutes=30)
    """How old its last good answer may get before its silence means nothing."""
    quiet_after: Duration = timedelta(days=2)
    """An open outage goes quiet by itself when it was not listed for about so long."""


def make(settings: RadarSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[RadarSettings]:
    """One query."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch, speaks_up=False)


def read(body: bytes, context: Context[RadarSettings]) -> Reading:
    """What the annotations say. Those of countries our tree does not have are not our trouble."""
    answer = record(json_of(body), "the answer")
    if answer.get("success") is not True:
        raise Unreadable(f"Cloudflare reports no success: {_errors(answer)}")
    listed = records(record(answer.get("result"), "result").get("annotations"), "annotations")
    incidents = [incident for one in listed if (incident := _incident(one, context)) is not None]
    return read_page(VendorPage(tuple(incidents)), context, SignalClass.MEASUREMENT)


def _errors(answer: Mapping[str, Any]) -> str:
    """The messages of a refusal, such as a token that is wrong."""
    listed = answer.get("errors")
    told = [optional(one, "message", 100) for one in listed[:5] if isinstance(one, dict)] if isinstance(
        listed, list) else []
    return "; ".join(filter(None, told)) or "no reason given"


def _incident(given: Mapping[str, Any], context: Context[RadarSettings]) -> VendorIncident | None:
    """One annotation; None where it is about countries that are not in our tree."""
    id, countries = required(given, "id", "an annotation"), _countries(given, context)
    asns = _asns(given)
    if not countries and not asns:
        return None
    outage = record(given.get("outage"), "outage")
    kind, cause = optional(outage, "outageType", 60), optional(outage, "outageCause", 60)
    named = ", ".join(countries.values()) or f"AS{asns[0]}"
    said = one_line(optional(given, "description", 1000), 500)
    began = past_time(given.get("startDate"), context.now)
    if began is None:
        raise Unreadable("an annotation does not say when it started")
    incident = VendorIncident(
        id=id,
        title=f"{_words(kind) or 'outage'} in {optional(given, 'scope', 100) or named}: {_words(cause) or 'no cause'}",
        level=_level(given, kind, context.now),
        started_at=began,
        updates=(VendorUpdate(None, said),) if said else (),
        url=optional(given, "linkedUrl"),
        facts={"cause": _words(cause), "networks": _networks(given)},
        labels={"asn": " ".join(asns), "type": kind, "cause": cause},
        lasts_until=(context.now + context.settings.quiet_after).replace(minute=0, second=0, microsecond=0),
    )
    return _placed(incident, optional(given, "scope"), countries, asns, kind == "NATIONWIDE", context)


def _level(given: Mapping[str, Any], kind: str, now: datetime) -> Level:
    """OK where it has ended; what is no outage, or of a kind nobody knows yet, is worth knowing only."""
    ends = given.get("endDate")
    if ends not in (None, ""):
        ended = any_time(ends)
        if ended is None:
            raise Unreadable(f"endDate of an annotation is {kind_of(ends)} that is no time")
        if ended <= now:
            return Level.OK
    return _TYPES.get(kind, Level.NOTICE) if optional(given, "eventType") == "OUTAGE" else Level.NOTICE


def _words(code: str) -> str:
    return code.replace("_", " ").lower()


# ── Where ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _countries(given: Mapping[str, Any], context: Context[RadarSettings]) -> dict[str, str]:
    """Name by id of our regions that stand for its countries."""
    codes = given.get("locations")
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise Unreadable("locations of an annotation is no list of country codes")
    return {id: context.regions[id].name for code in codes[:300] if (id := context.finder.by_code(code)) is not None}


def _asns(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Numbers of its networks, as text."""
    numbers = given.get("asns")
    if not isinstance(numbers, list) or not all(isinstance(one, int) and 0 <= one < 2**32 for one in numbers):
        raise Unreadable("asns of an annotation is no list of network numbers")
    return tuple(str(int(one)) for one in numbers[:_NETWORKS_READ])


def _networks(given: Mapping[str, Any]) -> str:
    details = given.get("asnsDetails")
    named = [optional(one, "name", 60) for one in details[:8] if isinstance(one, dict)] if isinstance(
        details, list) else []
    return ", ".join(filter(None, named))


def _parts(text: str, countries: Mapping[str, str], context: Context[RadarSettings]) -> list[str]:
    """Regions inside its countries that a text names."""
    found = context.finder.find(text)
    return [id for id in found if id not in countries and context.finder.inside(id, countries)]


def _placed(
    incident: VendorIncident, scope: str, countries: Mapping[str, str], asns: Sequence[str], nationwide: bool,
    context: Context[RadarSettings],
) -> VendorIncident | None:
    """The incident with its places, or with why it has none."""
    where = f"{scope}, {', '.join(countries.values())}" if scope else ", ".join(countries)
    rule = rule_for(Texts(title=incident.title, location=where, labels=incident.labels), context.settings.placing)
    if rule is not None and (rule.ignore or rule.regions):
        return replace(incident, locations=(where,))
    if not countries:
        return None
    if asns and rule is None and not nationwide:
        return replace(incident, unplaced=f"no rule names the network AS{asns[0]}: {incident.title}")
    parts = _parts(scope, countries, context) or _parts(where, countries, context)
    if scope and not nationwide and not parts:
        return replace(incident, unplaced=f"no region for {scope[:100]!r}: {incident.title}")
    if not scope and not nationwide and not asns:
        return replace(incident, unplaced=f"it names no part of {where}: {incident.title}")
    return replace(incident, locations=tuple(parts if scope and parts else countries))
