"""Probes, against real servers on loopback; and what results in a row amount to."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from notifier.model.signal import Level, SignalClass
from notifier.ports import Answer, Reading
from notifier.sources.probes.checks import NO_PING
from notifier.sources.probes.ping import Echo, NotPermitted, checksum, is_answer, packet, ping
from notifier.sources.probes.probe import ProbeSettings, ProbeSource
from notifier.sources.settings import Placing
from notifier.sources.shapes import any_moment
from tests.net.certificate import self_signed
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
        assert "answered after" in tried(source({"http": {"url": url}}, slow="0.01ms"))["why"]


def test_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert tried(source({"tcp": {"host": "127.0.0.1", "port": port}}))["ok"]
        refused = tried(source({"tcp": {"host": "127.0.0.1", "port": port}}, allow_private=False))
        assert "not public" in refused["why"]
        assert refused["ok"] is None, "what our own guard refused was not tried: it says nothing of the target"
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


def test_dns_asks_no_server_inside_our_network_unless_told(nameserver: int) -> None:
    check = {"dns": {"server": "127.0.0.1", "port": nameserver, "name": "api.example"}}
    assert "not public" in tried(source(check, allow_private=False))["why"]


# ── certificates ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_end_of_a_certificate_is_read_from_the_connection_that_was_checked(tmp_path: Path) -> None:
    certificate, context = self_signed(tmp_path, days=10)
    connections: list[object] = []
    context.sni_callback = lambda sock, name, _: connections.append(sock)
    with serving(lambda handler: reply(handler, b"no", 503), context) as url:
        check = {"http": {"url": url.replace("http://127.0.0.1", "https://localhost"), "ca_file": str(certificate)}}
        result = tried(source(check))
    order = ["openssl", "x509", "-in", str(certificate), "-noout", "-checkend"]
    left = any_moment(result["expires_at"])
    assert left is not None
    assert result["why"] == "http_status HTTP 503", "it is told whatever was answered"
    assert len(connections) == 1
    assert subprocess.run([*order, str(9 * 86400)], capture_output=True, check=False).returncode == 0
    assert subprocess.run([*order, str(11 * 86400)], capture_output=True, check=False).returncode == 1
    said = subprocess.run([*order[:-1], "-enddate"], capture_output=True, text=True, check=True).stdout
    assert f"{left:%b} {left.day:2d} {left:%H:%M:%S} {left.year} GMT" in said


@pytest.mark.parametrize(
    ("days", "settings", "level"),
    [
        pytest.param(20, {}, None, id="far away"),
        pytest.param(13, {}, Level.NOTICE, id="soon: worth knowing"),
        pytest.param(13, {"expiry_level": "minor"}, Level.MINOR, id="soon, and set to open something"),
        pytest.param(13, {"expires_within": "7d"}, None, id="not soon by the setting"),
        pytest.param(13, {"expires_within": "0s"}, None, id="switched off"),
        pytest.param(-1, {}, Level.NOTICE, id="over: told as long as the connection is taken all the same"),
    ],
)
def test_a_certificate_that_ends_soon(days: int, settings: dict[str, Any], level: Level | None) -> None:
    probe = source({"http": {"url": "https://x.example", **settings}}, successes=1)
    ends = f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    reading = probe.read(answer({"ok": True, "why": "", "seconds": 0.1, "expires_at": ends}), {}, NOW)
    assert [(one.fingerprint, one.level) for one in reading.signals] == ([("certificate", level)] if level else [])
    assert all(one.started_at <= NOW and ends in one.why for one in reading.signals)


def test_a_certificate_nobody_sees_any_more_is_neither_renewed_nor_worse() -> None:
    probe = source({"http": {"url": "https://x.example"}}, successes=1, failures=1)
    near = {"ok": True, "why": "", "seconds": 0.1, "expires_at": "2026-01-20T00:00:00Z"}
    first = probe.read(answer(near), {}, NOW)
    down = probe.read(answer({"ok": False, "why": "unreachable", "seconds": 1}), first.memory, NOW)
    assert [one.fingerprint for one in down.signals] == ["probe"]
    assert down.present == ("certificate",)
    renewed = probe.read(answer({**near, "expires_at": "2026-04-20T00:00:00Z"}), down.memory, NOW)
    assert renewed.complete
    assert "certificate" not in (*renewed.present, *(one.fingerprint for one in renewed.signals))


# ── ping ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_checksum_is_that_of_the_standards_own_example() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071, 3: the sum is ddf2
    assert checksum(packet(socket.AF_INET, Echo(7, 9, b"t" * 16))) == 0, "over a whole packet it is zero"


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        pytest.param(bytes.fromhex("0000ffff00090007") + b"t" * 16, True, id="the answer"),
        pytest.param(bytes.fromhex("0800ffff00090007") + b"t" * 16, False, id="our own request on loopback"),
        pytest.param(bytes.fromhex("0000ffff00090006") + b"t" * 16, False, id="to the request before"),
        pytest.param(bytes.fromhex("0000ffff00080007") + b"t" * 16, False, id="to another process"),
        pytest.param(bytes.fromhex("0000ffff00090007") + b"u" * 16, False, id="with another token"),
        pytest.param(bytes.fromhex("0300ffff00090007") + b"t" * 16, False, id="unreachable"),
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"\0\0", False, id="cut off"),
    ],
)
def test_only_the_answer_to_our_own_request_counts(data: bytes, answers: bool) -> None:
    echo, head = Echo(7, 9, b"t" * 16), b"\x45" + bytes(19)
    assert is_answer(socket.AF_INET, head + data if data else data, echo, raw=True) is answers
    assert not is_answer(socket.AF_INET6, data, echo, raw=True), "another family's types are other numbers"


def may_ping() -> bool:
    try:
        return ping("127.0.0.1", packets=1, wanted=1, seconds=5, allow_private=True) == 1
    except (NotPermitted, OSError):
        return False


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_ping(host: str) -> None:
    if not may_ping():
        pytest.skip("neither net.ipv4.ping_group_range nor CAP_NET_RAW lets this process ping")
    if ":" in host and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    result = tried(source({"icmp": {"host": host, "packets": 2, "answers": 2}}))
    assert (result["ok"], result["why"]) == (True, "")
    refused = tried(source({"icmp": {"host": host}}, allow_private=False))
    assert "not public" in refused["why"]
    assert refused["ok"] is None


PING = """
import fcntl, json, socket, struct, sys
from datetime import UTC, datetime
with socket.socket() as some:  # loopback up, in a network namespace of our own
    fcntl.ioctl(some, 0x8914, struct.pack("16sh14x", b"lo", 0x49)) if sys.argv[1] == "own" else None
from notifier.sources.probes.checks import Check, TrySettings, try_check
from notifier.sources.probes import ping
print(ping._open(socket.AF_INET)[1] if sys.argv[1] == "own" else "")
settings = TrySettings(check={"icmp": {"host": "127.0.0.1"}}, timeout="5s", allow_private=True)
print(json.dumps(try_check(settings.check, settings, None, datetime.now(UTC)).ok))
"""


def pinged(*before: str, how: str) -> list[str]:
    """What a process of its own prints that pings, after the command `before`."""
    if os.geteuid() != 0 or shutil.which(before[0]) is None:
        pytest.skip(f"needs root and {before[0]}")
    done = subprocess.run([*before, sys.executable, "-W", "ignore", "-c", PING, how], capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(f"namespaces are not allowed: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_where_the_group_may_ping_no_raw_socket_is_used() -> None:
    widen = "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range && exec \"$@\""
    assert pinged("unshare", "--net", "sh", "-c", widen, "sh", how="own") == ["False", "true"]


def test_where_nothing_permits_a_ping_it_is_unknown_not_down() -> None:
    if Path("/proc/sys/net/ipv4/ping_group_range").read_text().split() != ["1", "0"]:
        pytest.skip("net.ipv4.ping_group_range lets every group ping here")
    assert pinged("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", how="") == ["null"]
    probe = source({"icmp": {"host": "192.0.2.1"}}, failures=1)
    reading = probe.read(answer({"ok": None, "why": NO_PING, "seconds": 0.0, "control": None}), {}, NOW)
    assert (reading.known, reading.signals) == (False, ())
    assert "ping_group_range" in reading.why


# ── results in a row ─────────────────────────────────────────────────────────────────────────────────────────────────


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


def test_the_network_counts_as_lost_only_where_every_control_target_fails() -> None:
    with serving(lambda handler: reply(handler, b"x", 200 if handler.path == "/up" else 500)) as url:
        down, up = {"http": {"url": url + "/down"}}, {"http": {"url": url + "/up"}}
        check = {"http": {"url": url + "/service"}}
        assert tried(source(check, control=down, controls=[up]))["control"]["ok"] is True
        assert tried(source(check, controls=[down, down]))["control"]["ok"] is False


def test_what_was_never_decided_is_unknown() -> None:
    """After a loss of memory amid an outage the first failures must not read as the calm before them."""
    probe = source({"http": {"url": "https://x.example"}}, failures=3, successes=2)
    assert [one.known for one in results(probe, False, False, False)] == [False, False, True]
    assert [one.known for one in results(probe, True, True)] == [False, True]
    assert results(probe, True, True)[1].affirmed


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        pytest.param({"own_place": False}, "own_place: true, or agents", id="nobody tries it"),
        pytest.param({"quorum": 2}, "at most the number of places, 1", id="more must agree than there are"),
        pytest.param({"place": "btv", "agents": [{"place": "btv", "secret": {"env": "A"}}]}, "a name of its own",
                     id="two places of one name"),
        pytest.param({"place_freshness": "30s"}, "longer than every", id="nobody is ever fresh"),
        pytest.param({"check": {"icmp": {"host": "x", "packets": 1, "answers": 2}}}, "at most packets",
                     id="more answers than pings"),
    ],
)
def test_settings_that_could_never_work(fields: dict[str, Any], problem: str) -> None:
    given: dict[str, Any] = {"check": {"tcp": {"host": "x.example", "port": 1}}, **fields}
    with pytest.raises(ValueError, match=problem):
        ProbeSettings(id="probe", **given)


def test_doctor_says_how_it_is() -> None:
    with serving(lambda handler: reply(handler, b"x", 500 if handler.path == "/down" else 200)) as url:
        up, down = {"http": {"url": url}}, {"http": {"url": url + "/down"}}
        assert source(up, control=up).examine(NOW).ok
        assert source(up, control=down, controls=[up]).examine(NOW).ok, "one that answers is enough"
        bad = source(down, control=up).examine(NOW)
        deaf = source(up, control=down).examine(NOW)
    assert (bad.ok, bad.text) == (False, "its target fails: http_status HTTP 500")
    assert (deaf.ok, deaf.text) == (
        False, "answers, but no control target does: http_status HTTP 500; while that is so, no failure would count")
    agents = [{"place": "btv", "secret": {"env": "NO_SUCH_SECRET"}}]
    unset = source({"http": {"url": "https://x.example"}}, own_place=False, agents=agents).examine(NOW)
    assert (unset.ok, unset.text) == (False, "place btv: environment variable NO_SUCH_SECRET is empty or not set")


def test_doctor_waits_for_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BTV", "key")
    agents = [{"place": "btv", "secret": {"env": "BTV"}}]
    found = source({"http": {"url": "https://x.example"}}, own_place=False, agents=agents).examine(NOW)
    assert (found.ok, found.text) == (True, "waits for results of btv at /hooks/probes/probe")
