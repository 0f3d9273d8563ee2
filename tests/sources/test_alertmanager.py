"""Alertmanager: two peers, late copies, silences, restarts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level, SignalClass
from notifier.ports import Answer, Failure, Reading
from notifier.sources.alerts import alertmanager
from notifier.sources.alerts.alertmanager import AlertmanagerSettings
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


@pytest.mark.parametrize("state", ["suppressed", "unprocessed", "pondering"])
def test_a_state_that_is_not_active_opens_nothing_and_ends_nothing(state: str) -> None:
    before = read([listed()])
    held = read([listed(state)], before.memory)
    assert held.complete
    assert held.signals == ()
    assert held.present == ("alert:f1",)


def test_what_is_listed_is_not_over_whatever_our_clock_says() -> None:
    """Alertmanager leaves out what has ended by its own clock."""
    (signal,) = read([{**listed(), "endsAt": "2026-01-15T11:00:00Z"}]).signals
    assert signal.level == Level.CRITICAL


def test_a_status_from_the_future_spoils_only_its_own_alert() -> None:
    reading = read(pushed(alert("pondering"), alert(fingerprint="f2")))
    assert [signal.fingerprint for signal in reading.signals] == ["alert:f2"]
    assert reading.present == ("alert:f1",)


@pytest.mark.parametrize("labels", [{"region": None}, {"region": 5}, {"region": ["VT"]}])
def test_half_a_set_of_labels_places_nothing(labels: dict[str, Any]) -> None:
    """Without its region label the alert would fall to the default, which is wider."""
    assert not read(pushed(alert(labels=labels))).known


def test_services_by_value_place_nothing_they_do_not_name() -> None:
    services = {"lte-core": "data"}
    placing = Placing(regions=("US",))
    (signal,) = read(pushed(alert(labels={"service": "lte-core"})), services=services, placing=placing).signals
    assert signal.service == "data"
    reading = read(pushed(alert(labels={"service": "billing"})), services=services, placing=placing)
    assert reading.signals == ()
    assert "no service" in reading.unplaced[0]


def test_an_end_that_can_no_longer_be_placed_ends_wherever_it_was_told() -> None:
    opened = read(pushed(alert()))
    ended = read(pushed(alert("resolved", labels={"region": "Atlantis"})), opened.memory)
    assert ended.signals == ()
    assert ended.gone == ("alert:f1",)


def test_the_alert_that_always_fires_affirms_the_list() -> None:
    watchdog = listed(labels={"alertname": "Watchdog"}, fingerprint="w")
    assert read([watchdog]).affirmed
    assert not read([listed()]).affirmed
    assert not read(pushed(alert(labels={"alertname": "Watchdog"}))).affirmed


@pytest.mark.parametrize(
    ("cut", "said"), [(3, "3 more alerts"), (0, ""), ("3", ""), (None, ""), (10**30, "1000000 more alerts")]
)
def test_alerts_cut_off_a_message_are_said(cut: Any, said: str) -> None:
    reading = read({**pushed(alert()), "truncatedAlerts": cut, "groupKey": "{}:{region=\"VT\"}"})
    assert said in reading.why
    assert bool(reading.why) is bool(said)


# ── Several peers ────────────────────────────────────────────────────────────────────────────────────────────────────


WATCHDOG = listed(labels={"alertname": "Watchdog"}, fingerprint="w")


def peers(*lists: Any, missing: dict[str, str] | None = None) -> dict[str, Any]:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in lists]
    return {"parts": {f"http://am-{n}": text for n, text in enumerate(texts)}, "missing": missing or {}}


def test_what_any_peer_lists_is_listed_once() -> None:
    reading = read(peers([listed(), listed(fingerprint="f2")], [listed()]))
    assert [signal.fingerprint for signal in reading.signals] == ["alert:f1", "alert:f2"]
    assert reading.complete


def test_a_silence_one_peer_knows_of_holds() -> None:
    assert read(peers([listed()], [listed("suppressed")])).present == ("alert:f1",)


@pytest.mark.parametrize(
    ("body", "complete"),
    [
        pytest.param(peers([], missing={"http://am-9": "timed_out"}), False, id="a peer is down"),
        pytest.param(peers([], "<html>"), False, id="a peer answers with a page"),
        pytest.param(peers([WATCHDOG], missing={"http://am-9": "timed_out"}), True,
                     id="a peer is down, and the alert that always fires vouches for the other"),
        pytest.param(peers([], []), True, id="all answer"),
    ],
)
def test_a_peer_that_is_down_is_done_without_and_named(body: Any, complete: bool) -> None:
    reading = read(body)
    assert reading.known
    assert reading.complete is complete
    assert bool(reading.why) is (bool(body["missing"]) or "<html>" in body["parts"].values())


def test_no_peer_at_all_says_nothing() -> None:
    reading = read(peers("<html>", "null"))
    assert not reading.known
    assert "an HTML page" in reading.why


def test_all_peers_are_asked_and_only_all_failing_is_a_failure() -> None:
    down: set[str] = set()
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url)
        return Failure(now, "timed_out", "no answer") if request.url in down else answer([listed()])

    urls = ("http://am-1/api/v2/alerts", "http://am-2/api/v2/alerts?active=true")
    both = alertmanager.make(AlertmanagerSettings(id="am", url=urls[0], peers=urls[1:]), regions=TREE, fetch=fetch)
    down.add(urls[1])
    found = both.fetch({}, NOW)
    assert asked == list(urls)
    assert isinstance(found, Answer)
    body = json.loads(found.body)
    assert list(body["parts"]) == ["http://am-1/api/v2/alerts"]
    assert body["missing"] == {"http://am-2/api/v2/alerts": "timed_out no answer"}
    down.add(urls[0])
    failed = both.fetch({}, NOW)
    assert isinstance(failed, Failure)
    assert failed.reason == "timed_out"
