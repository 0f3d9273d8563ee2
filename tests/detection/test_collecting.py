"""Posts by the minute: what is late, what nobody listened to, what a clock or a stalled loop did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec
import numpy as np
import pytest

from notifier.detection.detector import Detector
from notifier.detection.listening import DEAF_AFTER, Listening
from notifier.model.mention import Mention
from notifier.model.signal import Level, Signal

from .scene import START, TICK, detector, play, post, regions, services, settings, vocabulary

MINUTE = timedelta(minutes=1)


def _steady(minutes: int, a_minute: int, begin: datetime = START) -> Iterator[Mention]:
    for number in range(minutes * a_minute):
        yield post("no mobile data again", at=begin + number * MINUTE / a_minute, where="Burlington, VT")


def _hear(handed: Iterable[tuple[datetime, Mention]], until: datetime, looks: Iterable[datetime] | None = None,
          ) -> list[Signal]:
    """Every post is handed in at its time, and looked at every tick or at `looks`."""
    heard, told = detector(listened=0), []
    waiting = sorted(handed, key=lambda one: (one[0], one[1].id))
    times = looks if looks is not None else (START + n * TICK for n in range(1, (until - START) // TICK + 1))
    for now in times:
        while waiting and waiting[0][0] <= now:
            at, mention = waiting.pop(0)
            heard.take("test", mention, at)
        told.extend(heard.signals(now))
    return [signal for signal in told if signal.level is not Level.OK]


@pytest.mark.parametrize(("a_minute", "every", "what"), [
    (0.3, 0, "one in three minutes"), (2, 0, "two a minute"), (2, 60, "two a minute, handed on once a minute"),
    (2, 300, "two a minute, handed on every five minutes"), (20, 0, "twenty a minute"),
])
def test_what_is_so_from_the_first_minute_on_is_no_outage(a_minute: float, every: int, what: str) -> None:
    """A deployment that nobody told how many complaints are usual: six states complain by chance for six hours."""
    dice = np.random.default_rng(7)
    towns = ("Burlington, VT", "Boston, MA", "Albany, NY", "Concord, NH", "Augusta, ME", "Hartford, CT")
    hours = 6 if a_minute < 20 else 1
    times = sorted((second, town) for town in towns
                   for second in dice.uniform(0, hours * 3600, dice.poisson(a_minute * 60 * hours)))
    handed = []
    for second, town in times:
        one = post("no mobile data again", at=START + timedelta(seconds=second), where=town)
        late = timedelta(seconds=(-second % every) if every else 0)
        handed.append((one.created_at + late, one))
    assert _hear(handed, START + hours * 60 * MINUTE) == [], what


@pytest.mark.parametrize("listened", [15, 60, 600])
def test_an_outage_soon_after_the_start_is_heard(listened: int) -> None:
    """Nobody complained in the first minutes; then half of a state does."""
    outage = [(one.created_at, one) for one in _steady(15, 4, START + listened * MINUTE)]
    talk = [(START + minute * MINUTE, post("what a morning", at=START + minute * MINUTE))
            for minute in range(0, listened, 5)]
    assert _hear([*talk, *outage], START + (listened + 15) * MINUTE)


@pytest.mark.parametrize("gap", [2, 4, 9, 20])
def test_a_backlog_after_a_gap_is_no_spike(gap: int) -> None:
    """Four a minute; a listener loses its connection for some minutes and brings all of them at once."""
    lost, back = START + 40 * MINUTE, START + (40 + gap) * MINUTE
    handed = [(back if lost <= one.created_at < back else one.created_at, one) for one in _steady(80, 4)]
    assert _hear(handed, START + 80 * MINUTE) == []


@pytest.mark.parametrize("late", [2, 7, 12])
def test_an_outage_told_of_late_is_heard(late: int) -> None:
    """One of two listeners lags by some minutes: what it hears is told when it comes, as it began."""
    outage = list(_steady(12, 30, START + 40 * MINUTE))
    handed = [*((one.created_at, one) for one in _steady(70, 4)),
              *((one.created_at + late * MINUTE, one) for one in outage)]
    told = _hear(handed, START + 90 * MINUTE)
    assert told
    assert abs(told[0].started_at - (START + 40 * MINUTE)) <= 3 * MINUTE


@pytest.mark.parametrize("stall", [3, 5, 9])
def test_a_loop_that_stalls_makes_no_spike(stall: int) -> None:
    """Posts go on coming in, nobody looks for some minutes."""
    looks = [START + n * TICK for n in range(1, 6 * 80)]
    stalled = (START + 40 * MINUTE, START + (40 + stall) * MINUTE)
    handed = [(one.created_at, one) for one in _steady(78, 4)]
    assert _hear(handed, looks[-1], [now for now in looks if not stalled[0] < now < stalled[1]]) == []


@pytest.mark.parametrize(("jump", "what"), [
    (timedelta(hours=-1), "an hour back"), (timedelta(minutes=-5), "five minutes back"),
    (timedelta(days=1), "a day ahead"),
])
def test_a_clock_that_jumps_raises_nothing(jump: timedelta, what: str) -> None:
    """Four a minute before and after, with the machine's clock and the posts' times set."""
    heard, told = detector(listened=0), []
    for begin in (START, START + 40 * MINUTE + jump):
        posts = list(_steady(40, 4, begin))
        for number in range(1, 40 * 6):
            now = begin + number * TICK
            while posts and posts[0].created_at <= now:
                heard.take("test", posts.pop(0), now)
            told.extend(signal for signal in heard.signals(now) if signal.level is not Level.OK)
    assert told == [], what


def test_after_a_clock_went_back_outages_are_heard() -> None:
    """A machine that booted a day ahead and was then set right."""
    heard = detector()
    heard.take("test", post("what a day", at=START + timedelta(days=1)), START + timedelta(days=1))
    heard.signals(START + timedelta(days=1))
    told = []
    posts = list(_steady(8, 4))
    for number in range(1, 8 * 6):
        now = START + number * TICK
        while posts and posts[0].created_at <= now:
            heard.take("test", posts.pop(0), now)
        told += heard.signals(now)
    assert any(signal.level is not Level.OK for signal in told)


def _heard(*minutes: int, times: int = 1) -> Listening:
    listening = Listening()
    for minute in minutes:
        for _ in range(times):
            listening.heard((482_064 * 60 + minute) * 60)
    return listening


@pytest.mark.parametrize(("minutes", "times", "silent", "listened", "what"), [
    (range(60), 20, 1, False, "twenty a minute and then none for a minute: deaf"),
    (range(60), 4, 1, True, "four a minute and then none for one: chance"),
    (range(60), 4, 4, False, "four a minute and then none for four: deaf"),
    (range(0, 600, 20), 1, 45, True, "one in twenty minutes and then none for three quarters of an hour: calm"),
    (range(0, 600, 20), 1, DEAF_AFTER + 1, False, "and then none for more than an hour: deaf however quiet it is"),
])
def test_a_silence_is_measured_by_what_is_usual(minutes: range, times: int, silent: int, listened: bool,
                                                what: str) -> None:
    listening = _heard(*minutes, times=times)
    last = 482_064 * 60 + minutes[-1]
    now = (last + silent + 1) * 60
    assert listening.listened(now)(last + silent) is listened, what
    assert listening.listened(now)(last), "a minute in which something was heard was listened to"


def test_a_burst_does_not_make_the_calm_after_it_deaf() -> None:
    """Two a minute for half a day, an hour of two hundred, then two a minute: a minute without any is calm."""
    listening = _heard(*range(720), times=2)
    for minute in range(720, 780):
        for _ in range(200):
            listening.heard((482_064 * 60 + minute) * 60)
    for minute in range(780, 800):
        listening.heard((482_064 * 60 + minute) * 60)
    assert listening.usual < 25  # 200 and 11 are the means of the last hour and the day


def test_after_a_clock_went_back_silence_is_measured_again() -> None:
    """Twenty a minute by a clock a day ahead, then by the right one: a silence is one."""
    listening = _heard(*range(1440, 1500), times=20)
    for minute in range(60):
        for _ in range(20):
            listening.heard((482_064 * 60 + minute) * 60)
    last = 482_064 * 60 + 59
    assert listening.listened((last + 3) * 60)(last)
    assert not listening.listened((last + 3) * 60)(last + 1)


def test_listening_comes_back_from_a_checkpoint() -> None:
    """What is usual, what was deaf, and how long was listened."""
    listening = _heard(*range(30), *range(60, 90), times=20)
    back = Listening()
    back.load(msgspec.msgpack.decode(msgspec.msgpack.encode(listening.dump())))
    assert (back.dump(), back.usual, back.deaf) == (listening.dump(), listening.usual, listening.deaf)
    assert back.deaf


@pytest.mark.parametrize("change", [{"sums": [1.0]}, {"weights": [float("nan"), 1.0]}, {"sums": [-1.0, 1.0]},
                                    {"minutes": [["x", 1]]}, {"minutes": 5}, {"deaf": None}, {"total": "many"}])
def test_what_is_no_listening_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Listening().load({**_heard(1, 2).dump(), **change})


def test_a_service_added_today_was_not_calm_before() -> None:
    """Ten hours were listened to without it. What is said of it from its first minute on may always be so."""
    before = Detector(settings(), vocabulary(), regions=regions(),
                      services={name: service for name, service in services().items() if name != "mobile-data"})
    before._board.listening.total = 600
    heard = detector(listened=0)
    before.hand_over(heard)
    told = play(heard, _steady(40, 4), until=START + 40 * MINUTE)
    assert [signal for signal in told if signal.level is not Level.OK] == []
    assert heard._board.since["mobile-data"] == 600
    assert heard._board.since["power"] == 0
