"""Replay beside only reading the recording, in the same run: `python -m benchmarks.replay [RECORDING…]`.

Without arguments: the shipped Vermont recording, and Hurricane Sandy where ../shared is there. The price of deciding
is the ratio; building the detector (its list of places) happens once and is told apart.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

from notifier.app import make_detector
from notifier.config import load
from notifier.config.tree import Config
from notifier.demo.vermont import SHIPPED
from notifier.logs import configure
from notifier.replay.engine import Approver
from notifier.replay.recording import read_recording
from notifier.replay.run import replay

PROJECT = Path(__file__).resolve().parents[1]
POSTS = PROJECT.parent / "shared" / "data" / "mentions" / "crisislex_t6_60k.jsonl.gz"
SANDY = "2012_Sandy_Hurricane"


def write_sandy(folder: Path) -> Path:
    """Hurricane Sandy as a recording."""
    with gzip.open(POSTS, "rt", encoding="utf-8") as lines, gzip.open(folder / "mentions.jsonl.gz", "wt") as out:
        for line in lines:
            post = json.loads(line)
            if post["event"] == SANDY:
                kept = {name: post[name] for name in ("id", "created_at", "text")}
                out.write(json.dumps({**kept, "network": "x"}) + "\n")
    return folder


def measure(name: str, config: Config, recording: Path, places: float) -> None:
    """Print events a second of reading and of replaying, and their ratio."""
    began = time.perf_counter()
    events = sum(1 for _ in read_recording(recording, None))
    reading = time.perf_counter() - began
    began = time.perf_counter()
    report = replay(config, recording, approver=Approver.parse("auto"))
    playing = time.perf_counter() - began - places
    print(f"{name}: {events:,} events; reading {events / reading:,.0f}/s, replaying {events / playing:,.0f}/s "
          f"({playing / reading:,.0f} times reading), {len(report['incidents'])} incidents")


def main() -> None:
    """Measure what is named, or the two recordings of the README."""
    configure(json_lines=False, level="error")
    config = load(PROJECT / "config")
    began = time.perf_counter()
    make_detector(config)
    places = time.perf_counter() - began
    print(f"building the detector: {places:.1f} s, once; left out below")
    for name in sys.argv[1:]:
        measure(name, config, Path(name), places)
    if not sys.argv[1:]:
        measure("Vermont", config, SHIPPED, places)
        if POSTS.exists():
            with tempfile.TemporaryDirectory() as folder:
                measure("Sandy", config, write_sandy(Path(folder)), places)


if __name__ == "__main__":
    main()
