"""What several places amount to: votes and verdicts, and the readings a probe with agents makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.model.signal import Level
from notifier.model.times import rfc3339
from notifier.ports import Reading
from notifier.sources.probes.probe import ProbeSettings, ProbeSource
from notifier.sources.probes.quorum import Standing, Vote, needed, remembered, standings_of, step, verdict, vote
from notifier.sources.probes.results import Result

from .support import NOW, answer, tree

TREE = tree()
PLACING = {"service": "api", "regions": ["US-NY"]}
LIMITS = {"failures": 3, "successes": 2}


# ── one place ────────────────────────────────────────────────────────────────────────────────────────────────────────


def standing(*given: bool | str | None) -> Standing:
    """After results a minute apart; text: its network was lost, with that reason."""
    held = Standing()
    for minute, ok in enumerate(given):
        at = NOW + timedelta(minutes=minute)
        lost = ok if isinstance(ok, str) else ""
        right = ok if ok is None or isinstance(ok, bool) else False
        held = step(held, Result(at, at, right, "x", lost), **LIMITS)
    return held


@pytest.mark.parametrize(
    ("given", "down", "why"),
    [
        pytest.param((), None, "was never heard", id="nothing heard"),
        pytest.param((True,), None, "only begun", id="one success is not yet up"),
        pytest.param((True, True), False, "answers", id="two are"),
        pytest.param((True, True, False, False), False, "answers", id="two failures are weather"),
        pytest.param((True, True, False, False, False), True, "x", id="three are down"),
        pytest.param((False, False, True, False, False), None, "only begun", id="not in a row"),
        pytest.param((False, False, False, True), True, "not yet for long enough", id="one success is not its end"),
        pytest.param((False, False, False, True, True), False, "answers", id="two are"),
        pytest.param((False, False, "lost", False), True, "x", id="a lost network counts for nothing in between"),
        pytest.param((False, False, False, "lost"), None, "lost", id="and does not vote while it lasts"),
        pytest.param((True, True, None), None, "x", id="what could not be tried does not vote either"),
    ],
)
def test_the_standing_of_a_place(given: tuple[bool | str | None, ...], down: bool | None, why: str) -> None:
    now = NOW + timedelta(minutes=max(len(given) - 1, 0))
    found = vote("btv", standing(*given), timedelta(minutes=3), now)
    assert found.down is down
    assert why in found.why


def test_silence_is_no_vote() -> None:
    held = standing(False, False, False)
    assert vote("btv", held, timedelta(minutes=3), NOW + timedelta(minutes=5)).down is True
    silent = vote("btv", held, timedelta(minutes=3), NOW + timedelta(minutes=5, seconds=1))
    assert (silent.down, silent.why) == (None, "was last heard at 2026-01-15T12:02:00Z")


def test_a_result_counts_once() -> None:
    again = Result(NOW, NOW, False)
    held = step(Standing(), again, **LIMITS)
    assert step(held, again, **LIMITS) == held
    earlier = NOW - timedelta(seconds=1)
    assert step(held, Result(NOW + timedelta(minutes=1), earlier, False), **LIMITS) == held, "overtaken on the way"


# ── several places ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("votes", "quorum", "down"),
    [
        pytest.param("D", None, True, id="one place alone decides"),
        pytest.param("U", None, False, id="and says when it is over"),
        pytest.param("?", None, None, id="or knows nothing"),
        pytest.param("DU", None, None, id="two that disagree: unknown, neither trouble nor calm"),
        pytest.param("DD", None, True, id="two that agree"),
        pytest.param("D?", None, None, id="of two the one that is left does not decide"),
        pytest.param("DDU", None, True, id="two of three"),
        pytest.param("DUU", None, False, id="one of three is that place's own trouble"),
        pytest.param("DU?", None, None, id="one against one, and one silent"),
        pytest.param("D??", None, None, id="one of three is left"),
        pytest.param("DD?", None, True, id="two of three are left and agree"),
        pytest.param("DDUU", None, None, id="two against two"),
        pytest.param("DDDUUU?", None, None, id="three against three"),
        pytest.param("DDDDUUU", None, True, id="most of seven"),
        pytest.param("DUUUU", 1, True, id="by setting one is enough"),
        pytest.param("DDUUU", 2, True, id="two are enough, though three see nothing"),
        pytest.param("DUUUU", 2, False, id="one is not"),
        pytest.param("DDU", 3, None, id="all three must agree"),
        pytest.param("UUU", 3, False, id="on its end too"),
        pytest.param("UU?", 3, None, id="and must all be heard"),
        pytest.param("???", None, None, id="nobody is heard"),
    ],
)
def test_the_verdict(votes: str, quorum: int | None, down: bool | None) -> None:
    named = [Vote(f"p{n}", {"D": True, "U": False}.get(one), one, NOW if one == "D" else None)
             for n, one in enumerate(votes)]
    found = verdict(named, quorum)
    assert found.down is down
    assert found.why
    assert (found.since == NOW) is (down is True)


def test_it_began_when_enough_places_had_begun() -> None:
    """A place that has had trouble of its own since yesterday must not date the outage."""
    ago = [timedelta(hours=20), timedelta(minutes=3), timedelta(minutes=2)]
    votes = [Vote(f"p{n}", True, "x", NOW - one) for n, one in enumerate(ago)]
    assert verdict(votes, 2).since == NOW - timedelta(minutes=3)
    assert verdict([*votes, Vote("p9", False, "answers")], None).since == NOW - timedelta(minutes=2)


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=9), st.none() | st.integers(1, 9))
def test_laws_of_the_verdict(downs: list[bool | None], quorum: int | None) -> None:
    """Never a verdict of fewer than must agree; one more place that agrees changes none; the order does not matter."""
    votes = [Vote(f"p{n}", one, "x", NOW if one else None) for n, one in enumerate(downs)]
    found = verdict(votes, quorum).down
    assert found is verdict(votes[::-1], quorum).down
    voters = [one for one in downs if one is not None]
    if found is not None:
        assert voters.count(found) >= needed(quorum, len(voters), len(downs)) >= min(2, len(downs), quorum or 9)
    if quorum is None and found is not None and len(downs) > 1:
        assert voters.count(found) > len(voters) / 2, "without a setting the minority never decides"
        assert verdict([*votes, Vote("new", found, "x", NOW)], quorum).down is found


@given(st.text(max_size=60) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda x:
       st.dictionaries(st.sampled_from(["btv", "down", "seen", "failures", "why", "since"]), x)).map(json.dumps))
def test_damaged_memory_starts_anew(text: str) -> None:
    found = standings_of(text, ["btv"])
    assert vote("btv", found["btv"], timedelta(minutes=3), NOW).why
    assert standings_of(remembered(found), ["btv"]) == found


def test_memory_is_whole_and_bounded() -> None:
    held = {f"place-{n}": standing(True, True, False, False, False) for n in range(51)}
    text = remembered(held)
    assert standings_of(text, held) == held
    assert len(text) < 51 * 300


# ── readings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Scene:
    """A probe with places, and what they tell; memory is carried on as the poller does."""

    def __init__(self, agents: Mapping[str, tuple[str, ...]], **fields: Any) -> None:
        given = {"check": {"tcp": {"host": "x.example", "port": 443}}, "failures": 1, "successes": 1,
                 "placing": PLACING, "own_place": False, **fields}
        listed = [{"place": place, "secret": {"env": "X"}, "regions": regions} for place, regions in agents.items()]
        self.source = ProbeSource(ProbeSettings(id="probe", agents=listed, **given), regions=TREE)
        self.memory: Mapping[str, str] = {}
        self.now = NOW

    def hear(self, later: int = 60, *, here: bool | None = None, lost: tuple[str, ...] = (), **told: bool) -> Reading:
        """`later` seconds on, the places of `told` say whether it works; those `lost` lost their network as well."""
        self.now += timedelta(seconds=later)
        at = rfc3339(self.now - timedelta(seconds=2))

        def result(place: str, ok: bool) -> dict[str, Any]:
            control = None if ok else {"ok": place not in lost, "why": "unreachable" if place in lost else ""}
            return {"at": at, "seen": at, "ok": ok, "why": "" if ok else "HTTP 500", "control": control}

        body: dict[str, Any] = {"places": {place: [result(place, ok)] for place, ok in told.items()}}
        if here is not None:
            body |= result("here", here)
        reading = self.source.read(answer(body), self.memory, self.now)
        if reading.known or reading.noted:
            self.memory = reading.memory
        return reading


def regions(reading: Reading) -> dict[str, str]:
    return {one.fingerprint: one.region for one in reading.signals}


def test_two_places_that_disagree_say_nothing() -> None:
    scene = Scene({"btv": (), "nyc": ()})
    assert scene.hear(btv=True, nyc=True).affirmed
    split = scene.hear(btv=False, nyc=True)
    assert (split.known, split.complete, split.signals) == (False, False, ())
    assert split.why == "the places disagree, 2 must agree: btv HTTP 500; nyc answers"
    both = scene.hear(btv=False, nyc=False)
    assert regions(both) == {"probe": "US-NY"}
    assert not scene.hear(btv=True, nyc=False).known, "nor do they say that it is over"
    over = scene.hear(btv=True, nyc=True)
    assert (over.known, over.complete, over.signals) == (True, True, ())


def test_what_one_place_says_is_kept_until_another_agrees() -> None:
    """Posts come one by one: unknown readings must not forget them."""
    scene = Scene({"btv": (), "nyc": ()}, failures=2)
    for _ in range(2):
        assert not scene.hear(20, btv=False).known
    assert not scene.hear(20, nyc=False).known
    reading = scene.hear(20, nyc=False)
    assert reading.signals[0].level is Level.MAJOR
    assert reading.signals[0].started_at == NOW + timedelta(seconds=58), "when the second of them began to fail"
    assert reading.signals[0].why == "probe: fails at 2 of 2 places: btv HTTP 500; nyc HTTP 500"


def test_a_quorum_lost_by_silence_ends_nothing() -> None:
    scene = Scene({"btv": (), "nyc": (), "ord": ()}, quorum=2)
    assert regions(scene.hear(btv=False, nyc=False, ord=False)) == {"probe": "US-NY"}
    assert scene.hear(170, ord=True).known, "all were heard within three minutes"
    silent = scene.hear(20)
    assert not silent.known
    assert silent.why.startswith("too few places vote, 1 of 2 needed: btv was last heard at 2026-01-15T12:00:58Z")
    assert scene.hear(10, btv=True).complete, "two are heard again, and agree"


def test_our_own_lost_network_leaves_it_to_the_others() -> None:
    scene = Scene({"btv": (), "nyc": ()}, own_place=True)
    assert scene.hear(here=True, btv=True, nyc=True).affirmed
    lost = scene.hear(here=False, lost=("here",))
    assert (lost.known, lost.signals) == (True, ()), "the others were heard a minute ago, and it works for them"
    later = scene.hear(180, here=False, lost=("here",))
    assert not later.known, "with our network their posts are gone too"
    assert "here its own network is not in order: control target unreachable" in later.why


def test_places_that_all_lost_their_network_are_no_outage() -> None:
    scene = Scene({"btv": (), "nyc": (), "ord": ()})
    reading = scene.hear(btv=False, nyc=False, ord=False, lost=("btv", "nyc", "ord"))
    assert (reading.known, reading.signals) == (False, ())
    one_left = scene.hear(btv=False, nyc=False, ord=False, lost=("btv", "nyc"))
    assert not one_left.known, "the one that is left does not decide alone"


def test_a_place_speaks_for_the_region_it_stands_in() -> None:
    scene = Scene({"btv": ("US-VT",), "nyc": (), "ord": ()})
    assert regions(scene.hear(btv=False, nyc=True, ord=True)) == {"region:US-VT": "US-VT"}
    assert regions(scene.hear(btv=False, nyc=False, ord=True)) == {"region:US-VT": "US-VT", "probe": "US-NY"}
    silent = scene.hear(181, nyc=True, ord=True)
    assert (silent.known, silent.signals, silent.present) == (True, (), ("region:US-VT",))
    assert "btv was last heard" in silent.why
    assert not silent.affirmed
    assert scene.hear(btv=True).affirmed


def test_several_places_of_one_region_must_agree() -> None:
    scene = Scene({"btv": ("US-VT",), "mpv": ("US-VT",), "nyc": (), "ord": ()})
    assert regions(scene.hear(btv=False, mpv=True, nyc=True, ord=True)) == {}
    assert regions(scene.hear(btv=False, mpv=False, nyc=True, ord=True))["region:US-VT"] == "US-VT"
    strict = Scene({"btv": ("US-VT",), "nyc": (), "ord": ()}, quorum=2)
    assert regions(strict.hear(btv=False, nyc=True, ord=True)) == {"region:US-VT": "US-VT"}, "all that stand there do"


def test_a_probe_may_be_placed_by_where_its_places_stand_alone() -> None:
    scene = Scene({"btv": ("US-VT",), "nyc": ("US-NY",)}, placing={"service": "data"})
    reading = scene.hear(btv=False, nyc=True)
    assert [(one.service, one.region) for one in reading.signals] == [("data", "US-VT")]
    assert reading.unplaced == ()


def test_a_place_that_was_taken_out_is_forgotten() -> None:
    scene = Scene({"btv": (), "nyc": (), "ord": ()})
    scene.hear(btv=False, nyc=False, ord=True)
    smaller = Scene({"btv": (), "nyc": ()})
    smaller.memory, smaller.now = scene.memory, scene.now
    reading = smaller.hear(ord=True)
    assert regions(reading) == {"probe": "US-NY"}
    assert "ord" not in reading.memory["streak"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"at": None}, "has no time", id="no time"),
        pytest.param({"seen": "yesterday"}, "has no time", id="no time of its own"),
        pytest.param({"at": "2026-01-15T12:11:00Z"}, "ahead of our clock", id="ahead"),
        pytest.param({"seen": "2086-01-15T12:00:00Z"}, "ahead of our clock", id="its own clock far ahead"),
        pytest.param({"ok": "false"}, "does not say ok or not", id="text for a truth"),
        pytest.param({"control": [True]}, "expected an object", id="a list for a control"),
        pytest.param({"control": {"ok": 1}}, "neither ok nor not", id="a number for a truth"),
        pytest.param({"expires_at": 5}, "expires_at of a result is a number", id="a number for a time"),
    ],
)
def test_an_answer_that_cannot_be_relied_on_is_refused_whole(change: dict[str, Any], why: str) -> None:
    scene = Scene({"btv": (), "nyc": ()})
    scene.hear(0, btv=False, nyc=False)
    at = rfc3339(NOW + timedelta(seconds=50))
    good = {"at": at, "seen": at, "ok": True, "why": "", "control": None}
    body = {"places": {"btv": [good], "nyc": [{**good, **change}]}}
    reading = scene.source.read(answer(body), scene.memory, NOW + timedelta(minutes=1))
    assert not reading.known
    assert why in reading.why
    assert reading.memory == scene.memory, "not even its sound half counts"


def test_time_alone_is_read_at_each_poll() -> None:
    """Where no place of our own tries, a fetch brings nothing but the time: that is how silence is noticed."""
    scene = Scene({"btv": (), "nyc": ()})
    scene.hear(btv=True, nyc=True)
    later: datetime = NOW + timedelta(minutes=9)
    fetched = scene.source.fetch(scene.memory, later)
    reading = scene.source.read(answer(fetched.body), scene.memory, later)  # type: ignore[union-attr]
    assert (reading.known, "too few places" in reading.why) == (False, True)
