"""What a checkpoint of the detector writes each minute: in one piece, as it was, and in parts that changed.

    python -m benchmarks.checkpoint [--series 1000 10000]

Every number of every series is made up and differs from all others, as in a year of hearing: zeros would pack to
nothing. Written to a real store in a temporary folder; milliseconds of CPU, least of five minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import msgspec
import numpy as np

from notifier.detection.parts import Written, cut
from notifier.detection.spikes.keeping import _by_region
from notifier.detection.spikes.territory import Territory
from notifier.ports import Store
from notifier.store import StoreSettings, open_store

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MINUTE = int(NOW.timestamp()) // 60
PARTS = 50


def made(series: int) -> Territory:
    """A service in a territory of so many series, long heard."""
    states = {f"state{number}": "nation" for number in range(PARTS)}
    leaves = {f"leaf{number}": f"state{number % PARTS}" for number in range(series - PARTS - 1)}
    territory = Territory({"nation": None, **states, **leaves})
    dice = np.random.default_rng(1)
    for _, column in _by_region(territory.field):
        if column.dtype.kind == "f":
            column[...] = 1 + dice.random(column.shape) * 0.1
    territory.field.usual.heard = 30 * 1440
    territory.field.usual.hours_seen[...] = dice.random(territory.field.usual.hours_seen.shape)
    territory.field.usual.hours_weeks[...] = 3
    territory.field.usual.refresh()
    return territory


def hear(territory: Territory, minute: int) -> None:
    """A minute in which every region hears somebody."""
    people = np.random.default_rng(minute).poisson(1.0, len(territory)).astype(float)
    territory.field.tick(minute, people, np.zeros(len(territory)), np.ones(len(territory)))


def whole(territory: Territory) -> dict[str, bytes]:
    """As it was kept: everything, packed."""
    return {"whole": zlib.compress(msgspec.msgpack.encode(territory.dump()), 1)}


def write(store: Store, entries: dict[str, bytes]) -> int:
    """Bytes written, in one transaction."""
    with store.transaction() as tx:
        for name, data in entries.items():
            tx.put_checkpoint(name, data, NOW)
    return sum(map(len, entries.values()))


def measured(run: Callable[[], int], minutes: list[int], territory: Territory) -> tuple[int, float]:
    """(bytes, least CPU seconds) of keeping what each of these minutes changed."""
    found = []
    for minute in minutes:
        hear(territory, minute)
        begun = process_time()
        size = run()
        found.append((process_time() - begun, size))
    return max(size for _, size in found), min(seconds for seconds, _ in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, nargs="+", default=[1_000, 10_000])
    print(f"{'series':>7}  {'kept':28} {'bytes':>12} {'a series':>9} {'ms CPU':>8}")
    for series in parser.parse_args().series:
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(StoreSettings(path=str(Path(folder) / "n.db")))
            territory, written = made(series), Written()

            def parts(territory: Territory = territory, written: Written = written, store: Store = store) -> int:
                size = write(store, written.changed(cut(territory.dump(), "d/s")))
                written.done()
                return size

            def once(territory: Territory = territory, store: Store = store) -> int:
                return write(store, whole(territory))

            hear(territory, MINUTE)
            rows = (("in one piece, every minute", once, [MINUTE + at for at in range(1, 6)]),
                    ("in parts, the first time", parts, [MINUTE + 6]),
                    ("in parts, every minute", parts, [MINUTE + at for at in range(7, 12)]),
                    ("in parts, an hour ends", parts, [(MINUTE // 60 + 1) * 60 - 1]))
            for name, run, minutes in rows:
                if minutes[0] > MINUTE + 12:  # the minutes between were kept, too
                    hear(territory, minutes[0] - 1)
                    parts()
                size, seconds = measured(run, minutes, territory)
                print(f"{series:>7,}  {name:28} {size:>12,} {size / series:>9,.0f} {seconds * 1e3:>8.1f}")
            store.close()


if __name__ == "__main__":
    main()
