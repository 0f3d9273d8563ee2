"""The ready trees, and a deployment's own regions over them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from notifier.config.files import Include, RegionEntry
from notifier.config.region_tree import DEEPEST, build_tree
from notifier.config.yaml_file import YamlFile
from notifier.model.region import RegionTree


def build(*includes: tuple[str, ...], own: tuple[dict[str, object], ...] = ()) -> tuple[RegionTree, list[str]]:
    file = YamlFile("regions.yaml")
    tree = build_tree([(n, Include(country=country, levels=tuple(levels))) for n, (country, *levels)
                       in enumerate(includes)],
                      [(n, RegionEntry.model_validate(entry)) for n, entry in enumerate(own)], file)
    return tree, [f"{mistake.path}: {mistake.message}" for mistake in file.mistakes]


def test_the_united_states_have_every_state_and_county() -> None:
    tree, mistakes = build(("US", "state", "county"))
    assert mistakes == []
    kinds = [region.kind for region in tree]
    assert kinds.count("state") == 50
    assert [region.id for region in tree if region.kind == "district"] == ["US-DC"]
    assert kinds.count("outlying area") == 6
    assert 3_100 < kinds.count("county") < 3_300  # 3,144 counties and equivalents, and those of the outlying areas
    assert len(tree.within("US-VT")) == 1 + 14


def test_a_county_of_vermont() -> None:
    tree, _ = build(("US", "state", "county"))
    county = tree["US-VT-007"]
    assert county.name == "Chittenden County, VT"
    assert set(county.codes) == {"50007", "FIPS:50007", "SAME:050007", "UGC:VTC007"}
    assert tree.path(county.id) == ("US-VT-007", "US-VT", "US", "world")
    assert county.timezone == "America/New_York"
    assert {"50", "FIPS:50", "SAME:050000"} <= set(tree["US-VT"].codes)
    assert "VT" in tree["US-VT"].aliases


def test_every_region_of_every_ready_tree_has_a_zone_and_a_parent_before_it() -> None:
    tree, mistakes = build(("all", "state"), ("US", "county"))
    assert mistakes == []
    seen: set[str] = set()
    for region in tree:
        ZoneInfo(region.timezone)
        assert region.parent in seen or region.id == "world"
        seen.add(region.id)
    assert sum(region.kind == "country" for region in tree if region.parent == "world") == 249 - 6


def test_puerto_rico_is_there_once() -> None:
    tree, mistakes = build(("all",), ("US", "state", "county"))
    assert mistakes == []
    named = [region.id for region in tree if "Puerto Rico" in (region.name, *region.aliases)]
    assert named == ["PR"]
    assert {"US-PR", "PRI", "FIPS:72", "SAME:072000"} <= set(tree["PR"].codes)
    assert tree["PR"].parent == "US"
    assert len(tree.within("PR")) > 70  # its municipalities
    for order in ((("PR",), ("US", "state")), (("US", "state"), ("PR",)), (("US", "state"),)):
        assert build(*order)[0]["PR"].parent == "US"
    assert build(("all",))[0]["PR"].parent == "world"


@pytest.mark.parametrize(("region", "zone"), [
    ("US-VT", "America/New_York"), ("US-IL", "America/Chicago"), ("US-CA", "America/Los_Angeles"),
    ("US-AZ", "America/Phoenix"), ("US-HI", "Pacific/Honolulu"), ("US-AK", "America/Anchorage"),
    ("PR", "America/Puerto_Rico"), ("GU", "Pacific/Guam"), ("US-CO-031", "America/Denver"),
    ("CA-ON", "America/Toronto"), ("CA-BC", "America/Vancouver"), ("CA-NL", "America/St_Johns"),
    ("AU-WA", "Australia/Perth"), ("AU-QLD", "Australia/Brisbane"), ("GB-SCT", "Europe/London"), ("JP", "Asia/Tokyo"),
])
def test_time_zones(region: str, zone: str) -> None:
    tree, _ = build(("US", "state", "county"), ("CA", "state"), ("AU", "state"), ("GB", "state"), ("JP",))
    assert tree[region].timezone == zone


def test_names_are_names() -> None:
    tree, _ = build(("GB", "state"))
    assert tree["GB-WLS"].name == "Wales"
    assert {"UK", "Britain"} <= set(tree["GB"].aliases)


def test_what_an_override_leaves_out_stays() -> None:
    tree, mistakes = build(("US", "state"), own=(
        {"id": "north-east", "name": "the north-east", "parent": "US"},
        {"id": "US-VT", "parent": "north-east", "customers": 310, "aliases": ["VT", "Green Mountain State"],
         "names": {"fr": "le Vermont"}, "codes": ["05401"]}))
    assert mistakes == []
    vermont = tree["US-VT"]
    assert (vermont.name, vermont.parent, vermont.customers) == ("Vermont", "north-east", 310)
    assert vermont.aliases.count("VT") == 1
    assert "FIPS:50" in vermont.codes
    assert vermont.name_in("fr-CA") == "le Vermont"
    assert tree.covers("north-east", "US-VT")
    assert tree["north-east"].timezone == tree["US"].timezone


def test_a_zone_is_taken_from_the_nearest_parent_that_has_one() -> None:
    tree, mistakes = build(own=({"id": "c", "name": "C", "parent": "b"}, {"id": "b", "name": "B", "parent": "a"},
                                {"id": "a", "name": "A", "timezone": "Asia/Tokyo"}, {"id": "d", "name": "D"}))
    assert mistakes == []
    assert [tree[region].timezone for region in "abcd"] == ["Asia/Tokyo"] * 3 + ["UTC"]
    assert [region.id for region in tree][-4:] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(("own", "told"), [
    pytest.param([("a", "a")], ["regions[0].parent: is its own ancestor"], id="its own parent"),
    pytest.param([("a", "b"), ("b", "a")], ["regions[0].parent: is its own ancestor"], id="two, told once"),
    pytest.param([("x", "a"), ("a", "b"), ("b", "a")], ["regions[1].parent: is its own ancestor"],
                 id="what hangs below a loop is not blamed"),
    pytest.param([("US", "US-VT")], ["regions[0].parent: is its own ancestor"], id="a ready region below its child"),
    pytest.param([("a", "nowhere")], ["regions[0].parent: unknown region"], id="a parent that is not there"),
])
def test_wrong_parents_are_told_and_left_out(own: list[tuple[str, str]], told: list[str]) -> None:
    tree, mistakes = build(("US", "state"), own=tuple({"id": id, "name": id, "parent": parent} for id, parent in own))
    assert mistakes == told
    for region in tree:
        assert len(tree.path(region.id)) < 10


def test_a_chain_of_twenty_thousand_regions_takes_no_time() -> None:
    own = tuple({"id": f"r{n}", "name": "r", "parent": f"r{n - 1}" if n else "world"} for n in range(20_000))
    tree, mistakes = build(own=own)
    assert mistakes[0] == f"regions[{DEEPEST}].parent: lies more than {DEEPEST} levels deep"
    assert len(tree) == 20_001


def test_polygons_are_closed() -> None:
    corners = [(44.0, -73.0), (45.0, -73.0), (45.0, -72.0)]
    tree, _ = build(own=({"id": "a", "name": "A", "polygon": corners}, {"id": "b", "name": "B",
                                                                        "polygon": [*corners, corners[0]]}))
    assert tree["a"].polygon == tree["b"].polygon == (*corners, corners[0])


def test_a_city_of_ones_own_is_where_the_world_knows_it() -> None:
    """By its name in its state; a point in YAML wins; a district or an unknown name has none."""
    tree, mistakes = build(("US", "state", "county"), ("CA", "state"), own=(
        {"id": "btv", "name": "Burlington", "kind": "city", "parent": "US-VT-007"},
        {"id": "van", "name": "Vancouver", "kind": "city", "parent": "CA-BC"},
        {"id": "van-wa", "name": "Vancouver", "kind": "town", "parent": "US-WA"},
        {"id": "nowhere", "name": "Nowhere at All", "kind": "town", "parent": "US-WA"},
        {"id": "north", "name": "Burlington", "kind": "district", "parent": "US-VT"},
        {"id": "moved", "name": "Burlington", "kind": "city", "parent": "US-VT", "point": (44.0, -73.0)}))
    assert mistakes == []
    points = {id: tree[id].point for id in ("btv", "van", "van-wa", "nowhere", "north", "moved", "US-VT")}
    assert [points[id] and tuple(round(degree) for degree in points[id] or ()) for id in ("btv", "van", "van-wa")] \
        == [(44, -73), (49, -123), (46, -123)]
    assert points["nowhere"] is points["north"] is points["US-VT"] is None
    assert points["moved"] == (44.0, -73.0)
