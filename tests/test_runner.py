"""The loop that turns all others."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from notifier.clock import SystemClock
from notifier.runner import Loop
from tests.parts.waiting import until

FOR_EVER = 3600.0


class Counting:
    """A turn that counts, and says whether it found work; it may be told to fail."""

    def __init__(self) -> None:
        self.turns = 0
        self.fails = False
        self.during: Callable[[], object] = lambda: None

    def __call__(self) -> bool:
        self.turns += 1
        self.during()
        if self.fails:
            raise ValueError("a bad turn")
        return False


def test_a_loop_that_is_wanted_turns_at_once() -> None:
    turn = Counting()
    loop = Loop("test", turn, SystemClock(), every=FOR_EVER)
    loop.start()
    try:
        for number in range(1, 4):
            until(lambda wanted=number: turn.turns == wanted, "it has turned", within=10)
            loop.wanted.set()
        until(lambda: turn.turns == 4, "and once more", within=10)
    finally:
        assert loop.stop()


def test_what_is_wanted_during_a_turn_has_another_after_it() -> None:
    turn = Counting()
    loop = Loop("test", turn, SystemClock(), every=FOR_EVER)
    turn.during = lambda: turn.turns == 1 and loop.wanted.set()
    loop.start()
    try:
        until(lambda: turn.turns == 2, "what came during the first is looked for", within=10)
    finally:
        assert loop.stop()


def test_a_loop_that_failed_waits_though_it_is_wanted() -> None:
    turn, clock = Counting(), Waiting()
    turn.fails = True
    loop = Loop("test", turn, clock, every=FOR_EVER)
    clock.waited = loop.stopping.set
    loop.start()
    until(lambda: loop.stopping.is_set(), "it waits", within=10)
    assert loop.stop()
    assert clock.rings == [None], "nothing cuts the wait of a loop that fails short"


@pytest.mark.parametrize(("most", "waits"), [
    pytest.param(60.0, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0], id="a source that is down is left alone"),
    pytest.param(2.0, [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0], id="who leads is asked again soon"),
])
def test_waits_after_failures_double_up_to_the_most(most: float, waits: list[float]) -> None:
    turn = Counting()
    turn.fails = True
    loop = Loop("test", turn, SystemClock(), backoff_most=most)
    assert [loop.turn() for _ in waits] == waits


class Waiting(SystemClock):
    """The machine's clock; what a wait would end for is written down instead of waited for."""

    def __init__(self) -> None:
        self.rings: list[threading.Event | None] = []
        self.waited: Callable[[], object] = lambda: None

    def wait(self, seconds: float, stop: Callable[[], bool], ring: threading.Event | None = None) -> None:
        self.rings.append(ring)
        self.waited()
