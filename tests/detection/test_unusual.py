"""How unusual a spike is, in words: what staff read in place of a score."""

from __future__ import annotations

import zlib
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.detection.keeping import _window
from notifier.detection.series import Window
from notifier.detection.spikes.threshold import threshold
from notifier.detection.unusual import RARE, amount, by_chance, facts_of, in_words
from notifier.model.signal import Signal

from .scene import LISTENED, START, TICK, detector, play, post

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("window", "where", "words"), [
    (Window(5, 23, 1.2, 0.24), "", "23 within 5 minutes where 1.2 are usual at this hour"),
    (Window(1, 40, 12.3, 12.0), "", "40 within a minute where 12 are usual at this hour"),
    (Window(3, 5, 0.0003, 0.0001), "", "5 within 3 minutes where under 0.01 are usual at this hour"),
    (Window(5, 23, 1.2, 0.24), "in Vermont", "23 within 5 minutes in Vermont where 1.2 are usual at this hour"),
    (Window(5, 23, 4.5, 0.24), "", "23 within 5 minutes where 1.2 are usual at this hour (4.5 expected)"),
    (Window(), "", ""),
])
def test_a_window_in_words(window: Window, where: str, words: str) -> None:
    """The sentence of the evidence; what was expected is told where news or the minutes before lifted it."""
    assert in_words(window, where) == words


@pytest.mark.parametrize(("beyond", "words"), [
    (1 / 12, "at most once a year"), (1 / 6, "at most once in six months"), (1 / 3, "at most once in three months"),
    (1.0, "at most once a month"), (30 / 7, "at most once a week"), (31.0, "more than once a week"),
])
@pytest.mark.parametrize("series", [60, 211, 33_000])
def test_chance_in_words(beyond: float, words: str, series: int) -> None:
    """A score just at the threshold for so many false alarms a month is told as that many, whatever is watched."""
    assert by_chance(threshold(series, beyond), series) == words


@given(st.floats(0, 300), st.floats(0, 300), st.integers(1, 10**6))
def test_a_higher_score_is_never_told_as_more_likely(one: float, other: float, series: int) -> None:
    """The words keep the order of the scores."""
    order = [f"at most {words}" for _, words in RARE] + ["more than once a week"]
    low, high = sorted((one, other))
    assert order.index(by_chance(high, series)) <= order.index(by_chance(low, series))


@given(st.floats(0, 1e9))
def test_amounts_are_short_and_near(number: float) -> None:
    """Never in powers of ten, and within 5 % (or 0.005) of the number."""
    told = amount(number)
    assert "e" not in told.replace("under", "")
    assert number < 0.01 if told == "under 0.01" else abs(float(told) - number) <= max(0.05 * number, 0.005)


# ── on signals ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _spike(people: int, over: timedelta = 4 * MINUTE) -> list[Any]:
    return [post("no 3G here", at=START + over * n / people, who=f"v{n}", where="Rutland, VT") for n in range(people)]


def test_a_signal_carries_what_is_usual_and_the_window() -> None:
    """All of it as facts, and the numbers are those of the sentence."""
    told: Signal = play(detector(), _spike(12), until=START + 5 * MINUTE)[-1]
    facts = told.facts
    assert facts["unusual"] in told.why
    assert float(facts["usual_per_minute"]) == pytest.approx(0.05 / (LISTENED + 5), rel=0.1)  # nobody complained before
    assert int(facts["window_people"]) <= int(facts["people"]) == 12
    assert 1 <= int(facts["window_minutes"]) <= 5  # nobody listened before
    assert float(facts["window_expected"]) < 0.1
    assert facts["by_chance"] == "at most once a year in all regions together"
    assert facts["unusual"].startswith(
        f"{facts['window_people']} within {facts['window_minutes']} minutes where under 0.01")


def test_what_is_usual_is_learnt() -> None:
    """A region that complains all day has more that is usual, and its evidence says so."""
    posts = [post(f"no 3G here number {n}", at=START + n * 10 * MINUTE, who=f"u{n}", where="Rutland, VT")
             for n in range(120)]
    begin = START + 1200 * MINUTE
    posts += [post("no 3G since now", at=begin + n * timedelta(seconds=4), who=f"w{n}", where="Rutland, VT")
              for n in range(60)]
    told = play(detector(), posts, until=begin + 4 * MINUTE)
    last = told[-1]
    assert last.started_at >= begin - MINUTE
    assert 0.07 < float(last.facts["usual_per_minute"]) < 0.13, "one in ten minutes was heard"


def test_the_place_is_named_where_a_region_above_speaks() -> None:
    """The window of a parent's alarm is told as the parent's."""
    window = Window(5, 23, 1.2, 0.24)
    assert facts_of(window, 9.0, 200, "in the Northeast")["unusual"] == (
        "23 within 5 minutes in the Northeast where 1.2 are usual at this hour")
    assert facts_of(Window(), 9.0, 200) == {}


# ── kept ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.builds(Window, st.integers(0, 34), st.integers(0, 10**6), st.floats(0, 1e6), st.floats(0, 1e6)))
def test_a_window_is_kept(window: Window) -> None:
    """Bytes and back."""
    assert _window(msgspec.msgpack.decode(msgspec.msgpack.encode(asdict(window)))) == window


def test_an_alarm_kept_by_an_earlier_release_goes_on() -> None:
    """Its window is not known: the sentence stands without it until the alarm grows, and nothing else is lost."""
    first = detector()
    posts = _spike(12)
    play(first, posts, until=START + 5 * MINUTE)
    second = detector()
    second.restore(_without_windows(first.checkpoint()))
    more = [post("still no 3G", at=START + 5 * MINUTE + n * TICK, who=f"m{n}", where="Rutland, VT") for n in range(2)]
    quiet = play(second, more, begin=START + 5 * MINUTE, until=START + 7 * MINUTE)
    assert quiet, "the alarm is told of still"
    growing = _spike(60)
    told = play(second, [post("no 3G at all here", at=START + 8 * MINUTE + n * timedelta(seconds=2), who=f"g{n}",
                              where="Rutland, VT") for n in range(len(growing))],
                begin=START + 7 * MINUTE, until=START + 11 * MINUTE)
    assert int(told[-1].facts["window_people"]) >= 30
    assert told[-1].key == quiet[-1].key
    assert told[-1].started_at == START


def _without_windows(kept: bytes) -> bytes:
    """A checkpoint as it was before windows were kept."""
    found = msgspec.msgpack.decode(zlib.decompress(kept))
    for one in found["series"]:
        if one[-1]["episode"] is not None:
            assert one[-1]["episode"].pop("window")
    return zlib.compress(msgspec.msgpack.encode(found))
