"""Grafana's own alerting: the webhook of a contact point (version 1), pushed to us.

Its message is Alertmanager's with fields of its own: orgId, title, state, message, and for each alert values and links.
Two of its habits would be misread as health or as trouble:

- a rule that finds no data, or cannot ask, fires as DatasourceNoData or DatasourceError: nothing is known then;
- an alert is "resolved" too when its series vanished, its rule was paused, edited or deleted, or finds no data; then
  the annotation grafana_state_reason says so, and it is no recovery: the alert goes quiet by itself.

Grafana's list of alerts (/api/alertmanager/grafana/api/v2/alerts, with a token) is read as Alertmanager's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..page import Context, PageSource
from ..shapes import json_of, labels_of, one_line, optional, record, records
from .alertmanager import alerts_pushed, cut_off, listed
from .firing import FiringAlert, FiringSettings, State, ask_or_wait, read_firing

_BLIND: Mapping[str, str] = {"DatasourceNoData": "finds no data", "DatasourceError": "cannot ask its data source"}
"""Names under which Grafana fires a rule that knows nothing; the rule's own name is in the label rulename."""
_REASON = "grafana_state_reason"


class GrafanaSettings(FiringSettings):
    """A Grafana that pushes to our webhook, or whose list is polled, or both."""

    kind: Literal["grafana"] = "grafana"
    url: str = ""
    """Address of its list, such as https://grafana/api/alertmanager/grafana/api/v2/alerts; empty: it only pushes."""


def make(settings: GrafanaSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[GrafanaSettings]:
    """One Grafana."""
    return PageSource(settings, regions=regions, read=read, ask=ask_or_wait, fetch=fetch, takes_pushes=True)


def read(body: bytes, context: Context[GrafanaSettings]) -> Reading:
    """What a list or a pushed message says. A message speaks only of its own group."""
    value = json_of(body)
    if isinstance(value, list):
        return _read(listed(value, context.now), value, context, whole=True)
    message = record(value, "the answer")
    alerts = alerts_pushed(message, "1", context.now)
    return _read(alerts, message["alerts"], context, whole=False, why=cut_off(message))


def _read(
    alerts: list[FiringAlert], given: Any, context: Context[GrafanaSettings], *, whole: bool, why: str = ""
) -> Reading:
    own = [_own(alert, one) for alert, one in zip(alerts, records(given, "alerts"), strict=True)]
    blind = dict.fromkeys(words for alert in own if (words := _blindness(alert)))
    reading = read_firing(own, context, whole=whole, why=why)
    return replace(reading, unplaced=(*blind, *reading.unplaced)) if reading.known else reading


def _own(alert: FiringAlert, given: Mapping[str, Any]) -> FiringAlert:
    """An alert with what Grafana says of it besides."""
    reason = labels_of(given.get("annotations")).get(_REASON, "")
    unknown = alert.name in _BLIND or (alert.state is State.OVER and reason)
    url = optional(given, "panelURL") or optional(given, "dashboardURL") or alert.facts.get("url", "")
    return replace(alert, state=State.HELD if unknown else alert.state,
                   facts={**alert.facts, "url": url, "value": _values(given.get("values")), "reason": reason[:60]})


def _values(given: Any) -> str:
    """What was measured: "B=44.2, C=1"."""
    if not isinstance(given, dict):
        return ""
    numbers = {str(key)[:20]: value for key, value in list(given.items())[:8]
               if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18}
    return ", ".join(f"{key}={value:.6g}" for key, value in numbers.items() if math.isfinite(value))


def _blindness(alert: FiringAlert) -> str:
    """What a rule that knows nothing keeps from us, in words; "" for any other alert."""
    if alert.name not in _BLIND:
        return ""
    return f"the rule {one_line(alert.labels.get('rulename', 'without a name'), 80)!r} {_BLIND[alert.name]}"
