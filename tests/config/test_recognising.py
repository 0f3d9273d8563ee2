"""Every vendor's answers, served by a real server at the vendor's own addresses, are recognised as their own kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import pytest

from notifier.config.recognising import NotRecognised, Recognised, recognise, recognise_answer
from notifier.config.registry import SOURCES
from notifier.net.fetch import Get, Request, get
from notifier.ports import Answer, Failure
from tests.net.test_fetch import reply, serving
from tests.sources.support import NOW, answer, tree
from tests.sources.vendors import Vendor, vendors

TREE = tree()
LATER = NOW + timedelta(minutes=1)


@contextmanager
def the_web(pages: Mapping[str, bytes]) -> Iterator[Get]:
    """A get that finds `pages` at their addresses, whatever host, scheme and query those have, all on one real local
    server; nothing else is there."""
    by_path = {address.partition("?")[0]: body for address, body in pages.items()}

    def respond(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.path.removeprefix("/")
        body = pages.get(asked, by_path.get(asked.partition("?")[0]))
        reply(handler, b"nothing here" if body is None else body, 404 if body is None else 200)

    with serving(respond) as base:
        def fetch(request: Request, memory: Mapping[str, str], now: Any) -> Answer | Failure:
            local = f"{base}/{_bare(request.url)}"
            return get(replace(request, url=local, rules=replace(request.rules, allow_private=True)), memory, now)

        yield fetch


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc + parts.path + (f"?{parts.query}" if parts.query else "")


def pages_of(vendor: Vendor) -> dict[str, bytes]:
    """What a vendor serves where: its `open` answer, taken apart again where it came from several addresses."""
    body = vendor.bodies["open"]
    value = json.loads(body) if body[:1] == b"{" else None
    parts = value.get("parts") if isinstance(value, dict) else None
    if not isinstance(parts, dict):
        return _served(vendor, [body]) or {}
    texts = {name: text.encode("utf-8", "surrogateescape") for name, text in parts.items()}
    return _apart(vendor, [], texts, value) or {}


def _served(vendor: Vendor, bodies: list[bytes]) -> dict[str, bytes] | None:
    """The addresses a source asks in turn, when it is told `bodies` one after the other; None where it wants more."""
    asked: dict[str, bytes] = {}

    def fetch(request: Request, memory: Mapping[str, str], now: Any) -> Answer | Failure:
        if _bare(request.url) not in asked:
            if len(asked) == len(bodies):
                return Failure(now, "unreachable")
            asked[_bare(request.url)] = bodies[len(asked)]
        return Answer(now, 200, {}, asked[_bare(request.url)])

    kind = SOURCES[vendor.about["source"]["kind"]]
    settings = kind.settings.model_validate(vendor.about["source"])
    found = kind.make(settings, regions=TREE, fetch=fetch).fetch({}, NOW)
    return asked if isinstance(found, Answer) else None


def _apart(vendor: Vendor, told: list[bytes], left: Mapping[str, bytes], whole: Any) -> dict[str, bytes] | None:
    """Try which part answers which request, until what the source joins is the answer it came from."""
    asked = _served(vendor, told)
    if asked is not None or not left:
        return asked
    for name, body in left.items():
        rest = {other: text for other, text in left.items() if other != name}
        found = _apart(vendor, [*told, body], rest, whole)
        if found is not None and _joins(vendor, found, whole):
            return found
    return None


def _joins(vendor: Vendor, pages: Mapping[str, bytes], whole: Any) -> bool:
    kind = SOURCES[vendor.about["source"]["kind"]]
    settings = kind.settings.model_validate(vendor.about["source"])

    def fetch(request: Request, memory: Mapping[str, str], now: Any) -> Answer | Failure:
        return Answer(now, 200, {}, pages.get(_bare(request.url), b""))

    found = kind.make(settings, regions=TREE, fetch=fetch).fetch({}, NOW)
    joined = json.loads(found.body) if isinstance(found, Answer) else None
    return isinstance(joined, dict) and joined.get("parts") == whole["parts"]


def pasted(vendor: Vendor) -> str:
    """The address a person would give: `paste` in vendor.yaml, else the source's own."""
    entry = vendor.about["source"]
    default = getattr(SOURCES[entry["kind"]].settings.model_fields.get("url"), "default", None)
    return str(vendor.about.get("paste") or entry.get("url") or default)


def fetched(vendor: Vendor) -> bool:
    """Whether it is asked over HTTP, rather than pushed."""
    return bool(pages_of(vendor)) and pasted(vendor).startswith("http")


@pytest.mark.parametrize("vendor", [one for one in vendors() if fetched(one)], ids=lambda one: one.name)
def test_every_vendor_is_recognised_where_it_is_served(vendor: Vendor) -> None:
    """By its address alone; where that says too little (which of KUBRA's reports), with what only a person knows."""
    with the_web(pages_of(vendor)) as fetch:
        found = recognise(pasted(vendor), regions=TREE, now=NOW, fetch=fetch)
        if isinstance(found, NotRecognised):
            known = {key: value for key, value in vendor.about["source"].items()
                     if key not in ("id", "kind", "url", "placing")}
            assert known, found
            found = recognise(pasted(vendor), regions=TREE, now=NOW, given=known, fetch=fetch)
    assert isinstance(found, Recognised), found
    assert found.kind == vendor.about["source"]["kind"], found.others
    assert found.reading.signals or found.reading.unplaced, "the answer has trouble in it"


def _feed(title: str) -> bytes:
    return (f'<rss version="2.0"><channel><title>{title}</title><item><title>No data</title><guid>1</guid>'
            "<pubDate>Thu, 15 Jan 2026 11:50:00 Z</pubDate></item></channel></rss>").encode()


def test_the_feed_a_page_announces_is_found_and_held_to_its_title() -> None:
    page = (b'<!DOCTYPE html><html><head><link rel="alternate" type="application/rss+xml" href="/news/outages.xml">'
            b"</head><body>Welcome</body></html>")
    pages = {"carrier.example": page, "carrier.example/news/outages.xml": _feed("Carrier")}
    with the_web(pages) as fetch:
        found = recognise("https://carrier.example", regions=TREE, now=NOW, fetch=fetch)
    assert isinstance(found, Recognised), found
    assert (found.kind, found.url) == ("feed", "https://carrier.example/news/outages.xml")
    assert found.extra == {"expect_title": "Carrier"}


def test_the_site_is_tried_where_the_address_lies_below_it() -> None:
    vendor = next(one for one in vendors() if one.name == "statuspage")
    with the_web(pages_of(vendor)) as fetch:
        found = recognise("https://status.example.net/incidents/abc", regions=TREE, now=NOW, fetch=fetch)
    assert isinstance(found, Recognised), found
    assert (found.kind, found.url) == ("statuspage", "https://status.example.net")


def test_the_answers_own_address_is_as_good_as_the_sites() -> None:
    vendor = next(one for one in vendors() if one.name == "statuspage")
    with the_web(pages_of(vendor)) as fetch:
        found = recognise("https://status.example.net/api/v2/summary.json", regions=TREE, now=NOW, fetch=fetch)
    assert isinstance(found, Recognised), found
    assert found.kind == "statuspage"


def test_a_page_beside_a_feed_is_the_page() -> None:
    vendor = next(one for one in vendors() if one.name == "statuspage")
    pages = {**pages_of(vendor), "status.example.net/history.rss": _feed("History")}
    with the_web(pages) as fetch:
        found = recognise("https://status.example.net", regions=TREE, now=NOW, fetch=fetch)
    assert isinstance(found, Recognised), found
    assert found.kind == "statuspage"


@pytest.mark.parametrize(("url", "body", "said", "might_be"), [
    pytest.param("https://x.example/list.json", b"[]", "says too little", True, id="an empty list could be anybody's"),
    pytest.param("https://x.example/", b"<html><body>Welcome</body></html>", "no kind", False, id="just a page"),
    pytest.param("https://x.example/", b"", "no kind", False, id="nothing"),
    pytest.param("https://x.example/", b"\0" * 100, "no kind", False, id="bytes"),
    pytest.param("https://api.weather.gov/alerts/active", _feed("Weather"), "nws says: ", True,
                 id="at a host where one kind alone answers, what it cannot rely on is not just any feed"),
])
def test_what_cannot_be_told_is_not_guessed(url: str, body: bytes, said: str, might_be: bool) -> None:
    with the_web({_bare(url): body}) as fetch:
        found = recognise(url, regions=TREE, now=NOW, fetch=fetch)
    assert isinstance(found, NotRecognised), found
    assert said in found.why
    assert bool(found.might_be) is might_be


def test_a_kind_that_is_named_is_believed_and_says_why_it_cannot_read() -> None:
    with the_web({"x.example/list.json": b"[]"}) as fetch:
        found = recognise("https://x.example/list.json", regions=TREE, now=NOW, only="google", fetch=fetch)
        refused = recognise("https://x.example/list.json", regions=TREE, now=NOW, only="cstate", fetch=fetch)
    assert isinstance(found, Recognised), found
    assert isinstance(refused, NotRecognised)
    assert "cstate says: " in refused.why


def test_a_site_that_cannot_be_reached_is_asked_once() -> None:
    asked: list[str] = []

    def fetch(request: Request, memory: Mapping[str, str], now: Any) -> Failure:
        asked.append(request.url)
        return Failure(now, "timed_out", "no answer")

    found = recognise("https://x.example", regions=TREE, now=NOW, fetch=fetch)
    assert isinstance(found, NotRecognised)
    assert "timed_out" in found.why
    assert len(asked) == 1


def test_no_address_is_asked_twice_and_not_too_many_at_all() -> None:
    asked: list[tuple[str, str]] = []

    def fetch(request: Request, memory: Mapping[str, str], now: Any) -> Failure:
        asked.append((request.url, str(request.headers)))
        return Failure(now, "http_status", "HTTP 404")

    assert isinstance(recognise("https://x.example/a/b", regions=TREE, now=NOW, fetch=fetch), NotRecognised)
    assert len(set(asked)) == len(asked) <= 100


@pytest.mark.parametrize("vendor", [one for one in vendors() if fetched(one)], ids=lambda one: one.name)
def test_a_saved_answer_is_recognised_too(vendor: Vendor) -> None:
    """Where nothing tells two kinds apart but the host, a saved answer may be either; it is never a wrong one alone."""
    found = recognise_answer(answer(vendor.bodies["open"]), regions=TREE, now=NOW)
    kind = vendor.about["source"]["kind"]
    if isinstance(found, Recognised):
        assert kind in (found.kind, *found.others)
    else:
        assert kind in found.might_be
