"""A large audience in `benchmarks.fanout`, on SQLite and on PostgreSQL: decided again and again over the same people.

PostgreSQL comes from the wheel the tests use, with its own settings and waiting for the disk at each commit.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import psycopg

from notifier.store import StoreSettings
from notifier.store.moving import move
from tests.postgres_server import postgres_server

from .fanout_standins import PROJECT, Run, child, standin

Fresh = Callable[[], contextlib.AbstractContextManager[str]]
"""A copy of the people's store that nobody has used, by its address."""


def filled(folder: Path, subscribers: int) -> Path:
    """A SQLite store with so many people."""
    path = folder / "people.db"
    subprocess.run([sys.executable, "-m", "benchmarks.fanout_deciding", str(path), "fill", str(subscribers)],
                   cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    return path


@contextlib.contextmanager
def sqlite(people: Path) -> Iterator[Fresh]:
    """Fresh files."""

    @contextlib.contextmanager
    def fresh() -> Iterator[str]:
        own = shutil.copy(people, people.with_name(f"copy-{os.urandom(4).hex()}.db"))
        try:
            yield str(own)
        finally:
            for left in own.parent.glob(f"{own.name}*"):
                left.unlink()

    yield fresh


@contextlib.contextmanager
def postgres(people: Path) -> Iterator[Fresh]:
    """Fresh databases of a server of its own."""
    with postgres_server("fsync=on") as server:
        template, moved = server.database(), shutil.copy(people, people.with_name("moved.db"))
        move(StoreSettings(path=str(moved)), StoreSettings(url=server.address(template)))
        moved.unlink()
        with psycopg.connect(server.address(template), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

        @contextlib.contextmanager
        def fresh() -> Iterator[str]:
            name = server.database(template)
            try:
                yield server.address(name)
            finally:
                server.drop(name)

        yield fresh


STORES = {"SQLite": sqlite, "PostgreSQL": postgres}


def deciding(people: Path, store: str, repeats: int, decisions: int) -> Run:
    """Decide for everybody `repeats` times, the last time to the end; then `decisions` times for a county; then only
    insert the same rows."""
    with (STORES[store](people) as fresh, standin("mastodon") as mastodon, standin("sms") as twilio):
        ports, runs = (mastodon.port, twilio.port), []
        for _ in range(repeats - 1):
            with fresh() as own:
                runs.append(child("benchmarks.fanout_deciding", own, "decide", *ports))
        with fresh() as own, fresh() as bare:
            runs.append(child("benchmarks.fanout_deciding", own, "decide", *ports, "whole", decisions))
            target = own if store == "PostgreSQL" else bare  # there the rows are put aside in their own database
            floor = child("benchmarks.fanout_deciding", target, "floor", own)
    return {**runs[-1], "runs": runs, "floor": floor}


def told(store: str, subscribers: int, found: Run) -> None:
    """Print what a large audience costs."""
    floor, runs = found["floor"], found["runs"]
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"\n{subscribers:,} subscribers, one decision, {store} ({load})")
    print(f"  everybody queued {found['everybody']:.1f} s after the signal, {found['cpu']:.1f} s of CPU"
          f"{' (the server ' + format(found['server_cpu'], '.1f') + ')' if found['server_cpu'] else ''}; "
          f"{found['audience']:,.0f} hear it; {found['rss_mib']:.0f} MiB at most")
    print(f"  the same rows only inserted, as large pieces and as durable: {floor['seconds']:.1f} s, "
          f"{floor['cpu']:.1f} s of CPU; all of planning takes "
          f"{found['everybody'] / floor['seconds']:.1f} times as long")
    for name in ("mastodon", "sms"):
        release, signal = (max(run[f"{since}_{name}"] for run in runs) for since in ("first", "heard"))
        print(f"  first {name:9} of {len(runs)} such: at most {release:.2f} s after the release, {signal:.2f} s after "
              "the signal (all are counted between)")
    print(f"  another that wanted to write waited {found['wait_p99']:.2f} s (p99), {found['wait_most']:.2f} s at most")
    print(f"  cancelled: nothing more began after {found['cancel_committed']:.2f} s, all rows had ended after "
          f"{found['cancel_ended']:.1f} s; another writer waited {found['cancel_wait_most']:.2f} s at most")
    for name in ("first_mastodon", "first_sms") if found.get("again") else ():
        many = sorted(run[name] for run in found["again"])
        print(f"  {name:15} of {len(many)} more decisions over that outbox, each while a county is being queued: "
              f"median {median(many):.2f} s   p99 {many[int((len(many) - 1) * 0.99)]:.2f} s   most {many[-1]:.2f} s")
