"""Entergy: shares of a county, copies nobody renews, names as the company writes them, and Hurricane Francine."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from notifier.config.files import Include
from notifier.config.region_tree import build_tree
from notifier.config.yaml_file import YamlFile
from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.settings import Placing
from notifier.sources.utilities import entergy
from notifier.sources.utilities.entergy import EntergySettings
from tests.shared_data import shared

from .support import NOW, answer, tree

TREE = tree()


def line(**over: Any) -> dict[str, Any]:
    return {"state": "V", "county": "CHITTENDEN", "customersServed": 46_109, "customersAffected": 6_000,
            "lastUpdatedTime": "2026-01-15T11:58:31", **over}


def read(*lines: Any, memory: Any = None, regions: RegionTree = TREE, at: datetime = NOW, **fields: Any) -> Reading:
    made = EntergySettings(id="ent", **{"placing": Placing(service="power"), "territory": ("US-VT",), **fields})
    return entergy.make(made, regions=regions).read(answer(list(lines), at=at), memory or {}, at)


@pytest.mark.parametrize(
    ("over", "level"),
    [
        pytest.param({"customersAffected": 499}, "NOTICE", id="1 % is worth knowing"),
        pytest.param({"customersAffected": 500}, "MINOR", id="500 customers"),
        pytest.param({"customersAffected": 5_000}, "MAJOR", id="5,000 customers"),
        pytest.param({"customersAffected": 30_000}, "CRITICAL", id="65 %"),
        pytest.param({"customersAffected": 60, "customersServed": 400}, "MINOR", id="15 % of a small county"),
        pytest.param({"customersAffected": 40, "customersServed": 60}, "-", id="most of a hamlet"),
        pytest.param({"customersAffected": 6_000, "customersServed": 0}, "MAJOR", id="of unknown many"),
        pytest.param({"customersAffected": 0}, "-", id="nobody"),
    ],
)
def test_levels(over: dict[str, Any], level: str) -> None:
    reading = read(line(**over), line(county="WASHINGTON", customersAffected=0))
    assert reading.known, reading.why
    assert [s.level.name for s in reading.signals] == ([] if level == "-" else [level])


@pytest.mark.parametrize(
    ("over", "known"),
    [
        pytest.param({}, True, id="two minutes old"),
        pytest.param({"lastUpdatedTime": 1768478311000}, True, id="as the source itself has it, in milliseconds"),
        pytest.param({"lastUpdatedTime": "2026-01-15T10:30:00"}, False, id="a copy of an hour and a half ago"),
        pytest.param({"lastUpdatedTime": "2026-01-15T17:58:31"}, True, id="some hours ahead: another zone"),
        pytest.param({"lastUpdatedTime": "2026-01-18T11:58:31"}, False, id="days ahead"),
        pytest.param({"lastUpdatedTime": None}, False, id="no stamp"),
        pytest.param({"customersAffected": "x"}, False, id="no number anywhere"),
        pytest.param({"county": ""}, False, id="a county without a name"),
    ],
)
def test_what_can_be_relied_on(over: dict[str, Any], known: bool) -> None:
    assert read(line(**over)).known is known


def test_an_empty_list_says_nothing() -> None:
    assert not read().known


def test_a_county_is_over_when_it_says_so_and_not_when_it_is_missing() -> None:
    well = line(county="WASHINGTON", customersAffected=0)
    first = read(line(), well)
    assert first.affirmed
    missing = read(well, memory=first.memory)
    assert missing.signals == ()
    assert "region:US-VT-007" in missing.present
    (signal,) = read(line(customersAffected=12), well, memory=missing.memory).signals
    assert signal.level is Level.OK


def test_the_territory_says_which_washington_is_meant() -> None:
    for territory, region in ((("US-VT",), "US-VT-023"), (("US-NY",), "US-NY-115")):
        (signal,) = read(line(county="WASHINGTON"), territory=territory).signals
        assert signal.region == region
    assert read(line(county="WASHINGTON"), territory=()).unplaced == ("no region for WASHINGTON (1 outage, 6,000 "
                                                                      "customers)",)


def test_customers_of_no_county_are_said() -> None:
    (words,) = read(line(county="OTHER", customersAffected=472)).unplaced
    assert words == "no region for OTHER (1 outage, 472 customers)"


def test_by_postcode() -> None:
    (signal,) = read({**line(), "zip": "05401", "county": None},
                     placing=Placing(service="power", regions=("US-VT",))).signals
    assert signal.region == "US-VT"


def test_francine_as_captured() -> None:
    """Every parish of every snapshot is found in the ready tree of counties."""
    file = shared("data/power/entergy_county_2024-09-11_to_13.jsonl.gz")
    louisiana = build_tree([(0, Include(country="US", levels=("state", "county")))], [], YamlFile("regions.yaml"))
    unplaced: set[str] = set()
    worst: dict[str, Level] = {}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for text in lines:
            snapshot = json.loads(text)
            at = datetime.fromisoformat(snapshot["fetched_at"]).astimezone(UTC)
            reading = read(*snapshot["body"], regions=louisiana, at=at, territory=("US-LA",))
            assert reading.known, reading.why
            unplaced |= {words.partition(" (")[0] for words in reading.unplaced}
            for signal in reading.signals:
                worst[signal.region] = max(signal.level, worst.get(signal.region, Level.OK))
    assert unplaced == {"no region for OTHER"}
    assert worst["US-LA-109"] is worst["US-LA-057"] is Level.CRITICAL, "Terrebonne and Lafourche: nearly everybody"
