"""Small CAP messages and feeds of them, and a source that reads them: shared by the tests of CAP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from notifier.ports import Reading
from notifier.sources.page import PageSource
from notifier.sources.settings import Placing
from notifier.sources.warnings import cap as cap_source
from notifier.sources.warnings.cap import CapSettings

from .examples import CAP
from .support import NOW, answer, tree

TREE = tree()
POWER = Placing(service="power")


def source(**fields: Any) -> PageSource[CapSettings]:
    fields.setdefault("placing", POWER)
    return cap_source.make(CapSettings(id="cap", url="https://alerts.example", **fields), regions=TREE)


def read(body: str | bytes, memory: Any = None, now: datetime = NOW, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), memory or {}, now)


def cap(*changes: tuple[str, str]) -> str:
    text = CAP
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def updated(kind: str, identifier: str, *refers_to: str) -> str:
    references = " ".join(f"utility@example,{one},2026-01-15T11:50:00-00:00" for one in refers_to)
    return cap(
        ("<identifier>A1<", f"<identifier>{identifier}<"),
        ("<msgType>Alert<", f"<msgType>{kind}<"),
        ("</scope>", f"</scope><references>{references}</references>"),
        ("T11:50:00-00:00</sent>", "T11:55:00-00:00</sent>"),
    )


def message(identifier: str, kind: str = "Alert", sent: str = "11:50", refers_to: str = "", **over: str) -> str:
    """A small message; `refers_to` is "A1@11:50 A2@11:55"."""
    said = {"status": "Actual", "scope": "Public", "event": "Power Outage", "area": "Chittenden County", "info": ""}
    said |= over
    triples = " ".join(f"utility@example,{one},2026-01-15T{at}:00-00:00"
                       for one, _, at in (part.partition("@") for part in refers_to.split()))
    references = f"<references>{triples}</references>" if triples else ""
    info = said["info"] or (
        f"<info><category>Infra</category><event>{said['event']}</event><urgency>Immediate</urgency>"
        f"<severity>Severe</severity><certainty>Observed</certainty>"
        f"<area><areaDesc>{said['area']}</areaDesc></area></info>")
    return (f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{identifier}</identifier>'
            f"<sender>utility@example</sender><sent>2026-01-15T{sent}:00-00:00</sent><status>{said['status']}</status>"
            f"<msgType>{kind}</msgType><scope>{said['scope']}</scope>{references}"
            f"{info if info != '-' else ''}</alert>")


def feed(*messages: str) -> str:
    entries = "".join(f"<entry><id>e{n}</id><content>{one}</content></entry>" for n, one in enumerate(messages))
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{entries}</feed>'


def infos(*areas: tuple[str, str]) -> str:
    """An info for each (area, more elements)."""
    return "".join(f"<info><language>en-CA</language><category>Infra</category><event>Outage</event>{more}"
                   f"<urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>"
                   f"<area><areaDesc>{area}</areaDesc></area></info>" for area, more in areas)
