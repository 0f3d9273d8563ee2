"""`python -m tests.faults`: the proof, whole; `--every 40`: one case in forty."""

from __future__ import annotations

import sys
import time

import click

from notifier.store import StoreSettings, open_store
from tests.postgres_server import postgres_server

from .cut import Cables, CannotCut
from .nursery import Nursery
from .proof import Tally, cases, run, some, table
from .troubled import CUTS, Place


@click.command()
@click.option("--every", default=1, help="One case in so many.")
@click.option("--only", default="", help="Cases whose name holds this.")
@click.option("--unmet", is_flag=True, help="Say of which the fault could not begin.")
@click.option("--part", default="0/1", help="The first of two halves: 0/2; for a machine with several cores.")
def main(every: int, part: str, only: str, unmet: bool) -> None:
    """Run the cases and print what the ledgers say. Exit code 1 where a promise was broken."""
    mine, parts = map(int, part.split("/"))
    chosen = [case for case in (cases() if every == 1 else some(every)) if only in str(case)]
    began, tally, nursery = time.monotonic(), Tally(), Nursery()
    try:
        cables: Cables | None = Cables()
    except CannotCut as error:
        cables = None
        left = [case for case in chosen if case.fault in CUTS]
        click.echo(f"{len(left)} cases are left out, which cut a network: {error}", err=True)
        chosen = [case for case in chosen if case.fault not in CUTS]
    with postgres_server(*([] if cables is None else [f"listen_addresses={cables.here('store')}"])) as server:
        template = server.database()
        open_store(StoreSettings(url=server.address(template))).close()
        for number, case in enumerate(chosen[mine::parts]):
            before = set(tally.broken)
            run(case, nursery, Place(server, "", cables), template, tally)
            for one in set(tally.broken) - before:
                click.echo(one, err=True)
            if number % 50 == 49:
                click.echo(f"{number + 1} cases, {time.monotonic() - began:.0f} s, {len(tally.lost)} lost, "
                           f"{len(tally.doubled)} doubled, {len(tally.wrong)} wrong", err=True)
    nursery.close()
    if cables is not None:
        cables.close()
    if unmet:
        click.echo("\n".join(f"UNMET {one}" for one in tally.unmet))
    click.echo(table(tally))
    click.echo(f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if tally.broken else 0)


if __name__ == "__main__":
    main()
