"""cState: issues listed several times, Go's times, a page nobody rebuilds, what is only information."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from notifier.model.signal import Level, SignalClass
from notifier.ports import Reading
from notifier.sources.clocks import any_time
from notifier.sources.pages import cstate
from notifier.sources.pages.cstate import CStateSettings, built_at
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", regions=("US",), find_regions=True)
ISSUE: dict[str, Any] = {
    "is": "issue", "title": "Errors", "createdAt": "2026-01-15 11:30:00 +0000 UTC",
    "lastMod": "2026-01-15 12:40:02 +0100 +0100", "permalink": "https://status.example/issues/errors/",
    "severity": "disrupted", "resolved": False, "informational": False, "resolvedAt": "<no value>",
    "affected": ["Data"], "filename": "2026-01-15-errors.md",
}


def source(**fields: Any) -> Any:
    return cstate.make(CStateSettings(id="cs", url="https://status.example", placing=PLACING, **fields), regions=TREE)


def system(name: str = "Data", status: str = "ok", *issues: Any, category: str = "Vermont") -> dict[str, Any]:
    return {"name": name, "category": category, "status": status, "unresolvedIssues": list(issues)}


def index(*systems: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {"is": "index", "cStateVersion": "6.0.1", "apiVersion": "2.0", "summaryStatus": "ok", "pinnedIssues": [],
            "systems": [*systems, system("Portal", category="Web")], "buildDate": "2026-01-15", "buildTime": "11:50",
            "buildTimezone": "UTC", **over}


def read(body: Any, memory: Mapping[str, str] | None = None, **fields: Any) -> Reading:
    found: Reading = source(**fields).read(answer(body), memory or {}, NOW)
    return found


@pytest.mark.parametrize(
    ("over", "status", "level"),
    [
        pytest.param({}, "disrupted", Level.MINOR, id="disrupted"),
        pytest.param({"severity": "down"}, "down", Level.MAJOR, id="down"),
        pytest.param({"severity": "notice"}, "notice", Level.NOTICE, id="a notice is what cState calls maintenance"),
        pytest.param({"severity": "pondering"}, "down", Level.MAJOR, id="from the future: the system's state counts"),
        pytest.param({"severity": "pondering"}, "pondering", Level.NOTICE, id="from the future, both"),
        pytest.param({"severity": None}, "disrupted", Level.MINOR, id="no severity"),
        pytest.param({"informational": True}, "notice", Level.NOTICE, id="only information"),
        pytest.param({"resolved": True}, "ok", Level.OK, id="resolved"),
        pytest.param({"resolved": "true"}, "disrupted", Level.MINOR, id="text is not true"),
    ],
)
def test_levels(over: dict[str, Any], status: str, level: Level) -> None:
    reading = read(index(system("Data", status, {**ISSUE, **over})))
    assert reading.known, reading.why
    found = {s.fingerprint: s for s in reading.signals}
    issue = found["incident:https://status.example/issues/errors/"]
    assert (issue.level, issue.region, issue.klass) == (level, "US-VT", SignalClass.OFFICIAL)
    assert issue.started_at.isoformat() == "2026-01-15T11:30:00+00:00"
    assert not any(s.level.is_trouble for s in found.values() if s is not issue)


def test_an_issue_of_several_systems_is_one_and_lies_in_all_their_places() -> None:
    down = {**ISSUE, "severity": "down", "affected": ["Data", "Voice"]}
    reading = read(index(system("Data", "down", down), system("Voice", "down", down, category="New York")))
    assert {(s.fingerprint.rpartition("/issues/")[2], s.region) for s in reading.signals} == {
        ("errors/", "US-VT"), ("errors/", "US-NY")}


def test_what_is_no_longer_unresolved_is_over_and_a_new_title_is_the_same_issue() -> None:
    first = read(index(system("Data", "disrupted", ISSUE)))
    renamed = read(index(system("Data", "disrupted", {**ISSUE, "title": "Fewer errors"})), first.memory)
    assert renamed.signals[0].key == first.signals[0].key
    over = read(index(system()), renamed.memory)
    assert (over.complete, over.affirmed, over.signals, over.present) == (True, True, (), ())


def test_a_system_in_trouble_without_an_issue_speaks_for_itself() -> None:
    (signal,) = read(index(system("Data", "down"))).signals
    assert (signal.fingerprint, signal.level) == ("component:Data", Level.MAJOR)
    (later,) = read(index(system("Data", "pondering")), read(index(system("Data", "down"))).memory).signals
    assert later.level.is_trouble


def test_the_summary_speaks_where_the_issue_affects_no_listed_system() -> None:
    (signal,) = read(index(system(), summaryStatus="disrupted")).signals
    assert (signal.fingerprint, signal.level) == ("page", Level.MINOR)
    assert read(index(system(), summaryStatus="pondering")).signals == ()


def test_what_is_dated_ahead_is_announced_and_does_not_make_the_page_unknown() -> None:
    """Hugo builds what lies ahead where it is told to; a maintenance next month is no wrong clock."""
    ahead = {**ISSUE, "severity": "down", "createdAt": "2026-02-20 02:00:00 +0000 UTC"}
    reading = read(index(system("Data", "down", ahead), summaryStatus="down"))
    assert reading.known, reading.why
    assert {s.level for s in reading.signals} == {Level.NOTICE}
    assert reading.signals[0].facts["scheduled_for"] == "2026-02-20T02:00:00Z"
    both = read(index(system("Data", "down", ahead, {**ISSUE, "permalink": "p", "severity": "down"})))
    assert {s.fingerprint for s in both.signals if s.level.is_trouble} == {"incident:p"}


@pytest.mark.parametrize(
    ("stale_after", "built", "known"),
    [
        pytest.param(None, {"buildDate": "2024-01-15"}, True, id="nobody said that it is rebuilt"),
        pytest.param("1d", {"buildDate": "2026-01-13"}, False, id="it is, and was not"),
        pytest.param("1d", {}, True, id="it was"),
        pytest.param("30m", {"buildTime": "12:20", "buildTimezone": "CET"}, False, id="eleven twenty in UTC"),
        pytest.param("30m", {"buildTime": "12:50", "buildTimezone": "CET"}, True, id="eleven fifty in UTC"),
        pytest.param("30m", {"buildTime": "14:50", "buildTimezone": "+03"}, True, id="a zone without a name"),
        pytest.param("30m", {"buildTime": "06:50", "buildTimezone": "EST"}, True, id="American names"),
        pytest.param("1d", {"buildDate": None}, False, id="it does not say"),
        pytest.param("1d", {"buildDate": "yesterday"}, False, id="it does not say when"),
        pytest.param(None, {"buildDate": "2027-01-15"}, False, id="a clock a year ahead"),
    ],
)
def test_a_page_that_should_have_been_rebuilt_is_unknown(
    stale_after: str | None, built: dict[str, Any], known: bool
) -> None:
    assert read(index(system(), **built), stale_after=stale_after).known is known


def test_a_zone_nobody_knows_is_that_of_the_settings() -> None:
    body = {"buildDate": "2026-01-15", "buildTime": "12:50", "buildTimezone": "QQT"}
    found = built_at(body, "Europe/Berlin", NOW)
    assert found is not None
    assert found == NOW - timedelta(minutes=10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-15 11:30:00 +0000 UTC", "2026-01-15T11:30:00+00:00"),
        ("2026-01-15 11:30:00.123456789 -0500 EST", "2026-01-15T16:30:00+00:00"),
        ("2026-01-15 11:30:00 +0530 +0530", "2026-01-15T06:00:00+00:00"),
        ("2026-01-15 11:30:00 +0300 +03", "2026-01-15T08:30:00+00:00"),
        ("2026-01-15T11:30:00+01:00", "2026-01-15T10:30:00+00:00"),
        ("0001-01-01 00:00:00 +0000 UTC", None),
        ("2026-01-15 11:30:00 +9999 X", None),
        ("<no value>", None),
    ],
)
def test_times_as_go_prints_them(text: str, expected: str | None) -> None:
    found = any_time(text)
    assert (None if found is None else found.isoformat()) == expected


def test_an_issue_that_was_never_dated_began_when_it_was_seen() -> None:
    undated = {**ISSUE, "createdAt": "0001-01-01 00:00:00 +0000 UTC"}
    (signal,) = read(index(system("Data", "disrupted", undated))).signals
    assert signal.started_at == NOW
    assert not read(index(system("Data", "disrupted", {**ISSUE, "createdAt": "a while ago"}))).known


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"is": "404"}, id="its page of what is not found"),
        pytest.param(index(summaryStatus=None), id="no summary"),
        pytest.param({**index(), "systems": {}}, id="systems of another shape"),
        pytest.param({**index(), "systems": [{"name": "Gateway", "category": "North"}]}, id="version 4: no states yet"),
        pytest.param({**index(), "systems": [{"name": "Data", "status": "down"}]}, id="no list of issues"),
        pytest.param(b'{"is": "index", "title": "Say "hello"", "systems": []}', id="a quote breaks its JSON"),
    ],
)
def test_other_shapes_are_unknown(body: Any) -> None:
    assert not read(body).known
