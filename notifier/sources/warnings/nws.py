"""United States National Weather Service: alerts in force, as GeoJSON from api.weather.gov.

A long list comes in pages: a few of them are followed and travel as one answer; where there are more, the list is not
whole. The service answers 403 without a User-Agent, and likes one that names whom to ask: see `headers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..geometry import Point
from ..page import Context, PageSource, join_parts, parts_of
from ..settings import request_of
from ..shapes import Unreadable, any_moment, json_of, kind_of, moment, optional, raw_json_of, record, records, required
from .alert_places import AlertPlacer, Area
from .alerting import Alert, AlertSettings, read_alerts

_PAGES = 5
_MOST_CORNERS = 5000
_PART = "page {}"


class NwsSettings(AlertSettings):
    """Alerts in force by the National Weather Service."""

    kind: Literal["nws"] = "nws"
    url: str = "https://api.weather.gov/alerts/active"
    """Address with its query, such as https://api.weather.gov/alerts/active?area=VT (parameters it does not know are
    an error there)."""


def make(settings: NwsSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[NwsSettings]:
    """One query."""
    placer = AlertPlacer(settings.placing, regions)
    return PageSource(settings, regions=regions, read=lambda body, context: read(body, context, placer), ask=ask,
                      fetch=fetch, speaks_up=False)


def ask(settings: NwsSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the alerts as GeoJSON: one page as it is, several as parts. Pages that cannot be had are left out; the last
    one that was got still names them, so that the list is known not to be whole."""
    request = request_of(settings)
    request = replace(request, headers={"Accept": "application/geo+json", **request.headers})
    first = fetch(request, memory, now)
    if isinstance(first, Failure) or first.status == 304:
        return first
    pages = {_PART.format(1): first}
    url, host = settings.url, urlsplit(settings.url).netloc
    while len(pages) < _PAGES and (following := _next_page(list(pages.values())[-1].body)):
        url = urljoin(url, following)
        found = fetch(replace(request, url=url), {}, now) if urlsplit(url).netloc == host else None
        if not isinstance(found, Answer):
            break
        pages[_PART.format(len(pages) + 1)] = found
    return first if len(pages) == 1 else replace(join_parts(pages, now), headers={})


def _next_page(body: bytes) -> str:
    """Where a page says the next one is; "" where it says nothing readable."""
    try:
        paging = record(json_of(body), "the answer").get("pagination")
    except Unreadable:
        return ""
    return optional(paging, "next", 2000) if isinstance(paging, dict) else ""


def read(body: bytes, context: Context[NwsSettings], placer: AlertPlacer) -> Reading:
    """What the alerts say: all that are in force, unless there is another page of them."""
    pages = _pages(body)
    alerts = [_alert(feature, context.now) for page in pages for feature in _features(page, context.now)]
    more = _next_page_of(pages[-1])
    reading = read_alerts(alerts, settings=context.settings, placer=placer, memory=context.memory, complete=not more,
                          now=context.now)
    return replace(reading, why=f"there are more than {len(pages)} pages of alerts" if more else "")


def _pages(body: bytes) -> Sequence[Mapping[str, Any]]:
    """The FeatureCollections of an answer."""
    answer = record(raw_json_of(body), "the answer")
    if "parts" not in answer:
        return [record(json_of(body), "the answer")]
    parts = record(answer.get("parts"), "the answer's parts")
    names = [name for number in range(1, _PAGES + 1) if (name := _PART.format(number)) in parts]
    if not names or names != [_PART.format(number) for number in range(1, len(parts) + 1)]:
        raise Unreadable("the answer has no pages, or lacks one between others")
    return [record(json_of(page), "a page") for page in parts_of(body, *names)]


def _next_page_of(page: Mapping[str, Any]) -> bool:
    """Whether a page says that there is another."""
    paging = page.get("pagination")
    if paging is not None and not isinstance(paging, dict):
        raise Unreadable(f"pagination is {kind_of(paging)}")
    return bool(paging and paging.get("next"))


def _features(page: Mapping[str, Any], now: datetime) -> Sequence[Mapping[str, Any]]:
    if page.get("type") != "FeatureCollection":
        raise Unreadable("the answer is not a GeoJSON FeatureCollection")
    moment(page.get("updated"), now)
    return records(page.get("features"), "features")


def _alert(feature: Mapping[str, Any], now: datetime) -> Alert:
    about = record(feature.get("properties"), "a feature's properties")
    sent = moment(required(about, "sent", "an alert"), now)
    if sent is None:
        raise Unreadable("an alert does not say when it was sent")
    area = Area(optional(about, "areaDesc", 20_000), _codes(about.get("geocode")), _polygons(feature.get("geometry")))
    return Alert(
        identifier=required(about, "id", "an alert")[:300],
        sent=sent,
        status=required(about, "status", "an alert"),
        kind=required(about, "messageType", "an alert"),
        scope=optional(about, "scope") or "Public",
        references=_references(about.get("references")),
        event=optional(about, "event"),
        categories=(optional(about, "category"),),
        event_codes=_event_codes(about),
        urgency=optional(about, "urgency"),
        severity=optional(about, "severity"),
        certainty=optional(about, "certainty"),
        responses=(optional(about, "response"),),
        begins=any_moment(about.get("onset")) or any_moment(about.get("effective")),
        expires=any_moment(about.get("ends")) or any_moment(about.get("expires")),
        headline=optional(about, "headline"),
        description=optional(about, "description", 4000),
        instruction=optional(about, "instruction", 4000),
        url=optional(about, "@id"),
        areas=(area,),
    )


def _codes(given: Any) -> tuple[tuple[str, str], ...]:
    """(name, code) pairs of a geocode: counties (SAME) before zones (UGC). Raises Unreadable where a list of them is
    none: without its codes an alert would be somewhere else."""
    codes = record(given, "an alert's geocode")
    found: list[tuple[str, str]] = []
    for name in ("SAME", "UGC"):
        listed = codes.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise Unreadable(f"{name} of a geocode is no list of codes")
        found += [(name, one) for one in listed[:2000]]
    return tuple(found)


def _references(value: Any) -> tuple[tuple[str, datetime | None], ...]:
    listed = value if isinstance(value, list) else []
    return tuple(
        (optional(one, "identifier"), any_moment(one.get("sent")))
        for one in listed[:500]
        if isinstance(one, dict) and optional(one, "identifier")
    )


def _event_codes(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Codes of the event by every name it has. Older answers have none; Unreadable where what is there is no codes:
    rules go by them."""
    given = record(about.get("eventCode", {}), "an alert's eventCode")
    if not all(isinstance(codes, list) for codes in given.values()):
        raise Unreadable("an alert's eventCode is no lists of codes")
    return tuple(str(code)[:60] for codes in list(given.values())[:20] for code in codes[:20])


def _polygons(geometry: Any) -> tuple[tuple[Point, ...], ...]:
    """The outer rings of a GeoJSON Polygon or MultiPolygon, whose corners are (longitude, latitude); empty for others
    (RFC 7946)."""
    if not isinstance(geometry, dict):
        return ()
    given = geometry.get("coordinates")
    several = given if geometry.get("type") == "MultiPolygon" else [given] if geometry.get("type") == "Polygon" else []
    if not isinstance(several, list):
        return ()
    return tuple(ring for one in several[:200] if isinstance(one, list) and one and (ring := _ring(one[0])))


def _ring(corners: Any) -> tuple[Point, ...]:
    found: list[Point] = []
    for corner in corners[:_MOST_CORNERS] if isinstance(corners, list) else ():
        numbers = corner[:2] if isinstance(corner, list) else []
        if len(numbers) < 2 or not all(isinstance(n, int | float) and abs(n) <= 180 for n in numbers):
            return ()
        found.append((float(numbers[1]), float(numbers[0])))
    return tuple(found)
