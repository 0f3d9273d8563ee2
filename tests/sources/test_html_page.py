"""Any HTML page: half of one, an error page and next year's design are unknown, never all well."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from notifier.config.schema import json_schema
from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.generic import html_page
from notifier.sources.generic.html_page import HtmlSettings
from notifier.sources.generic.links import feeds_in
from notifier.sources.generic.markup import DEPTH_MOST, TAGS_MOST, Markup, Pick, text_in
from notifier.sources.page import PageSource
from notifier.sources.settings import Placing
from notifier.sources.shapes import Unreadable

from .support import NOW, answer, tree
from .vendors import vendors

TREE = tree()
FIELDS: dict[str, Any] = {"id": "@data-id", "title": "h3", "status": ".state@class", "started_at": "time@datetime",
                          "text": "p", "location": ".where", "url": "a@href"}
CALM = '<p class="calm">No known outages</p>'


def source(**fields: Any) -> PageSource[HtmlSettings]:
    given: dict[str, Any] = {
        "expect": {"start": {"at": "h1", "says": "Network status"}, "end": "footer.legal"}, "items": "li.outage",
        "nothing": {"at": "p.calm", "says": "no known outages"}, "fields": FIELDS, "lists_all_open": True,
        "statuses": {"is-red": "major", "is-yellow": "minor", "is-green": "ok"},
        "placing": Placing(service="data", regions=("US",), find_regions=True), **fields}
    return html_page.make(HtmlSettings(id="h", url="https://carrier.example/status", **given), regions=TREE)


def item(state: str = "is-red", number: int = 1, title: str = "No data", began: str = "2026-01-15T11:30:00Z",
         more: str = "<p>We look.</p>") -> str:
    return (f'<li class="outage big" data-id="o{number}"><h3>{title}</h3><b class="state {state}">x</b>'
            f'<time datetime="{began}">today</time><i class="where">Vermont</i>{more}'
            f'<a href="/o/{number}">more</a></li>')


def page(
    inside: str, head: str = "<h1>Network status</h1>", foot: str = '<footer class="legal">Carrier</footer>'
) -> str:
    return (f"<!DOCTYPE html><html><head><title>Carrier</title></head><body>{head}<ul>{inside}</ul>{foot}</body>"
            "</html>\n")


def read(body: str | bytes, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), {}, NOW)


def test_reads_what_the_page_says() -> None:
    (signal,) = read(page(item())).signals
    assert (signal.fingerprint, signal.level, signal.region) == ("incident:o1", Level.MAJOR, "US-VT")
    assert signal.started_at.isoformat() == "2026-01-15T11:30:00+00:00"
    assert (signal.why, signal.facts["update"], signal.facts["url"]) == ("No data: is-red", "We look.", "/o/1")


def test_a_calm_page_ends_what_was_open_and_affirms_it() -> None:
    reading = read(page(CALM))
    assert (reading.known, reading.complete, reading.affirmed, reading.signals) == (True, True, True, ())
    assert not read(page(CALM + item())).affirmed


@pytest.mark.parametrize("body", [
    pytest.param(page(""), id="neither an item nor the words for calm"),
    pytest.param(page('<li class="incident" data-id="o1">No data</li>'), id="items are called something new"),
    pytest.param(page('<p class="calm">Loading outages…</p>'), id="the words for calm have changed"),
    pytest.param(page(CALM, head="<h1>502 Bad Gateway</h1>"), id="another heading"),
    pytest.param(page(CALM, head=""), id="no heading"),
    pytest.param(page(CALM, foot=""), id="no footer"),
    pytest.param(page(CALM, foot="<footer>Carrier</footer>"), id="a footer by another class"),
    pytest.param(page(item(), head="", foot='<footer class="legal">x</footer><h1>Network status</h1>'),
                 id="the heading below the items"),
    pytest.param(page(item(), head='<h1>Network status</h1><footer class="legal">x</footer>', foot=""),
                 id="the footer above the items"),
    pytest.param(page(CALM).replace("</html>", ""), id="no end"),
    pytest.param(page(CALM).rstrip()[:-1], id="the last byte is missing"),
    pytest.param(page(item()) + "<p>advertisement", id="something after its end"),
    pytest.param(page(item(more=item(number=2))), id="items within items"),
    pytest.param(page(item().replace("data-id", "data-key")), id="ids are called something new"),
    pytest.param(page(item(began="2027-01-15T11:30:00Z")), id="trouble that begins next year"),
    pytest.param("<?xml version='1.0'?><rss><channel/></rss></html>", id="XML"),
    pytest.param('{"outages": []}', id="JSON"),
])
def test_what_is_no_longer_the_page_it_was_is_unknown(body: str) -> None:
    reading = read(body)
    assert not reading.known
    assert (reading.signals, reading.complete) == ((), False)
    assert reading.why


@pytest.mark.parametrize(("state", "level"), [
    pytest.param("is-yellow pulsing", Level.MINOR, id="of several classes those that are mapped"),
    pytest.param("is-green", Level.OK, id="over"),
    pytest.param("is-purple", Level.NOTICE, id="a class from the future opens nothing"),
    pytest.param("", Level.NOTICE, id="no class opens nothing"),
])
def test_a_class_says_how_bad(state: str, level: Level) -> None:
    reading = read(page(item(state)))
    assert reading.signals[0].level is level
    assert any("state" in words for words in reading.not_understood) is (level is Level.NOTICE)


def test_a_pattern_takes_a_part_of_the_text() -> None:
    fields = {**FIELDS, "facts": {"customers_out": {"at": "p", "find": r"([\d,]+) customers"}},
              "started_at": {"at": "p", "find": r"since (.+?)\."}}
    reading = read(page(item(more="<p>2,400 customers since 15 Jan 2026 06:30.</p>")), fields=fields,
                   timezone="America/New_York")
    assert reading.signals[0].facts["customers_out"] == "2,400"
    assert reading.signals[0].started_at.isoformat() == "2026-01-15T11:30:00+00:00"


def test_text_of_the_item_itself_and_of_no_comment() -> None:
    tag = Markup("<html><p>One <!-- two --> <b>three</b>\n four</p></html>").all("p")[0]
    assert text_in(tag) == "One three four"
    assert Pick(at=".").parts == ("", "")
    assert Pick(at="@id").parts == ("", "id")
    assert Pick(at='a[href^="x"] @data-x').parts == ('a[href^="x"]', "data-x")
    assert Pick(at='a[title="a@b"]').parts == ('a[title="a@b"]', "")


def test_other_encodings_are_named_and_checked() -> None:
    body = page(item(title="Störung")).encode("latin-1")
    assert not read(body).known
    assert read(body, encoding="latin-1").signals[0].facts["title"] == "Störung"
    assert not read(page(item(title="日本")).encode("utf-8"), encoding="ascii").known


@pytest.mark.parametrize(("fields", "said"), [
    pytest.param({"items": "li..x"}, "expected a CSS selector", id="a selector with a slip"),
    pytest.param({"items": "li:foo"}, "expected a CSS selector", id="a pseudo-class that is not there"),
    pytest.param({"items": "a" * 501}, "at most 500", id="a selector without end"),
    pytest.param({"fields": {**FIELDS, "title": "h3["}}, "expected a CSS selector", id="in a field"),
    pytest.param({"fields": {**FIELDS, "title": {"at": "h3", "find": "("}}}, "regular expression", id="a pattern"),
    pytest.param({"nothing": None}, "expected nothing", id="a complete list without words for calm"),
    pytest.param({"nothing": "p"}, "in nothing what only this page has", id="words for calm that any page has"),
    pytest.param({"expect": {"start": "h1", "end": "footer"}}, "an error page too", id="anchors that any page has"),
    pytest.param({"encoding": "klingon"}, "an encoding such as", id="an encoding nobody knows"),
    pytest.param({"encoding": "zlib"}, "an encoding such as", id="an encoding that is none of text"),
])
def test_a_mapping_that_cannot_work_is_a_mistake_when_it_is_read(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        source(**fields)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["html", "json", "feed-atom"])
def test_an_editor_takes_an_entry_as_people_write_it(name: str) -> None:
    """A selector may stand for itself, or be a mapping; both are in the schema editors use."""
    vendor = next(one for one in vendors() if one.name == name)
    Draft202012Validator(json_schema()["sources"]).validate({"sources": [vendor.about["source"]]})


# ── Hostile pages ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("piece", [
    "<li class=outage data-id=x>", "<a>", "<b><i></b>", "</", "<!--", "<![cdata[", "<?", "<!", "<a b='", "<a b=c ", "&",
    "&#", "<br></br>", "<script></x>", "<p></b>", "<!DOCTYPE [", "<style>", "<title>", "<textarea>", "]]>", "<a/><",
    '<li class="',
], ids=repr)
def test_a_million_bytes_of_one_piece_end_soon_and_say_nothing(piece: str) -> None:
    body = page(piece * (1_000_000 // len(piece)))
    began = time.process_time()
    assert not read(body).known
    assert time.process_time() - began < 15


def test_deep_nesting_is_refused_without_recursion() -> None:
    deep = "<div>" * 100_000
    with pytest.raises(Unreadable, match="more than"):
        Markup(f"<html>{deep}</html>")
    assert Markup(f"<html>{'<div>' * (DEPTH_MOST - 5)}x</html>").all("div")
    with pytest.raises(Unreadable, match="deep"):
        Markup(f"<html>{'<div>' * (DEPTH_MOST + 5)}x</html>")
    with pytest.raises(Unreadable, match="tags"):
        Markup("<html>" + "<br>" * (TAGS_MOST + 1) + "</html>")


def test_a_number_no_machine_has_is_no_reason_to_fall_over() -> None:
    assert not read(page(f"&#{'9' * 5000};")).known
    assert read(page(CALM + "&#x110000;&#0;&#xd800;")).known


def test_a_pattern_that_takes_for_ever_is_given_up() -> None:
    fields = {**FIELDS, "facts": {"cause": {"at": "p", "find": "^(a|aa)+$"}}}
    began = time.process_time()
    reading = read(page(item(more=f"<p>{'a' * 60}!</p>")), fields=fields)
    assert time.process_time() - began < 5
    assert not reading.known
    assert "too much for the pattern" in reading.why


@given(junk=st.text(alphabet="<>/=\"' &;#!-[]?abcliouteg.\n", max_size=120), at=st.integers(min_value=0, max_value=500))
@settings(max_examples=300, deadline=None)
def test_no_markup_whatever_raises(junk: str, at: int) -> None:
    body = page(item())
    reading = read(body[:at] + junk + body[at:])
    assert reading.known or reading.why


def test_feeds_a_page_announces() -> None:
    body = (b'<html><head><link rel="alternate" type="application/rss+xml" href="/feed.rss">'
            b'<link rel=alternate type="application/atom+xml" href="https://feeds.example/a">'
            b'<link rel=stylesheet href=x>'
            b'<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)"></head></html>')
    assert feeds_in(body, "https://status.example/now") == ("https://status.example/feed.rss", "https://feeds.example/a")
    assert feeds_in(b"{}", "https://status.example") == ()
