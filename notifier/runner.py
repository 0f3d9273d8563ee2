"""The one loop that turns all others: waits, backs off, beats the heart, and is the only place that catches all.

A loop is a function `run_once() -> bool` (did it find work?). Everything a loop decides is inside that function, so
that tests and replay call it directly and need no thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from . import metrics
from .ports import Clock, StoreUnavailable

log = structlog.get_logger(__name__)

BACKOFF_FIRST = 1.0
BACKOFF_MOST = 60.0


@dataclass
class Loop:
    """One loop in a thread of its own. `every` seconds between turns that found nothing; at once after one that did."""

    name: str
    run_once: Callable[[], bool]
    clock: Clock
    every: float = 1.0
    backoff_most: float = BACKOFF_MOST
    """Longest wait after a turn that failed; less for what must go on soon once a store is back."""
    stopping: threading.Event = field(default_factory=threading.Event)
    wanted: threading.Event = field(default_factory=threading.Event)
    """Set to have the next turn at once. A loop that failed waits all the same."""
    thread: threading.Thread | None = None
    failures: int = 0
    last_turn: float = 0.0

    def start(self) -> None:
        """Begin turning. May be called once."""
        self.last_turn = self.clock.monotonic()
        self.thread = threading.Thread(target=self._turn, name=self.name, daemon=True)
        self.thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Ask it to end and wait; True if it did. Harmless before start and when called again."""
        self.stopping.set()
        if self.thread is not None:
            self.thread.join(timeout)
            return not self.thread.is_alive()
        return True

    def turn(self) -> float:
        """One turn; returns the seconds to wait before the next."""
        try:
            found = self.run_once()
        except Exception as error:  # noqa: BLE001 the only catch-all: one bad turn must not end the daemon
            self._failed(error)
            return float(min(BACKOFF_FIRST * 2 ** min(self.failures - 1, 16), self.backoff_most))
        if self.failures:
            log.info("loop.recovered", loop=self.name, failures=self.failures)
        self.failures = 0
        metrics.LOOP_TURNS.labels(self.name, "work" if found else "idle").inc()
        return 0.0 if found else self.every

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        metrics.LOOP_TURNS.labels(self.name, "failed").inc()
        if isinstance(error, StoreUnavailable):
            metrics.STORE_ERRORS.inc()
        if self.failures == 1:
            log.error("loop.failed", loop=self.name, error=type(error).__name__, exc_info=error)

    def _turn(self) -> None:
        while not self.stopping.is_set():
            self.wanted.clear()
            pause = self.turn()
            self.last_turn = self.clock.monotonic()
            metrics.LOOP_LAST.labels(self.name).set(self.clock.now().timestamp())
            self.clock.wait(pause, self.stopping.is_set, None if self.failures else self.wanted)


def stuck(loops: list[Loop], now: float, limit: float) -> list[str]:
    """Names of loops whose last turn ended over `limit` seconds ago: while there are any, the watchdog goes unfed."""
    return [loop.name for loop in loops if loop.thread is not None and now - loop.last_turn > limit]
