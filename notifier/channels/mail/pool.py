"""Connections kept open between two mails, so that a broadcast does not shake hands for each.

One is kept for every thread that sends at the same time. A connection is closed after some mails, as relays count
them, and soon after the last: a relay's connections are few.
"""

from __future__ import annotations

import threading

from notifier.clock import SystemClock

from .session import Session

IDLE_SECONDS = 10.0
"""How long a connection waits for the next mail."""
MAILS_MOST = 100
"""Mails over one connection: large providers end it about there, and a fresh one finds another of their machines."""


class Pool:
    """Open sessions nobody uses at the moment. Safe for any number of threads."""

    def __init__(self, idle: float = IDLE_SECONDS, mails_most: int = MAILS_MOST) -> None:
        self._idle = idle
        self._mails_most = mails_most
        self._clock = SystemClock()
        self._free: list[Session] = []
        self._changed = threading.Condition()
        self._reaper: threading.Thread | None = None
        self._closed = False

    def take(self) -> Session | None:
        """The session used last, if it is still good as far as can be seen without a word; None: open one."""
        while True:
            with self._changed:
                if not self._free:
                    return None
                session = self._free.pop()
            # Something to read between two mails is the relay's good-bye (421) or the end of the connection.
            if session.open and not session.readable(0.0):
                return session
            session.close()

    def give(self, session: Session) -> None:
        """Keep a session for the next mail, unless it has served enough or is closed."""
        if not session.open:
            return
        with self._changed:
            full = self._closed or session.mails >= self._mails_most
            if not full:
                session.idle_since = self._clock.monotonic()
                self._free.append(session)
                if self._reaper is None:
                    self._reaper = threading.Thread(target=self._reap, name="smtp-idle", daemon=True)
                    self._reaper.start()
        if full:
            session.quit()

    def close(self) -> None:
        """Close all, and keep none from now on."""
        with self._changed:
            self._closed = True
            free, self._free = self._free, []
            self._changed.notify_all()
        for session in free:
            session.close()

    def _reap(self) -> None:
        while True:
            with self._changed:
                if not self._free:
                    self._reaper = None
                    return
                left = self._free[0].idle_since + self._idle - self._clock.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                session = self._free.pop(0)
            session.quit()
