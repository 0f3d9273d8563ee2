"""Time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """Time. The only places that read the machine's clock are `clock.py` and the libraries we call."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...

    def wait(self, seconds: float, stop: Callable[[], bool], ring: Event | None = None) -> None:
        """Return after `seconds`, or sooner once `stop()` is true or `ring` is set."""
        ...
