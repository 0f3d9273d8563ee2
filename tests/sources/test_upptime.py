"""Upptime: the summary and its issues together, checks that stopped, issues anybody may open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from notifier.model.signal import Level, Signal, SignalClass
from notifier.ports import Answer, Failure, Reading
from notifier.sources.pages import upptime
from notifier.sources.pages.upptime import UpptimeSettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", regions=("US",), find_regions=True)
ISSUE: dict[str, Any] = {
    "number": 7, "title": "🛑 Vermont is down", "state": "open", "body": "In [`abc`](https://x), Vermont was **down**",
    "labels": [{"name": "status"}, {"name": "vermont"}], "user": {"login": "github-actions[bot]", "type": "Bot"},
    "author_association": "NONE", "created_at": "2026-01-15T11:40:00Z", "html_url": "https://github.example/v/s/issues/7",
}


def source(fetch: Any = None, **fields: Any) -> Any:
    settings = UpptimeSettings(id="up", url="https://github.com/vendor/status", placing=PLACING, **fields)
    return upptime.make(settings, regions=TREE, **({"fetch": fetch} if fetch else {}))


def site(slug: str, status: Any = "up") -> dict[str, Any]:
    return {"name": slug.replace("-", " ").title(), "slug": slug, "status": status, "url": "https://x", "uptime": "99%"}


def body(
    *issues: dict[str, Any], vermont: Any = "down", portal: str = "up", ran: Any = "2026-01-15T11:55:00Z", **parts: Any
) -> dict[str, Any]:
    runs = {"total_count": 1, "workflow_runs": [{"id": 1, "updated_at": ran, "created_at": ran}]}
    summary = [site("vermont", vermont), site("portal", portal)]
    said = {"summary": summary, "issues": list(issues), "runs": runs, **parts}
    return {"parts": {name: json.dumps(value) for name, value in said.items()}}


def read(body: Any, memory: Mapping[str, str] | None = None, **fields: Any) -> Reading:
    found: Reading = source(**fields).read(answer(body), memory or {}, NOW)
    return found


def one(body: Any, **fields: Any) -> Signal:
    reading = read(body, **fields)
    assert reading.known, reading.why
    (signal,) = reading.signals
    return signal


@pytest.mark.parametrize(
    ("status", "level"),
    [("down", Level.MAJOR), ("degraded", Level.MINOR), ("pondering", Level.NOTICE), (None, Level.NOTICE)],
)
def test_a_site_in_trouble_speaks_for_itself_until_its_issue_is_open(status: Any, level: Level) -> None:
    alone = one(body(vermont=status))
    assert (alone.fingerprint, alone.region, alone.level) == ("component:vermont", "US-VT", level)
    assert alone.klass is SignalClass.MEASUREMENT
    if level.is_trouble:
        told = one(body(ISSUE, vermont=status))
        assert (told.fingerprint, told.region, told.level) == ("incident:7", "US-VT", level)
        assert told.started_at.isoformat() == "2026-01-15T11:40:00+00:00"


def test_all_up_is_well_and_says_so() -> None:
    reading = read(body(vermont="up"))
    assert (reading.complete, reading.affirmed, reading.signals) == (True, True, ())


def test_an_issue_counts_before_the_summary_has_caught_up() -> None:
    """The file is served minutes late; the title tells which kind it is, as Upptime itself tells them apart."""
    assert one(body(ISSUE, vermont="up")).level == Level.MAJOR
    slow = {**ISSUE, "title": "⚠️ Vermont has degraded performance"}
    assert one(body(slow, vermont="up")).level == Level.MINOR
    later = read(body(vermont="down"), read(body(ISSUE)).memory)
    assert [s.fingerprint for s in later.signals] == ["component:vermont"], "closed, and the summary still says down"


def test_an_issue_renamed_is_the_same_and_one_closed_is_over() -> None:
    first = read(body(ISSUE))
    renamed = read(body({**ISSUE, "title": "A power unit failed"}), first.memory)
    assert [s.key for s in renamed.signals] == [s.key for s in first.signals]
    assert read(body(vermont="up"), first.memory).present == ()
    assert one(body({**ISSUE, "state": "closed"}, vermont="up")).level == Level.OK


def test_an_issue_people_opened_about_no_site_lies_where_the_title_says() -> None:
    written = {**ISSUE, "labels": ["status"], "title": "Trouble in New York", "author_association": "OWNER", "user": {}}
    signal = one(body(written, vermont="up"))
    assert (signal.region, signal.level) == ("US-NY", Level.MAJOR)


@pytest.mark.parametrize(
    ("over", "fingerprints"),
    [
        pytest.param({"labels": [{"name": "bug"}]}, set(), id="another label"),
        pytest.param({"labels": []}, set(), id="no label"),
        pytest.param({"pull_request": {"url": "x"}}, set(), id="a pull request"),
    ],
)
def test_other_issues_are_none_of_ours(over: dict[str, Any], fingerprints: set[str]) -> None:
    assert {s.fingerprint for s in read(body({**ISSUE, **over}, vermont="up")).signals} == fingerprints


# ── Whose word it is ─────────────────────────────────────────────────────────────────────────────────────────────────

STRANGER = {"user": {"login": "stranger", "type": "User"}, "author_association": "NONE"}
PLAN = """<!--
start: 2026-01-15T11:00:00.220Z
end: 2026-01-15T13:00:00.220Z
expectedDown: vermont, other
-->
An upgrade."""
WORK = {**ISSUE, "number": 8, "title": "Upgrade", "labels": [{"name": "maintenance"}], "body": PLAN,
        "author_association": "COLLABORATOR", "user": {"type": "User"}}


def test_a_strangers_issue_opens_nothing_and_hides_nothing() -> None:
    """The template labels what anybody writes as maintenance: it must not talk an outage away."""
    assert one(body({**ISSUE, **STRANGER}, vermont="up")).level == Level.NOTICE
    reading = read(body({**WORK, **STRANGER}))
    assert {(s.fingerprint, s.level) for s in reading.signals} == {
        ("incident:8", Level.NOTICE), ("component:vermont", Level.MAJOR)}


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        ({"author_association": "OWNER"}, True), ({"author_association": "MEMBER"}, True),
        ({"author_association": "COLLABORATOR"}, True), ({"author_association": "CONTRIBUTOR"}, False),
        ({"author_association": "pondering"}, False), ({"author_association": None}, False),
        ({"author_association": [["OWNER"]]}, False),
        ({"user": {"type": "Bot"}, "author_association": "NONE"}, True), ({"user": "Bot"}, False),
    ],
)
def test_only_its_people_and_its_bots_count(who: dict[str, Any], counts: bool) -> None:
    signal = one(body({**ISSUE, **STRANGER, **who}, vermont="up"))
    assert signal.level == (Level.MAJOR if counts else Level.NOTICE)


# ── Planned work ─────────────────────────────────────────────────────────────────────────────────────────────────────

DOWN = {"component:vermont": Level.MAJOR}
SLOW = PLAN.replace("expectedDown", "expectedDegraded")


@pytest.mark.parametrize(
    ("plan", "vermont", "expected"),
    [
        pytest.param(PLAN, "down", {"incident:8": Level.MAINTENANCE}, id="expected to be down, and is"),
        pytest.param(PLAN, "up", {"incident:8": Level.MAINTENANCE}, id="expected to be down, and is not"),
        pytest.param(SLOW, "degraded", {"incident:8": Level.MAINTENANCE},
                     id="expected to be slow, and is"),
        pytest.param(SLOW, "down",
                     {"incident:8": Level.MAINTENANCE, **DOWN}, id="expected to be slow, and is down"),
        pytest.param(PLAN.replace("T11:", "T12:"), "down", {"incident:8": Level.NOTICE, **DOWN},
                     id="not begun: it excuses nothing"),
        pytest.param(PLAN.replace("T13:", "T11:"), "down", {"incident:8": Level.OK, **DOWN},
                     id="past its end, and still open"),
        pytest.param(PLAN.replace("end:", "ende:"), "down", {"incident:8": Level.NOTICE, **DOWN},
                     id="without an end it is no plan"),
        pytest.param("No plan at all", "up", {"incident:8": Level.NOTICE}, id="without a plan"),
        pytest.param("<!--" * 2000, "up", {"incident:8": Level.NOTICE}, id="a comment nobody closes"),
        pytest.param("<!--" + " \n" * 3900 + "-->", "up", {"incident:8": Level.NOTICE}, id="a long empty plan"),
    ],
)
def test_planned_work(plan: str, vermont: str, expected: dict[str, Level]) -> None:
    reading = read(body({**WORK, "body": plan}, vermont=vermont))
    assert {s.fingerprint: s.level for s in reading.signals} == expected


def test_planned_work_says_until_when_and_shows_no_hidden_lines() -> None:
    signal = one(body(WORK, vermont="up"))
    assert signal.facts["scheduled_until"] == "2026-01-15T13:00:00.220Z"
    assert signal.facts["update"] == "An upgrade."


# ── Freshness and comments ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ran", "known"),
    [("2026-01-15T10:01:00Z", True), ("2026-01-15T09:59:00Z", False), ("2025-11-01T00:00:00Z", False), (None, False),
     ("soon", False), ("2027-01-15T11:00:00Z", False)],
)
def test_checks_that_have_stopped_make_the_page_unknown(ran: Any, known: bool) -> None:
    """GitHub stops the schedules of quiet repositories; the summary reads "up" for ever after."""
    assert read(body(vermont="up", ran=ran)).known is known


def test_without_any_run_nothing_is_known() -> None:
    assert not read(body(vermont="up", runs={"total_count": 0, "workflow_runs": []})).known
    assert not read(body(vermont="up", runs={"message": "Not Found"})).known


@pytest.mark.parametrize("summary", [[], {}, [{"name": "Vermont", "status": "up"}], [7], "up"])
def test_a_summary_of_another_shape_is_unknown(summary: Any) -> None:
    assert not read(body(summary=summary)).known


def test_comments_are_its_updates_where_they_are_asked_for() -> None:
    said = [
        {"issue_url": "https://api.github.com/repos/v/s/issues/7", "created_at": "2026-01-15T11:50:00Z",
         "body": "Workaround: use Wi-Fi.", "author_association": "OWNER"},
        {"issue_url": "https://api.github.com/repos/v/s/issues/7", "created_at": "2026-01-15T11:55:00Z",
         "body": "Workaround: send money to me.", **STRANGER},
        {"issue_url": "https://api.github.com/repos/v/s/issues/9", "created_at": "2026-01-15T11:56:00Z",
         "body": "Of another issue.", "author_association": "OWNER"},
    ]
    signal = one(body(ISSUE, comments=said), comments=True)
    assert (signal.facts["update"], signal.facts["workaround"]) == ("Workaround: use Wi-Fi.", "use Wi-Fi.")
    assert "workaround" not in one(body(ISSUE, comments=said)).facts
    assert not read(body(ISSUE), comments=True).known


def test_it_asks_for_the_file_and_for_githubs_word() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url)
        return answer("[]")

    source(fetch, comments=True).fetch({}, NOW)
    assert [url.partition("?")[0] for url in asked] == [
        "https://raw.githubusercontent.com/vendor/status/HEAD/history/summary.json",
        "https://api.github.com/repos/vendor/status/issues",
        "https://api.github.com/repos/vendor/status/actions/workflows/uptime.yml/runs",
        "https://api.github.com/repos/vendor/status/issues/comments",
    ]
    for url in ("https://status.example", "https://github.com/vendor", "https://github.com/vendor/status/issues"):
        with pytest.raises(ValidationError, match="repository"):
            UpptimeSettings(id="up", url=url)
    with pytest.raises(ValidationError, match="http"):
        UpptimeSettings(id="up", url="https://github.com/v/s", api_url="file:///etc")
