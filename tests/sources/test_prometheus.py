"""Prometheus' own list of alerts: states, labels as identity, starts, failures it reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from notifier.model.signal import Level, SignalClass
from notifier.ports import Answer, Reading
from notifier.sources.alerts import prometheus
from notifier.sources.alerts.prometheus import PrometheusSettings
from notifier.sources.page import PageSource
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()


def source(fetch: Any = None, **fields: Any) -> PageSource[PrometheusSettings]:
    fields.setdefault("placing", Placing(service="data", regions=("US",)))
    settings = PrometheusSettings(id="prom", url="http://prometheus:9090/", **fields)
    return prometheus.make(settings, regions=TREE, **({"fetch": fetch} if fetch else {}))


def alert(name: str = "CellDown", state: str = "firing", at: str = "2026-01-15T11:00:00.25Z", **over: Any) -> Any:
    labels = {"alertname": name, "severity": "critical", "region": "VT", **over.pop("labels", {})}
    return {"labels": labels, "annotations": {}, "state": state, "activeAt": at, "value": "1e+00", **over}


def listed(*alerts: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"alerts": list(alerts)}}


def read(body: Any, memory: Any = None, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), memory or {}, NOW)


def test_a_firing_alert_is_a_measurement_known_by_its_labels() -> None:
    first, second = read(listed(alert())), read(listed(alert(value="2e+00", annotations={"summary": "more"})))
    (signal,) = first.signals
    assert (signal.klass, signal.service, signal.region) == (SignalClass.MEASUREMENT, "data", "US-VT")
    assert signal.facts["value"] == "1"
    assert signal.key == second.signals[0].key
    other = read(listed(alert(labels={"instance": "b"})))
    assert other.signals[0].fingerprint != signal.fingerprint


@pytest.mark.parametrize(
    ("state", "levels", "held"),
    [
        pytest.param("firing", [Level.CRITICAL], 0, id="firing"),
        pytest.param("pending", [], 1, id="pending opens nothing, and ends nothing"),
        pytest.param("inactive", [Level.OK], 0, id="inactive is over"),
        pytest.param("unknown", [], 1, id="a rule that was not evaluated yet"),
        pytest.param("pondering", [], 1, id="a state from the future"),
    ],
)
def test_states(state: str, levels: list[Level], held: int) -> None:
    reading = read(listed(alert(state=state)))
    assert [signal.level for signal in reading.signals] == levels
    assert len(reading.present) == held
    assert reading.complete


def test_the_list_is_complete_and_affirmed_only_by_the_alert_that_always_fires() -> None:
    assert (read(listed()).complete, read(listed()).affirmed) == (True, False)
    proven = read(listed(alert("Watchdog"), alert()))
    assert proven.affirmed
    assert [signal.facts["title"] for signal in proven.signals] == ["CellDown"]
    restarted = read(listed(), proven.memory)
    assert not restarted.known
    assert "always fires" in restarted.why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param({"status": "error", "errorType": "unavailable", "error": "shutting down"}, "shutting down",
                     id="an error Prometheus reports"),
        pytest.param({"status": "success"}, "data is missing", id="success without data"),
        pytest.param(listed({**alert(), "labels": {}}), "no labels", id="an alert without labels"),
        pytest.param(listed({**alert(), "labels": {"alertname": "X", "region": 5}}), "label region",
                     id="half its labels"),
        pytest.param(listed(alert(value="many")), "no number", id="a value that is none"),
        pytest.param(listed(alert(at="2026-01-17T12:00:00Z")), "ahead of ours", id="a clock two days ahead"),
    ],
)
def test_what_says_nothing(body: Any, why: str) -> None:
    reading = read(body)
    assert not reading.known
    assert why in reading.why


def test_odd_values_and_times_are_no_obstacle() -> None:
    reading = read(listed(alert(value="NaN"), alert("Other", value="+Inf", at="0001-01-01T00:00:00Z")))
    assert [signal.started_at <= NOW for signal in reading.signals] == [True, True]


def test_it_is_asked_below_its_address_and_needs_one() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer:
        asked.append(request.url)
        return answer(listed())

    source(fetch).fetch({}, NOW)
    assert asked == ["http://prometheus:9090/api/v1/alerts"]
    with pytest.raises(ValidationError, match="http"):
        PrometheusSettings(id="prom", url="")
