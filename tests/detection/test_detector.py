"""Posts in, signals out."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from notifier.app import apply, build
from notifier.clock import VirtualClock
from notifier.config import load
from notifier.demo.vermont import mentions
from notifier.detection.detector_loop import DetectorLoop, bring_back
from notifier.model.mention import Mention
from notifier.model.signal import Level, Signal, SignalClass
from notifier.ports import StoreUnavailable
from notifier.store import open_store
from notifier.store.settings import StoreSettings

from .scene import CONFIG, LISTENED, START, TICK, detector, play, post, settings

MINUTE = timedelta(minutes=1)


def _vermonters(number: int, over: timedelta, *, begin: datetime = START, town: str = "Rutland, VT",
                text: str = "no 3G here", first: int = 0) -> list[Mention]:
    """Different people of one town, evenly over a time."""
    return [post(text, at=begin + over * n / number, who=f"{town}-{first + n}", where=town) for n in range(number)]


def _trouble(told: Iterable[Signal]) -> list[Signal]:
    return [signal for signal in told if signal.level.is_trouble]


def test_five_people_within_minutes_are_enough() -> None:
    """The alarm is raised at the first look after the fifth person, in their state only."""
    posts = _vermonters(5, 4 * MINUTE)
    told = play(detector(), posts, until=posts[-1].created_at + TICK)
    assert [(s.service, s.region, s.level, s.klass, s.source) for s in told] == [
        ("mobile-data", "US-VT", Level.MINOR, SignalClass.CROWD, "crowd")]
    assert told[0].started_at == START
    assert told[0].lasts_until == told[0].observed_at + timedelta(minutes=20)
    assert told[0].why == ("5 people report mobile data failing in Vermont since 07:30, "
                           "5 within 4 minutes where under 0.01 are usual at this hour")
    assert 0.4 < told[0].score < 1


def test_four_people_are_not() -> None:
    """However quiet the state is."""
    assert play(detector(), _vermonters(4, MINUTE), until=START + 30 * MINUTE) == []


def test_five_people_over_two_hours_are_not() -> None:
    """That happens by itself."""
    assert play(detector(), _vermonters(5, 120 * MINUTE), until=START + 130 * MINUTE) == []


@pytest.mark.parametrize("change", [
    pytest.param({"windows": [1]}, id="the shortest window alone"),
    pytest.param({"windows": [120]}, id="the longest alone"),
    pytest.param({"windows": list(range(1, 121))}, id="as many as may be"),
    pytest.param({"learn_half_life": "1h"}, id="the fastest learning"),
    pytest.param({"prior_per_minute": 1e-9}, id="nearly nothing is usual"),
])
def test_what_check_lets_through_hears_an_outage(change: dict[str, Any]) -> None:
    """The ends of what may be set are no way to make the detector deaf."""
    told = play(detector(**change), _vermonters(20, 2 * MINUTE), until=START + 4 * MINUTE)
    assert _trouble(told)


def test_a_long_window_tells_of_all_its_people() -> None:
    """Nobody whom the longest window counts is forgotten before it ends."""
    posts = _vermonters(16, 50 * MINUTE, begin=START + 31 * MINUTE)
    told = play(detector(windows=[50], prior_per_minute=0.05), posts, until=START + 82 * MINUTE)
    assert _trouble(told)[-1].facts["people"] == "16"


def test_one_person_is_one_person() -> None:
    """Fifty posts of one customer raise nothing."""
    posts = [post(f"no 3G here, number {n}", at=START + n * timedelta(seconds=5), who="ann", where="Barre, VT")
             for n in range(50)]
    assert play(detector(), posts, until=START + 10 * MINUTE) == []


@pytest.mark.parametrize("texts", [
    pytest.param(["RT @first: no mobile data in Vermont at all"] * 40, id="reposts"),
    pytest.param(["no mobile data in all of Vermont http://t.co/a"] * 40, id="copies"),
    pytest.param(["3G phones on sale, great deal! no data plan needed"] * 40, id="promotions"),
])
def test_noise_raises_nothing(texts: list[str]) -> None:
    """Forty accounts that say nothing of their own."""
    posts = [post(text, at=START + n * timedelta(seconds=7), where="Barre, VT") for n, text in enumerate(texts)]
    assert play(detector(), posts, until=START + 10 * MINUTE) == []


def test_a_busy_evening_raises_nothing() -> None:
    """A post every four minutes, one in six of them a complaint from somewhere in the state, for six hours."""
    posts = [post("no 3G in the train today" if n % 6 == 0 else f"foggy morning number {n}",
                  at=START + n * 4 * MINUTE, where="Stowe, VT") for n in range(90)]
    assert play(detector(), posts, until=START + 370 * MINUTE) == []


def test_two_services_are_two_alarms() -> None:
    """Who has no power says nothing of mobile data."""
    posts = _vermonters(6, MINUTE, text="lost power") + _vermonters(6, MINUTE, text="no 3G here", first=10)
    told = play(detector(), posts, until=START + 2 * MINUTE)
    assert {s.service for s in told} == {"power", "mobile-data"}


def test_a_signal_is_renewed_seldom_and_under_one_name() -> None:
    """At most once a minute or on growth by a fifth; the fingerprint stays."""
    told = play(detector(), _vermonters(40, 20 * MINUTE), until=START + 20 * MINUTE)
    assert len({s.key for s in told}) == 1
    for one, other in pairwise(told):
        grown = int(other.facts["people"]) >= 1.2 * int(one.facts["people"]) or other.level > one.level
        assert grown or other.observed_at - one.observed_at >= MINUTE
    assert told[-1].level is Level.MAJOR
    assert [int(s.facts["people"]) for s in told] == sorted(int(s.facts["people"]) for s in told)


def test_quiet_ends_it() -> None:
    """A quarter of an hour after the last unusual complaint it is over, and it does not come back by itself."""
    posts = _vermonters(8, 5 * MINUTE)
    told = play(detector(), posts, until=START + 90 * MINUTE)
    assert told[-1].level is Level.OK
    assert told[-1].key == told[0].key
    assert timedelta(minutes=15) - TICK <= told[-1].observed_at - posts[-1].created_at <= timedelta(minutes=16)
    assert len([s for s in told if s.level is Level.OK]) == 1


def test_recovery_ends_it_sooner() -> None:
    """People who say that it works again cut the wait to a third."""
    posts = _vermonters(8, 5 * MINUTE)
    relief = [post("3G is back!", at=START + 11 * MINUTE + n * TICK, where="Barre, VT") for n in range(9)]
    told = play(detector(), posts + relief, until=START + 60 * MINUTE)
    assert told[-1].level is Level.OK
    assert told[-1].observed_at < START + 16 * MINUTE
    assert "works again" in told[-1].why


def test_a_second_outage_is_a_second_episode() -> None:
    """An hour later it fails again: another fingerprint."""
    posts = _vermonters(8, 4 * MINUTE) + _vermonters(8, 4 * MINUTE, begin=START + 60 * MINUTE, first=20)
    told = _trouble(play(detector(), posts, until=START + 80 * MINUTE))
    assert len({s.fingerprint for s in told}) == 2


# ── where ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_many_states_are_told_as_their_parent() -> None:
    """Four states fail within minutes: the territory is told of, and the states' own signals end with it."""
    towns = ("Rutland, VT", "Concord, NH", "Portland, ME", "Worcester, MA")
    posts = [one for n, town in enumerate(towns)
             for one in _vermonters(12, 8 * MINUTE, begin=START + n * MINUTE, town=town)]
    told = play(detector(), posts, until=START + 14 * MINUTE)
    still = {s.region: s.level for s in told}
    assert still["us-northeast"].is_trouble
    assert [region for region, level in still.items() if level.is_trouble] == ["us-northeast"]


def test_two_states_are_told_as_two() -> None:
    """Two failing states explain all that is heard: no one else is worried."""
    posts = _vermonters(9, 4 * MINUTE) + _vermonters(9, 4 * MINUTE, town="Portland, ME")
    told = play(detector(), posts, until=START + 6 * MINUTE)
    last = {s.region: s.level for s in told}
    assert {region for region, level in last.items() if level.is_trouble} == {"US-VT", "US-ME"}


def test_complaints_from_outside_are_left_alone() -> None:
    """Texas is not served."""
    assert play(detector(), _vermonters(20, 3 * MINUTE, town="Austin, TX"), until=START + 10 * MINUTE) == []


def test_without_a_home_everywhere_is_watched() -> None:
    """And complaints without a place are not counted."""
    told = play(detector(home_region=None), _vermonters(9, 3 * MINUTE, town="Austin, TX"), until=START + 5 * MINUTE)
    assert {s.region for s in told} == {"US-TX"}
    nowhere = [post("no 3G", at=START + n * TICK) for n in range(20)]
    assert play(detector(home_region=None), nowhere, until=START + 10 * MINUTE) == []


def test_posts_of_no_place_need_company() -> None:
    """Twenty people who say nothing of where they are raise nothing; two of a known place among them do."""
    nowhere = [post(f"no 3G, day {n}", at=START + n * TICK) for n in range(20)]
    assert play(detector(), nowhere, until=START + 10 * MINUTE) == []
    company = [post("no 3G here", at=START + 21 * TICK, where="Rutland, VT"),
               post("no data here", at=START + 22 * TICK, where="Hartford, CT")]
    told = play(detector(), nowhere + company, until=START + 10 * MINUTE)
    assert {s.region for s in told} == {"us-northeast"}


def test_company_of_one_place_says_where() -> None:
    """If all that is known of the place is Vermont, Vermont is told of, not the whole territory."""
    posts = [post(f"no 3G, day {n}", at=START + n * TICK) for n in range(5)]
    posts += [post("no 3G here", at=START + n * TICK, where="Rutland, VT") for n in range(3)]
    told = play(detector(), posts, until=START + 3 * MINUTE)
    assert {s.region for s in told} == {"US-VT"}


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_old_posts_do_not_count() -> None:
    """Posts that arrive twenty minutes late speak of something else."""
    heard = detector()
    for one in _vermonters(20, MINUTE):
        heard.take("test", one, one.created_at + 20 * MINUTE)
    assert heard.signals(START + 22 * MINUTE) == ()
    assert (heard.counts.mentions, heard.counts.complaints) == (20, 0)


def test_posts_from_the_future_count_now() -> None:
    """A wrong clock neither hides a complaint nor keeps an alarm alive for years."""
    heard = detector()
    for n in range(6):
        heard.take("test", post("no 3G", at=START + timedelta(days=4000), who=f"w{n}", where="Barre, VT"), START)
    told = heard.signals(START + TICK)
    assert [s.started_at for s in told] == [START]


def test_history_for_the_chart() -> None:
    """People a minute beside what is usual, oldest first, the minute of `now` last."""
    heard = detector()
    play(heard, _vermonters(6, 3 * MINUTE), until=START + 4 * MINUTE)
    rows = heard.history("mobile-data", "US-VT", minutes=6, now=START + 4 * MINUTE)
    assert [at for at, _, _ in rows] == [START + n * MINUTE for n in range(-1, 5)]
    assert [people for _, people, _ in rows] == [0, 2, 2, 2, 0, 0]
    assert all(usual == pytest.approx(0.05 / (LISTENED + 5), abs=1e-4) for _, _, usual in rows)
    assert heard.counts.located == 6


# ── what staff see ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_samples_name_nobody() -> None:
    """Examples come without names, links and control characters, and short."""
    posts = [post(f"@carrier @neighbour{n} no 3G \x00\u202e here {n} http://t.co/x{n} {'long ' * 90}",
                  at=START + n * TICK, who=f"secret{n}", where="Barre, VT") for n in range(6)]
    signal = play(detector(), posts, until=START + 2 * MINUTE)[-1]
    samples = [text for name, text in signal.facts.items() if name.startswith("sample_")]
    assert len(samples) == 3
    for text in (*samples, signal.why):
        assert "@" not in text
        assert "http" not in text
        assert "secret" not in text
        assert "\x00" not in text
        assert len(text) <= 200
    assert signal.facts["words"] == "no 3g"


def test_what_helps_is_shown_to_staff() -> None:
    """Once two people say so, in the first one's words."""
    posts = _vermonters(8, 4 * MINUTE)
    posts += [post("turn off 3G, then Edge carries calls", at=START + 3 * MINUTE + n * TICK, where="Barre, VT")
              for n in range(2)]
    posts += [post("switch off 3G and calls work again", at=START + 4 * MINUTE, where="Barre, VT")]
    told = play(detector(), posts + _vermonters(5, 3 * MINUTE, begin=START + 5 * MINUTE, first=30),
                until=START + 9 * MINUTE)
    assert told[-1].facts["workaround"] == "turn off 3G, then Edge carries calls"


# ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kept", [
    pytest.param(b"", id="empty"), pytest.param(b"garbage", id="no checkpoint"),
    pytest.param(detector().checkpoint()[:-7], id="cut off"),
    pytest.param(zlib.compress(b'{"version":999}'), id="another version"),
    pytest.param(zlib.compress(b"[1,2]"), id="another shape"),
    pytest.param(zlib.compress(b"[" * 100_000), id="nested without end"),
])
def test_a_damaged_checkpoint_starts_afresh(kept: bytes) -> None:
    """It is said in the log, and the detector works."""
    heard = detector()
    heard.restore(kept)
    before = post("what a day", at=START - 20 * MINUTE)
    assert _trouble(play(heard, [before, *_vermonters(6, MINUTE)], until=START + 2 * MINUTE))


def test_a_restart_in_the_middle_of_an_outage() -> None:
    """The alarm goes on under the same name, is not told twice, and ends."""
    posts = _vermonters(30, 10 * MINUTE)
    first, second = detector(), detector()
    before = play(first, [p for p in posts if p.created_at < START + 5 * MINUTE], until=START + 5 * MINUTE)
    second.restore(first.checkpoint())
    after = play(second, [p for p in posts if p.created_at >= START + 5 * MINUTE], begin=START + 5 * MINUTE,
                 until=START + 40 * MINUTE)
    assert {s.key for s in before} == {s.key for s in after}
    assert after[-1].level is Level.OK


@pytest.mark.parametrize("windows", [
    pytest.param([1, 2, 3, 5, 8, 13, 21], id="shorter: its columns are of another size"),
    pytest.param([1, 2, 3, 5, 8, 13, 21, 34, 55], id="longer, too"),
    pytest.param([1, 5, 34], id="others, of which the longest is the same"),
])
def test_other_windows_forget_nothing_else(windows: list[int]) -> None:
    """An edit of `detection.windows` during an outage: people, levels, what was told and the alarm stay."""
    posts = _vermonters(30, 10 * MINUTE)
    now = START + 5 * MINUTE
    first, second = detector(), detector(windows=windows)
    before = play(first, [p for p in posts if p.created_at < now], until=now)
    second.restore(first.checkpoint())
    assert list(second.history("mobile-data", "US-VT", minutes=9, now=now)) == list(
        first.history("mobile-data", "US-VT", minutes=9, now=now))
    after = play(second, [p for p in posts if p.created_at >= now], begin=now, until=now + 35 * MINUTE)
    assert {s.key for s in before} == {s.key for s in after}
    assert after[-1].level is Level.OK


def _with_territory(kept: bytes, territory: object) -> bytes:
    """A checkpoint whose mobile data has this for a territory."""
    found = msgspec.msgpack.decode(zlib.decompress(kept))
    found["territories"]["mobile-data"] = territory
    return zlib.compress(msgspec.msgpack.encode(found))


@pytest.mark.parametrize("territory", [
    pytest.param(None, id="nothing"), pytest.param({"version": "one"}, id="of another shape"),
    pytest.param({"version": 999, "regions": [], "rows": [], "minute": 1, "heard": 1, "count": 1, "columns": {}},
                 id="of another version"),
    pytest.param({"version": 1, "regions": ["US-VT"], "rows": [], "minute": 1, "heard": 1, "count": 1,
                  "columns": {"usual.seen": bytes(8)}}, id="of which all but one column is missing"),
])
def test_a_damaged_territory_drops_no_other(territory: object) -> None:
    """Its levels are learnt anew; the outage under way keeps its name, and other services know all they knew."""
    power = [post("lost power", at=START + n * TICK, who=f"p{n}", where="Boston, MA") for n in range(6)]
    first, second = detector(), detector()
    now = START + 5 * MINUTE
    before = play(first, [*_vermonters(15, 5 * MINUTE), *power], until=now)
    with capture_logs() as logs:
        second.restore(_with_territory(first.checkpoint(), territory))
    assert [(one["event"], one["service"]) for one in logs] == [("detector.territory_unreadable", "mobile-data")]
    assert list(second.history("power", "US-MA", minutes=9, now=now)) == list(
        first.history("power", "US-MA", minutes=9, now=now))
    after = play(second, _vermonters(15, 5 * MINUTE, begin=now, first=100), begin=now, until=now + 35 * MINUTE)
    assert {s.key for s in before} == {s.key for s in after}


# ── another configuration ────────────────────────────────────────────────────────────────────────────────────────────


def test_who_still_holds_the_detector_of_before_loses_nothing() -> None:
    """A listener's thread that is in the middle of a post, and a look that has begun, when the configuration changes:
    the post counts once, in the detector in force, and the outage is told once."""
    before, after = detector(), detector(windows=[1, 5, 21])
    posts = _vermonters(8, MINUTE)
    for one in posts[:4]:
        before.take("test", one, START + MINUTE)
    before.hand_over(after)
    for one in posts[4:]:
        before.take("test", one, START + MINUTE)
    assert after.counts.mentions == 8
    told = before.signals(START + MINUTE)
    assert [signal.facts["people"] for signal in told] == ["8"]
    assert after.signals(START + MINUTE + TICK) == ()
    again = detector()
    again.restore(before.checkpoint())
    assert again.signals(START + MINUTE + TICK) == ()
    assert before.history("mobile-data", "US-VT", minutes=3, now=START + MINUTE) == after.history(
        "mobile-data", "US-VT", minutes=3, now=START + MINUTE)


def test_what_our_accounts_posted_outlives_an_edit() -> None:
    """Else the warning of an old queue would end with each reload; an account that is no longer ours says nothing."""
    ours = {"@GMMobile": ["x:42"], "@GMSold": ["x:43"]}
    before, after = detector(own_accounts=ours), detector(own_accounts={"@GMMobile": ["x:42", "x:44"]})
    for one in (post("sorry", who="42"), post("sorry", who="43")):
        before.take("test", one, START)
    before.hand_over(after)
    before.take("test", post("sorry", who="44"), START)
    assert [one.account for one in after.own.lately(START)] == ["@GMMobile", "@GMMobile"]


def test_a_reload_drops_no_post(tmp_path: Path) -> None:
    """The whole daemon's wiring: a post handed to the detector of before counts in the one in force."""
    directory = tmp_path / "config"
    shutil.copytree(CONFIG, directory)
    store, clock = open_store(StoreSettings(path=str(tmp_path / "n.db"))), VirtualClock(START)
    app = build(load(directory), store=store, clock=clock, channels={}, listen=False)
    held = app.detector
    held._board.listening.total = LISTENED
    apply(app, load(directory), listen=False)
    for one in _vermonters(6, TICK):
        held.take("test", one, START)
    clock.advance(TICK)
    assert app.detecting.run_once() is True
    assert app.detector is not held
    store.close()


class Unwilling:
    """A real store whose next transaction fails, as a full disk would make it."""

    def __init__(self, store: object) -> None:
        self.store = store
        self.fails = False

    def transaction(self) -> object:
        if self.fails:
            raise StoreUnavailable("disk full")
        return self.store.transaction()  # type: ignore[attr-defined]


def test_the_loop_stores_signals_and_checkpoint(tmp_path: Path) -> None:
    """One transaction; True only for signals; what could not be stored comes with the next turn."""
    with_store = Unwilling(open_store(StoreSettings(path=str(tmp_path / "n.db"))))
    clock, heard = VirtualClock(START), detector()
    loop = DetectorLoop(heard, with_store, clock, settings())  # type: ignore[arg-type]
    assert loop.run_once() is False
    for one in _vermonters(6, TICK):
        heard.take("test", one, START)
    clock.advance(TICK)
    with_store.fails = True
    with pytest.raises(StoreUnavailable):
        loop.run_once()
    with_store.fails = False
    clock.advance(TICK)
    assert loop.run_once() is True
    assert loop.run_once() is False
    clock.advance(2 * MINUTE)
    loop.run_once()
    with with_store.store.transaction() as tx:  # type: ignore[attr-defined]
        assert [s.region for s in tx.open_signals(clock.now())] == ["US-VT"]
        other = detector()
        bring_back(other, tx)
    assert other.signals(clock.now() + TICK) == ()
    assert sum(people for _, people, _ in other.history("mobile-data", "US-VT", minutes=5, now=clock.now())) == 6


def test_killed_after_any_look_the_outage_keeps_its_name(tmp_path: Path) -> None:
    """Whatever the store holds after a look, the detector made of it goes on with that outage and tells no other."""
    store, clock = open_store(StoreSettings(path=str(tmp_path / "n.db"))), VirtualClock(START)
    heard = detector()
    loop = DetectorLoop(heard, store, clock, settings())
    posts = _vermonters(60, 5 * MINUTE)
    stored: set[str] = set()
    for number in range(1, 31):
        clock.advance(TICK)
        for one in [p for p in posts if clock.now() - TICK <= p.created_at < clock.now()]:
            heard.take("test", one, clock.now())
        loop.run_once()
        with store.transaction() as tx:
            stored |= {signal.fingerprint for signal in tx.open_signals(clock.now())}
            kept = tx.checkpoint("detector")
        again = detector()
        again.restore(kept)
        more = _vermonters(10, TICK, begin=clock.now(), first=1000 * number)
        told = {signal.fingerprint for signal in _trouble(play(again, more, until=clock.now() + MINUTE))}
        assert not stored or told <= stored
    assert len(stored) == 1


def test_the_vermont_morning() -> None:
    """The reconstruction: raised within six minutes, Vermont only, over within minutes of the end."""
    told = play(detector(), mentions(), until=datetime.fromisoformat("2012-09-18T15:00:00+00:00"))
    first = _trouble(told)[0]
    assert {(s.service, s.region) for s in told} == {("mobile-data", "US-VT")}
    assert first.observed_at - START <= 6 * MINUTE
    assert abs(first.started_at - START) <= 3 * MINUTE
    ends = [s.observed_at for s in told if s.level is Level.OK]
    assert len(ends) == 1
    assert timedelta(0) < ends[0] - (START + 120 * MINUTE) <= 16 * MINUTE
    assert "3G" in [s for s in told if s.level.is_trouble][-1].facts["workaround"]


def test_replacing_the_detector(tmp_path: Path) -> None:
    """After a reload the loop uses the new one."""
    store = open_store(StoreSettings(path=str(tmp_path / "n.db")))
    one, other = detector(), detector()
    loop = DetectorLoop(one, store, VirtualClock(START), settings())
    loop.replace(other, settings())
    for mention in _vermonters(6, TICK):
        other.take("test", mention, START)
    assert loop.run_once() is True
