"""`replay`, `record` and `demo`: the daemon's own code over what was heard."""

from __future__ import annotations

import json
import signal as signals
import sys
import threading
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import BinaryIO

import click

from ..app import build
from ..clock import SystemClock
from ..config.tree import Config
from ..demo.show import show
from ..logs import configure
from ..model.people import Subscriber
from ..people.csv import read_subscribers
from ..replay.engine import Approver
from ..replay.recorder import Recorder
from ..replay.run import book_channels
from ..replay.run import replay as replay_recording
from ..store import open_store
from ..store.settings import StoreSettings
from .deployment import config_option, load_or_explain
from .output import Problem, print_table


class _ApproverType(click.ParamType[Approver]):
    name = "auto|never|after=DURATION"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Approver:
        if isinstance(value, Approver):
            return value
        try:
            return Approver.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@config_option
@click.option("--recording", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Directory of a recording.")
@click.option("--approve", "approver", type=_ApproverType(), default="never", show_default=True,
              help="Whether somebody approves what waits.")
@click.option("--subscribers", "people_file", type=click.File("rb"), default=None,
              help="CSV of subscribers to count as audience.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def replay(directory: Path, recording: Path, approver: Approver, people_file: BinaryIO | None,
           as_json: bool) -> None:
    """Play a recording through a configuration in virtual time: what would have been said, when, to how many.

    Sends nothing and keeps nothing. The same recording gives the same answer, byte for byte.
    """
    configure(json_lines=False, level="error")
    config = load_or_explain(directory)
    result = replay_recording(config, recording, approver=approver, subscribers=_people(config, people_file),
                              progress=Progress(hidden=not sys.stderr.isatty()),
                              problem=lambda line: click.echo(f"skipped {line}", err=True))
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
        return
    print_table("Incidents", ["id", "service", "regions", "state", "opened", "acknowledged", "workaround", "resolved"],
                [(i["id"], i["service"], i["regions"], i["state"], i["opened_at"], i["acknowledged_at"],
                  i["workaround_at"], i["resolved_at"]) for i in result["incidents"]], empty="No incident opened.")
    for notice in result["notices"]:
        whom = f"×{notice['audience']}" if notice["audience"] > 1 else ""
        where = f"{notice['channel']}/{notice['language']}"
        text = " ".join(notice["text"].split())
        click.echo(f"{notice['at']} {notice['incident']} {notice['stage']} [{where}]{whom} {text}")
    if not result["notices"]:
        click.echo("Nothing would have been said.")
    click.echo(", ".join(f"{name} {number:,}" for name, number in result["counts"].items()))


class Progress:
    """Says on standard error, once an hour of virtual time, how far it is."""

    def __init__(self, *, hidden: bool, doing: str = "replaying") -> None:
        self.hidden = hidden
        self.doing = doing
        self.said = ""

    def __call__(self, at: datetime) -> None:
        hour = at.strftime("%Y-%m-%d %H:00")
        if self.hidden or hour == self.said:
            return
        self.said = hour
        click.echo(f"\r{self.doing} {hour}", err=True, nl=False)


def _people(config: Config, file: BinaryIO | None) -> tuple[Subscriber, ...]:
    if file is None:
        return ()
    people, refused = read_subscribers(file.read(), regions=config.regions, services=config.services,
                                       settings=config.people, now=SystemClock().now(), actor="replay")
    if refused:
        click.echo(f"{len(refused)} rows of subscribers refused", err=True)
    return people


@click.command()
@config_option
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seconds", type=click.FloatRange(min=1), default=None, help="Stop by itself after this long.")
def record(folder: Path, directory: Path, seconds: float | None) -> None:
    """Write everything the deployment hears into a folder that `replay` reads. Decides and sends nothing."""
    configure(json_lines=False)
    config = load_or_explain(directory)
    clock = SystemClock()
    recorder = Recorder(folder, clock)
    store = open_store(StoreSettings(path=":memory:"))
    app = build(config, store=store, clock=clock, channels=book_channels(config),
                tap_poll=recorder.poll, tap_mention=recorder.mention)
    stop = threading.Event()

    def ended(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signals.SIGINT, signals.SIGTERM):
        signals.signal(number, ended)
    app.poller.start()
    app.listener.start()
    click.echo(f"recording into {folder}; stop with Ctrl-C", err=True)
    stop.wait(seconds)
    app.listener.stop()
    app.poller.stop()
    recorder.close()
    store.close()
    click.echo(f"{recorder.polls:,} polls and {recorder.mentions:,} mentions recorded", err=True)


@click.command()
@config_option
@click.option("--seconds", type=click.FloatRange(min=0), default=75.0, show_default=True,
              help="About how long the morning takes; 0: as fast as it goes.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Keep the store, the configuration and the providers' ledgers in this folder.")
@click.option("--plain", is_flag=True, help="Lines of text in place of the live screen.")
def demo(directory: Path, seconds: float, keep: Path | None, plain: bool) -> None:
    """Show the Vermont morning (mobile data, 07:30–09:30) with stand-ins for every provider; no account needed."""
    configure(json_lines=False, level="error")
    try:
        raise SystemExit(show(base=directory, seconds=seconds, keep=keep, plain=plain))
    except ImportError as error:
        raise Problem(f"the demo needs the extra `demo`: pip install '.[demo]' in a checkout ({error.name})") from error
