"""`notifier run` as a process of its own, and what tests say to it: alerts, posts, commands, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import requests

from notifier.standins.webhook import Webhook

from .deployment import PROJECT, SECRETS, Deployment
from .waiting import until

BEARER = {"Authorization": f"Bearer {SECRETS['alerts-token']}"}


class Site:
    """What any running daemon is asked over HTTP. `base` is the address of its web part."""

    def __init__(self, base: str) -> None:
        self.base = base

    def get(self, path: str) -> requests.Response:
        """GET a page of the web part."""
        return requests.get(self.base + path, timeout=10)

    def ready(self) -> bool:
        """Whether /readyz answers 200 now."""
        try:
            return self.get("/readyz").status_code == 200
        except requests.RequestException:
            return False

    def metric(self, name: str, **labels: str) -> float | None:
        """The value of one sample, as a scrape sees it; None where it is not there."""
        for line in self.get("/metrics").text.splitlines():
            found = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? ([^ ]+)", line)
            if found and found[1] == name and dict(re.findall(r'(\w+)="([^"]*)"', found[2] or "")) == labels:
                return float(found[3])
        return None

    def alert(self, *alerts: Mapping[str, Any], headers: Mapping[str, str] = BEARER) -> int:
        """Push alerts as Alertmanager's webhook does (version 4). Returns the HTTP status."""
        body = {"version": "4", "groupKey": "test", "status": "firing", "receiver": "notifier", "groupLabels": {},
                "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager", "alerts": alerts}
        return requests.post(f"{self.base}/hooks/alerts/alerts", json=body, headers=dict(headers),
                             timeout=10).status_code


class Daemon(Site):
    """A daemon over one deployment; may be killed and started again."""

    def __init__(self, deployment: Deployment, name: str = "daemon") -> None:
        super().__init__("")
        self.deployment = deployment
        self.log = deployment.folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Daemon:
        """Start and wait until it is ready."""
        told = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "notifier.cli.main", "run", *self.options, "--log-format", "json"],
                cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment())
        port = until(lambda: self._port(told), "the daemon says its port", within=60)
        self.base = f"http://127.0.0.1:{port}"
        until(self.ready, f"ready; log: {self.tail()}", within=30)
        return self

    @property
    def options(self) -> Sequence[str]:
        """Which deployment: the options every command takes."""
        return ["--config", str(self.deployment.config), "--store", str(self.deployment.store)]

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self.process is not None
        return self.process.pid

    def _port(self, told: int) -> int:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}: {self.tail()}")
        for event in self.events(told):
            if event.get("event") == "daemon.started":
                return int(event["port"])
        return 0

    def events(self, offset: int = 0) -> list[dict[str, Any]]:
        """What it logged, from a place in the file on."""
        lines = self.log.read_bytes()[offset:].decode("utf-8", "replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def tail(self) -> str:
        """The end of its log, for messages of failed tests."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def end(self, number: signal.Signals = signal.SIGTERM, *, within: float = 40.0) -> int:
        """End it by a signal. Returns the exit code (negative: died of the signal)."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(within)

    def close(self) -> None:
        """Make sure that nothing stays behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of ours on the same deployment."""
        done = subprocess.run([sys.executable, "-m", "notifier.cli.main", *words, *self.options], cwd=PROJECT,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              env=_environment(), check=False)
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def ask(self, *words: str) -> Any:
        """Run a command with --json and read its answer."""
        return json.loads(self.command(*words, "--json").stdout)

    def status(self) -> Any:
        """What `notifier status --json` prints."""
        return self.ask("status")

    def post(self, *posts: Mapping[str, str]) -> None:
        """Append posts to the export file that the daemon follows."""
        with self.deployment.posts.open("a") as file:
            for post in posts:
                file.write(json.dumps(post) + "\n")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NOTIFIER_", "PYTHONWARNINGS"))}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def alert(name: str, *, service: str = "mobile-data", region: str = "US-VT", resolved: bool = False,
          started: datetime | None = None) -> dict[str, Any]:
    """One alert of a webhook; the same name, service and region are the same alert."""
    began = started or datetime(2026, 1, 1, tzinfo=UTC)
    ended = datetime.now(UTC).isoformat() if resolved else "0001-01-01T00:00:00Z"  # noqa: TID251 the daemon's clock is real
    return {
        "status": "resolved" if resolved else "firing", "startsAt": began.isoformat(), "endsAt": ended,
        "labels": {"alertname": name, "service": service, "region": region, "severity": "critical"},
        "annotations": {"summary": f"{name} in {region}"}, "generatorURL": "http://prometheus/graph",
        "fingerprint": f"{name}-{service}-{region}",
    }


def told(receiver: Webhook) -> list[dict[str, Any]]:
    """What the webhook's receiver accepted, in order: the notice's data with its "type" and "key"."""
    return [{"type": row["request"]["type"], "key": row["key"], **row["request"]["data"]} for row in receiver.ledger]
