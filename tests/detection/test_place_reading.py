"""Where does a post speak of? By fields, parts, codes, coordinates, flags, and in other languages."""

from __future__ import annotations

import csv
from functools import cache

import pytest

from notifier.config.ready_regions import known_countries, ready, world
from notifier.detection.gazetteer import region_at
from notifier.detection.place import Placed, PlaceFinder
from notifier.detection.placing.certainty import Ground
from notifier.detection.placing.postcodes import five_digits, lettered
from notifier.model.region import Region, RegionTree

from ..shared_data import shared
from .scene import places, post, vocabulary

STATES = ("US", "CA", "GB", "AU", "DE", "FR", "NG")
NORTH = ((54.0, -3.2), (54.0, -1.0), (53.0, -1.0), (53.0, -3.2), (54.0, -3.2))


@cache
def tree() -> RegionTree:
    """The world by country, some by state, counties of Vermont, and regions a deployment might add in England."""
    found = {"world": world()}
    for country in sorted(known_countries()):
        for region in ready(country, ["state"] if country in STATES else []):
            found[region.id] = region
    for region in ready("US", ["county"]):
        if region.id.startswith("US-VT-"):
            found[region.id] = region
    for own in (Region("uk-nw", "North West England", "area", "GB-ENG", aliases=("the North West",), polygon=NORTH),
                Region("bfs-s", "South Belfast", "district", "GB-NIR", codes=("POSTAL:BT7", "POSTAL:BT9")),
                Region("us-ny-up", "Upstate New York", "area", "US-NY", aliases=("upstate NY",)),
                Region("fr-69", "Rhône", "department", "FR-ARA", codes=("POSTAL:FR-69",))):
        found[own.id] = own
    return RegionTree(found)


@cache
def finder(home: str | None = None) -> PlaceFinder:
    """A finder whose territory is `home`."""
    words = vocabulary()
    return PlaceFinder(tree(), home=home, nowhere=words.nowhere, not_places=words.not_places)


def where(profile: str, home: str | None = None) -> str | None:
    """The region a profile says."""
    found = finder(home).find(post("", where=profile))
    return found.region if found else None


def spoken(text: str, home: str | None = None) -> str | None:
    """The region a text says."""
    found = finder(home).find(post(text))
    return found.region if found else None


@pytest.mark.parametrize(("profile", "region"), [
    pytest.param("London, Ontario", "CA-ON", id="the province decides which London"),
    pytest.param("Paris, TX", "US-TX", id="the state decides which Paris"),
    pytest.param("Kent, Washington", "US-WA", id="a county of England is also a town of Washington"),
    pytest.param("Camden County, Georgia", "US-GA", id="a word may stand between a place and its state"),
    pytest.param("Madison, Georgia", "US-GA", id="of two Georgias the one with a Madison in its country"),
    pytest.param("Plymouth Meeting, PA", "US-PA", id="a town that begins with another's name"),
    pytest.param("Warsaw Indiana", "US-IN", id="a small town with its state, without a comma"),
    pytest.param("Ancaster, ont", "CA-ON", id="a newspaper's abbreviation"),
    pytest.param("Malibu,ca", "US-CA", id="a state in small letters after a comma"),
    pytest.param("NW Ga", "US-GA", id="a state in mixed letters after a part"),
    pytest.param("Trollhättan, SE", "SE", id="a country's letters after a place in it"),
    pytest.param("Bray, Co Wicklow, Ireland", "IE", id="'Co' is not Colorado"),
    pytest.param("Rwanda. Kigali", "RW", id="the wider place first"),
    pytest.param("Fort Worth ↔️ Austin", "US-TX", id="two places in one state"),
    pytest.param("NYC ✈ LDN", None, id="from one country to another: nowhere"),
    pytest.param("Leigh-on-Sea, Essex", "GB-ENG", id="a piece of a hyphened name is no place"),
    pytest.param("Leeds/Bradford", "GB-ENG", id="two cities of one country"),
    pytest.param("the Bay Area", "US-CA", id="a nickname"),
    pytest.param("sanjose", "US-CA", id="a name run together"),
    pytest.param("YYC - The Beltline", "CA-AB", id="a Canadian airport"),
    pytest.param("ATL ✈️ OKC", "US", id="airports among themselves"),
    pytest.param("BTS", None, id="letters of one airport alone are a band"),
    pytest.param("DR Congo", "CD", id="not its neighbour"),
    pytest.param("Washington, D.C.", "US-DC", id="dotted letters"),
    pytest.param("U.K", "GB", id="dotted letters without the last dot"),
    pytest.param("Hogwarts", None, id="a school in a book"),
    pytest.param("mom's basement", None, id="a joke"),
    pytest.param("the moon", None, id="not on Earth"),
    pytest.param("Gotham", None, id="a city in a comic"),
    pytest.param("neptune", None, id="a planet, though New Jersey has a Neptune"),
    pytest.param("University of Nowhere", None, id="generic words name no town"),
    pytest.param("not Chicago", None, id="a negation"),
    pytest.param("stuck in traffic again", None, id="prose"),
])
def test_profiles(profile: str, region: str | None) -> None:
    """A profile holds little but a place, often spelt in its own way."""
    assert where(profile) == region


@pytest.mark.parametrize(("profile", "region"), [
    pytest.param("Deutschland", "DE", id="German"),
    pytest.param("España", "ES", id="Spanish"),
    pytest.param("日本", "JP", id="Japanese"),
    pytest.param("東京都練馬区", "JP", id="Japanese without spaces"),
    pytest.param("台灣", "TW", id="traditional Chinese"),
    pytest.param("Москва", "RU", id="a city in Russian"),
    pytest.param("झारखण्ड , भारत", "IN", id="Hindi, whose vowel signs are no letters to most software"),
    pytest.param("서울에서", "KR", id="Korean with a particle"),
    pytest.param("القاهرة", "EG", id="Arabic"),
    pytest.param("امريكا-منوبولسMinneapolis", "US-MN", id="two scripts without a space"),
    pytest.param("Köln", "DE-NW", id="an umlaut"),
    pytest.param("Tromsø", "NO", id="a letter that is no accented one"),
    pytest.param("🇨🇦🇨🇦 #hockey", "CA", id="a flag"),
    pytest.param("🇨🇦🇮🇹", None, id="two flags: forebears"),
    pytest.param("🏴󠁧󠁢󠁳󠁣󠁴󠁿", "GB-SCT", id="Scotland's flag"),
])
def test_other_languages(profile: str, region: str | None) -> None:
    """Countries and large cities by their names in other languages and scripts."""
    assert where(profile) == region


@pytest.mark.parametrize(("profile", "region"), [
    pytest.param("ÜT: 43.65,-79.38", "CA-ON", id="an old client's mark"),
    pytest.param("iPhone: 40.755562,-73.986462", "US-NY", id="a phone's"),
    pytest.param("42°44′0.6″N 84°32′48.12″W", "US-MI", id="degrees, minutes, seconds"),
    pytest.param("7.6219 N, 6.9743 E", "NG-KO", id="letters behind"),
    pytest.param("53.48,-2.24", "uk-nw", id="inside a deployment's own border"),
    pytest.param("0.0,0.0", None, id="no position"),
    pytest.param("-40.1,-140.2", None, id="at sea"),
    pytest.param("95.1,200.2", None, id="not on the globe"),
])
def test_coordinates(profile: str, region: str | None) -> None:
    """A point lies in the region whose border holds it, else where the city next to it does."""
    assert where(profile) == region


@pytest.mark.parametrize(("text", "home", "region"), [
    pytest.param("no internet SW1A 1AA", None, "GB-ENG", id="a whole British code"),
    pytest.param("no internet sw1a1aa", None, "GB-ENG", id="without its space, in small letters"),
    pytest.param("no internet in M1 1AE", None, "uk-nw", id="the area lies in a region of the deployment"),
    pytest.param("BT7 is down again", "GB", "bfs-s", id="an outward code among a region's codes"),
    pytest.param("BT7 is down again", "US", None, id="letters and digits abroad are no code"),
    pytest.param("stuck on the A1 again, no signal", "GB", None, id="a road is no code"),
    pytest.param("no cable K1A 0B1", None, "CA-ON", id="a whole Canadian code"),
    pytest.param("no cable in H2X", "CA", "CA-QC", id="a forward sortation area at home"),
    pytest.param("no signal in 05401", "US", "US-VT", id="a ZIP code at home"),
    pytest.param("no signal in 05401", "US-VT", "US-VT", id="one of the state"),
    pytest.param("no signal in 10001", "US-VT", None, id="of another state: may be a number"),
    pytest.param("10001 people without power", "US", None, id="a number of people"),
    pytest.param("the bill is $10001", "US", None, id="money"),
    pytest.param("no signal in 05401", None, None, id="without a territory five digits are a number"),
    pytest.param("kein Netz in 50667", "DE", "DE-NW", id="a German code"),
    pytest.param("pas de réseau à Lyon, 69003", "FR", "fr-69", id="a French department of the deployment"),
    pytest.param("pas de réseau, 13001", "FR", "FR-PAC", id="a French department"),
])
def test_postcodes(text: str, home: str | None, region: str | None) -> None:
    """Codes with letters say their country; five digits mean what the territory's country means by them."""
    assert spoken(text, home) == region


@pytest.mark.parametrize(("text", "region", "part"), [
    pytest.param("no power in northern Alberta", "CA-AB", "northern Alberta", id="the state, and the part is told"),
    pytest.param("no power upstate NY", "us-ny-up", "", id="an alias of the deployment wins"),
    pytest.param("no power in NW England", "uk-nw", "NW England", id="however the part is written"),
    pytest.param("no power in north west England", "uk-nw", "", id="written out"),
    pytest.param("no power in southern Vermont", "US-VT", "southern Vermont", id="no region of the deployment"),
    pytest.param("no power in Central America", None, "", id="no part of the United States"),
])
def test_parts_of_regions(text: str, region: str | None, part: str) -> None:
    """A part of a region places in the region, unless the deployment has a region for the part."""
    found = finder().find(post(text))
    assert (found.region if found else None, found.part if found else "") == (region, part)


@pytest.mark.parametrize(("text", "region"), [
    pytest.param("no power in Addison County", "US-VT-001", id="a county of one state in this tree"),
    pytest.param("Chittenden County, VT has no power", "US-VT-007", id="a county with its state"),
    pytest.param("wires down #vtwx", "US-VT", id="a weather tag"),
    pytest.param("wires down #abstorm", "CA-AB", id="a Canadian storm tag"),
    pytest.param("no cable #yyc", "CA-AB", id="an airport as a tag"),
    pytest.param("no cable #NewYork", "US-NY", id="words run together in a tag"),
    pytest.param("no cable #newyork", "US-NY", id="in small letters"),
    pytest.param("power out all over ohio", "US-OH", id="a state in small letters"),
    pytest.param("Vermont's network is gone", "US-VT", id="a possessive"),
    pytest.param("停電 東京", "JP", id="Japanese"),
    pytest.param("I OR ANYONE IN ME OK", None, id="capitals throughout are no states"),
    pytest.param("the White House is silent", None, id="Casablanca's name in English"),
    pytest.param("won with @Boston no power", None, id="an account"),
    pytest.param("@scat_Boston no power", None, id="an account with a line in its name"),
    pytest.param("no power, see https://example.org/Boston/VT", None, id="a link"),
])
def test_texts(text: str, region: str | None) -> None:
    """In a running text only what is meant as a place is one."""
    assert spoken(text) == region


@pytest.mark.parametrize(("profile", "home", "region"), [
    pytest.param("Seattle WA and London UK", "US", "US-WA", id="of two countries the one at home"),
    pytest.param("Seattle WA and London UK", "GB", "GB-ENG", id="the other's home"),
    pytest.param("Manchester", "US-NH", "US-NH", id="home before size"),
    pytest.param("Paris", "US-ME", "FR-IDF", id="but not before thirty times its size"),
    pytest.param("Georgia", "US", "US-GA", id="a state at home before a country"),
])
def test_home_comes_first(profile: str, home: str, region: str) -> None:
    """What several places share is settled by the operator's footprint."""
    assert where(profile, home) == region


def test_several_places_are_unsure() -> None:
    """Without a home the first of several places is given, for less than it is worth to act on alone."""
    found = finder().find(post("", where="Madrid - Buenos Aires"))
    assert found is not None
    assert (found.region, found.ground) == ("ES", Ground.SEVERAL)
    assert found.certainty < 0.5


def test_reason_tells_the_words() -> None:
    """Staff see where it stood, what was read, as it was written, and why that is a place."""
    found = finder().find(post("", where="Torreón, Coahuila. México"))
    assert found is not None
    assert found.words == "Torreón, Coahuila. México"
    assert found.reason == "profile says 'Torreón, Coahuila. México': named together with what it lies in"


@pytest.mark.parametrize(("place", "text", "profile", "how"), [
    pytest.param("Burlington, VT", "no data in Boston", "Albany, NY", "place", id="the network's field first"),
    pytest.param("somewhere", "no data in Boston", "Albany, NY", "text", id="then the text"),
    pytest.param(None, "no data", "Albany, NY", "profile", id="then the profile"),
])
def test_order(place: str | None, text: str, profile: str, how: str) -> None:
    """Place field, text, profile, in this order, each with its certainty."""
    found = places().find(post(text, place=place, where=profile))
    assert isinstance(found, Placed)
    assert found.how == how
    assert 0 < found.certainty <= 1


def test_british_outward_codes_lie_in_their_nation() -> None:
    """Each of 2,900 outward codes of a CC0 list is read, and 99 in 100 as of the nation the list gives."""
    nations = {"ENG": "GB-ENG", "SCT": "GB-SCT", "WLS": "GB-WLS", "NIR": "GB-NIR"}
    right = total = 0
    with shared("data/places/uk_outcodes_gibbs_cc0.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["country"] in nations:
                codes = list(lettered(row["postcode"], "1AA"))
                right += any(code.country == "GB" and code.region == nations[row["country"]] for code in codes)
                total += 1
    print(f"{right}/{total} outward codes in their nation")
    assert right / total >= 0.99


def test_every_zip_prefix_is_a_state() -> None:
    """What a ZIP prefix says is a region of the ready tree."""
    codes = [code for number in range(1000) if (code := five_digits(f"{number:03}01", "US"))]
    assert len(codes) > 880
    assert all(region_at(code.region, tree()) is not None for code in codes)
    assert {code.region for code in codes} >= {f"US-{state}" for state in ("AK", "HI", "DC", "VT", "WY")}
