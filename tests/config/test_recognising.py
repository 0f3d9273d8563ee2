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

from notifier.config.recognising import Recognised, recognise
from notifier.config.registry import SOURCES
from notifier.net.fetch import Get, Request, get
from notifier.ports import Answer, Failure
from tests.net.test_fetch import reply, serving
from tests.sources.support import NOW, tree
from tests.sources.vendors import Vendor, vendors

TREE = tree()
LATER = NOW + timedelta(minutes=1)


@contextmanager
def the_web(pages: Mapping[str, bytes]) -> Iterator[Get]:
    """A get that finds `pages` at their addresses, whatever host and scheme those have, all on one real local server;
    nothing else is there."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        body = pages.get(handler.path.removeprefix("/"))
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
    return isinstance(found, Answer) and json.loads(found.body)["parts"] == whole["parts"]


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
    with the_web(pages_of(vendor)) as fetch:
        found = recognise(pasted(vendor), regions=TREE, now=NOW, fetch=fetch)
    assert isinstance(found, Recognised), found
    assert found.kind == vendor.about["source"]["kind"], found.others
    assert any(signal.level.is_trouble for signal in found.reading.signals)
