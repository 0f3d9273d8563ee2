"""A first mapping for what nobody has mapped: by the names vendors give things; whatever comes never raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.sources.generic.guessing import level_of, statuses_of
from notifier.sources.generic.guessing_html import guess_html
from notifier.sources.generic.guessing_json import guess_json
from notifier.sources.generic.html_page import HtmlSettings
from notifier.sources.generic.json_answer import JsonSettings


def guessed(value: Any) -> dict[str, Any] | None:
    found = guess_json("https://x.example", json.dumps(value).encode())
    return None if found is None else dict(found)


ITEM = {"id": 1, "title": "No data", "status": "active", "start_time": "2026-01-15T11:30:00Z"}


@pytest.mark.parametrize(("value", "items"), [
    pytest.param([ITEM], "@", id="the answer is the list"),
    pytest.param({"outages": [ITEM]}, "outages", id="one list"),
    pytest.param({"data": {"items": [ITEM]}}, "data.items", id="deeper"),
    pytest.param({"links": [{"id": 1, "name": "x"}], "incidents": [ITEM]}, "incidents", id="of two the one with times"),
    pytest.param({"current-outages": [ITEM]}, '"current-outages"', id="a name that needs quotes"),
])
def test_where_the_list_is(value: Any, items: str) -> None:
    found = guessed(value)
    assert found is not None
    assert found["items"] == items


@pytest.mark.parametrize(("item", "field", "expression"), [
    pytest.param({"ref": "a", "id": ""}, "id", "ref", id="an id by another name"),
    pytest.param({"outage_id": 7, "id": None}, "id", "outage_id", id="one that is there before one that is not"),
    pytest.param({"startDate": "2026-01-15"}, "started_at", "startDate", id="a date"),
    pytest.param({"start": "soon", "created": 1768478400}, "started_at", "created", id="of two the one that is a time"),
    pytest.param({"updates": [{"body": "We look."}]}, "text", "updates[*].body", id="texts in a list"),
    pytest.param({"service": {"name": "Data"}}, "component", "service.name", id="a name within"),
    pytest.param({"regions": ["Vermont"]}, "location", "regions", id="places in a list"),
    pytest.param({"affected": [{"name": "Data"}]}, "component", "affected[*].name", id="names within a list"),
    pytest.param({"resolved_at": None}, "ended", "resolved_at", id="an end nobody has yet"),
])
def test_which_key_is_which_field(item: dict[str, Any], field: str, expression: str) -> None:
    found = guessed({"outages": [{"id": "1", "title": "x", **item}]})
    assert found is not None
    assert found["fields"][field] == expression


@pytest.mark.parametrize("value", [
    pytest.param([], id="an empty list"), pytest.param({}, id="an empty object"), pytest.param("x", id="text"),
    pytest.param([{"a": 1}], id="items without an id"), pytest.param([{"id": 1}], id="items with nothing else"),
])
def test_where_there_is_nothing_to_go_by_nothing_is_guessed(value: Any) -> None:
    assert guessed(value) is None


@pytest.mark.parametrize(("word", "level"), [
    ("Resolved", "ok"), ("PARTIAL_OUTAGE", "major"), ("major outage", "critical"), ("degraded-performance", "minor"),
    ("scheduled", "maintenance"), ("pondering", None), ("", None),
])
def test_what_words_mostly_mean(word: str, level: str | None) -> None:
    assert level_of(word) == level


def test_words_nobody_can_tell_are_left_out() -> None:
    assert statuses_of(["Active", "pondering"]) == {
        "active": "minor", "resolved": "ok", "closed": "ok", "restored": "ok", "completed": "ok"}


keys = st.sampled_from(
    ["id", "ref", "title", "status", "state", "start", "updates", "services", "areas", "end", "a-b", '"', "'"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**10) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5), max_leaves=25)


@given(items=st.lists(st.dictionaries(keys, values, max_size=8), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_what_is_guessed_for_any_json_is_a_mapping_that_can_be_written_down(items: list[dict[str, Any]]) -> None:
    found = guessed({"outages": items})
    if found is not None:
        JsonSettings.model_validate({"id": "x", "url": "https://x.example", **found})


@given(junk=st.text(alphabet='<>/="\'classidv outage.h2p\n', max_size=150))
@settings(max_examples=200, deadline=None)
def test_what_is_guessed_for_any_page_is_a_mapping_that_can_be_written_down(junk: str) -> None:
    page = (f'<html><body><h1>Network status</h1><div class="outage" id="o1"><h2>No data</h2>{junk}</div>'
            "<footer>Carrier</footer></body></html>")
    found = guess_html("https://x.example", page.encode())
    if found is not None:
        HtmlSettings.model_validate({"id": "x", "url": "https://x.example", **found})


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{}", b"[" * 5000, b"<html></html>", b"<html><h1>x</h1></html>"])
def test_what_is_no_page_of_outages_gives_nothing(body: bytes) -> None:
    assert guess_html("", body) is None
    assert guess_json("", body) is None
