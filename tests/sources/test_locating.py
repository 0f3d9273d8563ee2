"""Which region a point lies in, and which one a utility means by a name."""

from __future__ import annotations

import pytest

from notifier.model.region import Region, RegionTree
from notifier.sources.utilities.locating import Locator, locator_of

SQUARE = ((44.0, -74.0), (44.0, -72.0), (45.0, -72.0), (45.0, -74.0), (44.0, -74.0))
INNER = ((44.4, -73.3), (44.4, -73.1), (44.6, -73.1), (44.6, -73.3), (44.4, -73.3))
REGIONS = (
    Region("US", "United States", "country"),
    Region("US-LA", "Louisiana", "state", "US"),
    Region("US-MS", "Mississippi", "state", "US"),
    Region("LA-EBR", "East Baton Rouge Parish, LA", "county", "US-LA", aliases=("East Baton Rouge Parish",)),
    Region("LA-LAS", "LaSalle Parish", "county", "US-LA"),
    Region("LA-STT", "St. Tammany Parish", "county", "US-LA", codes=("22103", "FIPS:22103")),
    Region("LA-WAS", "Washington Parish", "county", "US-LA"),
    Region("MS-WAS", "Washington County", "county", "US-MS"),
    Region("LA-HEL", "Saint Helena", "city", "US-LA"),
    Region("Z70001", "Metairie", "postcode", "US-LA", codes=("ZIP:70001",)),
    Region("Z70002", "Metairie East", "postcode", "US-LA", codes=("70002",)),
    Region("VT", "Vermont", "state", "US", polygon=SQUARE),
    Region("BTV", "Burlington", "city", "VT", polygon=INNER),
    Region("MTP", "Montpelier", "city", "VT", point=(44.26, -72.58)),
    Region("KEENE", "Keene", "city", "US", point=(42.93, -72.28)),
)
TREE = RegionTree({region.id: region for region in REGIONS})
LOCATOR = Locator(TREE)


@pytest.mark.parametrize(
    ("point", "km", "regions"),
    [
        pytest.param((44.5, -73.2), 20, ("BTV",), id="the innermost polygon"),
        pytest.param((44.26, -72.58), 20, ("VT",), id="a polygon comes before a place nearby"),
        pytest.param((42.9, -72.3), 20, ("KEENE",), id="outside every polygon the nearest place"),
        pytest.param((42.0, -72.3), 20, (), id="too far from every place"),
        pytest.param((42.0, -72.3), 200, ("KEENE",), id="the limit is the deployment's"),
    ],
)
def test_points(point: tuple[float, float], km: float, regions: tuple[str, ...]) -> None:
    assert LOCATOR.at(point, km) == regions


@pytest.mark.parametrize(
    ("name", "territory", "region"),
    [
        pytest.param("E. BATON ROUGE", ("US-LA",), "LA-EBR", id="a direction in short"),
        pytest.param("LA SALLE", ("US-LA",), "LA-LAS", id="an article apart"),
        pytest.param("ST. TAMMANY", ("US-LA",), "LA-STT", id="without Parish"),
        pytest.param("Saint Tammany", (), "LA-STT", id="a saint in full"),
        pytest.param("St. Helena", (), "LA-HEL", id="a saint in short"),
        pytest.param("WASHINGTON", ("US-LA",), "LA-WAS", id="of several the one it serves"),
        pytest.param("WASHINGTON", ("US-MS",), "MS-WAS", id="of several the other one"),
        pytest.param("Helena", (), None, id="part of a name is no name"),
        pytest.param("OTHER", ("US-LA",), None, id="what is no place"),
        pytest.param("BTV", (), "BTV", id="an id of ours"),
        pytest.param("BTV", ("US-LA",), None, id="outside the territory"),
        pytest.param("70001-1234", (), "Z70001", id="a postcode marked as such, with its extension"),
        pytest.param("70002", (), "Z70002", id="a postcode among the codes"),
        pytest.param("22103", (), None, id="a county's number is no postcode"),
        pytest.param("", (), None, id="nothing"),
    ],
)
def test_names(name: str, territory: tuple[str, ...], region: str | None) -> None:
    assert LOCATOR.named(name, territory) == region


def test_sources_of_one_configuration_share_one() -> None:
    assert locator_of(TREE) is locator_of(TREE)
    assert locator_of(RegionTree({})) is not locator_of(TREE)
