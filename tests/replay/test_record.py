"""`notifier record` against a status page and a Mastodon server on this machine; `notifier replay` finds the same."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from notifier.clock import SystemClock
from notifier.model.mention import Mention
from notifier.replay.recording import read_recording
from notifier.standins.mastodon_listen import MastodonListening

from .deployments import write
from .test_real_polls import CLOUD, ONE_REGION

PAGE = {
    "page": {"id": "p", "name": "Cloud"}, "status": {"indicator": "major", "description": "Partial outage"},
    "components": [], "scheduled_maintenances": [],
    "incidents": [{"id": "i1", "name": "Cloud is down", "status": "investigating", "impact": "major",
                   "incident_updates": [], "components": []}],
}


@contextmanager
def status_page() -> Iterator[str]:
    """A status page that tells of one incident."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(PAGE).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def command(*arguments: str) -> list[str]:
    """The command, in a process of its own."""
    return [sys.executable, "-m", "notifier.cli.main", *arguments]


def test_what_was_recorded_opens_the_same_incident_when_it_is_replayed(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    recording = tmp_path / "recording"
    with status_page() as url, MastodonListening(heartbeat=0.5) as mastodon:
        config = write(tmp_path / "config", regions=ONE_REGION, services=CLOUD, sources=(
            f"sources:\n  - {{id: page, kind: statuspage, url: '{url}', allow_private: true, every: 1s, "
            "freshness: 10m, placing: {service: cloud, regions: [US]}}\n"
            f"mentions:\n  - {{id: fedi, kind: mastodon, base_url: '{mastodon.url}', stream: hashtag, "
            "hashtag: cloud}\n"))
        (config / "notifier.yaml").write_text(
            (config / "notifier.yaml").read_text() + "polling: {spread: 0s}\n", encoding="utf-8")
        recorder = subprocess.Popen(command("record", "--config", str(config), str(recording), "--seconds", "60"),
                                    stderr=subprocess.PIPE, text=True)
        try:
            _until(lambda: bool(mastodon.requests))
            began = SystemClock().now()
            mastodon.push(Mention(id="post-1", created_at=began, network="mastodon", text="the cloud is down #cloud"))
            _until(lambda: _heard(recording) == (True, True))
        finally:
            recorder.terminate()
            _, said = recorder.communicate(timeout=20)
    assert recorder.returncode == 0, said
    assert "1 mentions recorded" in said
    done = subprocess.run(command("replay", "--config", str(config), "--recording", str(recording), "--json"),
                          capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["counts"]["mentions"] == 1
    assert report["counts"]["polls"] >= 1
    (incident,) = report["incidents"]
    assert (incident["service"], incident["regions"], incident["state"]) == ("cloud", ["US"], "acknowledged")
    opened = datetime.fromisoformat(incident["opened_at"])
    assert abs(opened - began) < timedelta(seconds=30), "at the time it was heard"


def _heard(recording: Path) -> tuple[bool, bool]:
    """Whether a post and a poll are in the recording."""
    if not recording.is_dir():
        return False, False
    kinds = {type(event.what) for event in read_recording(recording)}
    return Mention in kinds, tuple in kinds


def _until(there: Any, seconds: float = 40.0) -> None:
    """Wait for another process, with a deadline."""
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
