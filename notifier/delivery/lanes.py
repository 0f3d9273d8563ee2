"""Messages under way at once: lanes that take one after the other while a turn lasts.

The threads are a pool's, but each is asked for once a turn: to hand every message to the pool costs a tenth of what
sending it does.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue

from notifier.model.delivery import Delivery, Message, Outcome

Sending = tuple[Delivery, Message]
Ended = tuple[Delivery, Outcome | BaseException]
"""An attempt that has ended: its outcome, or what was broken of ours."""


class Lanes:
    """The lanes of one sender; all but `send` is used by its thread only."""

    def __init__(self, number: int, name: str, send: Callable[[Delivery, Message], Outcome]) -> None:
        """`number`: how many at once; 0: the caller's own thread sends, and waits."""
        self._number = number
        self._send = send
        self._pool = ThreadPoolExecutor(number, name) if number else None
        self._given: SimpleQueue[Sending | None] = SimpleQueue()
        self._ended: SimpleQueue[Ended] = SimpleQueue()
        self._open = 0
        self.going = 0
        """Messages under way, those included whose end nobody has asked for."""

    def start(self, delivery: Delivery, message: Message) -> None:
        """Put one under way."""
        self.going += 1
        if self._pool is None:
            self._ended.put(self._sent(delivery, message))
            return
        self._given.put((delivery, message))
        if self._open < min(self.going, self._number):
            self._open += 1
            self._pool.submit(self._lane)

    def ended(self, most: float | None = None) -> list[Ended]:
        """What has ended since it was asked last: one at least, where `most` seconds are enough (None: however long);
        nothing where nothing is under way."""
        found: list[Ended] = []
        if self.going:
            with suppress(Empty):
                found.append(self._ended.get(timeout=most))
                while True:
                    found.append(self._ended.get_nowait())
        self.going -= len(found)
        return found

    def close(self) -> None:
        """The turn is over: the threads go back to the pool."""
        for _ in range(self._open):
            self._given.put(None)
        self._open = 0

    def _lane(self) -> None:
        while (given := self._given.get()) is not None:
            self._ended.put(self._sent(*given))

    def _sent(self, delivery: Delivery, message: Message) -> Ended:
        try:
            return delivery, self._send(delivery, message)
        except BaseException as broken:  # noqa: BLE001 the sender must hear of it, whatever it is
            return delivery, broken
