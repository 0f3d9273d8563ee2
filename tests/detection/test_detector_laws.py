"""Laws of the detector: for any posts, in any order."""

from __future__ import annotations

import random
from datetime import timedelta
from time import process_time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as laws
from hypothesis import strategies as st

from notifier.model.mention import Mention
from notifier.model.signal import Signal

from .scene import START, TICK, fresh, post

WHERE = ("Rutland, VT", "Concord, NH", "Boston, MA", "Albany, NY", None, "Austin, TX")
TEXTS = ("no 3G here", "lost power", "mobile data is down in Burlington", "data is back", "turn off 3G, it helps",
         "lovely morning", "no power and no internet", "no mobile data in the whole valley, again and again")

slow = laws(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])

posts = st.lists(
    st.builds(lambda text, where, who, second: (text, where, who, second), st.sampled_from(TEXTS),
              st.sampled_from(WHERE), st.integers(0, 60), st.integers(0, 900)),
    max_size=120)
Drawn = list[tuple[str, str | None, int, int]]


def _mentions(drawn: Drawn) -> list[Mention]:
    return [Mention(id=f"m{n}", created_at=START + timedelta(seconds=second), network="x", text=text,
                    author=f"a{who}", author_location=where)
            for n, (text, where, who, second) in enumerate(drawn)]


def _run(mentions: list[Mention], *, shuffle: int | None = None, restart: bool = False) -> list[tuple[Signal, ...]]:
    """Every look's signals over half an hour; `shuffle` seeds another order within each tick."""
    heard, told, now = fresh(), [], START
    waiting = sorted(mentions, key=lambda one: (one.created_at, one.id))
    while now < START + timedelta(minutes=30):
        now += TICK
        batch = [one for one in waiting if one.created_at <= now]
        waiting = waiting[len(batch):]
        if shuffle is not None:
            random.Random(shuffle).shuffle(batch)
        for one in batch:
            heard.take("test", one, now)
        told.append(heard.signals(now))
        if restart and now.second == 0:
            kept = heard.checkpoint()
            heard.restore(kept)
            assert heard.checkpoint() == kept
    return told


@slow
@given(posts, st.integers(0, 1000))
def test_order_within_a_tick_changes_nothing(drawn: Drawn, seed: int) -> None:
    """Listeners race each other; what is told does not depend on who wins."""
    assert _run(_mentions(drawn), shuffle=seed) == _run(_mentions(drawn))


@slow
@given(posts)
def test_a_restart_changes_nothing(drawn: Drawn) -> None:
    """A detector restored every minute tells exactly what one that runs on tells."""
    assert _run(_mentions(drawn), restart=True) == _run(_mentions(drawn))


@slow
@given(posts, st.integers(0, 119), st.integers(0, 600))
def test_repeats_count_nobody_new(drawn: Drawn, which: int, later: int) -> None:
    """Somebody who says the same thing again within the hour changes nothing."""
    if not drawn:
        return
    text, where, who, second = drawn[which % len(drawn)]
    if sum(1 for _, _, other, _ in drawn if other == who) > 1:
        return
    repeated = [*_mentions(drawn), Mention(id="z", created_at=START + timedelta(seconds=second + later), network="x",
                                           text=text, author=f"a{who}", author_location=where)]
    assert _run(repeated) == _run(_mentions(drawn))


@slow
@given(posts)
def test_signals_keep_their_promises(drawn: Drawn) -> None:
    """Inside the territory, scored 0 to 1, begun before they are told, ended once, and no region under another."""
    open_now: dict[tuple[str, str, str, str], Signal] = {}
    for told in _run(_mentions(drawn)):
        for signal in told:
            assert 0 <= signal.score <= 1
            assert signal.started_at <= signal.observed_at
            assert signal.region != "US-TX"
            if signal.level.is_trouble:
                open_now[signal.key] = signal
            else:
                assert open_now.pop(signal.key, None) is not None
        places = sorted((key[2], key[3]) for key in open_now)
        assert len(places) == len(set(places))
        assert all((service, "us-northeast") not in places for service, region in places if region != "us-northeast")


@laws(deadline=None, max_examples=150)
@given(st.text(max_size=400), st.text(max_size=80), st.text(max_size=80), st.text(max_size=40))
def test_hostile_posts_never_raise(text: str, where: str, place: str, author: str) -> None:
    """Whatever a post holds."""
    heard = fresh()
    heard.take("test", post(text, where=where, place=place, who=author), START)
    heard.signals(START + TICK)
    heard.restore(heard.checkpoint())


@pytest.mark.parametrize("text", [
    pytest.param("no " * 3000, id="the beginning of a phrase, again and again"),
    pytest.param("power is " * 1000, id="half a phrase, again and again"),
    pytest.param("#" + "aB" * 5000, id="one endless hashtag"),
    pytest.param("http" * 2500, id="almost a link"),
    pytest.param("a'" * 5000, id="apostrophes"),
    pytest.param("e\u0301" * 5000, id="accents"),
    pytest.param("\ufdfa" * 5000, id="letters that fold to eighteen"),
    pytest.param("New York, " * 900, id="places"),
    pytest.param("\ud800 no power \udfff", id="halves of characters"),
    pytest.param("@" * 10_000, id="signs"),
])
def test_hostile_texts_are_fast(text: str) -> None:
    """No text takes long: each of these is read well under a fifth of a second."""
    heard = fresh()
    begun = process_time()
    heard.take("test", post(text, where=text[:500], place=text[:500]), START)
    heard.signals(START + TICK)
    assert process_time() - begun < 0.2
