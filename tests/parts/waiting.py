"""Waiting for a real process: a condition is asked until it holds or its time is up. Nothing sleeps blindly."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, *, within: float = 30.0, every: float = 0.1) -> T:
    """The first truthy answer of `condition`. Raises AssertionError naming `what` when `within` seconds are over."""
    end = time.monotonic() + within
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:.0f} s: {what}; last answer: {answer!r}")
        time.sleep(every)


def stays(condition: Callable[[], bool], what: str, *, during: float) -> None:
    """`condition` holds all the time. Raises AssertionError naming `what` at once when it does not."""
    end = time.monotonic() + during
    while time.monotonic() < end:
        assert condition(), what
        time.sleep(0.1)
