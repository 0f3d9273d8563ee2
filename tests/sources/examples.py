"""One small answer with trouble in it for every kind of polled source, written by hand in each format's own shape, and
the source that reads it; then the `open` answer of every folder below `vendors/`, which is where a new kind goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from notifier.model.region import RegionTree
from notifier.ports import Source
from notifier.sources.alerts import alertmanager
from notifier.sources.alerts.alertmanager import AlertmanagerSettings
from notifier.sources.generic import feed
from notifier.sources.generic.feed import FeedSettings
from notifier.sources.pages import statuspage
from notifier.sources.pages.statuspage import StatuspageSettings
from notifier.sources.probes.probe import ProbeSettings, ProbeSource
from notifier.sources.settings import Placing
from notifier.sources.warnings import cap, nws
from notifier.sources.warnings.alerting import EventRule
from notifier.sources.warnings.cap import CapSettings
from notifier.sources.warnings.nws import NwsSettings

from .vendors import vendors

PLACING = Placing(service="data", regions=("US-VT",), find_regions=True)
URL = "https://status.example/"


@dataclass(frozen=True)
class Example:
    """`make` builds the source; `body` makes it report trouble; `memory` it needs for that."""

    name: str
    make: Callable[[RegionTree], Source]
    body: bytes
    memory: Mapping[str, str]
    may: tuple[str, ...] = ()
    """Mutations that rightly change what is known, as test_mutations names them, each with its reason beside it."""


SUMMARY: dict[str, Any] = {
    "page": {"id": "p", "name": "Vendor", "updated_at": "2026-01-15T11:59:00Z"},
    "status": {"indicator": "none", "description": "All Systems Operational"},
    "components": [{"id": "c1", "name": "API", "status": "operational", "group": False, "group_id": None}],
    "incidents": [
        {
            "id": "i1",
            "name": "Slow API",
            "status": "investigating",
            "impact": "major",
            "created_at": "2026-01-15T11:40:00Z",
            "started_at": "2026-01-15T11:30:00Z",
            "components": [{"id": "c1", "name": "API", "status": "partial_outage"}],
            "incident_updates": [
                {"status": "investigating", "body": "We look.", "display_at": "2026-01-15T11:40:00Z"},
            ],
        }
    ],
    "scheduled_maintenances": [],
}

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Vendor Status</title><item>
<title>API errors</title><guid isPermaLink="false">api-errors</guid><link>https://status.example/1</link>
<pubDate>Thu, 15 Jan 2026 11:50:00 Z</pubDate><description>We are investigating errors.</description>
<category>API</category></item></channel></rss>"""

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Vendor Status</title><entry>
<id>tag:x,2026:1</id><title>API errors</title><updated>2026-01-15T11:50:00Z</updated>
<link href="https://status.example/1"/><content type="html">&lt;p&gt;We are investigating.&lt;/p&gt;</content>
</entry></feed>"""

WEBHOOK: dict[str, Any] = {
    "version": "4",
    "groupKey": "{}",
    "status": "firing",
    "receiver": "notifier",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "CellDown", "severity": "major", "region": "US-VT"},
            "annotations": {"summary": "No traffic"},
            "startsAt": "2026-01-15T11:55:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "00aa",
        }
    ],
}

ALERTS: list[dict[str, Any]] = [
    {
        **WEBHOOK["alerts"][0],
        "endsAt": "2026-01-15T12:04:00Z",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }
]

CAP = """<?xml version="1.0"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>A1</identifier>
<sender>utility@example</sender><sent>2026-01-15T11:50:00-00:00</sent><status>Actual</status><msgType>Alert</msgType>
<scope>Public</scope><info><category>Infra</category><event>Power Outage</event><urgency>Immediate</urgency>
<severity>Severe</severity><certainty>Observed</certainty><expires>2026-01-15T18:00:00-00:00</expires>
<headline>Power is out</headline><area><areaDesc>Chittenden County</areaDesc><geocode><valueName>SAME</valueName>
<value>050007</value></geocode></area></info></alert>"""

NWS: dict[str, Any] = {
    "type": "FeatureCollection",
    "updated": "2026-01-15T11:58:00+00:00",
    "features": [
        {
            "id": "u",
            "geometry": None,
            "properties": {
                "id": "urn:oid:1",
                "areaDesc": "Chittenden",
                "geocode": {"UGC": ["VTC007"], "SAME": ["050007"]},
                "references": [],
                "sent": "2026-01-15T11:50:00+00:00",
                "expires": "2026-01-15T18:00:00+00:00",
                "status": "Actual",
                "messageType": "Alert",
                "category": "Infra",
                "severity": "Severe",
                "certainty": "Observed",
                "urgency": "Immediate",
                "event": "911 Telephone Outage",
                "headline": "911 is out",
            },
        }
    ],
}


def _bytes(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _statuspage(regions: RegionTree) -> Source:
    return statuspage.make(StatuspageSettings(id="sp", url=URL, placing=PLACING), regions=regions)


def _feed(regions: RegionTree) -> Source:
    return feed.make(FeedSettings(id="feed", url=URL, placing=PLACING, lists_all_open=True), regions=regions)


def _alertmanager(regions: RegionTree) -> Source:
    return alertmanager.make(AlertmanagerSettings(id="am", url=URL, placing=PLACING), regions=regions)


def _probe(regions: RegionTree) -> Source:
    check = {"http": {"url": URL}}
    return ProbeSource(ProbeSettings(id="probe", check=check, failures=1, placing=PLACING), regions=regions)


def _cap(regions: RegionTree) -> Source:
    return cap.make(CapSettings(id="cap", url=URL, placing=PLACING, lists_all_active=True), regions=regions)


def _nws(regions: RegionTree) -> Source:
    rules = (EventRule(event="911*"),)
    return nws.make(NwsSettings(id="nws", url=URL, placing=PLACING, events=rules), regions=regions)


_INCIDENTS = {"page": SUMMARY["page"], "incidents": SUMMARY["incidents"]}

EXAMPLES = (
    Example("statuspage summary", _statuspage, _bytes(SUMMARY), {}),
    Example("statuspage incidents", _statuspage, _bytes(_INCIDENTS), {}),
    Example("rss", _feed, _bytes(RSS), {}),
    Example("atom", _feed, _bytes(ATOM), {}),
    Example("alertmanager webhook", _alertmanager, _bytes(WEBHOOK), {}),
    Example("alertmanager list", _alertmanager, _bytes(ALERTS), {}),
    Example("probe", _probe, _bytes({"ok": False, "why": "HTTP 500", "seconds": 0.1, "control": None}), {}),
    Example("cap", _cap, _bytes(CAP), {}),
    Example("nws", _nws, _bytes(NWS), {}),
    *(Example(one.name, one.make, one.bodies["open"], one.about.get("memory", {}),
              tuple(f"{one.name}: {done}" for done in one.about.get("may", ())))
      for one in vendors()),
)
