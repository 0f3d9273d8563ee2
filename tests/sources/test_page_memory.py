"""What a page's trouble is known by from one answer to the next, whoever the vendor is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.page import Context
from notifier.sources.pages.statushub import StatusHubSettings
from notifier.sources.placing import Finder, Placing
from notifier.sources.vendor_page import VendorComponent, VendorIncident, VendorPage, read_page

from .support import NOW, tree

TREE = tree()
FINDER = Finder(TREE)
SETTINGS = StatusHubSettings(id="p", url="https://status.example", placing=Placing(service="data", regions=("US-VT",)))
LATER = NOW + timedelta(minutes=10)


def read(page: VendorPage, memory: Mapping[str, str] | None = None, now: datetime = NOW) -> Reading:
    return read_page(page, Context(SETTINGS, FINDER, TREE, memory or {}, now))


def levels(reading: Reading) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in reading.signals}


def component(level: Level, said: str = "down") -> VendorComponent:
    return VendorComponent("c1", "Data", level=level, said=said)


@pytest.mark.parametrize(
    ("page", "fingerprint"),
    [
        pytest.param(VendorPage(components=(component(Level.MAJOR),), whole=True), "component:c1", id="a component"),
        pytest.param(VendorPage(whole=True, overall=Level.MAJOR, overall_said="1 down"), "page", id="the page"),
        pytest.param(VendorPage((VendorIncident("i1", "Down", Level.MAJOR),), whole=True), "incident:i1",
                     id="an incident"),
    ],
)
def test_what_has_no_time_of_its_own_began_when_it_was_first_seen(page: VendorPage, fingerprint: str) -> None:
    first = read(page)
    (signal,) = read(page, first.memory, LATER).signals
    assert (signal.fingerprint, signal.started_at) == (fingerprint, NOW)


def test_a_component_whose_state_becomes_a_word_nobody_knows_stays_in_trouble() -> None:
    """Never seen in trouble, the same word is worth knowing only; and work in progress is a word we know."""
    first = read(VendorPage(components=(component(Level.CRITICAL),), whole=True))
    odd = VendorPage(components=(component(Level.NOTICE, "pondering"),), whole=True)
    assert levels(read(odd, first.memory)) == {"component:c1": Level.MINOR}
    assert levels(read(odd)) == {"component:c1": Level.NOTICE}
    working = VendorPage(components=(component(Level.MAINTENANCE),), whole=True)
    assert levels(read(working, first.memory)) == {"component:c1": Level.MAINTENANCE}


def test_a_component_that_is_well_again_is_over_where_the_page_does_not_list_everything() -> None:
    first = read(VendorPage(components=(component(Level.MAJOR),)))
    assert not first.complete
    well = read(VendorPage(components=(component(Level.OK),)), first.memory)
    assert well.gone == ("component:c1",)
    assert read(VendorPage(components=(component(Level.OK),)), well.memory).gone == ()
    assert read(VendorPage(), first.memory).gone == ()


@pytest.mark.parametrize("level", [Level.NOTICE, Level.MAINTENANCE, Level.MAJOR])
def test_only_work_that_has_begun_and_trouble_speak_for_a_component(level: Level) -> None:
    """Work announced for next week does not hide the outage of today."""
    page = VendorPage((VendorIncident("i1", "Planned", level, components=(component(Level.CRITICAL),)),),
                      (component(Level.CRITICAL),), whole=True)
    assert ("component:c1" in levels(read(page))) is (level is Level.NOTICE)


def test_memory_of_components_and_pages_is_small_and_never_raises() -> None:
    many = tuple(VendorComponent(f"c{n}", "x", level=Level.MINOR) for n in range(1500))
    assert len(read(VendorPage(components=many, whole=True)).memory["open"]) < 50_000
    for kept in ("[]", '{"page":[1,2,3]}', '{"component:c1":["x",7]}', '{"page":{"a":1}}', "{"):
        assert read(VendorPage(components=(component(Level.MAJOR),), whole=True), {"open": kept}).known


def test_a_component_that_is_not_listed_for_once_is_remembered() -> None:
    """On a list of the newest only incidents can be taken back: a component that is missing has not ended."""
    first = read(VendorPage(components=(component(Level.MAJOR),)))
    old = datetime(2026, 1, 1, tzinfo=UTC)
    second = read(VendorPage((VendorIncident("i0", "Old", Level.OK, started_at=old),)), first.memory)
    assert second.gone == ()
    assert read(VendorPage(components=(component(Level.OK),)), second.memory).gone == ("component:c1",)
