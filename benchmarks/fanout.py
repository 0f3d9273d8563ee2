"""Telling many: our sender beside Apprise and a bare loop, in the same run, towards the same stand-ins in processes of
their own, SMS by HTTP and mail by SMTP; and what a large audience costs before the first message.

    python -m benchmarks.fanout [--short] [--messages N] [--subscribers N] [--repeats N] [--decisions N]
                                [--only sending|processes|million] [--kind KIND] [--store STORE]

Ours keeps each step in SQLite with synchronous=FULL; the bare loop keeps nothing; Apprise is installed from PyPI into a
temporary venv, and left out with the reason where that fails. All three, the stand-ins and the disk share this machine:
read the ratios, which are medians of runs that take turns. --short is for the pipeline: it fails where a promise breaks
that no noise explains.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from notifier.delivery.settings import DeliverySettings
from notifier.model.limit import Level, Limit, grant
from tests.postgres_server import postgres_server

from . import fanout_million
from .fanout_sending import opened, queue
from .fanout_standins import PROJECT, Run, Standin, ceiling, child, standin

LIMITS = {
    "SMS, one US long code": 1.0, "SMS, toll-free": 3.0, "SMS, short code": 100.0,
    "SMS, 10DLC low volume (75 a minute and carrier)": 3.75, "SMS, 10DLC score 1-49": 12.0,
    "SMS, 10DLC score 50-74": 120.0, "SMS, 10DLC score 75-100": 225.0, "mail, SES's usual first quota": 14.0,
}
"""Messages a second of one segment; three carriers together where the limit is a carrier's."""
KINDS = ("sms", "mail", "mail, cheap relay", "mail, relay 5 ms away")
FAR = ("sms, 100 ms away", "mail, relay 5 ms away")
"""Where it is the far side that takes the time, and more processes may take less of it."""
IDLE = timedelta(seconds=0.5)
"""How long the daemon's sender waits where there is nothing it may send."""
Rates = dict[str, dict[str, tuple[float, float]]]
"""Messages a second and a CPU second, by channel and contender."""


def in_file(folder: Path) -> str:
    """A new file to keep a store in."""
    return str(Path(tempfile.mkdtemp(dir=folder)) / "notifier.db")


def queued(where: str, kind: str, messages: int) -> str:
    """Put so many deliveries into the fresh store there."""
    store = opened(where)
    queue(store, kind, messages)
    store.close()
    return where


def apprise(folder: Path) -> str | None:
    """The Python of a venv with Apprise; None, and the reason printed, where there is none to be had."""
    home = folder / "apprise"
    venv.create(home, with_pip=True)
    python = str(home / "bin" / "python")
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", "apprise"], capture_output=True, text=True)
    if done.returncode:
        print(f"Apprise is left out: {(done.stderr.strip().splitlines() or ['pip failed'])[-1][:100]}")
        return None
    return python


# ── messages a second ────────────────────────────────────────────────────────────────────────────────────────────────


def contend(folder: Path, kind: str, messages: int, repeats: int, python: str | None) -> dict[str, list[Run]]:
    """Runs of each by turns."""
    runs: dict[str, list[Run]] = {}
    sends = kind.split(",")[0]
    for _ in range(repeats):
        with standin(kind) as served:

            def met(name: str, *arguments: object, served: Standin = served, **how: Any) -> None:
                before = served.cpu()
                run = child(*arguments, **how)
                runs.setdefault(name, []).append({**run, "served": served.cpu() - before})

            port = served.port
            met("bare loop", "benchmarks.fanout_sending", "raw", sends, port, messages)
            for name, at_once in (("ours", 0), ("ours, one at a time", 1)):
                path = queued(in_file(folder), sends, messages)
                met(name, "benchmarks.fanout_sending", "ours", sends, port, messages, path, at_once)
            for name, group in (("Apprise", 100), ("Apprise, each their own", 1)) if python is not None else ():
                met(name, "benchmarks/fanout_apprise.py", sends, port, messages, group, python=python, module=False)
    return runs


def shown(kind: str, messages: int, runs: dict[str, list[Run]]) -> dict[str, tuple[float, float]]:
    """Print the table; messages a second and a CPU second, by contender."""
    found = {name: (messages / median(run["seconds"] for run in of), messages / median(run["cpu"] for run in of))
             for name, of in runs.items()}
    loop = found["bare loop"]
    print(f"\n{kind}, {messages:,} messages     a second   of the loop   CPU ms each   a CPU second, of the loop's   "
          "CPU ms of the stand-in, and of a core")
    for name, (rate, each) in found.items():
        served, seconds = (median(run[what] for run in runs[name]) for what in ("served", "seconds"))
        print(f"  {name:24} {rate:12,.0f} {rate / loop[0]:12.0%} {1000 / each:13.2f} {each / loop[1]:18.0%} "
              f"{1000 * served / messages:30.2f} {served / seconds:12.0%}")
    most, busy = ceiling(kind, messages)
    print(f"  the stand-in itself takes {most:,.0f} a second from a client that costs next to nothing ({busy:.0%} of a "
          "core)")
    for name in found:
        if name.startswith("Apprise"):
            rate, each = (ours / theirs for ours, theirs in zip(found["ours"], found[name], strict=True))
            print(f"  ours to {name}: {rate:.1f} times a second, {each:.1f} a CPU second")
    marks = [run["marks"] for run in runs["ours"]]
    part = max(len(marks[0]) // 5, 1)
    slow = median((m[-1] - m[-1 - part]) / (m[part] - m[0]) for m in marks) if len(marks[0]) > part else 1.0
    print(f"  the last fifth took {slow:.2f} times as long as the first")
    return found


def processes(store: str, fresh: Callable[[], str], kind: str, messages: int, repeats: int) -> None:
    """One sender process and two over one store."""
    runs: dict[int, list[Run]] = {1: [], 2: []}
    sends = kind.split(",")[0]
    for _ in range(repeats):
        for number in runs:
            with standin(kind) as served:
                path = queued(fresh(), sends, messages)
                given = [sys.executable, "-m", "benchmarks.fanout_sending", "ours", sends, str(served.port),
                         str(messages), path, "0"]
                before = served.cpu()
                started = [subprocess.Popen(given, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
                           for _ in range(number)]
                said = [json.loads(one.communicate(timeout=1800)[0].splitlines()[-1]) for one in started]
                seconds = max(run["seconds"] for run in said)
                runs[number].append({
                    "rate": messages / seconds, "served": (served.cpu() - before) / seconds,
                    "sent": sum(run["cpu"] for run in said) / seconds})
    for number, found in runs.items():
        rate, served, sent = (median(run[what] for run in found) for what in ("rate", "served", "sent"))
        print(f"  {store}, {kind}: {number} sender process{'es' if number > 1 else '  '} {rate:6,.0f} a second; the "
              f"senders use {sent:.0%} of a core together, the stand-in {served:.0%} ({os.cpu_count()} cores)")


def grown(folder: Path, messages: int, repeats: int) -> None:
    """Print what a second sender process brings, on both stores."""
    print()
    for kind in (*KINDS, FAR[0]):
        processes("SQLite", lambda: in_file(folder), kind, messages, repeats)
    with postgres_server("fsync=on") as server:
        for kind in FAR:
            processes("PostgreSQL", lambda: server.address(server.database()), kind, messages, repeats)


# ── at the providers' limits ─────────────────────────────────────────────────────────────────────────────────────────


def lasts(rate: float, messages: int) -> timedelta:
    """How long the sender takes for so many at a limit: its own rule and batches, in virtual time."""
    began = now = datetime(2026, 1, 1, tzinfo=UTC)
    limit, levels, batch = Limit.flowing("the limit", rate), (Level(),), DeliverySettings().batch
    while messages:
        granted = grant((limit,), levels, [1.0] * min(batch, messages), now)
        levels, messages = granted.levels, messages - granted.number
        if not granted.number:
            now += IDLE
    return now - began


def limits(messages: int) -> None:
    """Print how long so many take at real limits."""
    print(f"\n{messages:,} messages of one segment at the providers' limits, by the sender's own rate code")
    for name, rate in LIMITS.items():
        print(f"  {name:50} {rate:7.2f} a second   {str(lasts(rate, messages)).split('.')[0]:>16}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--messages", type=int)
    parser.add_argument("--subscribers", type=int)
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--decisions", type=int)
    parser.add_argument("--only", choices=("sending", "processes", "million"))
    parser.add_argument("--store", choices=tuple(fanout_million.STORES), help="for the million; both where not given")
    parser.add_argument("--kind", choices=KINDS, help="of sending; all where not given")
    given = parser.parse_args()
    messages = given.messages or (300 if given.short else 2000)
    subscribers = given.subscribers or (20_000 if given.short else 1_000_000)
    repeats = given.repeats or (1 if given.short else 3)
    decisions = given.decisions if given.decisions is not None else (5 if given.short else 100)
    kinds = (given.kind,) if given.kind else KINDS
    rates: Rates = {}
    decided: dict[str, Run] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.only in (None, "sending"):
            python = None if given.short else apprise(folder)
            rates = {kind: shown(kind, messages, contend(folder, kind, messages, repeats, python)) for kind in kinds}
        if given.only in (None, "processes") and not given.short:
            grown(folder, messages, repeats)
        if given.only in (None, "million"):
            people = fanout_million.filled(folder, subscribers)
            for store in (given.store,) if given.store else fanout_million.STORES:
                decided[store] = fanout_million.deciding(people, store, repeats, decisions)
                fanout_million.told(store, subscribers, decided[store])
    limits(10_000 if given.short else 100_000)
    if given.short:
        held(rates, decided, subscribers)


def held(rates: Rates, decided: dict[str, Run], subscribers: int) -> None:
    """Fail where even a busy machine explains nothing."""
    for kind, found in rates.items():
        assert found["ours"][0] > 0.2 * found["bare loop"][0], f"{kind}: {found}"
    for store, found in decided.items():
        assert found["audience"] > 0.8 * subscribers, (store, found)
        assert found["rss_mib"] < 512, (store, found)
        assert found["first_mastodon"] < 10, (store, found)
    print("\nheld")


if __name__ == "__main__":
    main()
