"""Telling many: our sender beside Apprise and a bare loop, in the same run, towards the same stand-ins in processes of
their own, SMS by HTTP and mail by SMTP; and what a large audience costs before the first message.

    python -m benchmarks.fanout [--short] [--messages N] [--subscribers N] [--repeats N]

Ours keeps each step in SQLite with synchronous=FULL; the bare loop keeps nothing; Apprise is installed from PyPI into a
temporary venv, and left out with the reason where that fails. All three, the stand-ins and the disk share this machine:
read the ratios, which are medians of runs that take turns. --short is for the pipeline: it fails where a promise breaks
that no noise explains.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from notifier.delivery.settings import DeliverySettings
from notifier.model.limit import Level, Limit, grant
from notifier.store import StoreSettings, open_store

from .fanout_sending import KINDS, queue

PROJECT = Path(__file__).resolve().parents[1]
STANDINS = {"sms": "twilio", "mail": "smtp"}
LIMITS = {
    "SMS, one US long code": 1.0, "SMS, toll-free": 3.0, "SMS, short code": 100.0,
    "SMS, 10DLC low volume (75 a minute and carrier)": 3.75, "SMS, 10DLC score 1-49": 12.0,
    "SMS, 10DLC score 50-74": 120.0, "SMS, 10DLC score 75-100": 225.0, "mail, SES's usual first quota": 14.0,
}
"""Messages a second of one segment; three carriers together where the limit is a carrier's."""
IDLE = timedelta(seconds=0.5)
"""How long the daemon's sender waits where there is nothing it may send."""
Run = dict[str, Any]


@contextlib.contextmanager
def standin(name: str) -> Iterator[int]:
    """A provider in a process of its own; its port."""
    served = subprocess.Popen([sys.executable, "-m", "notifier.standins", name], cwd=PROJECT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert served.stdout is not None
    try:
        yield int(served.stdout.readline().split()[1])
    finally:
        served.terminate()
        served.wait(10)


def child(*arguments: object, python: str = sys.executable, module: bool = True) -> Run:
    """Run one contender; what it prints last."""
    given = [python, *(["-m"] if module else []), *map(str, arguments)]
    said = subprocess.run(given, cwd=PROJECT, capture_output=True, text=True, timeout=1800)
    if said.returncode:
        raise SystemExit(f"{' '.join(given)} failed:\n{said.stderr[-2000:]}")
    found: Run = json.loads(said.stdout.splitlines()[-1])
    return found


def queued(folder: Path, kind: str, messages: int) -> Path:
    """A fresh store with so many deliveries."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "notifier.db"
    store = open_store(StoreSettings(path=str(path)))
    queue(store, kind, messages)
    store.close()
    return path


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
    for _ in range(repeats):
        with standin(STANDINS[kind]) as port:
            sending = ("benchmarks.fanout_sending", "raw", kind, port, messages)
            runs.setdefault("bare loop", []).append(child(*sending))
            for name, at_once in (("ours", 0), ("ours, one at a time", 1)):
                path = queued(folder, kind, messages)
                runs.setdefault(name, []).append(
                    child("benchmarks.fanout_sending", "ours", kind, port, messages, path, at_once))
            for name, group in (("Apprise", 100), ("Apprise, each their own", 1)) if python is not None else ():
                runs.setdefault(name, []).append(child(
                    "benchmarks/fanout_apprise.py", kind, port, messages, group, python=python, module=False))
    return runs


def shown(kind: str, messages: int, runs: dict[str, list[Run]]) -> dict[str, tuple[float, float]]:
    """Print the table; messages a second and a CPU second, by contender."""
    found = {name: (messages / median(run["seconds"] for run in of), messages / median(run["cpu"] for run in of))
             for name, of in runs.items()}
    loop = found["bare loop"]
    print(f"\n{kind}, {messages:,} messages     a second   of the loop   CPU ms each   a CPU second, of the loop's")
    for name, (rate, each) in found.items():
        print(f"  {name:24} {rate:12,.0f} {rate / loop[0]:12.0%} {1000 / each:13.2f} {each / loop[1]:18.0%}")
    for name in found:
        if name.startswith("Apprise"):
            rate, each = (ours / theirs for ours, theirs in zip(found["ours"], found[name], strict=True))
            print(f"  ours to {name}: {rate:.1f} times a second, {each:.1f} a CPU second")
    marks = [run["marks"] for run in runs["ours"]]
    part = max(len(marks[0]) // 5, 1)
    slow = median((m[-1] - m[-1 - part]) / (m[part] - m[0]) for m in marks) if len(marks[0]) > part else 1.0
    print(f"  the last fifth took {slow:.2f} times as long as the first")
    return found


def processes(folder: Path, kind: str, messages: int, repeats: int) -> None:
    """One sender process and two over one store."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for number in rates:
            with standin(STANDINS[kind]) as port:
                path = queued(folder, kind, messages)
                given = [sys.executable, "-m", "benchmarks.fanout_sending", "ours", kind, str(port), str(messages),
                         str(path), "0"]
                started = [subprocess.Popen(given, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
                           for _ in range(number)]
                said = [json.loads(one.communicate(timeout=1800)[0].splitlines()[-1]) for one in started]
                rates[number].append(messages / max(run["seconds"] for run in said))
    one, two = median(rates[1]), median(rates[2])
    print(f"  {kind}: one sender process {one:,.0f} a second, two {two:,.0f} ({two / one:.2f} times; {os.cpu_count()} "
          "cores, the stand-in on one of them)")


# ── a large audience ─────────────────────────────────────────────────────────────────────────────────────────────────


def deciding(folder: Path, subscribers: int, repeats: int) -> Run:
    """Decide for a large audience again and again, the last time to its end."""
    path = folder / "people.db"
    subprocess.run([sys.executable, "-m", "benchmarks.fanout_deciding", str(path), "fill", str(subscribers)],
                   cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    firsts: dict[str, list[float]] = {}
    last: Run = {}
    with standin("mastodon") as mastodon, standin("twilio") as twilio:
        for at in range(repeats):
            own = shutil.copy(path, folder / "decided.db")
            whole = ["whole"] if at == repeats - 1 else []
            last = child("benchmarks.fanout_deciding", own, "decide", mastodon, twilio, *whole)
            for name in ("first_mastodon", "first_sms"):
                firsts.setdefault(name, []).append(last[name])
            for left in folder.glob("decided.db*"):
                left.unlink()
    print(f"\n{subscribers:,} subscribers, one decision, SQLite; first answers over {repeats} runs")
    for name, found in firsts.items():
        at = sorted(found)
        print(f"  {name:16} median {median(at):6.2f} s   p99 {at[min(int(len(at) * 0.99), len(at) - 1)]:6.2f} s "
              "after the release, while the rest was being queued")
    print(f"  everybody queued {last['everybody']:.1f} s after the signal, without a canary, "
          f"{last['cpu']:.1f} s of CPU; {last['audience']:,.0f} hear it; {last['rss_mib']:.0f} MiB at most")
    print(f"  another process that wanted to write waited {last['wait_p99']:.2f} s (p99), "
          f"{last['wait_most']:.2f} s at most")
    return {**last, **{name: max(found) for name, found in firsts.items()}}


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
    given = parser.parse_args()
    messages = given.messages or (300 if given.short else 2000)
    subscribers = given.subscribers or (20_000 if given.short else 1_000_000)
    repeats = given.repeats or (1 if given.short else 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = None if given.short else apprise(folder)
        rates = {kind: shown(kind, messages, contend(folder, kind, messages, repeats, python)) for kind in KINDS}
        if not given.short:
            print()
            for kind in KINDS:
                processes(folder, kind, messages, repeats)
        decided = deciding(folder, subscribers, repeats)
    limits(10_000 if given.short else 100_000)
    if given.short:
        held(rates, decided, subscribers)


def held(rates: dict[str, dict[str, tuple[float, float]]], decided: Run, subscribers: int) -> None:
    """Fail where even a busy machine explains nothing."""
    for kind, found in rates.items():
        assert found["ours"][0] > 0.2 * found["bare loop"][0], f"{kind}: {found}"
    assert decided["audience"] > 0.8 * subscribers, decided
    assert decided["rss_mib"] < 512, decided
    assert decided["first_mastodon"] < 10, decided
    print("\nheld")


if __name__ == "__main__":
    main()
