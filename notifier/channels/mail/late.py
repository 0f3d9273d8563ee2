"""Relays that have not answered the final dot yet: their connections are kept open for the ten minutes that
RFC 5321 (4.5.3.2.6) gives them, while the sender goes on with the next mail.

A relay may look through a mail for minutes before it says that it took it. Whoever hangs up earlier does not know, and
whoever waits in the sender's place keeps everybody else's mail waiting. So the delivery is UNKNOWN meanwhile, and the
reconciler, which asks what became of it, finds the answer here.
"""

from __future__ import annotations

import threading

from notifier.clock import SystemClock
from notifier.net.deadline import Deadline
from notifier.ports import CannotTell, Found, NotFound

from .session import Reply, Session

ANSWER_SECONDS = 600.0
HELD_MOST = 64
"""Connections waiting at the same time; the oldest is given up for a newer."""
KNOWN_MOST = 1000
READ_SECONDS = 5.0
NOT_YET = "the relay has the text and has not answered yet"


class LateAnswers:
    """Sessions whose final dot was sent, by the message's key. Safe for any number of threads."""

    def __init__(self, seconds: float = ANSWER_SECONDS) -> None:
        self._seconds = seconds
        self._clock = SystemClock()
        self._lock = threading.Lock()
        self._held: dict[str, tuple[Session, str, float]] = {}
        self._known: dict[str, Found | NotFound | CannotTell] = {}

    def hold(self, key: str, id: str, session: Session) -> None:
        """Wait for the answer on this session. `id`: the Message-ID to adopt once it is taken."""
        now = self._clock.monotonic()
        with self._lock:
            over = [self._held.pop(key)] if key in self._held else []
            over += [self._held.pop(old) for old in [k for k, held in self._held.items() if held[2] <= now]]
            if len(self._held) >= HELD_MOST:
                over.append(self._held.pop(next(iter(self._held))))
            self._held[key] = (session, id, now + self._seconds)
        for session, _, _ in over:
            session.close()

    def forget(self, key: str) -> None:
        """A new attempt begins: what was said to an earlier one is no word on it."""
        with self._lock:
            self._known.pop(key, None)
            held = self._held.pop(key, None)
        if held is not None:
            held[0].close()

    def look(self, key: str) -> Found | NotFound | CannotTell | None:
        """What the relay has said by now; None where nothing is known of this message here."""
        with self._lock:
            if key in self._known:
                return self._known[key]
            held = self._held.pop(key, None)
        if held is None:
            return None
        session, id, until = held
        result = _read(session, id, over=self._clock.monotonic() >= until)
        with self._lock:
            if result is None:
                self._held[key] = held
                return CannotTell(NOT_YET)
            self._known[key] = result
            while len(self._known) > KNOWN_MOST:
                self._known.pop(next(iter(self._known)))
        session.close()
        return result

    def close(self) -> None:
        """Give all up."""
        with self._lock:
            held, self._held = list(self._held.values()), {}
        for session, _, _ in held:
            session.close()


def _read(session: Session, id: str, *, over: bool) -> Found | NotFound | CannotTell | None:
    """What a session says now; None where it says nothing and there is time left."""
    try:
        with Deadline(READ_SECONDS) as deadline:
            session.watched_by(deadline)
            reply = session.answer(0.0)
    except (OSError, ValueError) as error:
        return CannotTell(f"the relay ended the connection without an answer: {type(error).__name__}")
    if reply is not None:
        return meaning(reply, id)
    return CannotTell(f"the relay did not answer within {ANSWER_SECONDS / 60:.0f} minutes") if over else None


def meaning(reply: Reply, id: str) -> Found | NotFound | CannotTell:
    """A late answer as the reconciler takes it: accepted, certainly not accepted, or no answer at all."""
    if reply.accepted:
        return Found(id)
    if 400 <= reply.code <= 599:
        return NotFound()
    return CannotTell("the relay answered the final dot with something that is no answer")
