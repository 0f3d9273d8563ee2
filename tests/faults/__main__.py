"""`python -m tests.faults`: the proof, whole; `--every 40`: one case in forty."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing

import click

from notifier.store import StoreSettings, open_store
from tests.postgres_server import postgres_server

from .cut import laid, listening
from .nursery import Nursery
from .proof import Case, Tally, cases, run, some, table
from .troubled import CUTS, Place


@click.command()
@click.option("--every", default=1, help="One case in so many.")
@click.option("--only", default="", help="Cases whose name holds this.")
@click.option("--unmet", is_flag=True, help="Say of which the fault could not begin.")
@click.option("--part", default="0/1", help="The first of two halves: 0/2; for a machine with several cores.")
def main(every: int, part: str, only: str, unmet: bool) -> None:
    """Run the cases and print what the ledgers say. Exit code 1 where a promise was broken."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was begun is taken away
    mine, parts = map(int, part.split("/"))
    chosen = [case for case in (cases() if every == 1 else some(every)) if only in str(case)]
    began, tally = time.monotonic(), Tally()
    with laid() as (cables, why), closing(Nursery()) as nursery:
        if cables is None:
            able = [case for case in chosen if case.fault not in CUTS]
            click.echo(f"{len(chosen) - len(able)} cases are left out, which cut a network: {why}", err=True)
            chosen = able
        with postgres_server(*listening(cables)) as server:
            _play(chosen[mine::parts], nursery, Place(server, "", cables), tally)
    if unmet:
        click.echo("\n".join(f"UNMET {one}" for one in tally.unmet))
    click.echo(table(tally))
    click.echo(f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if tally.broken else 0)


def _play(chosen: Sequence[Case], nursery: Nursery, place: Place, tally: Tally) -> None:
    began = time.monotonic()
    template = place.server.database()
    open_store(StoreSettings(url=place.server.address(template))).close()
    for number, case in enumerate(chosen, 1):
        before = set(tally.broken)
        run(case, nursery, place, template, tally)
        for one in set(tally.broken) - before:
            click.echo(one, err=True)
        if number % 50 == 0:
            click.echo(f"{number} of {len(chosen)} cases, {time.monotonic() - began:.0f} s, {len(tally.lost)} lost, "
                       f"{len(tally.doubled)} doubled, {len(tally.wrong)} wrong", err=True)


if __name__ == "__main__":
    main()
