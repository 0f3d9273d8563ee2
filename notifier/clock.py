"""The machine's clock, and the one that replay and tests move by hand: the only place that reads the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from .model.times import utc


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        return time.monotonic()

    def wait(self, seconds: float, stop: Callable[[], bool], ring: threading.Event | None = None) -> None:
        """Sleep in slices of at most 0.2 s, so that a stop is seen at once."""
        ring = ring or threading.Event()
        until = time.monotonic() + seconds
        while not stop() and (left := until - time.monotonic()) > 0 and not ring.wait(min(left, 0.2)):
            pass


class VirtualClock:
    """Time that moves only when told; for replay, demo and tests. Safe to read from several threads."""

    def __init__(self, start: datetime) -> None:
        self._now = utc(start)
        self._lock = threading.Lock()
        self._begun = self._now

    def now(self) -> datetime:
        """The time it was last set to."""
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        """Virtual seconds since it was made."""
        return (self.now() - self._begun).total_seconds()

    def wait(self, seconds: float, stop: Callable[[], bool], ring: threading.Event | None = None) -> None:
        """Advance at once instead of sleeping."""
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        """Move forward by a length of time."""
        self.set(self.now() + by)

    def set(self, to: datetime) -> None:
        """Move to a time. Raises ValueError when it lies in the past: virtual time must be as one-way as the real."""
        with self._lock:
            to = utc(to)
            if to < self._now:
                raise ValueError(f"virtual time cannot go back from {self._now} to {to}")
            self._now = to
