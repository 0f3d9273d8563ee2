"""Probes, against real servers on loopback; and what results in a row amount to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from notifier.model.signal import Level, SignalClass
from notifier.ports import Answer, Reading
from notifier.sources.probe import ProbeSettings, ProbeSource
from notifier.sources.settings import Placing
from tests.net.test_fetch import reply, serving

from .support import NOW, answer, tree

TREE = tree()


def source(check: dict[str, Any], **fields: Any) -> ProbeSource:
    fields.setdefault("allow_private", True)
    fields.setdefault("timeout", "10s")
    placing = Placing(service="api", regions=("US-VT",))
    return ProbeSource(ProbeSettings(id="probe", check=check, placing=placing, **fields), regions=TREE)


def tried(probe: ProbeSource) -> dict[str, Any]:
    """What one try gives."""
    got = probe.fetch({}, NOW)
    assert isinstance(got, Answer)
    result = json.loads(got.body)
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(
    ("check", "why"),
    [
        pytest.param({}, "", id="2xx is right"),
        pytest.param({"status": [200]}, "", id="the wanted status"),
        pytest.param({"status": [204]}, "HTTP 200", id="another status"),
        pytest.param({"contains": "Welcome"}, "", id="the wanted text"),
        pytest.param({"contains": "Willkommen"}, "the page lacks the expected text", id="a text that is missing"),
        pytest.param({"lacks": "Welcome"}, "the page holds a text it must not", id="a text that must not be"),
    ],
)
def test_http(check: dict[str, Any], why: str) -> None:
    with serving(lambda handler: reply(handler, b"Welcome")) as url:
        result = tried(source({"http": {"url": url, **check}}))
    assert (result["ok"], result["why"]) == (not why, why)


def test_http_errors_count_unless_they_are_what_is_wanted() -> None:
    with serving(lambda handler: reply(handler, b"no", 401)) as url:
        assert tried(source({"http": {"url": url}}))["why"] == "http_status HTTP 401"
        assert tried(source({"http": {"url": url, "status": [401]}}))["ok"]


def test_too_slow_counts_as_failure() -> None:
    with serving(lambda handler: reply(handler, b"ok")) as url:
        assert "answered after" in tried(source({"http": {"url": url}}, slow="1ms"))["why"]


def test_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert tried(source({"tcp": {"host": "127.0.0.1", "port": port}}))["ok"]
        refused = tried(source({"tcp": {"host": "127.0.0.1", "port": port}}, allow_private=False))
        assert "not public" in refused["why"]
    assert "refused" in tried(source({"tcp": {"host": "127.0.0.1", "port": port}}))["why"].lower()


@pytest.fixture
def nameserver() -> Iterator[int]:
    """A name server that knows api.example only; gives its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        stop = threading.Event()
        sock.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    wire, peer = sock.recvfrom(2048)
                except TimeoutError:
                    continue
                query = dns.message.from_wire(wire)
                response = dns.message.make_response(query)
                name = query.question[0].name
                if name.to_text() == "api.example.":
                    response.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7"))
                else:
                    response.set_rcode(dns.rcode.NXDOMAIN)
                sock.sendto(response.to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("check", "why"),
    [
        pytest.param({"name": "api.example"}, "", id="it resolves"),
        pytest.param({"name": "api.example", "answers": ["192.0.2.7"]}, "", id="to the wanted address"),
        pytest.param({"name": "api.example", "answers": ["192.0.2.8"]}, "none of the expected", id="to another"),
        pytest.param({"name": "www.example"}, "NXDOMAIN", id="no such name"),
    ],
)
def test_dns(nameserver: int, check: dict[str, Any], why: str) -> None:
    result = tried(source({"dns": {"server": "127.0.0.1", "port": nameserver, **check}}))
    assert result["ok"] is not bool(why)
    assert why in result["why"]


def results(probe: ProbeSource, *given: bool | None) -> list[Reading]:
    """Readings of results in a row, a minute apart; None: the control target failed too."""
    memory: Any = {}
    readings: list[Reading] = []
    for minute, ok in enumerate(given):
        control = {"ok": False, "why": "unreachable", "seconds": 1} if ok is None else None
        body = {"ok": bool(ok), "why": "" if ok else "HTTP 500", "seconds": 0.1, "control": control}
        reading = probe.read(answer(body), memory, NOW + timedelta(minutes=minute))
        memory = reading.memory
        readings.append(reading)
    return readings


def downs(readings: list[Reading]) -> list[bool]:
    return [bool(reading.signals) for reading in readings]


def test_failures_in_a_row_open_and_successes_in_a_row_end() -> None:
    probe = source({"http": {"url": "https://x.example"}}, failures=3, successes=2)
    readings = results(probe, False, False, True, False, False, False, True, False, True, True)
    assert downs(readings) == [False, False, False, False, False, True, True, True, True, False]
    (signal,) = readings[5].signals
    assert (signal.klass, signal.level) == (SignalClass.MEASUREMENT, Level.MAJOR)
    assert signal.started_at == NOW + timedelta(minutes=3), "since the first failure of the row"
    assert readings[8].signals[0].key == signal.key
    assert readings[9].complete


def test_our_own_lost_network_is_not_the_customers_outage() -> None:
    probe = source({"http": {"url": "https://x.example"}}, failures=2)
    readings = results(probe, False, None, None, None, False)
    assert [reading.known for reading in readings] == [False, False, False, False, True]
    assert downs(readings) == [False, False, False, False, True]
    while_down = results(probe, False, False, None, True)
    assert not while_down[2].known
    assert downs(while_down) == [False, True, False, True], "unknown neither opens nor ends"


def test_the_control_is_asked_only_after_a_failure() -> None:
    asked: list[str] = []

    def respond(handler: Any) -> None:
        asked.append(handler.path)
        reply(handler, b"x", 500 if handler.path == "/service" else 200)

    with serving(respond) as url:
        good = source({"http": {"url": url + "/good"}}, control={"http": {"url": url + "/control"}})
        assert tried(good)["control"] is None
        bad = source({"http": {"url": url + "/service"}}, control={"http": {"url": url + "/control"}})
        assert tried(bad)["control"]["ok"] is True
    assert asked == ["/good", "/service", "/control"]


def test_a_check_is_exactly_one_thing() -> None:
    with pytest.raises(ValueError, match="exactly one of http, tcp, dns, icmp"):
        source({})
