"""`notifier node`, as an administrator types it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from notifier.cli.main import main
from notifier.clock import SystemClock
from notifier.intake.jetstream import Jetstream
from notifier.intake.settings import NodeSettings
from notifier.intake.shares import handed_of
from notifier.intake.streams import Unreachable
from notifier.model.mention import Mention
from tests.parts.processes import free_port
from tests.parts.waiting import until

from .nats_server import nats_server

CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_node_of_the_example_counts_a_complaint_and_ends_when_asked(tmp_path: Path) -> None:
    """From a post in the stream to its count, also in its metrics; SIGTERM ends it with 0."""
    port = free_port()
    post = Mention("1", SystemClock().now(), "forum", "no power in Burlington, VT", author="ann")
    with nats_server(tmp_path) as url:
        environment = {**os.environ, "NOTIFIER_NATS": url}
        with (tmp_path / "node.log").open("wb") as log, subprocess.Popen(
                [sys.executable, "-m", "notifier.cli.main", "node", "--config", str(CONFIG), "--metrics",
                 f"127.0.0.1:{port}"], env=environment, stdout=log, stderr=log) as node:
            jetstream = Jetstream(url, NodeSettings())
            until(lambda: _prepared(jetstream), "the node has made its streams", within=120)
            jetstream.put("posts", "export", json.dumps(post.to_record()).encode())
            found = until(lambda: jetstream.last_counts(0), "the complaint is counted", within=60)
            assert found is not None
            counts = handed_of(found[1]).counts.counts
            assert [(one.service, one.region, one.people) for one in counts] == [("power", "US-VT", 1)]
            shown = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
            assert 'notifier_mentions_total{source="export"} 1.0' in shown
            jetstream.close()
            node.send_signal(signal.SIGTERM)
            assert node.wait(60) == 0, (tmp_path / "node.log").read_text()


def _prepared(jetstream: Jetstream) -> bool:
    try:
        return jetstream.floor() == 0
    except Unreachable:
        return False


def test_a_password_on_the_command_line_is_refused(tmp_path: Path) -> None:
    """Everyone on the machine could read it."""
    result = CliRunner().invoke(main, ["node", "--nats", "nats://ann:secret@127.0.0.1:1", "--config", str(CONFIG)])
    assert result.exit_code != 0
    assert "NOTIFIER_NATS_CREDENTIALS" in result.output
    assert "secret" not in result.output


@pytest.mark.parametrize("at", ["9274", ":9274", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:²", ""])
def test_where_metrics_are_served_is_a_host_and_a_port(at: str) -> None:
    result = CliRunner().invoke(main, ["node", "--nats", "nats://127.0.0.1:1", "--metrics", at])
    assert result.exit_code == 1
    assert "expected HOST:PORT" in result.output


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(main, ["node", "--nats", "nats://127.0.0.1:1", "--metrics", at])
    assert result.exit_code == 1
    assert f"{at} cannot be listened at" in result.output


def test_servers_that_do_not_answer_are_told_of() -> None:
    """At the beginning; a node that has begun waits for them."""
    with pytest.raises(Unreachable):
        Jetstream("nats://127.0.0.1:1", NodeSettings())
