"""Recordings through the real detector: what is played when, and that each threshold's pass is as true as `replay`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.config import Config, load
from notifier.demo.vermont import SHIPPED
from notifier.detection.detector import Detector
from notifier.model.mention import Mention
from notifier.replay.backtest.alarms import Alarm
from notifier.replay.backtest.nearest import Nearest
from notifier.replay.backtest.passes import Heard, Pass, in_time, play
from notifier.replay.backtest.run import backtest, budgets, files_of
from notifier.replay.engine import AFTERWARDS, Approve, Approver
from notifier.replay.recording import Calls, Event, read_recording
from notifier.replay.run import replay

CONFIG = Path(__file__).resolve().parents[3] / "config"
EARLY = datetime(2012, 9, 18, 12, 0, tzinfo=UTC)
"""08:00 in Vermont: half an hour into the outage."""
UNHEARD_OF = 1e-9
"""False alarms a month for which even the Vermont morning is not unlikely enough."""
TICK = timedelta(seconds=10)


@cache
def config() -> Config:
    return load(CONFIG)


@cache
def morning(until: datetime = EARLY) -> tuple[Event, ...]:
    """The posts of Vermont from 06:00 until 08:00."""
    return tuple(event for event in read_recording(SHIPPED) if EARLY - timedelta(hours=2) <= event.at < until)


def make(per_month: float) -> Pass:
    settings = config().detection.model_copy(update={"false_alarms_per_month": per_month})
    detector = Detector(settings, config().vocabulary, regions=config().regions, services=config().services)
    return Pass(per_month, detector, config().regions, timedelta(minutes=max(settings.windows)))


def played(events: Iterable[Event], *per_month: float, **options: timedelta) -> tuple[Heard, list[Pass]]:
    passes = [make(each) for each in per_month]
    return play(events, passes, config().detection.tick, **options), passes


def told(one: Pass) -> tuple[list[Alarm], Nearest]:
    return one.alarms.all, one.nearest


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def post(at: datetime) -> Event:
    return Event(at, Mention(id=str(at), created_at=at, network="x", text="no power"))


GAPS = st.lists(st.sampled_from([0.0, 0.5, 3.0, 10.0, 25.0, 3600.0, 7190.0, 7200.0, 7210.0, 9e5]), max_size=8)


@given(GAPS)
def test_posts_in_order_with_a_look_on_every_whole_tick_until_two_hours_after_each(gaps: list[float]) -> None:
    moment, events = datetime(2026, 1, 15, 12, 0, 3, tzinfo=UTC), []
    for gap in gaps:
        moment += timedelta(seconds=gap)
        events.append(post(moment))
    steps = list(in_time(events, TICK))
    assert [what for _, what in steps if what is not None] == [event.what for event in events]
    assert all(before[0] <= after[0] for before, after in pairwise(steps))
    looks = [at for at, what in steps if what is None]
    assert all(at.timestamp() % 10 == 0 for at in looks)
    never = post(datetime.max.replace(tzinfo=UTC))
    expected = {at for event, after in pairwise([*events, never]) for at in ticks(event.at, after.at)}
    assert set(looks) == expected
    assert len(looks) == len(expected)


def ticks(after: datetime, end: datetime) -> Iterator[datetime]:
    """The whole ticks after a post that are due before or at the next one, and not more than a tick over two hours
    later (replay finds out that it is quiet at a look)."""
    at = datetime.fromtimestamp(after.timestamp() // 10 * 10 + 10, UTC)
    last = after + AFTERWARDS + (TICK if end.year < 9999 else timedelta(0))
    while at <= min(end, last):
        yield at
        at += TICK


def test_polls_and_calls_are_left_alone() -> None:
    at = datetime(2026, 1, 15, tzinfo=UTC)
    assert list(in_time([Event(at, Calls(at, "north", "power", 3))], TICK)) == []


# ── the detector ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_configured_threshold_raises_what_replay_raises() -> None:
    """Region, beginning, moment and words of the first signal."""
    report = replay(config(), SHIPPED, approver=Approver(Approve.NEVER))
    (incident,) = report["incidents"]
    (evidence,) = incident["evidence"]
    done = backtest(config(), files_of(SHIPPED), (1.0,))
    (result,) = done.results
    (alarm,) = result.alarms
    assert result.configured
    assert (alarm.service, alarm.regions) == (incident["service"], [evidence["region"]])
    assert f"{alarm.raised:%Y-%m-%dT%H:%M:%SZ}" == evidence["observed_at"]
    assert "since 07:32" in evidence["why"]
    assert f"{alarm.began:%H:%M}" == "11:32"
    counts = report["counts"]
    assert (done.heard.posts, done.counts.complaints, done.counts.located) \
        == (counts["mentions"], counts["complaints"], counts["located"])


def test_a_threshold_says_the_same_whatever_stands_beside_it() -> None:
    """Each has a detector of its own; nothing is shared."""
    together = played(morning(), UNHEARD_OF, 1.0, 10.0)[1]
    for one in together[:2]:
        assert told(played(morning(), one.per_month)[1][0]) == told(one)


def test_being_asked_what_was_seen_changes_nothing() -> None:
    """The signals are those of a detector that nobody asks."""
    asked, alone = make(1.0).detector, make(1.0).detector
    for at, mention in in_time(morning(), TICK):
        if mention is None:
            signals = asked.signals(at)
            asked.seen(at)
            assert alone.signals(at) == signals
        else:
            asked.take("recording", mention, at)
            alone.take("recording", mention, at)


def test_what_comes_later_changes_nothing_that_was_raised() -> None:
    (cut,), (whole,) = played(morning(), 1.0)[1], played(morning(EARLY + timedelta(hours=1)), 1.0)[1]
    assert cut.alarms.all
    assert [(one.raised, one.regions, one.score, one.words) for one in cut.alarms.all] \
        == [(one.raised, one.regions, one.score, one.words) for one in whole.alarms.all if one.raised < EARLY]


@pytest.fixture(scope="module")
def silent() -> Pass:
    """A threshold that raises nothing."""
    return played(morning(), UNHEARD_OF)[1][0]


def test_where_nothing_was_raised_the_outage_itself_came_nearest(silent: Pass) -> None:
    assert silent.alarms.all == []
    nearest = silent.nearest.below[0]
    assert (nearest.unusual.service, nearest.mostly) == ("mobile-data", "US-VT")
    assert nearest.at < EARLY + AFTERWARDS
    assert nearest.threshold > nearest.unusual.score


def test_the_budget_told_of_raises_it_at_that_moment_and_a_smaller_one_does_not(silent: Pass) -> None:
    """What the report promises of the nearest is what the detector then does."""
    nearest = silent.nearest.below[0]
    assert nearest.per_month is not None
    enough, short = played(morning(), nearest.per_month * 1.001, nearest.per_month * 0.999)[1]
    (alarm,) = enough.alarms.all
    assert (alarm.raised, alarm.regions, alarm.score) == (nearest.at, ["US-VT"], nearest.unusual.score)
    assert told(short)[0] == []


def test_few_people_are_held_back_by_the_setting_that_is_named() -> None:
    """Four people in a quiet state are unlikely enough, and fewer than minimum_people."""
    said = [event for event in morning() if "VT" in str(event.what)]
    detector = make(10.0).detector
    four = 0
    for event in said:
        assert isinstance(event.what, Mention)
        detector.take("recording", event.what, event.at)
        detector.signals(event.at)
        four += any(one.people == 4 and "minimum_people is 5" in one.lacking and one.score > 0
                    for one in detector.seen(event.at).unusual)
    assert four > 0


def test_nothing_counts_before_the_warm_up_is_over() -> None:
    """The morning is raised at 07:35; what is learnt until 08:00 stays learnt; that time does not count."""
    first = morning()[0].at
    heard, (one,) = played(morning(), 1.0, warm_up=EARLY - first)
    assert one.alarms.all == []
    assert heard.since == EARLY
    assert heard.played <= AFTERWARDS
    assert one.threshold is not None


def test_no_posts_are_no_time() -> None:
    heard, (one,) = played([], 1.0)
    assert (heard.posts, heard.played, heard.since, one.alarms.all, one.threshold) == (0, timedelta(0), None, [], None)


def test_the_configured_budget_is_always_among_those_tried() -> None:
    assert budgets(config(), ()) == (0.1, 1.0, 10.0)
    assert budgets(config(), (3.0, 0.5, 3.0)) == (0.5, 1.0, 3.0)
