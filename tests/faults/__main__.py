"""`python -m tests.faults`: the proof, whole; `--every 40`: one case in forty."""

from __future__ import annotations

import sys
import time

import click

from notifier.store import StoreSettings, open_store
from tests.postgres_server import postgres_server

from .nursery import Nursery
from .proof import Tally, cases, run, some, table


@click.command()
@click.option("--every", default=1, help="One case in so many.")
@click.option("--part", default="0/1", help="The first of two halves: 0/2; for a machine with several cores.")
def main(every: int, part: str) -> None:
    """Run the cases and print what the ledgers say. Exit code 1 where a promise was broken."""
    mine, parts = map(int, part.split("/"))
    chosen = list(cases()) if every == 1 else some(every)
    began, tally, nursery = time.monotonic(), Tally(), Nursery()
    with postgres_server() as server:
        template = server.database()
        open_store(StoreSettings(url=server.address(template))).close()
        for number, case in enumerate(chosen[mine::parts]):
            before = set(tally.broken)
            run(case, nursery, server, template, tally)
            for one in set(tally.broken) - before:
                click.echo(one, err=True)
            if number % 50 == 49:
                click.echo(f"{number + 1} cases, {time.monotonic() - began:.0f} s, {len(tally.lost)} lost, "
                           f"{len(tally.doubled)} doubled, {len(tally.wrong)} wrong", err=True)
    nursery.close()
    click.echo(table(tally))
    click.echo(f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if tally.broken else 0)


if __name__ == "__main__":
    main()
