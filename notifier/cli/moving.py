"""`notifier migrate-store`: a deployment's move from its file to PostgreSQL."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import click

from ..clock import SystemClock
from ..model.times import parse_rfc3339
from ..ports import StoreUnavailable
from ..store import open_store
from ..store.settings import StoreSettings
from .deployment import at_place, config_option, loaded
from .output import Problem

RUNS_FOR = timedelta(seconds=30)
"""A daemon that wrote its status within so long is taken to be running."""


@click.command("migrate-store")
@click.option("--from", "source", metavar="FILE", help="The file to move; the configuration's store.path otherwise.")
@click.option("--to", "target", metavar="ADDRESS", help="PostgreSQL's; the configuration's store.url otherwise.")
@click.option("--take-back", is_flag=True, help="Open the file again, where a move was begun and not completed.")
@config_option
def migrate_store(source: str | None, target: str | None, take_back: bool, directory: Path) -> None:
    """Move everything from the SQLite file to PostgreSQL. Stop the daemon first; run it again if interrupted."""
    config = loaded(directory)
    settings = config.store if config is not None else StoreSettings()
    new = settings if target is None else at_place(settings, target)
    old = at_place(settings, source or settings.path)
    if new.url is None:
        raise Problem("where to? Give --to postgresql://notifier@db.example.net/outages, or set store.url")
    try:
        from ..store import moving  # needs an extra, which only such deployments have
    except ImportError as error:
        raise Problem(f"PostgreSQL needs `pip install outage-notifier[postgres]`: {error}") from error
    try:
        if take_back:
            moving.take_back(old, new)
            click.echo(f"{old.path} can be used again")
            return
        _refuse_running(old, SystemClock().now())
        found = moving.move(old, new)
    except (moving.CannotMove, StoreUnavailable) as error:
        raise Problem(str(error)) from error
    rows = ", ".join(f"{number} {table}" for table, number in found.items() if number)
    click.echo(f"moved: {rows}\nset store.url to {new.url} and start the daemon; {old.path} is used no more")


def _refuse_running(old: StoreSettings, now: datetime) -> None:
    if not Path(old.path).is_file():
        return  # to open it would make it
    try:
        store = open_store(old.for_staff())
    except StoreUnavailable:
        return  # closed by a move that was interrupted; whatever else it is, moving says so
    try:
        with store.reading() as tx:
            kept = tx.checkpoint("status")
    finally:
        store.close()
    status = json.loads(kept) if kept else {}
    if status.get("running") and now - parse_rfc3339(status["at"]) < RUNS_FOR:
        raise Problem(f"the daemon is running as pid {status.get('pid')}: stop it first, or wait {RUNS_FOR.seconds} "
                      "seconds if it has crashed")
