"""RSS and Atom: whether it is over, what belongs together, and feeds as captured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Reading, Source
from notifier.sources.clocks import any_time
from notifier.sources.generic import feed
from notifier.sources.generic.feed import FeedSettings, LevelWords
from notifier.sources.settings import Placing
from notifier.sources.wording import is_over, is_planned
from tests.shared_data import shared

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="cloud", regions=("US",), find_regions=True)


def source(**fields: Any) -> Source:
    fields.setdefault("placing", PLACING)
    return feed.make(FeedSettings(id="feed", url="https://status.example/feed", **fields), regions=TREE)


def item(title: str, at: str, text: str = "We are investigating.", guid: str = "g1", extra: str = "") -> str:
    return (
        f"<item><title>{escape(title)}</title><guid>{escape(guid)}</guid><pubDate>{at}</pubDate>"
        f"<description>{escape(text)}</description>{extra}</item>"
    )


def rss(*items: str, title: str = "Azure Status") -> str:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>{"".join(items)}</channel></rss>'


def read(body: str, memory: dict[str, str] | None = None, now: datetime = NOW, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), memory or {}, now)


RECENT = "Thu, 15 Jan 2026 11:50:00 Z"


@pytest.mark.parametrize(
    ("title", "text", "over"),
    [
        pytest.param("Outage", "This incident has been resolved.", True, id="resolved"),
        pytest.param("Outage", "Service has been restored. Thank you for your patience.", True, id="courtesy after it"),
        pytest.param("Outage", "The issue is unresolved.", False, id="unresolved contains resolved"),
        pytest.param("Outage", "Un-resolved as of now", False, id="un-resolved"),
        pytest.param("Outage", "The issue is not yet resolved", False, id="not yet resolved"),
        pytest.param("Outage", "We will update you once resolved.", False, id="once resolved"),
        pytest.param("Outage", "We expect service to be restored by noon.", False, id="expected restoration"),
        pytest.param("Outage", "Service is partially restored.", False, id="partially restored"),
        pytest.param("Outage", "Most customers have recovered.", False, id="most is not all"),
        pytest.param("Outage", "We have mitigated the issue and are monitoring the results", False, id="being watched"),
        pytest.param(
            "Outage", "Resolved in North Europe. Impact continues in West Europe.", False, id="one region of two"
        ),
        pytest.param(
            "Outage", "Impact continues in West Europe. Resolved in North Europe.", False, id="the other way round"
        ),
        pytest.param("Outage", "Calls are restored, but data is still down.", False, id="but"),
        pytest.param(
            "Outage", "We saw errors from 9:00 to 10:00. The issue is resolved.", True, id="history, then end"
        ),
        pytest.param("[RESOLVED] Outage", "Between 9 and 10 calls failed.", True, id="a title marked as resolved"),
        pytest.param("Oct 9 - Bentley | Outage (Resolved)", "Technicians were sent.", True, id="marked at the end"),
        pytest.param("Sept 25 - Phone Interruption - Resolved", "", True, id="after a dash"),
        pytest.param(
            "[RESOLVED] Outage", "Impact continues in West Europe.", False, id="the text contradicts the title"
        ),
        pytest.param("Unresolved outage", "We look.", False, id="a title with unresolved"),
        pytest.param("Website recovered", "Website", True, id="a monitor's own words, in the title alone"),
        pytest.param("Website partially recovered", "Website", False, id="a title that says partially"),
        pytest.param("Website recovered", "Impact continues elsewhere.", False, id="a text against recovered"),
        pytest.param("Outage", "", False, id="no words"),
        pytest.param(
            "Outage",
            "Oct 30, 23:00 UTC\nResolved - It is over.\nOct 30, 22:00 UTC\nInvestigating - Errors.",
            True,
            id="labelled updates, newest first",
        ),
        pytest.param(
            "Outage",
            "22:40\nMonitoring - A fix is in. Errors are resolved here.\n22:00\nResolved - Not this one.",
            False,
            id="an older resolved is history",
        ),
        pytest.param(
            "Outage", "Update - The outage is resolved.\nInvestigating - Errors.", True, id="an update says so"
        ),
    ],
)
def test_whether_it_is_over(title: str, text: str, over: bool) -> None:
    assert is_over(title, text) is over


def test_planned_work_is_told_apart() -> None:
    assert is_planned("Scheduled maintenance of router 3", "")
    assert is_planned("Router 3", "Scheduled - We will replace it.")
    assert not is_planned("Router 3 is down", "Investigating - It fell.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Thu, 23 Jul 2026 16:29:09 Z", "2026-07-23T16:29:09", id="a bare Z, as Azure writes"),
        pytest.param("Thu, 23 Jul 2026 09:29:09 PDT", "2026-07-23T16:29:09", id="PDT, as AWS writes"),
        pytest.param("Thu, 23 Jul 2026 16:29:09 +0000", "2026-07-23T16:29:09", id="an offset"),
        pytest.param("Thu, 23 Jul 2026 18:29:09 CEST", "2026-07-23T16:29:09", id="CEST, which RFC 822 does not know"),
        pytest.param("Thu, 23 Jul 2026 16:29:09 XYZ", "2026-07-23T16:29:09", id="nobody's zone: the feed's"),
        pytest.param("2026-07-23T18:29:09+02:00", "2026-07-23T16:29:09", id="RFC 3339 in RSS"),
        pytest.param("2026-07-23 16:29:09", "2026-07-23T16:29:09", id="no zone: the feed's"),
        pytest.param("yesterday", None, id="a word"),
        pytest.param("Thu, 99 Jul 2026 16:29:09 Z", None, id="no such day"),
        pytest.param("0001-01-01T00:00:00Z", None, id="before time began"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_times(text: str, expected: str | None) -> None:
    found = any_time(text, "UTC")
    assert (found.replace(tzinfo=None).isoformat() if found else None) == expected


@pytest.mark.parametrize(
    ("lists_all_open", "empty_is_healthy", "complete"),
    [(False, False, False), (True, False, False), (True, True, True)],
)
def test_an_empty_channel_is_known_and_proves_nothing(
    lists_all_open: bool, empty_is_healthy: bool, complete: bool
) -> None:
    reading = read(rss(), lists_all_open=lists_all_open, empty_is_healthy=empty_is_healthy)
    assert (reading.known, reading.signals, reading.complete) == (True, (), complete)


def test_a_feed_of_another_name_is_not_believed() -> None:
    assert read(rss(item("x", RECENT)), expect_title="Azure Status").known
    reading = read(rss(item("x", RECENT), title="Buy this domain"), expect_title="Azure Status")
    assert not reading.known
    assert "Buy this domain" in reading.why


def test_items_of_one_guid_are_one_trouble_and_the_newest_decides() -> None:
    first = item("API errors", "Thu, 15 Jan 2026 10:00:00 GMT", guid="https://s/1#update-1")
    second = item("API errors, more", "Thu, 15 Jan 2026 11:00:00 GMT", guid="https://s/1#update-2")
    last = item("API errors", "Thu, 15 Jan 2026 11:55:00 GMT", "This is resolved.", guid="https://s/1#update-3")
    (signal,) = read(rss(second, first)).signals
    assert (signal.level, signal.started_at.hour) == (Level.MINOR, 10)
    (ended,) = read(rss(last, second, first)).signals
    assert (ended.level, ended.key) == (Level.OK, signal.key)


@pytest.mark.parametrize("guid", [
    pytest.param("https://s.example/incident/98765#{}c9f0", id="a mark of its own for each update"),
    pytest.param("https://s.example/incidents/98765#update-{}", id="a numbered update"),
    pytest.param("8f14e45fceea167a", id="one hash for the incident, and the home page as its link"),
])
def test_updates_of_one_incident_at_better_stack_are_one_trouble(guid: str) -> None:
    """One item for each update; what tells them apart must not make them troubles of their own."""
    first = item("Data went down", "Thu, 15 Jan 2026 11:00:00 +0000", "Data went down.", guid.format(1))
    last = item("Data recovered", "Thu, 15 Jan 2026 11:55:00 +0000", "Data", guid.format(2))
    opened = read(rss(first))
    (signal,) = opened.signals
    (ended,) = read(rss(last, first), dict(opened.memory)).signals
    assert (signal.level, ended.level, ended.key) == (Level.MINOR, Level.OK, signal.key)


@pytest.mark.parametrize(("one", "other"), [
    pytest.param("https://s.example/incident/1#a", "https://s.example/incident/2#a", id="two incidents"),
    pytest.param("https://status.aws.amazon.com/#ec2-us-east-1_1768474200",
                 "https://status.aws.amazon.com/#s3-us-east-1_1768474200", id="only the fragment tells them apart"),
    pytest.param("https://s.example/incidents#1", "https://s.example/incidents#2", id="a page of all incidents"),
])
def test_different_troubles_stay_apart(one: str, other: str) -> None:
    assert len(read(rss(item("A", RECENT, guid=one), item("B", RECENT, guid=other))).signals) == 2


def test_first_items_that_scrolled_away_do_not_make_it_another_trouble() -> None:
    first = item("API errors", "Thu, 15 Jan 2026 10:00:00 GMT")
    second = item("API errors", "Thu, 15 Jan 2026 11:00:00 GMT")
    before = read(rss(second, first))
    (signal,) = read(rss(second), dict(before.memory)).signals
    assert signal.key == before.signals[0].key
    assert signal.started_at == before.signals[0].started_at


def test_a_guid_used_again_after_a_day_of_silence_is_another_trouble() -> None:
    old = item("API errors", "Mon, 12 Jan 2026 10:00:00 GMT", "Resolved.")
    new = item("API errors", RECENT)
    then = read(rss(old), now=datetime(2026, 1, 12, 10, 5, tzinfo=UTC))
    (signal,) = read(rss(new, old), dict(then.memory)).signals
    assert signal.level == Level.MINOR
    assert signal.key != then.signals[0].key
    (alone,) = read(rss(new)).signals
    assert alone.key == signal.key


def test_an_end_after_days_of_silence_is_the_end_of_what_was_open() -> None:
    """Nobody writes on a Sunday: however long after, "resolved" begins no trouble of its own."""
    at = datetime(2026, 1, 12, 10, 5, tzinfo=UTC)
    first = read(rss(item("API errors", "Mon, 12 Jan 2026 10:00:00 GMT")), now=at, stale_after="7d")
    (ended,) = read(rss(item("API errors", RECENT, "Resolved.")), dict(first.memory), stale_after="7d").signals
    assert (ended.level, ended.key) == (Level.OK, first.signals[0].key)


def test_an_open_item_nobody_updates_goes_quiet_and_says_when() -> None:
    (signal,) = read(rss(item("API errors", RECENT)), stale_after="2h").signals
    assert signal.lasts_until == datetime(2026, 1, 15, 13, 50, tzinfo=UTC)
    assert read(rss(item("API errors", RECENT)), now=NOW + timedelta(hours=3), stale_after="2h").signals == ()


def test_an_item_without_a_date_keeps_the_time_it_was_first_seen() -> None:
    first = read(rss("<item><title>Down</title><guid>g</guid></item>"))
    later = read(rss("<item><title>Down</title><guid>g</guid></item>"), dict(first.memory), NOW + timedelta(hours=1))
    assert later.signals[0].started_at == NOW
    assert later.signals[0].key == first.signals[0].key


def test_words_say_how_bad_and_where() -> None:
    levels = (LevelWords(words="critical", level="critical"), LevelWords(words="delay*", level="minor"))
    where = "<category>Storage</category><category>North Europe</category>"
    (signal,) = read(rss(item("Critical storage outage", RECENT, extra=where)), levels=levels, level="major").signals
    assert (signal.level, signal.region) == (Level.CRITICAL, "EU-N")
    (signal,) = read(rss(item("Delays", RECENT, "Impact is in North Europe.")), levels=levels, level="major").signals
    assert (signal.level, signal.region) == (Level.MINOR, "US"), "the description is not searched for regions"
    (signal,) = read(rss(item("Planned maintenance", RECENT)), level="major").signals
    assert signal.level == Level.MAINTENANCE


def test_github_history_as_captured_is_all_resolved_by_the_newest_update() -> None:
    for file in sorted(shared("data/status/github/atom").iterdir()):
        at = datetime.strptime(file.name, "%Y%m%dT%H%M%SZ.atom").replace(tzinfo=UTC)
        reading = source(stale_after="30d", expect_title="GitHub Status - Incident History").read(
            Answer(at, 200, {}, file.read_bytes()), {}, at
        )
        assert reading.known, reading.why
        assert len(reading.signals) >= 15
        open_now = [signal.why for signal in reading.signals if signal.level.is_trouble]
        assert open_now == [], file.name
