"""United States National Weather Service: alerts in force, as GeoJSON from api.weather.gov."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading
from notifier.secret import SecretMissing

from .alerting import Alert, AlertPlacer, AlertSettings, Area, read_alerts
from .settings import host_of, request_of
from .shapes import Unreadable, any_moment, json_of, moment, optional, record, records, required, unread


class NwsSettings(AlertSettings):
    """Alerts in force by the National Weather Service."""

    kind: Literal["nws"] = "nws"
    url: str = "https://api.weather.gov/alerts/active"
    """Address with its query, such as https://api.weather.gov/alerts/active?area=VT (parameters it does not know are
    an error there)."""


class NwsSource:
    """One query."""

    def __init__(self, settings: NwsSettings, *, regions: RegionTree, fetch: Get = get) -> None:
        self.settings = settings
        self.id, self.kind = settings.id, settings.kind
        self.every, self.freshness, self.host = settings.every, settings.freshness, host_of(settings.url)
        self._get = fetch
        self._placer = AlertPlacer(settings, regions)

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        """Get the alerts as GeoJSON."""
        try:
            request = request_of(self.settings)
        except SecretMissing as error:
            return Failure(now, "internal", str(error))
        headers = {"Accept": "application/geo+json", **request.headers}
        return self._get(replace(request, headers=headers), memory, now)

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """What the alerts say: all that are in force, unless there is another page of them."""
        if (early := unread(answer, memory)) is not None:
            return early
        try:
            body = record(json_of(answer.body), "the answer")
            if body.get("type") != "FeatureCollection":
                raise Unreadable("the answer is not a GeoJSON FeatureCollection")
            moment(body.get("updated"), now)
            alerts = [_alert(feature, now) for feature in records(body.get("features"), "features")]
        except Unreadable as error:
            return Reading(known=False, why=str(error), memory=memory)
        paged = isinstance(body.get("pagination"), dict) and bool(body["pagination"].get("next"))
        return read_alerts(
            alerts, settings=self.settings, placer=self._placer, memory=memory, complete=not paged, now=now
        )


def _alert(feature: Mapping[str, Any], now: datetime) -> Alert:
    about = record(feature.get("properties"), "a feature's properties")
    sent = moment(required(about, "sent", "an alert"), now)
    if sent is None:
        raise Unreadable("an alert does not say when it was sent")
    given = about.get("geocode")
    codes: Mapping[str, Any] = given if isinstance(given, dict) else {}
    area = Area(
        optional(about, "areaDesc", 20_000),
        tuple(
            (name, value)
            for name in ("SAME", "UGC")
            for value in (codes.get(name) or () if isinstance(codes.get(name), list) else ())
            if isinstance(value, str)
        ),
        _polygons(feature.get("geometry")),
    )
    return Alert(
        identifier=required(about, "id", "an alert"),
        sent=sent,
        status=required(about, "status", "an alert"),
        kind=required(about, "messageType", "an alert"),
        references=_references(about.get("references")),
        event=optional(about, "event"),
        categories=(optional(about, "category"),),
        event_codes=_event_codes(about.get("eventCode")),
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


def _references(value: Any) -> tuple[tuple[str, datetime | None], ...]:
    listed = value if isinstance(value, list) else []
    return tuple(
        (optional(one, "identifier"), any_moment(one.get("sent")))
        for one in listed[:500]
        if isinstance(one, dict) and optional(one, "identifier")
    )


def _event_codes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, dict):
        return ()
    return tuple(str(code) for codes in value.values() if isinstance(codes, list) for code in codes[:20])


def _polygons(geometry: Any) -> tuple[tuple[tuple[float, float], ...], ...]:
    """The outer ring of a GeoJSON Polygon, whose corners are (longitude, latitude)."""
    if not isinstance(geometry, dict) or geometry.get("type") != "Polygon":
        return ()
    rings = geometry.get("coordinates")
    outer = rings[0] if isinstance(rings, list) and rings and isinstance(rings[0], list) else []
    corners = [(c[1], c[0]) for c in outer[:5000] if isinstance(c, list) and len(c) >= 2]
    if not corners or any(not isinstance(n, int | float) or abs(n) > 180 for c in corners for n in c):
        return ()
    return (tuple((float(lat), float(lon)) for lat, lon in corners),)
