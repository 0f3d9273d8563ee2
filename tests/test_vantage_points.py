"""Probe agents and the whole daemon: real checks, real posts to its webhook, and the incident that comes of them.

The service, the control targets and the web part are real servers on loopback; the daemon's loops are turned by hand
over a virtual clock, as replay does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import requests

from notifier.clock import VirtualClock
from notifier.config import load
from notifier.daemon import Daemon
from notifier.model.incident import Incident
from notifier.model.signal import Freshness
from notifier.ports import SourceState
from notifier.secret import Secret
from notifier.sources.probes.agent import KEPT, AgentCheck, ProbeAgent, checks_for
from notifier.sources.probes.vantage import sign_post, write_post
from notifier.store import open_store
from notifier.store.settings import StoreSettings

from .net.test_fetch import reply, serving
from .replay.deployments import CHANNELS, write

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
PLACES = ("btv", "nyc", "ord")
REGIONS = "include: [{country: US, levels: [state]}]\n"
SERVICES = "services:\n  - {id: data, name: mobile data, words: [data]}\n"
NOTIFIER = """
company: {name: Test Company, languages: [en, es], mode: test, status_url: "https://status.example.net"}
web: {port: 0}
"""
POLICIES = """
policies:
  - id: all
    suspect: [{measurement: 0}]
    confirm: [{measurement: 0}]
    notices:
      acknowledge: {release: auto, valid_for: 1h}
      update: {release: auto, valid_for: 1h}
      resolve: {release: auto, valid_for: 1h}
    clear_after: 1m
    hold_down: 1s
"""


class World:
    """What there is to be probed: a service and each place's control target, on or off by name."""

    def __init__(self) -> None:
        self.off: set[str] = set()
        self.asked: list[str] = []

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        """/service/PLACE is the service as that place sees it, /control/PLACE its control target."""
        self.asked.append(handler.path)
        _, what, place = handler.path.split("/")
        reply(handler, b"ok", 503 if {what, f"{what}/{place}"} & self.off else 200)


class Stage:
    """A daemon with a probe, and an agent at each of three places."""

    def __init__(self, folder: Path, world: str, *, stand: Mapping[str, str] | None = None, **probe: Any) -> None:
        """`stand`: regions that places speak for; `probe`: more settings of the probe."""
        self.clock = VirtualClock(START)
        self.world = world
        source = {"id": "apn", "kind": "probe", "every": "1m", "check": self.url("service", "here"),
                  "control": self.url("control", "here"), "allow_private": True, "failures": 2, "successes": 2,
                  "own_place": False, "placing": {"service": "data", "regions": ["US"]},
                  "agents": [{"place": place, "secret": {"file": str(folder / place)},
                              "regions": [stand[place]] if stand and place in stand else []} for place in PLACES],
                  **probe}
        write(folder, regions=REGIONS, services=SERVICES, sources=json.dumps({"sources": [source]}))
        (folder / "policies.yaml").write_text(dedent(POLICIES), "utf-8")
        (folder / "notifier.yaml").write_text(dedent(NOTIFIER), "utf-8")
        (folder / "channels.yaml").write_text(dedent(CHANNELS), "utf-8")
        for place in PLACES:
            (folder / place).write_text(f"the key of {place}\n", "utf-8")
            (folder / place).chmod(0o600)
        self.folder, self.store = folder, open_store(StoreSettings(path=":memory:"))
        self.daemon = Daemon(folder, load(folder), store=self.store, clock=self.clock)
        self.daemon.web.start()
        self.base = f"http://127.0.0.1:{self.daemon.web.port}"
        self.agents = {place: self.agent(place) for place in PLACES}

    def url(self, what: str, place: str) -> dict[str, Any]:
        return {"http": {"url": f"{self.world}/{what}/{place}"}}

    def agent(self, place: str, to: str = "") -> ProbeAgent:
        check = AgentCheck(source="apn", check=self.url("service", place), control=self.url("control", place),
                           allow_private=True)
        return ProbeAgent(place, to or self.base, Secret(file=str(self.folder / place)), [check], self.clock)

    def minute(self, *places: str) -> None:
        """A minute passes: the agents at `places` look and deliver, the daemon polls and decides."""
        for place in places:
            self.agents[place].look(self.agents[place].checks[0])
            self.agents[place].deliver()
        self.daemon.app.poller.poll("apn")
        for _ in range(3):
            self.daemon.app.turn()
            self.clock.advance(timedelta(seconds=20))

    def incidents(self) -> list[Incident]:
        with self.store.transaction() as tx:
            return list(tx.incidents())

    def open_regions(self) -> list[tuple[str, ...]]:
        return [one.regions for one in self.incidents() if one.state.is_open]

    def state(self) -> SourceState:
        with self.store.transaction() as tx:
            found = tx.source_state("apn")
        assert found is not None
        return found

    def close(self) -> None:
        self.daemon.web.stop()
        self.store.close()


Make = Callable[..., Stage]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make(tmp_path: Path, world: World) -> Iterator[Make]:
    with ExitStack() as stack:
        url = stack.enter_context(serving(world.respond))

        def make(**probe: Any) -> Stage:
            stage = Stage(tmp_path, url, **probe)
            stack.callback(stage.close)
            return stage

        yield make


def test_a_quorum_opens_one_incident_and_a_quorum_closes_it(make: Make, world: World) -> None:
    stage = make()
    for _ in range(3):
        stage.minute(*PLACES)
    assert stage.state().freshness is Freshness.FRESH
    world.off.add("service/btv")
    for _ in range(4):
        stage.minute(*PLACES)
    assert stage.incidents() == [], "one place is no quorum"
    began = stage.clock.now()
    world.off.add("service")
    stage.minute(*PLACES)
    assert stage.incidents() == [], "nor are first failures"
    stage.minute(*PLACES)
    (incident,) = stage.incidents()
    assert (incident.service, incident.regions, incident.started_at) == ("data", ("US",), began)
    world.off -= {"service"}
    stage.minute(*PLACES)
    assert stage.open_regions() == [("US",)]
    for _ in range(4):
        stage.minute(*PLACES)
    assert stage.open_regions() == [], "two of three say it is over; Burlington's own trouble goes on"
    assert len(stage.incidents()) == 1


def test_two_places_that_disagree_open_nothing(make: Make, world: World) -> None:
    stage = make()
    world.off.add("service/btv")
    for _ in range(6):
        stage.minute("btv", "nyc")
    assert stage.incidents() == []
    assert stage.state().freshness is Freshness.SUSPECT
    assert "btv http_status HTTP 503; nyc answers" in stage.state().why


def test_a_quorum_lost_by_silence_keeps_the_incident_open(make: Make, world: World) -> None:
    stage = make(quorum=2)
    world.off.add("service")
    for _ in range(3):
        stage.minute(*PLACES)
    assert stage.open_regions() == [("US",)]
    world.off.clear()
    for _ in range(15):
        stage.minute("ord")
    assert stage.open_regions() == [("US",)], "one place says it is over; the others are silent"
    assert "too few places vote" in stage.state().why
    for _ in range(4):
        stage.minute("ord", "nyc")
    assert stage.open_regions() == []


def test_a_place_that_lost_its_own_network_does_not_vote(make: Make, world: World) -> None:
    stage = make()
    world.off |= {"service/btv", "control/btv", "service/nyc", "control/nyc"}
    for _ in range(5):
        stage.minute(*PLACES)
    assert stage.incidents() == []
    assert "its own network is not in order" in stage.state().why


def test_our_own_lost_network_is_not_the_customers_outage(make: Make, world: World) -> None:
    """What the daemon alone would call an outage is none where its own control target fails as well."""
    stage = make(own_place=True, agents=[])
    for _ in range(3):
        stage.minute()
    world.off |= {"service", "control"}
    for _ in range(15):
        stage.minute()
    assert stage.incidents() == []
    assert "its own network is not in order" in stage.state().why
    world.off = {"service"}
    for _ in range(3):
        stage.minute()
    assert stage.open_regions() == [("US",)]


def test_a_place_speaks_for_its_region(make: Make, world: World) -> None:
    stage = make(stand={"btv": "US-VT", "nyc": "US-NY"}, placing={"service": "data"})
    world.off.add("service/btv")
    for _ in range(4):
        stage.minute("btv", "nyc")
    assert stage.open_regions() == [("US-VT",)]


# ── between agent and daemon ─────────────────────────────────────────────────────────────────────────────────────────


def test_results_are_kept_while_the_daemon_is_away_and_told_with_their_times(make: Make, world: World) -> None:
    stage = make()
    port = stage.daemon.web.port
    away = [stage.agent(place, "http://127.0.0.1:1") for place in PLACES]
    world.off.add("service")
    began = stage.clock.now()
    for _ in range(4):
        for agent in away:
            agent.look(agent.checks[0])
            assert agent.deliver() is False
        stage.clock.advance(timedelta(minutes=1))
    assert [agent.waiting for agent in away] == [4, 4, 4]
    for agent in away:
        agent._to = f"http://127.0.0.1:{port}"
        while agent.deliver():
            pass
    assert [agent.waiting for agent in away] == [0, 0, 0]
    stage.minute()
    (incident,) = stage.incidents()
    assert incident.started_at == began, "not when it could be told"


def test_a_post_whose_answer_was_lost_is_taken_once(make: Make, world: World) -> None:
    """The daemon took it and the line broke: the agent sends the same post again, and hears that it was taken."""
    stage = make()
    posts: list[bytes] = []

    class Broken(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append(sent)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answered = requests.post(stage.base + self.path, data=sent, headers=headers, timeout=10)
            if len(posts) > 1:
                self.send_response(answered.status_code)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        agent = stage.agent("btv", f"http://127.0.0.1:{server.server_port}")
        agent.look(agent.checks[0])
        assert agent.deliver() is False
        stage.clock.advance(timedelta(seconds=2))
        agent.look(agent.checks[0])
        assert agent.deliver() is True
        assert agent.deliver() is True
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert posts[0] == posts[1] != posts[2]
    assert agent.waiting == 0
    assert json.loads(stage.state().memory["streak"])["btv"]["successes"] == 2, "each result counted once"


def test_a_refused_key_keeps_the_results_and_a_bounded_number_of_them(make: Make, world: World) -> None:
    stage = make()
    (stage.folder / "stranger").write_text("another key", "utf-8")
    (stage.folder / "stranger").chmod(0o600)
    agent = ProbeAgent("btv", stage.base, Secret(file=str(stage.folder / "stranger")), stage.agents["btv"].checks,
                       stage.clock)
    agent.look(agent.checks[0])
    assert (agent.deliver(), agent.waiting) == (False, 1)
    held = agent._waiting["apn"].results
    for number in range(KEPT + 5):
        held.append({"at": number})
    assert (agent.waiting, held[0]) == (KEPT + 1, {"at": 5})
    with stage.store.transaction() as tx:
        assert tx.source_state("apn") is None, "nothing of it reached the source"
    (stage.folder / "stranger").write_text("the key of btv", "utf-8")
    held.clear()
    stage.clock.advance(timedelta(seconds=2))
    assert (agent.deliver(), agent.waiting) == (True, 0)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"webhook-signature": "v1,AAAA"}, None, 401, id="a wrong signature"),
        pytest.param({"webhook-timestamp": "1"}, None, 401, id="an old time"),
        pytest.param({}, b"x" * 300_000, 413, id="a huge body"),
        pytest.param({}, b"{}", 401, id="a body nobody signed"),
    ],
)
def test_what_a_stranger_posts_changes_nothing(
    make: Make, world: World, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    stage = make()
    world.off.add("service")
    for _ in range(3):
        stage.minute(*PLACES)
    before = stage.state()
    sent = write_post("btv", [{"at": "2026-01-15T12:02:00Z", "ok": True}])
    signed = sign_post(sent, id="p", secret="the key of btv", now=stage.clock.now())
    answer = requests.post(f"{stage.base}/hooks/probes/apn", data=body or sent, headers={**signed, **headers},
                           timeout=10)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert stage.state() == before
    assert requests.post(f"{stage.base}/hooks/probes/none", data=sent, headers=signed, timeout=10).status_code == 404
    alerts = requests.post(f"{stage.base}/hooks/alerts/apn", data=sent, timeout=10)
    assert alerts.status_code in (401, 404), "the door for alerts does not lead to a probe"
    assert stage.state() == before


def test_the_daemons_configuration_tells_an_agent_what_to_try(make: Make) -> None:
    stage = make(every="30s", slow="5s")
    (check,) = checks_for("btv", load(stage.folder).sources)
    assert (check.source, check.every, check.slow) == ("apn", timedelta(seconds=30), timedelta(seconds=5))
    assert check.check.http is not None
    assert check.allow_private
    assert checks_for("mars", load(stage.folder).sources) == ()
