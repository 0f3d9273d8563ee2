"""`notifier node`: hear posts on one machine of several."""

from __future__ import annotations

import importlib.util
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click

from ..clock import SystemClock
from ..config.tree import Config
from ..detection.report import Hearing
from ..intake.reader import PostReader
from ..intake.settings import IntakeSettings, NodeSettings
from ..intake.shapes import feeds_of
from ..logs import configure
from .deployment import config_option, load_or_explain
from .output import Problem


@click.command()
@config_option
@click.option("--nats", "url", envvar="NOTIFIER_NATS", required=True, metavar="URL",
              help="The servers, such as nats://10.0.0.5:4222 or tls://…, several with commas ($NOTIFIER_NATS).")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
def node(directory: Path, url: str, log_level: str) -> None:
    """Read posts from a NATS JetStream queue group until SIGTERM, and count what they report.

    Any number of nodes may run, each with the same configuration. Credentials are named in notifier.yaml or
    $NOTIFIER_NATS_CREDENTIALS (a file), never here.
    """
    if importlib.util.find_spec("nats") is None:
        raise Problem("nats-py is not installed: pip install 'outage-notifier[nodes]'")
    if any(urlsplit(one.strip()).password for one in url.split(",")):
        raise Problem("the address holds a password, which everyone on this machine can see: name a file with it in "
                      "$NOTIFIER_NATS_CREDENTIALS or in notifier.yaml")
    configure(json_lines=not sys.stderr.isatty(), level=log_level)
    _run(load_or_explain(directory), url)


def _run(config: Config, url: str) -> None:
    from ..intake.jetstream import Unreachable  # an extra: the rest of the command line does without
    from ..intake.running import run_node

    intake: IntakeSettings = getattr(config, "intake", IntakeSettings())
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    hearing = Hearing(config.detection, config.vocabulary, config.regions, config.services)
    try:
        run_node(url, intake.nodes or NodeSettings(), PostReader(hearing), config.detection,
                 feeds_of(config.mentions.items()), SystemClock(), stop)
    except Unreachable as error:
        raise Problem(f"NATS at {url} cannot be used: {error}") from error
