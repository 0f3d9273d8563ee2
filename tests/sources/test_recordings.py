"""Real histories through the sources and the store: what opens and what closes, counted; each miss has its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifier.ports import Answer, Source
from notifier.sources.pages import statuspage as vendor
from notifier.sources.pages.statuspage import StatuspageSettings
from notifier.sources.settings import Match, Placing
from tests.shared_data import shared

from .recordings import Told, github_polls, oci_polls, shaw_post_polls, shaw_snapshot_polls
from .seen import Seen
from .support import tree

EVERYWHERE = Placing(service="cloud", regions=("US",))


def statuspage(source_id: str, placing: Placing = EVERYWHERE) -> Source:
    """A page whose every word speaks of one service in one region."""
    settings = StatuspageSettings(id=source_id, url="https://status.example", placing=placing)
    return vendor.make(settings, regions=tree())


@pytest.mark.recordings
def test_github_every_incident_that_was_public_as_unresolved_opens_once_and_closes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = Told()
    seen = Seen(statuspage("github"), github_polls(shared("data/status/github"), shown=10, told=told))
    missed = told.incidents - len(seen.opened)
    with capsys.disabled():
        print(
            f"\ngithub: {told.incidents} incidents, {seen.polls} polls, {len(seen.opened)} opened and closed, ", end=""
        )
        print(f"{missed} not opened: {dict(told.never_open)}")
    assert told.incidents == 1282
    assert seen.not_known == 0
    assert seen.open_at_end == set()
    assert missed == sum(told.never_open.values())
    assert len(seen.opened) > 800


def test_github_records_hold_nothing_from_after_their_moment() -> None:
    for number, one in enumerate(github_polls(shared("data/status/github"), shown=3)):
        if number % 50:
            continue
        at = one["fetched_at"]
        for incident in one["body"]["incidents"]:
            times = [incident["updated_at"], *(u["display_at"] for u in incident["incident_updates"])]
            assert all(datetime.fromisoformat(t) <= datetime.fromisoformat(at) for t in times)


@pytest.mark.recordings
def test_oci_opens_what_the_page_called_minor_or_more(capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared("data/status/oci")
    impacts: dict[str, set[str]] = {}
    for one in oci_polls(folder):
        for incident in one["body"]["incidents"]:
            impacts.setdefault(f"incident:{incident['id']}", set()).add(incident["impact"])
    seen = Seen(statuspage("oci"), oci_polls(folder))
    opened = {one for one in seen.opened if one.startswith("incident:")}
    expected = {one for one, told in impacts.items() if told & {"minor", "major", "critical"}}
    with capsys.disabled():
        print(f"\noci: {len(impacts)} incidents in {seen.polls} snapshots, {len(opened)} opened, ", end="")
        print(f"{len(impacts) - len(opened)} not opened: impact none in every snapshot")
    assert seen.polls == 602
    assert seen.not_known == 0
    assert opened == expected
    assert {one for one in seen.open_at_end if one.startswith("incident:")} == set()


def test_oci_whole_pages_are_read() -> None:
    source = statuspage("oci")
    for file in sorted(shared("data/status/oci/full_summary_excerpt").iterdir()):
        at = datetime(2022, 4, 1, tzinfo=UTC)
        reading = source.read(Answer(at, 200, {}, file.read_bytes()), {}, at)
        assert reading.known, (file.name, reading.why)
        assert reading.complete


@pytest.mark.recordings
def test_shaw_snapshots_of_the_flood_week(capsys: pytest.CaptureFixture[str]) -> None:
    placing = Placing(
        map=(Match(component="Internet", service="broadband", regions=("CA-ON",)), Match(component="*", ignore=True))
    )
    seen = Seen(statuspage("shaw", placing), shaw_snapshot_polls(shared("data/status/shaw")))
    with capsys.disabled():
        print(
            f"\nshaw: {seen.polls} snapshots, {len(seen.opened)} posts opened, {len(seen.open_at_end)} open at the end"
        )
    assert seen.polls == 117
    assert seen.not_known == 0
    assert len(seen.opened) >= 20


@pytest.mark.recordings
def test_shaw_posts_open_and_close(capsys: pytest.CaptureFixture[str]) -> None:
    since, until = datetime(2021, 11, 1, tzinfo=UTC), datetime(2021, 12, 1, tzinfo=UTC)
    records = list(shaw_post_polls(shared("data/status/shaw"), since=since, until=until))
    posts: dict[str, set[str]] = {}
    for one in records:
        for post in one["body"]["incidents"]:
            posts.setdefault(f"incident:{post['id']}", set()).add(post["status"])
    seen = Seen(statuspage("shaw"), records)
    ever_open = {key for key, statuses in posts.items() if statuses != {"resolved"}}
    with capsys.disabled():
        print(f"\nshaw posts of November 2021: {len(posts)} posts, {seen.polls} polls, {len(seen.opened)} opened, ",
              end="")
        print(f"{len(posts) - len(ever_open)} first seen when they were over")
    assert seen.opened == ever_open
    assert seen.open_at_end == set()
    assert len(ever_open) >= len(posts) * 0.9


def test_records_are_in_time_order() -> None:
    for records in (
        oci_polls(shared("data/status/oci")),
        github_polls(shared("data/status/github"), shown=1),
        shaw_snapshot_polls(shared("data/status/shaw")),
    ):
        times = [datetime.fromisoformat(one["fetched_at"]) for one in records]
        assert times == sorted(times)
        assert times[-1] - times[0] > timedelta(days=5)
