"""Debian's Alertmanager pushes to the daemon and is polled by it: what amtool fires is an incident, until it ends."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from notifier.standins.webhook import Webhook

from .daemon import Daemon, told
from .deployment import SECRETS
from .processes import free_port, running
from .waiting import stays, until

pytestmark = [
    pytest.mark.parts, pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="needs Debian's Alertmanager"),
    pytest.mark.skipif(shutil.which("amtool") is None, reason="needs Debian's amtool"),
]


@contextmanager
def alertmanager(folder: Path, port: int, receiver: dict[str, Any]) -> Iterator[str]:
    """A running Alertmanager; gives its address."""
    route = {"receiver": "it", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
    config = {"route": route, "receivers": [{"name": "it", **receiver}]}
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    base = f"http://127.0.0.1:{port}"
    command = ["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am",
               f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with running(command, ready=f"{base}/-/ready", folder=folder):
        yield base


def fire(base: str, name: str, *, region: str = "US-VT", over: bool = False) -> None:
    """Fire an alert with amtool, or end it: the same run, which has now an end."""
    now = datetime.now(UTC)  # noqa: TID251 Alertmanager lives in real time
    words = ["amtool", "--alertmanager.url", base, "alert", "add", f"alertname={name}", "service=mobile-data",
             f"region={region}", "severity=critical", f"--annotation=summary={name} in {region}",
             f"--start={now.strftime('%Y-%m-%dT00:00:00Z')}", *([f"--end={now.isoformat()}"] if over else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def of(receiver: Webhook, type: str) -> list[dict[str, Any]]:
    """Notices of one type in the receiver's ledger."""
    return [notice for notice in told(receiver) if notice["type"] == type]


def test_what_it_pushes_opens_and_closes_an_incident(
    tmp_path: Path, run: Callable[..., Daemon], receiver: Webhook
) -> None:
    daemon = run()
    token = tmp_path / "token"
    token.write_text(SECRETS["alerts-token"])
    hook = {"url": f"{daemon.base}/hooks/alerts/alerts", "send_resolved": True,
            "http_config": {"authorization": {"credentials_file": str(token)}}}
    with alertmanager(tmp_path, free_port(), {"webhook_configs": [hook]}) as base:
        fire(base, "CellsDown")
        opened = until(lambda: of(receiver, "notice.acknowledge"), "an acknowledgement", within=30)
        assert "Vermont" in opened[0]["text"]
        fire(base, "CellsDown", over=True)
        until(lambda: of(receiver, "notice.resolve"), "the all-clear", within=40)
    assert len(told(receiver)) == 2


def test_a_wrong_token_is_refused(tmp_path: Path, run: Callable[..., Daemon], receiver: Webhook) -> None:
    daemon = run()
    hook = {"url": f"{daemon.base}/hooks/alerts/alerts", "send_resolved": True,
            "http_config": {"authorization": {"credentials": "guessed"}}}
    with alertmanager(tmp_path, free_port(), {"webhook_configs": [hook]}) as base:
        fire(base, "CellsDown")
        until(lambda: "unexpected status code 401" in (tmp_path / "prometheus-alertmanager.log").read_text(),
              "Alertmanager is refused", within=30)
    assert receiver.ledger == []


def test_its_list_is_polled(tmp_path: Path, run: Callable[..., Daemon], receiver: Webhook) -> None:
    port = free_port()
    with alertmanager(tmp_path, port, {}) as base:
        daemon = run(poll_url=f"{base}/api/v2/alerts")
        fire(base, "CellsDown", region="US-NH")
        opened = until(lambda: of(receiver, "notice.acknowledge"), "an acknowledgement", within=30)
        assert "New Hampshire" in opened[0]["text"]
        fire(base, "CellsDown", region="US-NH", over=True)
        until(lambda: of(receiver, "notice.resolve"), "the all-clear", within=40)
    failed = until(lambda: daemon.metric("notifier_polls_total", source="alerts", result="failed") or daemon.get(
        "/metrics").text.count('result="unreachable"'), "polls of a stopped Alertmanager fail", within=20)
    assert failed


def test_an_alertmanager_that_vanishes_ends_nothing(
    tmp_path: Path, run: Callable[..., Daemon], receiver: Webhook
) -> None:
    port = free_port()
    with alertmanager(tmp_path, port, {}) as base:
        run(poll_url=f"{base}/api/v2/alerts")
        fire(base, "CellsDown")
        until(lambda: of(receiver, "notice.acknowledge"), "an acknowledgement", within=30)
    stays(lambda: not of(receiver, "notice.resolve"), "silence is unknown, not repair", during=12)
