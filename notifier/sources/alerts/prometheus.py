"""Prometheus itself, asked for its alerts (`/api/v1/alerts`): where there is no Alertmanager, or besides it.

It lists every alert that is pending or firing now, without fingerprints: an alert is known by its labels. Right after a
start the list is empty until the rules were evaluated once: a rule that always fires tells that from health.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import field_validator

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..page import Context, PageSource, ask_at
from ..settings import checked_url
from ..shapes import Unreadable, json_of, labels_of, moment, one_line, optional, record, records, required
from .firing import FiringAlert, FiringSettings, State, fingerprint_of, labels_in, read_firing, told_of

_STATES: Mapping[str, State] = {"firing": State.FIRING, "inactive": State.OVER}
"""Its states; pending, unknown and words nobody knows yet are HELD."""


class PrometheusSettings(FiringSettings):
    """A Prometheus server, polled."""

    kind: Literal["prometheus"] = "prometheus"
    url: str
    """Address of the server, such as http://prometheus:9090; /api/v1/alerts is added."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value)


def make(settings: PrometheusSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[PrometheusSettings]:
    """One server."""
    return PageSource(settings, regions=regions, read=read, ask=ask_at("/api/v1/alerts"), fetch=fetch)


def read(body: bytes, context: Context[PrometheusSettings]) -> Reading:
    """What the list says."""
    value = record(json_of(body), "the answer")
    if value.get("status") != "success":
        raise Unreadable(f"Prometheus reports no success: {one_line(optional(value, 'error') or 'no reason given')}")
    alerts = records(record(value.get("data"), "data").get("alerts"), "alerts")
    return read_firing([_alert(one, context.now) for one in alerts], context, whole=True)


def _alert(given: Mapping[str, Any], now: datetime) -> FiringAlert:
    labels = labels_in(given)
    why, facts = told_of(labels, labels_of(given.get("annotations")))
    return FiringAlert(
        fingerprint=fingerprint_of(labels),
        labels=labels,
        began=moment(given.get("activeAt"), now) or now,
        state=_STATES.get(required(given, "state", "an alert"), State.HELD),
        why=why,
        facts={**facts, "value": _value(given)},
    )


def _value(given: Mapping[str, Any]) -> str:
    """What was measured; Prometheus writes it as text: "3.1e+01", "+Inf", "NaN"."""
    try:
        return f"{float(required(given, 'value', 'an alert')):g}"
    except ValueError as error:
        raise Unreadable("value of an alert is no number") from error
