"""Sixty thousand real posts of six disasters (CrisisLex T6): the outage that is in them is found, and nothing else.

The collection is a sample of about one post in a hundred, without authors, and most of it without places: it is harder
to hear than the stream a deployment listens to.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from notifier.model.mention import Mention
from notifier.model.signal import Signal

from ..shared_data import shared
from .scene import HOME, detector

LOOK = timedelta(seconds=30)
OTHERS = {"2013_Boston_Bombings": "US", "2013_Queensland_Floods": "AU", "2013_Alberta_Floods": "CA",
          "2013_Oklahoma_Tornado": "US", "2013_West_Texas_Explosion": "US"}


@cache
def _events() -> dict[str, list[Mention]]:
    found: dict[str, list[Mention]] = defaultdict(list)
    with gzip.open(shared("data/mentions/crisislex_t6_60k.jsonl.gz"), "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            found[row["event"]].append(Mention.from_record({**row, "network": "x"}))
    return {event: sorted(posts, key=lambda one: (one.created_at, one.id)) for event, posts in found.items()}


def _told(event: str, home: str | None) -> list[Signal]:
    heard, told, posts = detector(home_region=home), [], _events()[event]
    now, at = posts[0].created_at, 0
    while now < posts[-1].created_at + timedelta(minutes=40):
        now += LOOK
        while at < len(posts) and posts[at].created_at <= now:
            heard.take("test", posts[at], now)
            at += 1
        told.extend(heard.signals(now))
    first = {signal.key: signal for signal in reversed(told) if signal.level.is_trouble}
    print(f"{event}: {len(posts)} posts, {heard.counts.complaints} complaints, {heard.counts.located} placed")
    for signal in sorted(first.values(), key=lambda one: one.observed_at):
        print(f"  {signal.observed_at:%d %H:%M} {signal.service} {signal.region}: {signal.why}")
    return sorted(first.values(), key=lambda one: one.observed_at)


@pytest.mark.recordings
def test_sandy() -> None:
    """On the evening of 29 October 2012 (30 October, 00:00 to 01:00 UTC) lower Manhattan went dark after half past
    eight local time: power in New York or the north-east, within 45 minutes, and nothing but power."""
    told = _told("2012_Sandy_Hurricane", HOME)
    assert told
    assert {signal.service for signal in told} == {"power"}
    assert {signal.region for signal in told} <= {HOME, "US-NY", "US-NJ", "US-CT"}
    first = told[0]
    dark = datetime(2012, 10, 30, 0, 30, tzinfo=UTC)
    assert first.observed_at - dark <= timedelta(minutes=45)
    assert abs(first.started_at - dark) <= timedelta(minutes=30)
    assert all(datetime(2012, 10, 29, tzinfo=UTC) <= s.observed_at <= datetime(2012, 10, 31, tzinfo=UTC) for s in told)


@pytest.mark.recordings
@pytest.mark.parametrize("event", [
    pytest.param(event, marks=[pytest.mark.long] if "Floods" in event else []) for event in sorted(OTHERS)])
def test_other_disasters_raise_nothing_false(event: str) -> None:
    """Bombs, floods, a tornado, an explosion, and all the chatter beside them: too few customers of ours speak of an
    outage in any ten minutes of these samples, and nothing is told, at home or in our own territory."""
    assert _told(event, OTHERS[event]) == []
    assert _told(event, HOME) == []
    assert _told(event, None) == []
