"""The `notifier` command."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .. import __version__
from ..clock import SystemClock
from ..daemon import Daemon
from ..logs import configure
from ..ports import StoreUnavailable
from ..store import open_store
from ..store.settings import StoreSettings
from ..web.server import CannotListen
from .adding import add_source
from .backtesting import backtest_command
from .deployment import (
    actor_option,
    at_place,
    config_option,
    load_or_explain,
    loaded,
    opened_store,
    store_option,
    unknown,
)
from .detecting import detect
from .incidents import incidents
from .inspecting import check, doctor, preview, schema, status
from .moving import migrate_store
from .nodes import node
from .output import Problem
from .playing import demo, record, replay
from .probe_agent import probe_agent
from .sources import sources
from .subscribers import subscribers
from .training import train_command
from .trying import try_source
from .trying_posts import try_post
from .workaround import workaround


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="notifier")
def main() -> None:
    """Tell customers about an outage before they call."""
    configure(json_lines=False, level="warning")  # standard output is for the answer alone


@main.command()
@config_option
@store_option
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.option("--log-format", type=click.Choice(["auto", "json", "text"]), default="auto",
              help="auto: text at a terminal, JSON lines elsewhere.")
def run(directory: Path, store_path: str | None, log_level: str, log_format: str) -> None:
    """Run the daemon until SIGTERM; SIGHUP or a changed file reloads."""
    text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    configure(json_lines=not text, level=log_level)
    config = load_or_explain(directory)
    settings: StoreSettings = config.store if store_path is None else at_place(config.store, store_path)
    try:
        daemon = Daemon(directory, config, store=open_store(settings), clock=SystemClock())
    except StoreUnavailable as error:
        raise Problem(f"the store at {settings.place} cannot be opened: {error}") from error
    except CannotListen as error:
        raise Problem(str(error)) from error
    raise SystemExit(daemon.run())


@main.command("kill-switch")
@click.argument("position", type=click.Choice(["on", "off"]))
@actor_option
@config_option
@store_option
def kill_switch(position: str, actor: str, directory: Path, store_path: str | None) -> None:
    """Stop every new send at once, whether or not the daemon answers; or allow them again."""
    with opened_store(directory, store_path) as store, store.transaction() as tx:
        tx.set_switch("kill", position, actor, SystemClock().now())
    click.echo("nothing is sent until `notifier kill-switch off`" if position == "on" else "sending is allowed again")


@main.command("channel-switch")
@click.argument("channel")
@click.argument("position", type=click.Choice(["stop", "resume"]))
@click.option("--why", default="by staff", help="Shown in `notifier status`.")
@actor_option
@config_option
@store_option
def channel_switch(channel: str, position: str, why: str, actor: str, directory: Path, store_path: str | None) -> None:
    """Stop one channel, or let one that stopped over a fault go on at once; what waits for it is kept."""
    config = loaded(directory)
    if config is not None and channel not in config.channels:
        raise unknown("channel", channel, config.channels)
    with opened_store(directory, store_path) as store, store.transaction() as tx:
        value = "off" if position == "resume" else f"on {why}"
        tx.set_switch(f"stop:{channel}", value, actor, SystemClock().now())
    click.echo(f"{channel} {'goes on' if position == 'resume' else 'sends nothing until it is resumed'}")


for command in (check, schema, preview, doctor, status, sources, try_source, try_post, add_source, replay, record, demo,
                detect, backtest_command, incidents, workaround, subscribers, probe_agent, node, train_command,
                migrate_store):
    main.add_command(command)

if __name__ == "__main__":
    main()
