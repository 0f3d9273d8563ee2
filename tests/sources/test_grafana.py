"""Grafana's webhook: what it calls resolved though nothing recovered, and rules that know nothing."""

from __future__ import annotations

from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Failure, Reading
from notifier.sources.alerts import grafana
from notifier.sources.alerts.grafana import GrafanaSettings
from notifier.sources.page import PageSource
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()


def source(**fields: Any) -> PageSource[GrafanaSettings]:
    fields.setdefault("placing", Placing(service="data"))
    return grafana.make(GrafanaSettings(id="gf", **fields), regions=TREE)


def alert(status: str = "firing", **over: Any) -> dict[str, Any]:
    labels = {"alertname": "Cells down", "grafana_folder": "Radio", "region": "VT", "severity": "major"}
    return {"status": status, "labels": {**labels, **over.pop("labels", {})}, "annotations": {"summary": "no traffic"},
            "startsAt": "2026-01-15T11:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f1",
            "generatorURL": "https://grafana/alerting/1", "dashboardURL": "", "panelURL": "", "values": {"A": 3.5},
            **over}


def pushed(*alerts: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {"version": "1", "orgId": 1, "title": "t", "state": "alerting", "message": "m", "status": "firing",
            "groupKey": "{}", "truncatedAlerts": 0, "alerts": list(alerts), **over}


def read(body: Any, memory: Any = None) -> Reading:
    return source().read(answer(body), memory or {}, NOW)


def test_a_pushed_alert_opens_until_it_is_resolved() -> None:
    opened = read(pushed(alert()))
    (signal,) = opened.signals
    assert (signal.region, signal.level, signal.facts["value"]) == ("US-VT", Level.MAJOR, "A=3.5")
    assert not opened.complete
    (ended,) = read(pushed(alert("resolved")), opened.memory).signals
    assert (ended.key, ended.level) == (signal.key, Level.OK)


@pytest.mark.parametrize(
    "reason", ["MissingSeries", "NoData", "Error", "Paused", "Updated", "RuleDeleted", "Pondering"]
)
def test_what_is_resolved_for_another_reason_than_recovery_is_not_over(reason: str) -> None:
    opened = read(pushed(alert()))
    told = alert("resolved", annotations={"grafana_state_reason": reason})
    reading = read(pushed(told), opened.memory)
    assert reading.signals == ()
    assert reading.present == (opened.signals[0].fingerprint,)
    (ended,) = read(pushed(alert("resolved")), reading.memory).signals
    assert ended.level == Level.OK, "and its real end still counts"


@pytest.mark.parametrize("name", ["DatasourceNoData", "DatasourceError"])
def test_a_rule_that_knows_nothing_opens_nothing_and_says_so(name: str) -> None:
    reading = read(pushed(alert(labels={"alertname": name, "rulename": "Cells down"})))
    assert reading.signals == ()
    assert "Cells down" in reading.unplaced[0]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(pushed(alert(), version="4"), "version '4', expected '1'", id="Alertmanager's message"),
        pytest.param({"ruleId": 1, "state": "alerting", "title": "t"}, "version 'None'", id="legacy alerting"),
        pytest.param(pushed(version="1", alerts=None), "alerts is missing", id="no alerts"),
        pytest.param(pushed(alert(labels={"region": None})), "label region", id="half its labels"),
    ],
)
def test_what_says_nothing(body: Any, why: str) -> None:
    reading = read(body)
    assert not reading.known
    assert why in reading.why


def test_alerts_cut_off_the_message_are_said() -> None:
    assert "3 more alerts" in read(pushed(alert(), truncatedAlerts=3)).why
    assert read(pushed(alert(), truncatedAlerts=True)).why == ""


@pytest.mark.parametrize("values", [None, [], {"A": "x"}, {"A": 10**400}, {"A": True}, {"A": float(10**300)}])
def test_odd_values_are_left_out(values: Any) -> None:
    (signal,) = read(pushed(alert(values=values))).signals
    assert "value" not in signal.facts


def test_its_list_is_read_as_alertmanagers_and_it_may_only_push() -> None:
    state = {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
    reading = read([{**alert(), "status": state}])
    assert reading.complete
    assert [signal.region for signal in reading.signals] == ["US-VT"]
    assert source().pushed
    assert not source(url="https://grafana/api/alertmanager/grafana/api/v2/alerts").pushed
    failure = source().fetch({}, NOW)
    assert isinstance(failure, Failure)
    assert failure.reason == "not_listening"
