"""Any JSON: what vouches for an answer, what its words mean, and what no data may do to the expressions."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.generic import json_answer
from notifier.sources.generic.json_answer import JsonSettings
from notifier.sources.generic.query import Questions, checked_expression
from notifier.sources.page import PageSource
from notifier.sources.settings import Placing
from notifier.sources.shapes import Unreadable

from .support import NOW, answer, tree

TREE = tree()
FIELDS: dict[str, Any] = {"id": "id", "title": "name", "status": "state", "started_at": "begin", "updated": "modified",
                          "text": "notes", "component": "services", "location": "areas", "url": "link", "ended": "end"}
STATUSES = {"down": "major", "slow": "minor", "planned": "maintenance", "known": "notice", "back": "ok"}


def source(**fields: Any) -> PageSource[JsonSettings]:
    given: dict[str, Any] = {"items": "outages", "fields": FIELDS, "statuses": STATUSES, "lists_all_open": True,
                             "placing": Placing(service="data", regions=("US",), find_regions=True), **fields}
    return json_answer.make(JsonSettings(id="j", url="https://outages.example/api", **given), regions=TREE)


def item(**fields: Any) -> dict[str, Any]:
    return {"id": "o1", "name": "No data", "state": "down", "begin": "2026-01-15T11:30:00Z", **fields}


def read(*items: Any, memory: Any = None, settings: dict[str, Any] | None = None, **beside: Any) -> Reading:
    return source(**settings or {}).read(answer({"outages": list(items), **beside}), memory or {}, NOW)


@pytest.mark.parametrize(("fields", "level"), [
    pytest.param({"state": "down"}, Level.MAJOR, id="a word that is mapped"),
    pytest.param({"state": " DOWN "}, Level.MAJOR, id="whatever its case and the spaces around it"),
    pytest.param({"state": "planned"}, Level.MAINTENANCE, id="work under way"),
    pytest.param({"state": "planned", "begin": "2026-01-20T02:00:00Z"}, Level.NOTICE, id="work that has not begun"),
    pytest.param({"state": "pondering"}, Level.NOTICE, id="a word from the future opens nothing"),
    pytest.param({"state": None}, Level.NOTICE, id="no word opens nothing"),
    pytest.param({"state": ["slow", "down"]}, Level.MAJOR, id="of several words the worst"),
    pytest.param({"state": ["back", "pondering"]}, Level.NOTICE, id="one word over, one unknown: not over"),
    pytest.param({"state": "back"}, Level.OK, id="over by its status"),
    pytest.param({"end": "2026-01-15T11:50:00Z"}, Level.OK, id="over by its end, whatever the status"),
    pytest.param({"end": "2026-01-15T14:00:00Z"}, Level.MAJOR, id="an end that lies ahead is none"),
    pytest.param({"end": "soon"}, Level.MAJOR, id="an end that is no time is none"),
    pytest.param({"end": True}, Level.MAJOR, id="an end that is true is none"),
    pytest.param({"end": "0001-01-01T00:00:00Z"}, Level.MAJOR, id="year 1 stands for: not yet"),
    pytest.param({"end": 1768478400}, Level.OK, id="an end in seconds since 1970"),
    pytest.param({"end": 1768478400000}, Level.OK, id="an end in milliseconds"),
])
def test_how_bad_it_is(fields: dict[str, Any], level: Level) -> None:
    (signal,) = read(item(**fields)).signals
    assert signal.level is level


def test_a_word_from_the_future_closes_nothing_and_is_told() -> None:
    first = read(item())
    second = read(item(state="pondering"), memory=dict(first.memory))
    assert second.signals[0].level is Level.MINOR
    assert "status 'pondering'" in second.not_understood


@pytest.mark.parametrize(("settings", "beside", "known"), [
    pytest.param({"expect": ["version == '2'"]}, {"version": "2"}, True, id="an anchor that holds"),
    pytest.param({"expect": ["version == '2'"]}, {"version": "3"}, False, id="another version"),
    pytest.param({"expect": ["version == '2'"]}, {}, False, id="an anchor that is gone"),
    pytest.param({"expect": ["starts_with(version, '2.')"]}, {"version": 2}, False, id="an anchor of another type"),
    pytest.param({"expect": ["generated", "!error"]}, {"generated": "x", "error": "busy"}, False,
                 id="one of two fails"),
    pytest.param({"items": "data.outages"}, {}, False, id="the list has moved"),
    pytest.param({"items": "outages[0].id"}, {}, False, id="what is found is no list"),
])
def test_an_answer_counts_only_where_everything_expected_holds(
    settings: dict[str, Any], beside: dict[str, Any], known: bool
) -> None:
    reading = read(item(), settings=settings, **beside)
    assert reading.known is known
    assert bool(reading.signals) is known
    assert known or reading.why


@pytest.mark.parametrize("broken", [
    pytest.param(item(id=None), id="an item without an id"),
    pytest.param(item(id=""), id="an empty id"),
    pytest.param(item(id=True), id="an id that is true"),
    pytest.param(item(id=["o1", "o2"][:0]), id="an id that is an empty list"),
    pytest.param(item(begin="2027-01-15T11:30:00Z"), id="trouble that begins next year"),
    pytest.param(item(modified="2027-01-15T11:30:00Z"), id="an update of next year"),
    pytest.param("o1", id="an item that is text"),
    pytest.param(None, id="an item that is nothing"),
])
def test_one_item_that_makes_no_sense_makes_the_answer_unknown(broken: Any) -> None:
    reading = read(item(id="good"), broken)
    assert not reading.known
    assert reading.why


def test_an_empty_list_ends_what_was_open_and_is_no_affirmation_by_itself() -> None:
    empty = read()
    assert (empty.known, empty.complete, empty.affirmed, empty.signals) == (True, True, False, ())
    well = read(settings={"well": "services[?state=='up']"}, services=[{"state": "up"}])
    assert well.affirmed
    assert not read(settings={"well": "services[?state=='up']"}, services=[{"state": "down"}]).affirmed


def test_a_list_of_the_newest_says_nothing_of_what_is_missing() -> None:
    assert not read(settings={"lists_all_open": False}).complete


def test_items_of_one_id_are_one_trouble_everywhere_it_is_told() -> None:
    reading = read(item(areas="Vermont", state="slow"), item(areas="New York", begin="2026-01-15T11:00:00Z"),
                   item(areas="Virginia", state="back"))
    assert {signal.region for signal in reading.signals} == {"US-VT", "US-NY", "US-VA"}
    assert {signal.level for signal in reading.signals} == {Level.MAJOR}
    assert {signal.started_at.hour for signal in reading.signals} == {11}
    assert {signal.fingerprint for signal in reading.signals} == {"incident:o1"}


def test_a_place_the_vendor_names_and_nobody_knows_is_told_and_never_guessed() -> None:
    reading = read(item(areas=["Vermont", "Atlantis"]))
    assert [signal.region for signal in reading.signals] == ["US-VT"]
    assert any("Atlantis" in words for words in reading.unplaced)


def test_numbers_are_ids_and_states_too() -> None:
    (signal,) = read(item(id=17, state=3), settings={"statuses": {"3": "critical", "1": "ok"}}).signals
    assert (signal.fingerprint, signal.level) == ("incident:17", Level.CRITICAL)
    assert read(item(id=17.0)).signals[0].fingerprint == "incident:17"


def test_several_texts_are_updates_the_first_is_the_newest_and_promises_are_kept() -> None:
    notes = ["Workaround: use Edge.", "Estimated restoration: 2026-01-15 14:30 UTC"]
    reading = read(item(notes=notes, modified=1768478400))
    facts = reading.signals[0].facts
    assert facts["update"] == "Workaround: use Edge."
    assert facts["workaround"] == "use Edge."
    assert facts["restoration_at"] == "2026-01-15T14:30:00Z"


def test_facts_are_mapped_and_times_among_them_are_written_one_way() -> None:
    fields = {**FIELDS, "facts": {"customers_out": "count", "cause": "why", "restoration_at": "etr"}}
    facts = read(item(count=1200, why="ice", etr="2026-01-15 09:30"),
                 settings={"fields": fields, "timezone": "America/New_York"}).signals[0].facts
    assert (facts["customers_out"], facts["cause"], facts["restoration_at"]) == ("1200", "ice", "2026-01-15T14:30:00Z")


def test_a_field_no_item_has_is_told_an_end_nobody_has_yet_is_not() -> None:
    told = read(item(notes="x", services="data", areas="Vermont", link="https://x", modified=1768478400)).not_understood
    assert told == ()
    assert "no item has text (notes)" in read(item()).not_understood
    assert "started_at 'yesterday', which is no time" in read(item(begin="yesterday")).not_understood


def test_prose_tells_the_end_where_it_is_asked_to() -> None:
    fields = {"id": "id", "title": "name", "text": "notes"}
    given = {"fields": fields, "statuses": {}, "prose": True, "level": "critical", "lists_all_open": False}
    assert read(item(notes="We look into it."), settings=given).signals[0].level is Level.CRITICAL
    assert read(item(notes="Service is restored."), settings=given).signals[0].level is Level.OK
    assert read(item(name="Planned maintenance"), settings=given).signals[0].level is Level.MAINTENANCE


def test_a_list_of_services_with_states_is_read_as_well() -> None:
    given = {"items": "services", "fields": {"id": "name", "component": "name", "status": "state"},
             "statuses": {"up": "ok", "down": "major"}, "well": "services[?state=='up']", "expect": ["services[0]"]}
    reading = source(**given).read(answer({"services": [{"name": "Vermont data", "state": "down"},
                                                        {"name": "Calls", "state": "up"}]}), {}, NOW)
    assert [(s.region, s.level) for s in reading.signals] == [("US-VT", Level.MAJOR), ("US", Level.OK)]
    assert reading.affirmed
    assert reading.listed == (("Vermont data", "", ""), ("Calls", "", ""))


# ── Mistakes in the mapping ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("fields", "said"), [
    pytest.param({"items": "outages["}, "stops making sense at character 9, at its end", id="an expression cut short"),
    pytest.param({"items": "outages | lenght(@)"}, "not 'lenght'", id="a function that is not there"),
    pytest.param({"expect": ["contains(outages)"]}, "expected 2 arguments for contains(), not 1",
                 id="too few arguments"),
    pytest.param({"expect": ["a-b"]}, "character 2", id="a dash in a name without quotes"),
    pytest.param({"expect": ["(" * 900]}, "a simpler one", id="nested absurdly"),
    pytest.param({"expect": ["a" * 1001]}, "at most 1000 characters", id="endless"),
    pytest.param({"items": "outages || `[]`"}, "does not fulfil", id="a list that is there even in an empty answer"),
    pytest.param({"items": "outages[*] || `[]`", "expect": ["!error"]}, "does not fulfil",
                 id="and an anchor that helps not"),
    pytest.param({"statuses": {}}, "expected statuses", id="a status nobody maps"),
    pytest.param({"fields": {"id": "id"}}, "expected fields.status", id="a map for no status"),
    pytest.param({"lists_all_open": False, "statuses": {"down": "major"}, "fields": {"id": "id", "status": "s"}},
                 "a way to tell that something is over", id="nothing would ever end"),
    pytest.param({"timezone": "Mars/Olympus"}, "IANA", id="a zone nobody knows"),
])
def test_a_mapping_that_cannot_work_is_a_mistake_when_it_is_read(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        source(**fields)
    assert said in str(caught.value)


def test_a_list_that_may_be_missing_is_fine_once_something_vouches_for_the_answer() -> None:
    reading = source(items="outages || `[]`", expect=["version"]).read(answer({"version": "2"}), {}, NOW)
    assert reading.complete


# ── Hostile data ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("expression", [
    "to_string(@)", "sum(a)", "avg(a)", "ceil(b)", "join(', ', a)", "a < b", "sort(a)", "max(a)", "a[0] == a",
    "keys(@)", "sort_by(a, &x)", "contains(b, a)", "to_number(b)", "merge(a, b)", "values(a)", "reverse(b)",
    "a[::-1]", "@.*.*.*",
])
@pytest.mark.parametrize("value", [
    None, True, 10**400, 1e308, float("inf"), "x", "9" * 5000, [], [None], [1, "x"], {"x": []}])
def test_no_type_of_data_raises(expression: str, value: Any) -> None:
    checked_expression(expression)
    Questions().ask(expression, {"a": value, "b": value})
    Questions().ask(expression, value)


@pytest.mark.parametrize("expression", [
    pytest.param("[@,@][]|" * 60 + "@", id="a list that doubles 60 times"),
    pytest.param("join('', [@[0], @[0]])" + " | join('', [@, @])" * 40, id="a text that doubles 40 times"),
])
def test_what_grows_without_end_ends_at_the_budget(expression: str) -> None:
    began = time.process_time()
    with pytest.raises(Unreadable, match="too much"):
        Questions().ask(checked_expression(expression), ["x" * 1000] * 2000)
    assert time.process_time() - began < 10


def test_the_largest_answer_allowed_is_read_within_the_budget() -> None:
    items = [item(id=str(n), notes=["a", "b"], services=["data", "voice"], areas=["Vermont"]) for n in range(2000)]
    reading = read(*items)
    assert reading.known, reading.why
    assert len(reading.signals) == 2000
    assert not read(*items, item(id="2001")).known


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "name", "state", "begin", "end", "areas", "notes", "services"]), inner, max_size=5),
    max_leaves=20)


@given(value=json_values)
@settings(max_examples=300, deadline=None)
def test_no_json_whatever_raises(value: Any) -> None:
    try:
        body = json.dumps({"outages": value})
    except ValueError:
        return
    reading = source().read(answer(body), {}, NOW + timedelta(minutes=1))
    assert reading.known or reading.why
