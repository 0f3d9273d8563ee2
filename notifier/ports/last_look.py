"""The last look before the first byte: whether whoever sends still holds what is being sent.

A process may be stopped for longer than its claim lasts, between any two of its steps, and find when it goes on that
another has taken the delivery up. Only what carries the bytes knows when the first of them leaves, so it asks there;
who sends says what the answer is, for the thread that sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_HOLDS: ContextVar[Callable[[], bool] | None] = ContextVar("last_look", default=None)


@contextmanager
def last_look(holds: Callable[[], bool]) -> Iterator[None]:
    """While this thread sends: `holds` says whether it may."""
    token = _HOLDS.set(holds)
    try:
        yield
    finally:
        _HOLDS.reset(token)


def still_held() -> bool:
    """Whether what this thread is about to send may be sent; yes where nobody has said otherwise."""
    holds = _HOLDS.get()
    return holds is None or holds()
