"""`notifier node`: hear posts on one machine of several."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click
from prometheus_client import start_http_server

from ..app import make_hearing
from ..clock import SystemClock
from ..config.tree import Config
from ..intake.reader import PostReader
from ..intake.settings import NodeSettings, servers_of
from ..intake.shapes import feeds_of
from ..intake.streams import Unreachable, client_missing
from ..logs import configure
from .deployment import config_option, load_or_explain
from .output import Problem


@click.command()
@config_option
@click.option("--nats", "url", envvar="NOTIFIER_NATS", metavar="URL",
              help="The servers, such as nats://10.0.0.5:4222 or tls://…, several with commas ($NOTIFIER_NATS, or "
                   "intake.nats.url in notifier.yaml).")
@click.option("--metrics", "metrics_at", metavar="HOST:PORT",
              help="Serve this node's metrics at http://HOST:PORT/metrics, such as 127.0.0.1:9274.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
def node(directory: Path, url: str | None, metrics_at: str | None, log_level: str) -> None:
    """Read posts from a NATS JetStream queue group until SIGTERM, and count what they report.

    Any number of nodes may run, each with the same configuration. Credentials are named in notifier.yaml or
    $NOTIFIER_NATS_CREDENTIALS (a file), never here.
    """
    if missing := client_missing():
        raise Problem(missing)
    try:
        servers_of(url or "nats://unused")
    except ValueError as error:
        raise Problem(f"--nats: {error}") from error
    configure(json_lines=not sys.stderr.isatty(), level=log_level)
    if metrics_at is not None:
        _serve_metrics(metrics_at)
    config = load_or_explain(directory)
    settings = config.intake.nats or NodeSettings()
    if not (url := url or settings.url):
        raise Problem("no servers: give --nats, set $NOTIFIER_NATS, or intake.nats.url in notifier.yaml")
    _run(config, settings, url)


def _serve_metrics(at: str) -> None:
    """Before anything else, so that a port in use is said at once; a daemon thread of its own."""
    host, _, port = at.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Problem(f"--metrics: expected HOST:PORT, such as 127.0.0.1:9274; found {at!r}")
    try:
        start_http_server(int(port), host.strip("[]"))
    except OSError as error:
        raise Problem(f"--metrics: {at} cannot be listened at: {error.strerror or error}") from error


def _run(config: Config, settings: NodeSettings, url: str) -> None:
    from ..intake.running import run_node  # an extra: the rest of the command line does without

    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    try:
        run_node(url, settings, PostReader(make_hearing(config)), config.detection,
                 feeds_of(config.mentions.items()), SystemClock(), stop)
    except Unreachable as error:
        raise Problem(f"NATS at {url} cannot be used: {error}") from error
