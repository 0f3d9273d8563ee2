"""Azure's feed: what is listed is open, and emptiness is no all-clear."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.clouds import azure
from notifier.sources.clouds.azure import AzureSettings
from notifier.sources.settings import Match, Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="cloud", find_regions=True)


def item(title: str, minutes_ago: int = 30, guid: str = "slug", text: str = "", *categories: str) -> str:
    at = (NOW - timedelta(minutes=minutes_ago)).strftime("%a, %d %b %Y %H:%M:%S Z")
    listed = "".join(f"<category>{one}</category>" for one in categories)
    return (f'<item><guid isPermaLink="false">{guid}</guid>{listed}<title>{title}</title>'
            f"<description>{text}</description><pubDate>{at}</pubDate></item>")


def feed(*items: str, built: datetime | None = NOW, title: str = "Azure Status") -> str:
    stamp = f"<lastBuildDate>{built.strftime('%a, %d %b %Y %H:%M:%S Z')}</lastBuildDate>" if built else ""
    return (f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>{title}</title>{stamp}'
            f"{''.join(items)}</channel></rss>")


def read(
    *items: str, now: datetime = NOW, memory: dict[str, str] | None = None, body: str = "", **fields: Any
) -> Reading:
    fields.setdefault("placing", PLACING)
    source = azure.make(AzureSettings(id="azure", **fields), regions=TREE)
    return source.read(answer(body or feed(*items, built=now)), memory or {}, now)


@pytest.mark.parametrize(
    ("title", "level"),
    [
        pytest.param("Connectivity - North Europe - Investigating ", Level.MAJOR, id="open, with a space at its end"),
        pytest.param("[RESOLVED] Connectivity - North Europe", Level.OK, id="resolved"),
        pytest.param("Connectivity - North Europe - Unresolved", Level.MAJOR, id="unresolved"),
        pytest.param("Resolved in North Europe. Impact continues in West Europe", Level.MAJOR, id="over in one of two"),
        pytest.param("Connectivity - North Europe - Not yet resolved", Level.MAJOR, id="not yet resolved"),
    ],
)
def test_titles(title: str, level: Level) -> None:
    assert {signal.level for signal in read(item(title)).signals} == {level}


def test_regions_come_from_title_and_categories_and_never_from_the_description() -> None:
    told = item("Connectivity issues", 30, "s", "Traffic went to West Europe.", "Storage", "North Europe")
    (signal,) = read(told).signals
    assert signal.region == "EU-N"


def test_the_longest_name_of_a_region_counts() -> None:
    """"West US 2" is not "West US": whole names, longest first, each word used once."""
    placing = Placing(service="cloud", find_regions=True, map=(
        Match(title="West US 2", regions=("US-VT",)), Match(title="West US", regions=("US-NY",))))
    assert [s.region for s in read(item("Storage - West US 2"), placing=placing).signals] == ["US-VT"]
    assert [s.region for s in read(item("Storage - West US"), placing=placing).signals] == ["US-NY"]


def test_services_are_found_in_the_categories() -> None:
    placing = Placing(find_regions=True, map=(Match(group="Storage", service="files"),))
    (signal,) = read(item("Errors", 30, "s", "", "Storage", "North Europe"), placing=placing).signals
    assert (signal.service, signal.region) == ("files", "EU-N")


def test_an_empty_channel_is_no_all_clear_unless_the_settings_say_so() -> None:
    assert not read().complete
    assert read(empty_is_healthy=True).complete
    assert not read(empty_is_healthy=True).affirmed


def test_what_vanishes_while_others_are_listed_is_over() -> None:
    assert read(item("Errors - West Europe", 30, "other")).complete


def test_what_is_listed_is_open_however_old_its_date() -> None:
    """An outage of three days whose item was never dated anew: still listed is still open."""
    (signal,) = read(item("Errors - North Europe", 60 * 72)).signals
    assert signal.level is Level.MAJOR
    assert signal.started_at == NOW - timedelta(days=3)
    assert signal.lasts_until is not None
    assert signal.lasts_until > NOW


def test_it_lasts_six_hours_beyond_the_last_answer_that_listed_it() -> None:
    first = read(item("Errors - North Europe", 30))
    later = read(item("Errors - North Europe", 30), now=NOW + timedelta(hours=5), memory=dict(first.memory))
    assert first.signals[0].lasts_until == NOW + timedelta(hours=6)
    assert later.signals[0].lasts_until == NOW + timedelta(hours=11)
    assert later.signals[0].key == first.signals[0].key


def test_the_same_answer_a_minute_later_is_no_news() -> None:
    first = read(item("Errors - North Europe"))
    second = read(item("Errors - North Europe"), now=NOW + timedelta(minutes=1), memory=dict(first.memory))
    told = [[(s.key, s.lasts_until, s.why) for s in reading.signals] for reading in (first, second)]
    assert told[0] == told[1]


def test_a_guid_used_again_after_a_day_is_a_new_trouble() -> None:
    first = read(item("Errors - North Europe", 30))
    later = NOW + timedelta(days=3)
    again = read(body=feed(item("Errors - North Europe", -60 * 72), built=later), now=later, memory=dict(first.memory))
    assert first.signals[0].fingerprint != again.signals[0].fingerprint


def test_an_item_dated_anew_with_each_update_stays_one_trouble() -> None:
    first = read(item("Errors - North Europe", 30))
    later = NOW + timedelta(hours=2)
    second = read(body=feed(item("Errors - North Europe", -110), built=later), now=later, memory=dict(first.memory))
    assert first.signals[0].key == second.signals[0].key
    assert second.signals[0].started_at == NOW - timedelta(minutes=30)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(feed(title="Parked"), "called", id="another feed"),
        pytest.param(feed(built=None), "when it was built", id="no date of building"),
        pytest.param(feed(built=NOW - timedelta(minutes=31)), "31 minutes ago", id="a copy from half an hour ago"),
        pytest.param(feed(built=NOW + timedelta(days=2)), "ahead", id="built in two days"),
        pytest.param("<feed><title>Azure Status</title></feed>", "when it was built", id="Atom"),
    ],
)
def test_what_lacks_an_anchor_is_not_believed(body: str, why: str) -> None:
    reading = read(body=body)
    assert not reading.known
    assert why in reading.why
