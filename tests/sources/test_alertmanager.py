"""Alertmanager: two peers, late copies, silences, restarts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from notifier.model.signal import Level, SignalClass
from notifier.ports import Failure, Reading
from notifier.sources import alertmanager
from notifier.sources.alertmanager import AlertmanagerSettings
from notifier.sources.page import PageSource
from notifier.sources.settings import Match, Placing

from .support import NOW, answer, tree

TREE = tree()


def source(**fields: Any) -> PageSource[AlertmanagerSettings]:
    fields.setdefault("placing", Placing(service="data", regions=("US",)))
    return alertmanager.make(AlertmanagerSettings(id="am", url="http://am:9093/api/v2/alerts", **fields), regions=TREE)


def alert(status: Any = "firing", starts: str = "2026-01-15T11:00:00Z", **over: Any) -> dict[str, Any]:
    labels = {"alertname": "CellDown", "severity": "critical", "region": "VT", **over.pop("labels", {})}
    given = {"status": status, "labels": labels, "startsAt": starts, "fingerprint": "f1", "annotations": {}}
    return {**given, **over}


def pushed(*alerts: dict[str, Any]) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "alerts": list(alerts)}


def listed(state: str = "active", **over: Any) -> dict[str, Any]:
    return alert({"state": state, "silencedBy": [], "inhibitedBy": []}, endsAt="2026-01-15T12:05:00Z", **over)


def read(body: Any, memory: Any = None, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), memory or {}, NOW)


def test_a_pushed_alert_is_a_measurement_where_its_labels_say() -> None:
    (signal,) = read(pushed(alert())).signals
    assert (signal.klass, signal.service, signal.region) == (SignalClass.MEASUREMENT, "data", "US-VT")
    assert signal.level == Level.CRITICAL
    assert signal.lasts_until == NOW + timedelta(hours=12)


def test_two_peers_telling_the_same_are_one_signal() -> None:
    first = read(pushed(alert()))
    second = read(pushed(alert(generatorURL="http://other-peer")), first.memory)
    assert {s.key for s in first.signals} == {s.key for s in second.signals}
    assert len(read(pushed(alert(), alert())).signals) == 1


def test_a_late_copy_from_the_other_peer_does_not_open_it_again() -> None:
    fired = read(pushed(alert()))
    ended = read(pushed(alert("resolved", endsAt="2026-01-15T11:50:00Z")), fired.memory)
    assert [s.level for s in ended.signals] == [Level.OK]
    late = read(pushed(alert()), ended.memory)
    assert late.signals == ()
    again = read(pushed(alert(starts="2026-01-15T11:55:00Z")), ended.memory)
    assert [s.level for s in again.signals] == [Level.CRITICAL]


def test_the_end_of_an_earlier_run_does_not_end_this_one() -> None:
    running = read(pushed(alert(starts="2026-01-15T11:55:00Z")))
    assert read(pushed(alert("resolved")), running.memory).signals == ()


def test_the_list_is_complete_and_a_webhook_is_not() -> None:
    assert read([listed()]).complete
    assert read([]).complete
    assert not read(pushed(alert())).complete


def test_silenced_alerts_open_nothing_and_end_nothing() -> None:
    assert read([listed("suppressed")]).signals == ()
    before = read([listed()])
    silenced = read([listed("suppressed")], before.memory)
    assert silenced.signals == ()
    assert silenced.present == tuple(s.fingerprint for s in before.signals)


def test_an_empty_list_without_the_alert_that_always_fires_is_a_restart() -> None:
    watchdog = listed(labels={"alertname": "Watchdog"}, fingerprint="w")
    proven = read([watchdog, listed()])
    assert [s.fingerprint for s in proven.signals] == ["alert:f1"]
    assert not read([], proven.memory).known
    after = read([watchdog], proven.memory)
    assert after.known
    assert after.complete
    assert read([]).known, "nobody ever sent one: there is nothing to miss"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({"service": "sms", "region": "US-NY"}, [("sms", "US-NY")], id="our own ids in labels"),
        pytest.param({"region": "050007"}, [], id="a code our tree does not know"),
        pytest.param({"region": "SAME:050007"}, [("data", "US-VT-007")], id="a code our tree knows"),
        pytest.param({"region": "Ontario"}, [("data", "CA-ON")], id="a name"),
        pytest.param({"region": ""}, [("data", "US")], id="no place at all: the default"),
        pytest.param({"cluster": "edge-7", "region": ""}, [("radio", "CA")], id="a rule on another label"),
    ],
)
def test_places(labels: dict[str, str], expected: list[tuple[str, str]]) -> None:
    rules = (Match(labels={"cluster": "edge-*"}, service="radio", regions=("CA",)),)
    reading = read(pushed(alert(labels=labels)), placing=Placing(service="data", regions=("US",), map=rules))
    assert [(s.service, s.region) for s in reading.signals] == expected
    assert bool(reading.unplaced) is not bool(expected)


@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", Level.CRITICAL), ("WARNING", Level.MINOR), ("info", Level.NOTICE), ("odd", Level.MINOR)],
)
def test_severities(severity: str, level: Level) -> None:
    (signal,) = read(pushed(alert(labels={"severity": severity}))).signals
    assert signal.level == level


def test_without_url_it_only_listens() -> None:
    only = alertmanager.make(AlertmanagerSettings(id="am", url=""), regions=TREE)
    assert only.pushed
    failure = only.fetch({}, NOW)
    assert isinstance(failure, Failure)
    assert failure.reason == "not_listening"


def test_an_alert_without_fingerprint_is_known_by_its_labels() -> None:
    bare = {k: v for k, v in alert().items() if k != "fingerprint"}
    first, second = read(pushed(bare)), read(pushed(bare))
    assert first.signals[0].fingerprint == second.signals[0].fingerprint
    assert not read(pushed({**bare, "labels": {}})).known
