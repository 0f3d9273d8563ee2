"""AWS's RSS: items are updates, grouped by the service key of their guids."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.clouds import aws_rss
from notifier.sources.clouds.aws_rss import AwsRssSettings
from notifier.sources.settings import Match, Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="cloud", everywhere=("US",), map=(Match(location="us-east-1", regions=("US-VA",)),))


def item(title: str, minutes_ago: int, key: str = "ec2-us-east-1", text: str = "We look.") -> str:
    """One update; AWS writes its moments in Pacific time."""
    at = NOW - timedelta(minutes=minutes_ago)
    local = (at - timedelta(hours=8)).strftime("%a, %d %b %Y %H:%M:%S PST")
    return (f"<item><title><![CDATA[{title}]]></title><link>https://status.aws.amazon.com/</link><pubDate>{local}</pubDate>"
            f'<guid isPermaLink="false">https://status.aws.amazon.com/#{key}_{int(at.timestamp())}</guid>'
            f"<description><![CDATA[{text}]]></description></item>")


def read(*items: str, title: str = "Amazon Web Services Service Status", memory: dict[str, str] | None = None,
         now: datetime = NOW, **fields: Any) -> Reading:
    body = f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>{"".join(items)}</channel></rss>'
    source = aws_rss.make(AwsRssSettings(id="rss", placing=PLACING, **fields), regions=TREE)
    return source.read(answer(body), memory or {}, now)


@pytest.mark.parametrize(
    ("title", "level"),
    [
        pytest.param("Service disruption: Errors", Level.CRITICAL, id="disruption"),
        pytest.param("Service degradation: Errors", Level.MAJOR, id="degradation"),
        pytest.param("Performance issues: Errors", Level.MAJOR, id="performance issues"),
        pytest.param("Informational message: Errors", Level.MINOR, id="informational"),
        pytest.param("A word from the future: Errors", Level.MINOR, id="an unknown state is still an update"),
        pytest.param("Service is operating normally: [RESOLVED] Errors", Level.OK, id="resolved"),
        pytest.param("Informational message: [RESOLVED] Errors", Level.OK, id="resolved under another state"),
        pytest.param("Service is operating normally: Errors", Level.OK, id="operating normally without [RESOLVED]"),
        pytest.param("Informational message: [UNRESOLVED] Errors", Level.MINOR, id="unresolved"),
        pytest.param("Service disruption: it is not operating normally", Level.CRITICAL, id="not operating normally"),
    ],
)
def test_the_state_stands_before_the_title(title: str, level: Level) -> None:
    (signal,) = read(item(title, 5)).signals
    assert signal.level is level
    assert signal.region == "US-VA"


def test_updates_of_one_service_key_are_one_trouble_and_the_newest_speaks() -> None:
    worse = item("Service disruption: Errors", 5, text="Worse.")
    (signal,) = read(worse, item("Informational message: Errors", 40)).signals
    assert signal.level is Level.CRITICAL
    assert signal.started_at == NOW - timedelta(minutes=40)
    assert signal.facts["update"] == "Worse."


def test_the_moment_is_read_in_pacific_time() -> None:
    (signal,) = read(item("Informational message: Errors", 5)).signals
    assert signal.started_at == NOW - timedelta(minutes=5)


def test_two_service_keys_are_two_troubles() -> None:
    reading = read(item("Informational message: Errors", 5), item("Informational message: Errors", 5, "rds-us-east-1"))
    assert len({signal.fingerprint for signal in reading.signals}) == 2


def test_a_key_that_was_silent_for_a_day_begins_a_new_trouble() -> None:
    chain = (item("Informational message: Errors", 5), item("Service disruption: Other errors", 60 * 30))
    (signal,) = read(*chain).signals
    assert signal.started_at == NOW - timedelta(minutes=5)


def test_a_chain_that_is_never_resolved_goes_quiet_by_itself_after_a_day() -> None:
    chain = item("Informational message: Errors", 5)
    (signal,) = read(chain).signals
    assert signal.lasts_until == NOW - timedelta(minutes=5) + timedelta(days=1)
    assert read(chain, now=NOW + timedelta(days=1)).signals == ()


def test_absence_says_nothing() -> None:
    reading = read()
    assert reading.known
    assert not reading.complete
    assert not reading.affirmed


def test_a_key_without_region_is_everywhere() -> None:
    (signal,) = read(item("Informational message: Errors", 5, "route53")).signals
    assert signal.region == "US"


def test_a_guid_of_another_form_is_a_trouble_of_its_own() -> None:
    odd = item("Informational message: Errors", 5).replace("#ec2-us-east-1_", "#")
    reading = read(odd)
    assert reading.signals == ()
    assert reading.unplaced == ("no region for 'Informational message: Errors'",)


@pytest.mark.parametrize("title", ["Amazon EC2 (Tokyo) Service Status", "Amazon Web Services Service Status"])
def test_feeds_of_single_services_are_aws_s_too(title: str) -> None:
    assert read(title=title).known


def test_another_feed_is_not_believed() -> None:
    reading = read(item("Service is operating normally: Errors", 5), title="Parked Domain News")
    assert not reading.known
    assert "Service Status" in reading.why
