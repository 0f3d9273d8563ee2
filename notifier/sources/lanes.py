"""Polls in threads, so that one slow host delays no other.

Each host has a queue of its own and at most so many polls at once; a poll that waits for its host waits in the queue
and not in a thread. A host that was slow the last time is polled by a second set of threads until it is quick again, so
that a hundred hosts that time out delay each other and nobody else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

SLOW = 2.0
"""Seconds a poll may take before its host counts as slow."""


@dataclass
class _Host:
    """Polls of one host: those that wait (id, when it was due by the monotonic clock), and how many run."""

    waiting: deque[tuple[str, float]] = field(default_factory=deque)
    running: int = 0
    slow: bool = False
    lined_up: bool = False


class Lanes:
    """Runs `work(id)` for what is put in. `late(seconds)` is told of each start how late it was, `missed(id)` of what
    waited longer than `grace` seconds and is not worth starting. Safe to call from several threads."""

    def __init__(
        self,
        work: Callable[[str], None],
        *,
        threads: int,
        per_host: int,
        grace: float,
        monotonic: Callable[[], float],
        late: Callable[[float], None],
        missed: Callable[[str], None],
    ) -> None:
        self._work, self._late, self._missed = work, late, missed
        self._number, self._per_host, self._grace = threads, per_host, grace
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._signals = {slow: threading.Condition(self._lock) for slow in (False, True)}
        self._ready: dict[bool, deque[str]] = {False: deque(), True: deque()}
        self._hosts: dict[str, _Host] = {}
        self._busy: set[str] = set()
        self._stopping = False

    def start(self) -> None:
        """Start the threads: as many for slow hosts as for the others."""
        for slow in (False, True):
            for number in range(self._number):
                name = f"poll-{'slow-' if slow else ''}{number}"
                threading.Thread(target=self._run, args=(slow,), name=name, daemon=True).start()

    def stop(self) -> None:
        """Take up nothing more; polls under way end by themselves."""
        with self._lock:
            self._stopping = True
            for signal in self._signals.values():
                signal.notify_all()

    def put(self, id: str, host: str, due: float) -> bool:
        """Line up one poll that was due at `due` (monotonic seconds); False where the one before has not ended."""
        with self._lock:
            if id in self._busy:
                return False
            self._busy.add(id)
            one = self._hosts.setdefault(host, _Host())
            one.waiting.append((id, due))
            self._line_up(host, one)
            return True

    def _line_up(self, name: str, host: _Host) -> None:
        if host.waiting and not host.lined_up and host.running < self._per_host:
            host.lined_up = True
            self._ready[host.slow].append(name)
            self._signals[host.slow].notify()
        elif not (host.waiting or host.running or host.slow):
            self._hosts.pop(name, None)

    def _run(self, slow: bool) -> None:
        while (taken := self._take(slow)) is not None:
            name, id, due = taken
            began = self._monotonic()
            worth_it = began - due <= self._grace
            try:
                if worth_it:
                    self._late(max(0.0, began - due))
                    self._work(id)
                else:
                    self._missed(id)
            except Exception as error:
                log.error("poll.broke", source=id, error=type(error).__name__, exc_info=error)
            self._done(name, id, self._monotonic() - began if worth_it else None)

    def _take(self, slow: bool) -> tuple[str, str, float] | None:
        with self._lock:
            while not self._ready[slow]:
                if self._stopping:
                    return None
                self._signals[slow].wait()
            if self._stopping:
                return None
            name = self._ready[slow].popleft()
            host = self._hosts[name]
            host.lined_up = False
            id, due = host.waiting.popleft()
            host.running += 1
            self._line_up(name, host)
            return name, id, due

    def _done(self, name: str, id: str, took: float | None) -> None:
        with self._lock:
            self._busy.discard(id)
            host = self._hosts[name]
            host.running -= 1
            if took is not None:
                host.slow = took > SLOW
            self._line_up(name, host)
