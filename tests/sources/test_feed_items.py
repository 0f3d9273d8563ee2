"""Feeds in JSON, what publishers add to items in elements of their own, and the promises in their prose."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.generic import feed as vendor
from notifier.sources.generic.feed import FeedSettings
from notifier.sources.generic.guessing import guess_feed
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()
STATUSES = {"red": "major", "planned": "maintenance", "info": "notice", "green": "ok"}
OWN = {"own": {"status": "state", "location": "area", "component": "system"}, "statuses": STATUSES}


def read(body: Any, memory: Any = None, **fields: Any) -> Reading:
    placing = Placing(service="cloud", regions=("US",), find_regions=True)
    settings = FeedSettings(id="feed", url="https://status.example/feed", **{"placing": placing, **fields})
    return vendor.make(settings, regions=TREE).read(answer(body), memory or {}, NOW)


def item(own: str, text: str = "We look.", title: str = "API errors") -> str:
    return (f'<rss version="2.0" xmlns:x="urn:x"><channel><title>T</title><item><title>{title}</title><guid>g</guid>'
            f"<pubDate>Thu, 15 Jan 2026 11:50:00 Z</pubDate><description>{text}</description>{own}</item></channel>"
            "</rss>")


@pytest.mark.parametrize(("own", "level"), [
    pytest.param("<x:state>Red</x:state>", Level.MAJOR, id="a state that is mapped, whatever its case"),
    pytest.param("<state>red</state>", Level.MAJOR, id="without a prefix"),
    pytest.param("<x:state>planned</x:state>", Level.MAINTENANCE, id="planned"),
    pytest.param("<x:state>green</x:state>", Level.OK, id="over"),
    pytest.param("<x:state>ultraviolet</x:state>", Level.NOTICE, id="a word from the future opens nothing"),
    pytest.param("<x:state/>", Level.MINOR, id="no word: what title and text say"),
    pytest.param("", Level.MINOR, id="no such element: what title and text say"),
])
def test_a_state_of_the_publishers_own(own: str, level: Level) -> None:
    (signal,) = read(item(own), **OWN).signals
    assert signal.level is level


def test_a_state_counts_before_what_the_words_say() -> None:
    resolved = "This has been resolved."
    assert read(item("<state>red</state>", resolved), **OWN).signals[0].level is Level.MAJOR
    assert read(item("", resolved), **OWN).signals[0].level is Level.OK


def test_a_state_from_the_future_closes_nothing_and_is_told() -> None:
    first = read(item("<state>red</state>"), **OWN)
    second = read(item("<state>ultraviolet</state>"), dict(first.memory), **OWN)
    assert second.signals[0].level is Level.MINOR
    assert "state 'ultraviolet'" in second.not_understood
    third = read(item("<state>ultraviolet</state>"), dict(second.memory), **OWN)
    assert third.signals[0].level is Level.MINOR, "nor at the next poll"


@pytest.mark.parametrize("kept", ["[]", "{}", "x", "[1,null]", '"a"'])
def test_damaged_memory_of_states_never_raises(kept: str) -> None:
    assert read(item("<state>ultraviolet</state>"), {"stated": kept}, **OWN).known


def test_a_place_of_the_publishers_own_counts_before_the_title_and_is_never_guessed() -> None:
    (signal,) = read(item("<area>Vermont</area>", title="Trouble in New York"), **OWN).signals
    assert signal.region == "US-VT"
    lost = read(item("<area>Atlantis</area><state>red</state>", title="Trouble in New York"), **OWN)
    assert lost.signals == ()
    assert "Atlantis" in lost.unplaced[0]


def test_elements_that_are_named_and_nowhere_are_told() -> None:
    assert set(read(item("<state>red</state>"), **OWN).not_understood) == {"no item has area", "no item has system"}
    assert read(item("")).not_understood == ()


def test_a_state_without_its_meaning_is_a_mistake() -> None:
    for fields in ({"own": {"status": "state"}}, {"statuses": STATUSES}):
        with pytest.raises(ValidationError, match=r"own\.status and statuses together"):
            read(item(""), **fields)


def test_promises_in_the_prose_are_kept() -> None:
    facts = read(item("", "A unit failed. Workaround: use Edge.\nETR: 2026-01-15 14:30 UTC")).signals[0].facts
    assert facts["workaround"] == "use Edge."
    assert facts["restoration_at"] == "2026-01-15T14:30:00Z"


# ── JSON Feed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def feed(*items: Any, **beside: Any) -> str:
    version = "https://jsonfeed.org/version/1.1"
    return json.dumps({"version": version, "title": "Carrier", "items": list(items), **beside})


def entry(**fields: Any) -> dict[str, Any]:
    began = "2026-01-15T11:30:00Z"
    return {"id": "1", "title": "No data", "content_text": "We look.", "date_published": began, **fields}


def test_a_json_feed_reads_as_any_other() -> None:
    reading = read(feed(entry(tags=["Vermont"], url="https://x.example/1")))
    (signal,) = reading.signals
    assert (signal.region, signal.facts["update"], signal.facts["url"]) == ("US-VT", "We look.", "https://x.example/1")
    assert reading.listed == (("", "Vermont", ""),)


@pytest.mark.parametrize(("fields", "text"), [
    pytest.param({"content_html": "<p>A</p>B"}, "A B", id="HTML first"),
    pytest.param({}, "We look.", id="then text"),
    pytest.param({"content_text": "", "summary": "Short."}, "Short.", id="then the summary"),
])
def test_words_of_a_json_item(fields: dict[str, Any], text: str) -> None:
    assert read(feed(entry(**fields))).signals[0].facts["update"] == text


def test_extensions_begin_with_an_underscore_and_the_items_own_keys_count_first() -> None:
    assert read(feed(entry(_x={"state": "green"})), **OWN).signals[0].level is Level.OK
    assert read(feed(entry(state="red", _x={"state": "green"})), **OWN).signals[0].level is Level.MAJOR


@pytest.mark.parametrize("body", [
    pytest.param('{"title":"T","items":[]}', id="no version"),
    pytest.param('{"version":"1","title":"T","items":[]}', id="another version"),
    pytest.param('{"version":"https://jsonfeed.org/version/1.1","items":[]}', id="no title"),
    pytest.param('{"version":"https://jsonfeed.org/version/1.1","title":"T"}', id="no items"),
    pytest.param(feed(entry(id="")), id="an item without id"),
    pytest.param(feed(1), id="an item that is a number"),
])
def test_json_that_is_no_feed_is_unknown(body: str) -> None:
    assert not read(body).known


def test_a_json_feed_of_another_name_is_unknown() -> None:
    assert not read(feed(), expect_title="Other").known
    assert read(feed(), expect_title="Carrier").known


def test_the_title_a_feed_has() -> None:
    assert guess_feed("", feed().encode()) == {"expect_title": "Carrier"}
    assert guess_feed("", item("").encode()) == {"expect_title": "T"}
    atom = b'<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title></feed>'
    assert guess_feed("", atom) == {"expect_title": "A"}
    for other in (b"", b"{}", b"<html/>", b"[", b'{"items":1,"title":3}'):
        assert guess_feed("", other) == {}
