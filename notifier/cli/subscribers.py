"""`notifier subscribers …`: the people who asked to be told."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, TextIO

import click

from ..clock import SystemClock
from ..model.people import AddressKind, Subscriber
from ..people.addresses import parse_address
from ..people.csv import read_subscribers, write_subscribers
from ..ports import Store
from .deployment import actor_option, config_option, json_option, load_or_explain, opened_store, store_option
from .output import Problem, print_json, print_table


@click.group()
def subscribers() -> None:
    """Import, export, count, opt out and erase subscribers."""


@subscribers.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--report", type=click.File("w", encoding="utf-8"), default=None, help="Write refused rows here as CSV.")
@actor_option
@config_option
@store_option
@json_option
def import_csv(file: BinaryIO, report: TextIO | None, actor: str, directory: Path,
               store_path: str | None, as_json: bool) -> None:
    """Read a CSV file; every refused row is reported with its line and reason, the others are taken."""
    config = load_or_explain(directory)
    clock = SystemClock()
    people, refused = read_subscribers(file.read(), regions=config.regions, services=config.services,
                                       settings=config.people, now=clock.now(), actor=actor)
    with opened_store(directory, store_path, must_exist=False) as store:
        taken = _put_all(store, people, progress=not as_json)
    if report is not None:
        report.write("line,column,problem\n")
        report.writelines(f'{row.line},{row.column},"{row.problem}"\n' for row in refused)
    if as_json:
        print_json({"taken": taken, "refused": refused})
        return
    click.echo(f"{taken} subscribers taken, {len(refused)} rows refused")
    print_table("Refused rows", ["line", "column", "problem"], [(r.line, r.column, r.problem) for r in refused[:50]],
                empty="")


def _put_all(store: Store, people: tuple[Subscriber, ...], *, progress: bool) -> int:
    """Store in slices, so that a daemon at work is never kept waiting for long. People who opted out stay out."""
    with click.progressbar(length=len(people), label="storing", hidden=not progress or len(people) < 1000) as bar:
        for start in range(0, len(people), 500):
            part = people[start:start + 500]
            with store.transaction() as tx:
                for person in part:
                    tx.put_subscriber(person)
            bar.update(len(part))
    return len(people)


@subscribers.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@config_option
@store_option
def export_csv(file: TextIO, directory: Path, store_path: str | None) -> None:
    """Write every subscriber as CSV, in the form `import` reads."""
    with opened_store(directory, store_path) as store:
        file.write(write_subscribers(_everyone(store)))


def _everyone(store: Store) -> tuple[Subscriber, ...]:
    found: list[Subscriber] = []
    after = ""
    while True:
        with store.transaction() as tx:
            page = tx.subscribers(after)
        if not page:
            return tuple(found)
        found.extend(page)
        after = page[-1].id


@subscribers.command("list")
@config_option
@store_option
@json_option
def list_subscribers(directory: Path, store_path: str | None, as_json: bool) -> None:
    """Count subscribers by region and kind of address; with --json, without addresses, every one of them."""
    with opened_store(directory, store_path) as store:
        people = _everyone(store)
    if as_json:
        print_json({"subscribers": [
            {"id": p.id, "kind": p.kind, "regions": p.regions, "services": p.services, "language": p.language,
             "opted_out": p.opted_out_at is not None, "consent_at": p.consent_at, "consent_by": p.consent_by}
            for p in people]})
        return
    counts: dict[tuple[str, str], int] = {}
    for person in people:
        if person.opted_out_at is None:
            for region in person.regions:
                counts[region, person.kind] = counts.get((region, person.kind), 0) + 1
    print_table("Subscribers", ["region", "by", "number"], [(*key, n) for key, n in sorted(counts.items())],
                empty="Nobody has subscribed.")


def _address(text: str, directory: Path) -> tuple[AddressKind, str]:
    parsed = parse_address(text, settings=load_or_explain(directory).people)
    if isinstance(parsed, str):
        raise Problem(f"{parsed}")
    return parsed


@subscribers.command("opt-out")
@click.argument("address")
@actor_option
@config_option
@store_option
def opt_out(address: str, actor: str, directory: Path, store_path: str | None) -> None:
    """Never send to this address again; what is queued for it is dropped."""
    kind, normal = _address(address, directory)
    with opened_store(directory, store_path) as store, store.transaction() as tx:
        known = tx.opt_out(kind, normal, SystemClock().now(), f"staff: {actor}")
    click.echo("opted out" if known else "opted out; it was not a subscriber")


@subscribers.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@store_option
def erase(address: str, yes: bool, directory: Path, store_path: str | None) -> None:
    """Remove everything kept about a person; an opt-out stays, as a keyed hash."""
    kind, normal = _address(address, directory)
    if not yes:
        click.confirm("Erase everything about this person?", abort=True)
    with opened_store(directory, store_path) as store, store.transaction() as tx:
        known = tx.erase(kind, normal, SystemClock().now())
    click.echo("erased" if known else "nothing was kept about this address")
