"""AWS: both shapes of its events, the traps of each, and answers as captured."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.clouds import aws
from notifier.sources.clouds.aws import AwsSettings, next_at, split_key
from notifier.sources.settings import Match, Placing
from tests.shared_data import shared

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="cloud", everywhere=("US",), map=(
    Match(location="us-east-1", regions=("US-VA",)), Match(location="us-west-2", regions=("US-MT",))))
BEGUN = int((NOW - timedelta(minutes=30)).timestamp())


def event(**over: Any) -> dict[str, Any]:
    """One event as it is told; a field given as None is left out."""
    given = {"date": str(BEGUN), "arn": "arn:aws:health:us-east-1::event/EC2/X/X_1", "region_name": "N. Virginia",
             "status": "2", "service": "ec2-us-east-1", "service_name": "Amazon Elastic Compute Cloud",
             "summary": "Errors", "event_log": [], "impacted_services": {}, **over}
    return {key: value for key, value in given.items() if value is not None}


def impacted(**current: str) -> dict[str, Any]:
    return {key.replace("_", "-"): {"service_name": key, "current": now, "max": "3"} for key, now in current.items()}


def said(status: int, minutes: int, message: str = "", summary: str = "Errors") -> dict[str, Any]:
    return {"summary": summary, "message": message, "status": status, "timestamp": BEGUN + 60 * minutes}


def read(*events: Any, memory: dict[str, str] | None = None, now: datetime = NOW, **fields: Any) -> Reading:
    source = aws.make(AwsSettings(id="aws", placing=fields.pop("placing", PLACING), **fields), regions=TREE)
    return source.read(answer(b"\xfe\xff" + json.dumps(events).encode("utf-16-be")), memory or {}, now)


@pytest.mark.parametrize(
    ("over", "level"),
    [
        pytest.param({"status": "3"}, Level.CRITICAL, id="3 is a disruption"),
        pytest.param({"status": 3}, Level.CRITICAL, id="a number as well as text"),
        pytest.param({"status": "2"}, Level.MAJOR, id="2 is a degradation"),
        pytest.param({"status": "1"}, Level.MINOR, id="1 is informational, and most outages begin so"),
        pytest.param({"status": "0"}, Level.OK, id="0 is over"),
        pytest.param({"status": "4"}, Level.NOTICE, id="a number from the future opens nothing"),
        pytest.param({"status": True}, Level.NOTICE, id="true is no 1"),
        pytest.param({"status": None}, Level.NOTICE, id="no status"),
        pytest.param({"summary": "[RESOLVED] Errors"}, Level.OK, id="[RESOLVED] counts whatever the status"),
        pytest.param({"summary": "[解決済] 障害 | [RESOLVED] Errors"}, Level.OK, id="in one of two languages"),
        pytest.param({"summary": "[UNRESOLVED] Errors"}, Level.MAJOR, id="unresolved is not resolved"),
        pytest.param({"end_time": str(BEGUN + 60)}, Level.OK, id="an end that is past"),
        pytest.param({"end_time": BEGUN + 60}, Level.OK, id="an end as a number"),
        pytest.param({"end_time": ""}, Level.MAJOR, id="an empty end is none"),
        pytest.param({"end_time": str(BEGUN + 86400)}, Level.MAJOR, id="an end ahead is not yet"),
        pytest.param({"status": "3", "event_log": [said(3, 0), said(1, 20)]}, Level.MINOR,
                     id="the event keeps its worst status, its newest message says how it is now"),
        pytest.param({"status": "3", "event_log": [said(1, 20), said(3, 0)]}, Level.MINOR,
                     id="messages out of order: the newest by its own time"),
        pytest.param({"status": "3", "event_log": [said(0, 20)]}, Level.CRITICAL,
                     id="a last message of 0 alone leaves a doubt"),
        pytest.param({"status": "3", "event_log": [said(0, 20)], "impacted_services": impacted(ec2_us_east_1="0")},
                     Level.OK, id="a last message of 0 once all services have recovered"),
        pytest.param({"status": "3", "event_log": [said(0, 20)],
                      "impacted_services": impacted(ec2_us_east_1="0", elb_us_east_1="1")},
                     Level.CRITICAL, id="but not while one has not"),
    ],
)
def test_levels(over: dict[str, Any], level: Level) -> None:
    (signal, *_) = read(event(**over)).signals
    assert signal.level is level


def test_informational_events_are_left_out_where_the_settings_say_so() -> None:
    (signal,) = read(event(status="1"), informational="notice").signals
    assert signal.level is Level.NOTICE


def test_an_event_is_its_arn_however_it_is_renamed_or_redated() -> None:
    first = read(event())
    second = read(event(summary="Errors and latencies", date=str(BEGUN - 600)))
    assert {s.key for s in first.signals} == {s.key for s in second.signals}


def test_an_event_without_arn_is_its_service_and_date_as_written() -> None:
    """AWS once dated events eight hours ahead: clamped to now, the name would change with every poll."""
    ahead = event(arn=None, date=str(int((NOW + timedelta(hours=8)).timestamp())))
    first, second = read(ahead), read(ahead, now=NOW + timedelta(minutes=1))
    assert [s.key for s in first.signals] == [s.key for s in second.signals]
    assert first.signals[0].started_at == NOW


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("ec2-us-west-2", ("ec2", "us-west-2")),
        ("management-console-us-gov-east-1", ("management-console", "us-gov-east-1")),
        ("multipleservices-me-central-1", ("multipleservices", "me-central-1")),
        ("rds-ap-northeast-2", ("rds", "ap-northeast-2")),
        ("s3-us-standard", ("s3", "us-east-1")),
        ("route53", ("route53", "global")),
        ("import-export", ("import-export", "global")),
    ],
)
def test_a_service_key_holds_service_and_region(key: str, expected: tuple[str, str]) -> None:
    assert split_key(key) == expected


def test_services_without_a_region_are_everywhere() -> None:
    arn = "arn:aws:health:global::event/ROUTE53/X/X_1"
    (signal,) = read(event(service="route53", arn=arn, region_name=None)).signals
    assert signal.region == "US"


def test_a_region_nobody_knows_is_said_and_not_guessed() -> None:
    reading = read(event(service="ec2-mx-central-1"), placing=Placing(service="cloud", regions=("US",)))
    assert reading.signals == ()
    assert reading.unplaced == ("no region for 'mx-central-1 / ec2 / Amazon Elastic Compute Cloud / "
                                "Amazon Elastic Compute Cloud Errors'",)
    assert reading.present, "it goes on, wherever it is"


def test_each_impacted_service_is_placed_by_its_own_key_and_leaves_when_it_recovers() -> None:
    by_service = Placing(map=(
        Match(group="ec2", service="vm", regions=("US-VA",)), Match(group="s3", service="files", regions=("US-VA",)),
        Match(component="*", ignore=True)))
    services = impacted(ec2_us_east_1="3", s3_us_east_1="2", athena_us_east_1="1")
    both = read(event(impacted_services=services), placing=by_service)
    assert [(s.service, s.region) for s in both.signals] == [("vm", "US-VA"), ("files", "US-VA")]
    later = read(event(impacted_services={**services, **impacted(s3_us_east_1="0")}), placing=by_service)
    assert [s.service for s in later.signals] == ["vm"]
    own = read(event(impacted_services={**services, **impacted(ec2_us_east_1="0")}), placing=by_service)
    assert [s.service for s in own.signals] == ["files"], "its own service recovers like the others"


def test_a_service_that_is_everywhere_is_impacted_in_the_event_s_region_only() -> None:
    """An outage of one region lists CloudFront too: nobody elsewhere is told of it."""
    reading = read(event(impacted_services=impacted(ec2_us_east_1="3", cloudfront="1")))
    assert {s.region for s in reading.signals} == {"US-VA"}


def test_empty_is_normal_and_ends_what_was_open_and_affirms_nothing() -> None:
    reading = read()
    assert reading.known
    assert reading.complete
    assert not reading.affirmed


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"[]", "byte-order mark", id="an empty list without the mark could be anybody's"),
        pytest.param(b'{"current": []}', "archive", id="data.json without its archive"),
        pytest.param(b'{"archive": []}', "current", id="data.json without its list"),
        pytest.param(b'[{"service": "ec2-us-east-1", "status": "3"}]', "date", id="an event without a date"),
        pytest.param(b'[{"date": "1768474800", "status": "3"}]', "service", id="an event without a service"),
    ],
)
def test_what_lacks_an_anchor_is_not_believed(body: bytes, why: str) -> None:
    source = aws.make(AwsSettings(id="aws", placing=PLACING), regions=TREE)
    reading = source.read(answer(body), {}, NOW)
    assert not reading.known
    assert why in reading.why


def test_a_clock_years_ahead_is_not_believed() -> None:
    assert not read(event(date=str(BEGUN + 60 * 86400))).known


def test_what_helps_and_when_it_will_be_back_are_kept_as_facts() -> None:
    log = [said(2, 0, "Launches fail. Workaround: launch in another zone."),
           said(2, 10, "We expect full recovery by Jan 15 4:45 AM PST.")]
    (signal,) = read(event(event_log=log)).signals
    assert signal.facts["workaround"] == "launch in another zone."
    assert signal.facts["restoration_at"] == "2026-01-15T12:45:00Z"
    assert signal.facts["update"].startswith("We expect")


@pytest.mark.parametrize(
    ("clock", "after", "expected"),
    [
        pytest.param(" 6:06 PM PDT", "2018-05-10T01:06:00", "2018-05-10T01:06:00", id="summer time"),
        pytest.param("12:30 AM PST", "2026-01-15T07:50:00", "2026-01-15T08:30:00", id="half past midnight"),
        pytest.param("12:05 PM PST", "2026-01-15T19:00:00", "2026-01-15T20:05:00", id="noon"),
        pytest.param(" 1:10 AM PST", "2026-01-15T07:50:00", "2026-01-15T09:10:00", id="the next day in that zone"),
        pytest.param("Jun 13,\u00a0 3:10 AM PDT", "2026-06-13T09:00:00", "2026-06-13T10:10:00", id="a date before it"),
        pytest.param("13:99 PM PST", "2026-01-15T07:50:00", None, id="no clock"),
        pytest.param("noon", "2026-01-15T07:50:00", None, id="words"),
    ],
)
def test_clocks_of_descriptions_follow_one_another(clock: str, after: str, expected: str | None) -> None:
    found = next_at(clock, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert (found and found.replace(tzinfo=None).isoformat()) == expected


def test_the_newest_message_of_a_description_is_its_last() -> None:
    told = "<div><span class=\"yellowfg\"> {}</span>&nbsp;{}</div>"
    text = told.format("11:50 PM PST", "We look.") + told.format("12:20 AM PST", "Use <b>another</b> zone.")
    body = {"archive": [], "current": [event(arn=None, event_log=None, impacted_services=None, description=text)]}
    source = aws.make(AwsSettings(id="aws", placing=PLACING), regions=TREE)
    (signal,) = source.read(answer(body), {}, NOW).signals
    assert signal.facts["update"] == "Use another zone."


def test_the_captured_answer_of_two_regions_at_war() -> None:
    """Two events that go on for months; services that are everywhere and have recovered are not told as impacted."""
    body = shared("data/status/vendors/devops-status-mcp/aws-currentevents.utf16be.bin").read_bytes()
    placing = Placing(service="cloud", everywhere=("US",), map=(
        Match(location="me-central-1", regions=("US-VT",)), Match(location="me-south-1", regions=("US-NY",))))
    source = aws.make(AwsSettings(id="aws", placing=placing), regions=TREE)
    reading = source.read(answer(body), {}, datetime(2026, 8, 1, tzinfo=UTC))
    assert reading.known, reading.why
    assert [(s.region, s.level) for s in reading.signals] == [("US-VT", Level.CRITICAL), ("US-NY", Level.CRITICAL)]
    assert reading.signals[0].started_at == datetime.fromtimestamp(1772369485, UTC)
    assert reading.complete
    assert not reading.affirmed


def test_data_json_as_captured_when_all_was_well() -> None:
    body = shared("data/status/gcp/aws_data_2022-07-03.json").read_bytes()
    source = aws.make(AwsSettings(id="aws", placing=PLACING), regions=TREE)
    reading = source.read(answer(body), {}, datetime(2022, 7, 3, tzinfo=UTC))
    assert reading.known, reading.why
    assert reading.signals == ()
    assert reading.complete
