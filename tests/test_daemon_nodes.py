"""The daemon as a real process over what nodes counted, with a real NATS server: nodes and the daemon are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from notifier.cli.main import main
from notifier.clock import SystemClock
from notifier.intake.jetstream import Jetstream
from notifier.intake.settings import NodeSettings
from notifier.model.mention import Mention
from notifier.standins.webhook import Webhook

from .detection.nats_server import nats_server
from .parts.daemon import Daemon, told
from .parts.deployment import PROJECT, SECRETS, Deployment
from .parts.waiting import until

WORDS = ("anna", "bert", "carl", "dora", "emil", "fred", "gina", "hugo", "ines", "jack", "kate", "liam")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with nats_server(tmp_path) as url:
        yield url


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Webhook]:
    with Webhook(ledger=tmp_path / "ledger.jsonl", secret=SECRETS["webhook-secret"]) as webhook:
        yield webhook


def _deployment(folder: Path, url: str, receiver: Webhook) -> Deployment:
    intake = {"workers": 1, "nats": {"url": url, "ack_wait": "2s", "lease": "2s", "window_every": "200ms",
                                     "freshness": "20s"}}
    extra = {"notifier.yaml": f"intake: {json.dumps(intake)}\n"}
    return Deployment(folder, f"{receiver.url}/notices", extra=extra).write()


@contextmanager
def _node(deployment: Deployment) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
    with (deployment.folder / "node.log").open("ab") as log, subprocess.Popen(
            [sys.executable, "-m", "notifier.cli.main", "node", "--config", str(deployment.config)], cwd=PROJECT,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=kept) as node:
        try:
            yield node
        finally:
            node.kill()


def _says(jetstream: Jetstream, *people: str) -> None:
    """Each is one message in the posts' stream."""
    for who in people:
        text = f"no 3G data in Burlington, VT since this morning, says {who}"
        one = Mention(f"p-{who}", SystemClock().now(), "forum", text, author=who)
        jetstream.put("posts", "export", json.dumps(one.to_record()).encode())


def _people(daemon: Daemon, incident: str) -> int:
    (found,) = daemon.ask("incidents", "show", incident)["evidence"]
    return int(found["facts"]["people"])


def _nodes(daemon: Daemon) -> dict[str, Any]:
    found: list[dict[str, Any]] = [one for one in daemon.status()["sources"] if one["source"] == "nodes"]
    return found[0] if found else {"freshness": "none"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nodes_and_the_daemon_are_killed_and_every_person_counts_once(
        tmp_path: Path, server: str, receiver: Webhook) -> None:
    """One incident with the people there are, whoever dies; and nodes that are all dead make the crowd blind."""
    daemon = Daemon(_deployment(tmp_path, server, receiver))
    jetstream = Jetstream(server, NodeSettings())
    jetstream.prepare()
    try:
        with _node(daemon.deployment) as first, _node(daemon.deployment):
            daemon.start()
            _says(jetstream, *WORDS[:4])
            until(lambda: _nodes(daemon)["freshness"] == "fresh", "nodes are heard", within=60)
            first.kill()
            _says(jetstream, *WORDS[:2], *WORDS[4:9])
            shown = until(lambda: [one for one in told(receiver) if one["type"] == "notice.acknowledge"],
                          "it is acknowledged", within=90)
            incident = shown[0]["incident"]
            until(lambda: _people(daemon, incident) == 9, "nine people are told of", within=90)
            assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
            _says(jetstream, *WORDS[7:])
            daemon.start()
            until(lambda: _people(daemon, incident) == 12, "all twelve, once each", within=90)
            assert len({one["incident"] for one in told(receiver)}) == 1
            assert daemon.metric("notifier_nodes_gaps_total") == 0
        until(lambda: _nodes(daemon)["freshness"] == "stale", "both nodes are dead, and staff see it", within=60)
        crowd = next(one for one in daemon.status()["sources"] if one["source"] == "crowd")
        assert (crowd["freshness"], "nodes" in crowd["why"]) == ("stale", True)
        found = daemon.command("doctor", check=False).stdout
        assert "intake.workers: a process can be started; 1 are to run" in found
        assert "intake.nats: JetStream answers" in found
        assert daemon.end() == 0
    finally:
        daemon.close()
        jetstream.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_posts_of_its_own_listeners_go_through_processes(tmp_path: Path, receiver: Webhook) -> None:
    """From the export file to the notice; the processes end with the daemon, however it ends."""
    deployment = Deployment(tmp_path, f"{receiver.url}/notices", extra={"notifier.yaml": "intake: {workers: 2}\n"})
    daemon = Daemon(deployment.write())
    try:
        daemon.start()
        moment = SystemClock().now().isoformat()
        daemon.post(*({"id": f"p{who}", "created_at": moment, "network": "test", "author": who,
                       "text": f"no 3G data in Burlington, VT since this morning, says {who}"} for who in WORDS[:7]))
        until(lambda: told(receiver), "it is acknowledged", within=60)
        assert daemon.metric("notifier_intake_workers") == 2
        below = _below(daemon.pid)
        assert len(below) >= 2
        daemon.end(signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), "its processes end too", within=20)
        daemon.start()
        below = _below(daemon.pid)
        for pid in below:
            os.kill(pid, signal.SIGTERM)  # as systemd tells the whole group
        assert daemon.end() == 0
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), "its processes end too", within=20)
    finally:
        daemon.close()


def _below(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.mark.parametrize(("intake", "said"), [
    ({"workers": -1}, "workers"),
    ({"nats": {"url": "nats://ann:secret@10.0.0.5:4222"}}, "password"),
    ({"nats": {"url": "10.0.0.5"}}, "nats://10.0.0.5:4222"),
    ({"nats": {"ulr": "nats://10.0.0.5:4222"}}, "url"),
])
def test_check_names_mistakes_of_the_intake(intake: dict[str, Any], said: str, tmp_path: Path) -> None:
    """With its line; a password is never repeated."""
    extra = {"notifier.yaml": f"intake: {json.dumps(intake)}\n"}
    written = Deployment(tmp_path, "https://hook.example.net", extra=extra).write()
    result = CliRunner().invoke(main, ["check", str(written.config)])
    assert result.exit_code == 1
    assert "notifier.yaml:6:" in result.output
    assert said in result.output
    assert "secret@" not in result.output


@pytest.mark.parametrize(("url", "said"), [("", "no servers"), ("nats://127.0.0.1:1", "FAIL intake.nats")])
def test_doctor_says_that_nats_cannot_be_used(url: str, said: str, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFIER_NATS", raising=False)
    extra = {"notifier.yaml": f"intake: {json.dumps({'nats': {'url': url} if url else {}})}\n"}
    written = Deployment(tmp_path, "http://127.0.0.1:1", extra=extra).write()
    result = CliRunner().invoke(main, ["doctor", "--config", str(written.config), "--store", str(written.store)])
    assert said in result.output


