"""A time by which a request is over, whatever it is waiting for.

Time-outs of sockets count silence: an answer that drips one byte every few seconds, headers included, never trips
them. A deadline shuts the connection down from outside. One thread keeps the deadlines of all requests: a timer thread
for each would cost more than the request.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import socket
import threading
import time


class _Keeper:
    """The thread that passes deadlines, started with the first of them."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline]] = []
        self._number = itertools.count()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline, at: float) -> None:
        """Pass `deadline` at `at` (monotonic seconds) unless it is done by then."""
        with self._wake:
            heapq.heappush(self._heap, (at, next(self._number), deadline))
            if self._thread is None or not self._thread.is_alive():  # a fork leaves the thread behind
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            if self._heap[0][0] == at:
                self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._heap:
                    self._wake.wait()
                at, _, deadline = self._heap[0]
                wait = at - time.monotonic()
                if wait > 0 and not deadline.done:
                    self._wake.wait(wait)
                    continue
                heapq.heappop(self._heap)
            if not deadline.done:
                deadline.end()


_keeper = _Keeper()


class Deadline:
    """Shuts every connection of one request down after `seconds`, wherever it is waiting. `passed` tells."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self.done = False
        self._seconds = seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Deadline:
        _keeper.add(self, time.monotonic() + self._seconds)
        return self

    def __exit__(self, *_: object) -> None:
        self.done = True
        with self._lock:
            for held in self._sockets:
                held.close()
            self._sockets.clear()

    def watch(self, sock: socket.socket) -> None:
        """Cut this connection too. A duplicate is held: TLS takes the original's descriptor away."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(sock.fileno())))
        if self.passed:
            self.end()

    def end(self) -> None:
        """The time is over."""
        self.passed = True
        with self._lock:
            for held in self._sockets:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)
