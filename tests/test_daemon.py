"""The daemon as a real process: what it hears is what a receiver's ledger shows, across reloads, kills and stops."""

from __future__ import annotations

import re
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier.standins.webhook import Webhook

from .parts.daemon import Daemon, alert, told
from .parts.deployment import SECRETS, STATES, Deployment
from .parts.waiting import stays, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Run = Callable[..., Daemon]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Webhook]:
    """Who gets the notices; it checks the signature."""
    with Webhook(ledger=tmp_path / "ledger.jsonl", secret=SECRETS["webhook-secret"]) as webhook:
        yield webhook


@pytest.fixture
def run(tmp_path: Path, receiver: Webhook) -> Iterator[Run]:
    """Starts daemons over deployments in the test's folder, and leaves none behind."""
    running: list[Daemon] = []

    def start(**settings: Any) -> Daemon:
        daemon = Daemon(Deployment(tmp_path, f"{receiver.url}/notices", **settings).write())
        running.append(daemon)
        return daemon.start()

    yield start
    for daemon in running:
        daemon.close()


def of_type(receiver: Webhook, type: str) -> list[dict[str, Any]]:
    return [notice for notice in told(receiver) if notice["type"] == type]


def test_an_alert_is_acknowledged_and_its_end_is_told(run: Run, receiver: Webhook) -> None:
    daemon = run()
    assert daemon.get("/healthz").json() == {"ok": True, "stuck": []}
    assert daemon.alert(alert("CellsDown"), headers={"Authorization": "Bearer wrong"}) == 401
    assert daemon.alert(alert("CellsDown")) == 200
    acknowledged = until(lambda: of_type(receiver, "notice.acknowledge"), "an acknowledgement", within=15)
    assert len(acknowledged) == 1
    assert "mobile data" in acknowledged[0]["text"]
    assert "Vermont" in acknowledged[0]["text"]
    assert acknowledged[0]["mode"] == "test"
    until(lambda: daemon.metric("notifier_incidents", state="acknowledged") == 1, "the metric shows it")
    assert daemon.metric("notifier_acknowledge_delay_seconds_count") == 1
    until(lambda: daemon.metric("notifier_delivery_outcomes_total", channel="hook", outcome="SENT",
                                reason="accepted") == 1, "the outcome is counted")

    assert daemon.alert(alert("CellsDown", resolved=True)) == 200
    resolved = until(lambda: of_type(receiver, "notice.resolve"), "the all-clear", within=20)
    assert len(resolved) == 1
    assert resolved[0]["incident"] == acknowledged[0]["incident"]
    until(lambda: daemon.metric("notifier_incidents", state="acknowledged") == 0, "no incident is open")


def test_a_spike_of_posts_opens_a_crowd_incident(run: Run, receiver: Webhook) -> None:
    daemon = run()
    moment = datetime.now(UTC).isoformat()  # noqa: TID251 the process under test lives in real time
    daemon.post(*({"id": f"p{n}", "created_at": moment, "network": "test", "author": f"person-{n}",
                   "text": f"no 3G data in Burlington, VT since this morning, says {word}"}
                  for n, word in enumerate(["anna", "bert", "carl", "dora", "emil", "fred", "gina"])))
    said = until(lambda: of_type(receiver, "notice.acknowledge"), "it is acknowledged", within=60)
    shown = daemon.ask("incidents", "show", said[0]["incident"])
    assert (shown["incident"]["service"], shown["incident"]["regions"]) == ("mobile-data", ["US-VT"])
    assert {signal["klass"] for signal in shown["evidence"]} == {"crowd"}
    assert "We have reports of trouble" in said[0]["text"], "posts alone are acknowledged in the safe wording"
    assert daemon.metric("notifier_mentions_total", source="export") == 7


def test_four_posts_open_nothing(run: Run, receiver: Webhook) -> None:
    daemon = run()
    moment = datetime.now(UTC).isoformat()  # noqa: TID251 the process under test lives in real time
    daemon.post(*({"id": f"p{n}", "created_at": moment, "network": "test", "author": f"person-{n % 4}",
                   "text": f"no 3G data in Burlington, VT {word}"}
                  for n, word in enumerate(["now", "again", "here", "still", "why", "please", "really", "hello"])))
    until(lambda: daemon.metric("notifier_complaints_total", service="mobile-data"), "the posts are read")
    stays(lambda: not receiver.ledger, "four people are not enough, however often they post", during=5)


def edit(path: Path, before: str, after: str) -> None:
    """Change a file as careful editors do: written beside it, then put in its place."""
    text = path.read_text()
    assert before in text
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text.replace(before, after))
    fresh.replace(path)


def revision(daemon: Daemon) -> str:
    return re.findall(r'notifier_config_info\{revision="(\w+)"\} 1', daemon.get("/metrics").text)[0]


def reload_state(daemon: Daemon) -> float | None:
    return daemon.metric("notifier_config_last_reload_successful")


@pytest.mark.parametrize("ask", [pytest.param(False, id="a changed file reloads by itself"),
                                 pytest.param(True, id="SIGHUP reloads")])
def test_a_bad_edit_keeps_the_last_good_configuration(run: Run, receiver: Webhook, ask: bool) -> None:
    daemon = run()
    services = daemon.deployment.config / "services.yaml"

    def put(before: str, after: str) -> None:
        edit(services, before, after)
        if ask:
            daemon.send(signal.SIGHUP)

    first = revision(daemon)
    put("name: mobile data", "nam: mobile data")
    until(lambda: reload_state(daemon) == 0, "the edit is rejected")
    assert revision(daemon) == first
    if ask:
        kept = until(lambda: (now := daemon.status()["daemon"])["rejected"] and now, "`notifier status` shows it")
        assert any(m["file"] == "services.yaml" and m["line"] == 2 and m["nearest"] == "name" for m in kept["rejected"])
    assert daemon.alert(alert("CellsDown")) == 200
    until(lambda: of_type(receiver, "notice.acknowledge"), "it goes on working", within=15)

    put("nam: mobile data", "name: phone data")
    until(lambda: reload_state(daemon) == 1, "the good edit is taken")
    assert revision(daemon) != first
    assert daemon.alert(alert("CellsDown", region="US-NH")) == 200
    second = until(lambda: [n for n in of_type(receiver, "notice.acknowledge") if "New Hampshire" in n["text"]],
                   "the next outage is acknowledged", within=15)
    assert "phone data" in second[0]["text"]


@pytest.mark.timeout(400)
def test_kill_and_restart_lose_and_double_nothing(run: Run, receiver: Webhook) -> None:
    """What was being sent when it was killed is looked for once its claim has run out, and the end waits for that."""
    daemon = run(per_minute=120)  # two a second, so that the kill falls among the sends
    assert daemon.alert(*(alert("CellsDown", region=region) for region in STATES)) == 200
    until(lambda: len(receiver.ledger) >= 2, "some are sent", within=20, every=0.02)
    assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
    assert len(receiver.ledger) < len(STATES), "killed too late to prove anything"
    daemon.start()
    until(lambda: len(of_type(receiver, "notice.acknowledge")) >= len(STATES), "the others follow", within=150)
    counts = Counter(notice["key"] for notice in told(receiver))
    places = Counter(place for notice in told(receiver) for place in STATES.values()
                     if f"in {place} " in notice["text"])
    assert set(counts.values()) == {1}
    assert places == dict.fromkeys(STATES.values(), 1)
    assert daemon.alert(*(alert("CellsDown", region=region, resolved=True) for region in STATES)) == 200
    until(lambda: len(of_type(receiver, "notice.resolve")) >= len(STATES), "everyone hears the end", within=150)
    assert len(told(receiver)) == 2 * len(STATES)


def test_sigterm_ends_it_cleanly(run: Run) -> None:
    daemon = run()
    port = int(daemon.base.rpartition(":")[2])
    assert daemon.end(signal.SIGTERM, within=20) == 0
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    assert [event["event"] for event in daemon.events()][-1] == "daemon.stopped"
    assert not [event for event in daemon.events() if event["level"] in ("error", "critical")], daemon.tail()
    assert daemon.status()["daemon"]["running"] is False


def test_the_kill_switch_stops_every_send(run: Run, receiver: Webhook) -> None:
    daemon = run()
    daemon.command("kill-switch", "on")
    assert daemon.alert(alert("CellsDown")) == 200
    heard = {"class": "measurement", "level": "critical"}
    until(lambda: daemon.metric("notifier_signals_total", **heard), "the alert is heard")
    assert daemon.metric("notifier_kill_switch") == 1
    stays(lambda: not receiver.ledger, "nothing leaves while the kill switch is on", during=4)
    daemon.command("kill-switch", "off")
    until(lambda: of_type(receiver, "notice.acknowledge"), "what is still true goes out afterwards", within=20)


def test_staff_lead_an_incident(run: Run, receiver: Webhook) -> None:
    daemon = run()
    assert daemon.alert(alert("LinesDown", service="broadband")) == 200
    until(lambda: daemon.metric("notifier_notices_waiting") == 1, "a notice waits")
    waiting = daemon.ask("incidents", "list")["waiting"]
    incident = waiting[0]["incident"]
    stale = daemon.command("incidents", "approve", incident, "--yes", "--digest", "0000", check=False)
    assert (stale.returncode, "has changed" in stale.stderr) == (1, True)
    assert receiver.ledger == []
    assert daemon.ask("incidents", "approve", incident, "--yes", "--as", "anna")["accepted"] is True
    until(lambda: of_type(receiver, "notice.acknowledge"), "what was approved goes out", within=15)
    refused = daemon.command("incidents", "approve", incident, "--yes", check=False)
    assert refused.returncode == 1, "there is nothing left to approve"
    assert daemon.ask("incidents", "withdraw", incident, "--as", "anna")["accepted"] is True
    until(lambda: of_type(receiver, "notice.correct"), "those who were told are corrected", within=15)
    assert daemon.ask("incidents", "show", incident)["incident"]["state"] == "withdrawn"


def test_a_taken_port_is_said_in_one_sentence(run: Run) -> None:
    daemon = run()
    port = daemon.base.rpartition(":")[2]
    edit(daemon.deployment.config / "notifier.yaml", "port: 0", f"port: {port}")
    second = daemon.command("run", check=False)
    assert second.returncode == 1
    assert "Traceback" not in second.stderr
    assert port in second.stderr
