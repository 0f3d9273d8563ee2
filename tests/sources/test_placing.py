"""Vendors' words to our services and regions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notifier.sources.placing import Finder, Texts, Unplaced, place, says
from notifier.sources.settings import HttpSettings, Match, Placing, PolledSettings

from .support import tree

TREE = tree()
FINDER = Finder(TREE)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("Outage in Vermont", ("US-VT",), id="a name"),
        pytest.param("outage in VERMONT!", ("US-VT",), id="whatever its case"),
        pytest.param("West Virginia only", ("US-WV",), id="the longest name wins, and its words are used up"),
        pytest.param("Virginia and West Virginia", ("US-VA", "US-WV"), id="both"),
        pytest.param("Virginians complain", (), id="whole words only"),
        pytest.param("Burlington, Vermont", ("VT-BTV",), id="the most specific is meant"),
        pytest.param("calls fail in VT", ("US-VT",), id="a short name in capitals"),
        pytest.param("va bene", (), id="a short name in small letters is a word"),
        pytest.param("Washington County, VT", ("US-VT-023",), id="a shared name with its state"),
        pytest.param("Washington County", (), id="a shared name alone is nobody's"),
        pytest.param("component us-ashburn-1 region", ("EU-N",), id="a machine's name"),
        pytest.param("Vérmont", ("US-VT",), id="accents do not matter"),
        pytest.param("", (), id="nothing"),
    ],
)
def test_regions_in_text(text: str, found: tuple[str, ...]) -> None:
    assert FINDER.find(text) == found


@given(st.text(max_size=300))
def test_any_text_finds_only_regions_of_the_tree(text: str) -> None:
    assert all(region in TREE for region in FINDER.find(text))


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        pytest.param("API", "Public API (v2)", True, id="a word among others"),
        pytest.param("api", "Rapid", False, id="not part of a word"),
        pytest.param("api requests", "API Requests", True, id="words in a row"),
        pytest.param("api requests", "API and Requests", False, id="not in a row"),
        pytest.param("SMS*", "SMS, Middle East", True, id="a star fits the whole text"),
        pytest.param("SMS*", "MMS and SMS", False, id="from its beginning"),
        pytest.param("!!", "!!", False, id="no words, no match"),
        pytest.param("[", "[", False, id="brackets are not patterns"),
    ],
)
def test_patterns(pattern: str, text: str, holds: bool) -> None:
    assert says(pattern, text) is holds


PLACING = Placing(
    service="data",
    regions=("US",),
    find_regions=True,
    map=(
        Match(component="Billing", ignore=True),
        Match(group="Voice", title="Vermont", service="voice", regions=("US-VT",)),
        Match(group="Voice", service="voice"),
        Match(group="Voice", service="never"),
        Match(labels={"team": "radio"}, service="radio"),
    ),
)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(Texts("Calls", "Voice", "Vermont"), (("voice", "US-VT"),), id="all patterns of a rule"),
        pytest.param(Texts("Calls", "Voice", "Trouble"), (("voice", "US"),), id="the first rule that holds"),
        pytest.param(Texts("Calls", "Voice", "in New York"), (("voice", "US-NY"),), id="found before default"),
        pytest.param(Texts("Internet", "", "in Ontario"), (("data", "CA-ON"),), id="no rule: default service"),
        pytest.param(Texts("Billing", "Voice", "Vermont"), (), id="ignored"),
        pytest.param(Texts(labels={"team": "radio"}), (("radio", "US"),), id="a label"),
        pytest.param(Texts("Vermont", "", "Burlington"), (("data", "VT-BTV"),), id="the title narrows the component"),
        pytest.param(Texts("Vermont", "", "New York"), (("data", "US-VT"),), id="the title does not move it away"),
    ],
)
def test_placing(texts: Texts, expected: tuple[tuple[str, str], ...]) -> None:
    assert place(texts, PLACING, FINDER) == expected


@pytest.mark.parametrize(
    ("placing", "missing"),
    [
        pytest.param(Placing(regions=("US",)), "no service", id="no service"),
        pytest.param(Placing(service="data"), "no region", id="no region"),
        pytest.param(Placing(service="data", find_regions=True), "no region", id="no region in the text either"),
    ],
)
def test_what_cannot_be_placed_says_so(placing: Placing, missing: str) -> None:
    found = place(Texts("API", "Core", "Slow"), placing, FINDER)
    assert isinstance(found, Unplaced)
    assert missing in found.words
    assert "API" in found.words


def test_settings_refuse_what_cannot_work() -> None:
    with pytest.raises(ValidationError, match="freshness to be longer than every"):
        PolledSettings(id="x", every="10m", freshness="5m")
    with pytest.raises(ValidationError, match="http:// or https://"):
        HttpSettings(id="x", url="ftp://x")
    with pytest.raises(ValidationError, match="use bearer"):
        HttpSettings(id="x", url="https://me:word@x")
    with pytest.raises(ValidationError, match="at least one of component"):
        Match(service="x")
