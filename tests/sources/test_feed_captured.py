"""Statuspage's history.atom as captured from GitHub: twelve days in a row, and each incident update by update."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import yaml

from notifier.model.times import rfc3339
from notifier.ports import Answer, Source
from notifier.sources.generic import feed
from notifier.sources.generic.feed import FeedSettings
from notifier.sources.settings import Placing
from notifier.sources.shapes import plain, xml_of
from tests.replay.deployments import play_polls, write
from tests.shared_data import shared

from .support import tree

TREE = tree()
ATOM = "{http://www.w3.org/2005/Atom}"
TITLE = "GitHub Status - Incident History"
UPDATE = re.compile(r"(?P<day>[A-Z][a-z]{2} \d{1,2}), (?P<time>\d\d:\d\d) UTC\s*(?P<label>[A-Z][a-z ]+) -")


@dataclass(frozen=True)
class Update:
    """One update of an entry, as written into its content."""

    at: datetime
    label: str
    markup: str


@dataclass(frozen=True)
class Entry:
    """One incident: its id, title and updates, oldest first."""

    id: str
    title: str
    updates: tuple[Update, ...]


def snapshots() -> Iterator[tuple[datetime, bytes]]:
    """(when it was fetched, the feed) of each captured day, in order."""
    for file in sorted(shared("data/status/github/atom").iterdir()):
        yield datetime.strptime(file.name, "%Y%m%dT%H%M%SZ.atom").replace(tzinfo=UTC), file.read_bytes()


def entries() -> dict[str, Entry]:
    """Every entry of every day by id, as it read last."""
    found: dict[str, Entry] = {}
    for _, body in snapshots():
        for one in xml_of(body).iter(f"{ATOM}entry"):
            id, updated = one.findtext(f"{ATOM}id") or "", one.findtext(f"{ATOM}updated") or ""
            content = one.findtext(f"{ATOM}content") or ""
            pieces = [f"<p><small>{piece}" for piece in content.split("<p><small>")[1:]]
            updates = tuple(update(piece, updated[:4]) for piece in reversed(pieces))
            found[id] = Entry(id, one.findtext(f"{ATOM}title") or "", updates)
    return found


def update(markup: str, year: str) -> Update:
    said = UPDATE.match(" ".join(plain(markup).split()))
    assert said is not None, markup
    at = datetime.strptime(f"{year} {said['day']} {said['time']}", "%Y %b %d %H:%M").replace(tzinfo=UTC)
    return Update(at, said["label"], markup)


def feed_at(moment: datetime, known: Mapping[str, Entry]) -> bytes:
    """The feed as it read at a moment: Statuspage dates an entry, and calls it published, when it last changed."""
    begun = [(told[-1].at, entry, told) for entry in known.values()
             if (told := [one for one in entry.updates if one.at <= moment])]
    listed = "".join(
        f"<entry><id>{entry.id}</id><published>{rfc3339(at)}</published><updated>{rfc3339(at)}</updated>"
        f"<title>{escape(html.unescape(entry.title))}</title>"
        f'<content type="html">{escape("".join(one.markup for one in reversed(told)))}</content></entry>'
        for at, entry, told in sorted(begun, key=lambda one: one[0], reverse=True)[:25]
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>{TITLE}</title>{listed}</feed>'.encode()


def source() -> Source:
    placing = Placing(service="cloud", regions=("US",))
    settings = FeedSettings(id="feed", url="https://status.example/history.atom", expect_title=TITLE, placing=placing,
                            stale_after=timedelta(days=14))
    return feed.make(settings, regions=TREE)


def test_twelve_days_in_a_row_open_nothing_in_the_whole_daemon(tmp_path: Path) -> None:
    """Once a day everything was resolved: a feed of ends only is no trouble, whatever its words."""
    days = list(snapshots())
    assert len(days) == 12
    entry = {"id": "github", "kind": "feed", "url": "https://status.example/history.atom", "expect_title": TITLE,
             "placing": {"service": "data", "regions": ["US"]}}
    write(tmp_path, regions="include: [{country: US, levels: [state]}]", sources=yaml.safe_dump({"sources": [entry]}),
          services="services: [{id: data, name: data, words: [data]}]")
    polls = [{"fetched_at": rfc3339(at), "source": "github", "status": 200, "headers": {}, "body": body.decode()}
             for at, body in days]
    assert list(play_polls(tmp_path, polls).incidents) == []


def test_update_by_update_exactly_what_is_open_is_open_and_each_ends_once() -> None:
    """The captured texts, replayed as they were written: no incident invented, none lost, none split in two."""
    known = entries()
    assert len(known) >= 25
    memory: Mapping[str, str] = {}
    open_now: dict[str, str] = {}
    keys: dict[str, set[str]] = {}
    opened = 0
    for moment in sorted({one.at for entry in known.values() for one in entry.updates}):
        at = moment + timedelta(seconds=30)
        reading = source().read(Answer(at, 200, {}, feed_at(moment, known)), memory, at)
        assert reading.known, reading.why
        memory = reading.memory
        for signal in reading.signals:
            if signal.level.is_trouble:
                opened += signal.fingerprint not in open_now
                open_now[signal.fingerprint] = signal.facts["title"]
                keys.setdefault(signal.fingerprint.split(":")[1], set()).add(signal.fingerprint)
            else:
                open_now.pop(signal.fingerprint, None)
        assert sorted(open_now.values()) == sorted(truth_at(moment, known)), moment
    assert open_now == {}
    assert opened == len(keys) == sum(1 for entry in known.values() if entry.updates[0].label != "Resolved")
    assert {len(fingerprints) for fingerprints in keys.values()} == {1}


def truth_at(moment: datetime, known: Mapping[str, Entry]) -> list[str]:
    """Titles of what is open at a moment, by the label of its newest update."""
    told = [(entry, [one for one in entry.updates if one.at <= moment]) for entry in known.values()]
    return [" ".join(entry.title.split()) for entry, updates in told if updates and updates[-1].label != "Resolved"]


@pytest.mark.parametrize("days", [1, 3])
def test_days_that_were_missed_open_nothing_either(days: int) -> None:
    memory: Mapping[str, str] = {}
    for at, body in list(snapshots())[::days]:
        reading = source().read(Answer(at, 200, {}, body), memory, at)
        assert not any(signal.level.is_trouble for signal in reading.signals)
        memory = reading.memory
