"""`notifier probe-agent`: what it is given, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from notifier.clock import SystemClock
from notifier.sources.probes.checks import NO_PING
from notifier.sources.probes.vantage import Post, read_post
from tests.parts.waiting import until

from .conftest import Desk

KEY = "the key of Burlington"


class Far:
    """A daemon's webhook that checks the signature and keeps what was posted."""

    def __init__(self) -> None:
        self.status = 200
        self.posts: list[tuple[str, list[dict[str, object]]]] = []
        self.url = ""


@pytest.fixture
def far() -> Iterator[Far]:
    found = Far()
    with _answering(found) as url:
        found.url = url
        yield found


@contextmanager
def _answering(far: Far) -> Iterator[str]:
    class One(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            post = read_post(sent, dict(self.headers), {"btv": KEY}, SystemClock().now())
            assert isinstance(post, Post), post
            far.posts.append((self.path, json.loads(post.body)["places"]["btv"]))
            self.send_response(far.status)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), One)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(KEY + "\n", "utf-8")
    (tmp_path / "key").chmod(0o600)
    return tmp_path


def words(folder: Path, far: Far, *more: str) -> list[str]:
    return ["probe-agent", "--name", "btv", "--to", far.url, "--key-file", str(folder / "key"), *more]


def checks(folder: Path, text: str) -> str:
    (folder / "checks.yaml").write_text(text, "utf-8")
    return str(folder / "checks.yaml")


def test_once_tries_everything_posts_it_and_says_how_it_went(desk: Desk, folder: Path, far: Far) -> None:
    text = f"checks:\n  - {{source: web, check: {{http: {{url: {far.url}}}}}, allow_private: true}}\n"
    good = desk.type(*words(folder, far, "--checks", checks(folder, text), "--once"))
    assert good.exit_code == 0, good.output
    assert "the daemon has taken them all" in good.output
    text += "  - {source: port, check: {tcp: {host: 127.0.0.1, port: 1}}, allow_private: true}\n"
    bad = desk.type(*words(folder, far, "--checks", checks(folder, text), "--once"))
    assert bad.exit_code == 1
    assert "Connection refused" in bad.output
    assert [(path, results[0]["ok"]) for path, results in far.posts] == [
        ("/hooks/probes/web", True), ("/hooks/probes/web", True), ("/hooks/probes/port", False)]


def test_what_the_daemon_does_not_take_is_said(desk: Desk, folder: Path, far: Far) -> None:
    far.status = 401
    text = f"checks: [{{source: web, check: {{http: {{url: {far.url}}}}}, allow_private: true}}]"
    done = desk.type(*words(folder, far, "--checks", checks(folder, text), "--once"))
    assert done.exit_code == 1
    assert "1 of 1 results were not taken" in done.output


def test_the_daemons_own_configuration_may_say_what_to_try(desk: Desk, folder: Path, far: Far) -> None:
    source = (f"sources:\n  - {{id: web, kind: probe, check: {{http: {{url: \"{far.url}\"}}}}, allow_private: true, "
              "agents: [{place: btv, secret: {env: X}}], placing: {service: mobile-data, regions: [hills]}}\n")
    (desk.directory / "sources.yaml").write_text(source, "utf-8")
    done = desk.type(*words(folder, far, "--config", str(desk.directory), "--once"))
    assert done.exit_code == 0, done.output
    assert far.posts[0][0] == "/hooks/probes/web"
    elsewhere = ["probe-agent", "--name", "mars", *words(folder, far, "--config", str(desk.directory), "--once")[3:]]
    refused = desk.type(*elsewhere)
    assert "names mars among its agents" in refused.output


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("checks: []", "checks", id="nothing to try"),
        pytest.param("chekcs: []", "checks", id="a slip"),
        pytest.param("checks: [{source: a, check: {http: {url: ftp://x}}}]", "http:// or https://", id="no URL"),
        pytest.param("checks: [{source: a, every: 10ms, check: {tcp: {host: x, port: 1}}}]", "at least 1s",
                     id="hectic"),
        pytest.param("checks: [{source: a, check: {tcp: {host: x, port: 1}}}, "
                     "{source: a, check: {tcp: {host: y, port: 1}}}]", "one check for each source", id="twice"),
        pytest.param("{", "mistakes", id="no YAML"),
    ],
)
def test_mistakes_are_named_and_nothing_is_tried(
    desk: Desk, folder: Path, far: Far, text: str, problem: str
) -> None:
    done = desk.type(*words(folder, far, "--checks", checks(folder, text), "--once"))
    assert done.exit_code == 1
    assert problem in done.output
    assert "checks.yaml has mistakes; nothing was tried" in done.output
    assert far.posts == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        pytest.param((), "exactly one of --checks and --config", id="nothing says what to try"),
        pytest.param(("--checks", "x", "--config", "y"), "exactly one of --checks and --config", id="two do"),
    ],
)
def test_it_needs_one_place_that_says_what_to_try(
    desk: Desk, folder: Path, far: Far, more: tuple[str, ...], problem: str
) -> None:
    assert problem in desk.type(*words(folder, far, *more)).output


def test_a_key_everyone_can_read_is_not_used(desk: Desk, folder: Path, far: Far) -> None:
    (folder / "key").chmod(0o644)
    text = f"checks: [{{source: web, check: {{http: {{url: {far.url}}}}}, allow_private: true}}]"
    done = desk.type(*words(folder, far, "--checks", checks(folder, text), "--once"))
    assert done.exit_code == 1
    assert "readable by everyone" in done.output
    assert KEY not in done.output
    assert far.posts == []


def test_it_says_plainly_that_pings_are_not_permitted(desk: Desk, folder: Path, far: Far) -> None:
    if os.geteuid() != 0 or Path("/proc/sys/net/ipv4/ping_group_range").read_text().split() != ["1", "0"]:
        pytest.skip("needs root to give up CAP_NET_RAW, and a machine that lets no group ping")
    text = "checks: [{source: gw, check: {icmp: {host: 127.0.0.1}}, allow_private: true}]"
    done = subprocess.run(
        ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", sys.executable, "-m", "notifier.cli.main",
         *words(folder, far, "--checks", checks(folder, text), "--once")],
        capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "300"})
    assert done.returncode == 1, done.stderr
    assert NO_PING in done.stdout
    ((_, (result,)),) = far.posts
    assert result["ok"] is None


def test_it_runs_until_it_is_told_to_end(folder: Path, far: Far) -> None:
    text = f"checks: [{{source: web, every: 1s, check: {{http: {{url: {far.url}}}}}, allow_private: true}}]"
    with subprocess.Popen([sys.executable, "-m", "notifier.cli.main",
                           *words(folder, far, "--checks", checks(folder, text), "--log-format", "json")],
                          stderr=subprocess.PIPE, text=True) as running:
        until(lambda: len(far.posts) >= 2, "two results", within=30)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (0, "")
