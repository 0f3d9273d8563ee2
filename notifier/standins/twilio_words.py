"""What the Twilio stand-in will say of its messages, by script: late, doubled, out of order, not at all, or slowly.

A script names, for the first, second … message that bears one StatusCallback, the words about it and how long after its
creation each is due; the last list holds for all further ones. What was said, and whether anybody acknowledged it, is
written down: the side that is told cannot be asked what it was told.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .ledger import Entry, Ledger


@dataclass(frozen=True, slots=True)
class Word:
    """One status of one message, due at a time. `told` False: it holds, and its callback is lost on the way."""

    due: datetime
    sid: str
    status: str
    code: str
    told: bool


class Words:
    """The script, the words that are due, and the book of those that were told: in a file beside the ledger's where
    there is one, one JSON line each: sid, status, code, told, answered (an HTTP status; 0: by nobody), after (how many
    messages had been created by then)."""

    def __init__(self, ledger: Path | None = None) -> None:
        self._book = Ledger(None if ledger is None else words_beside(ledger))
        self._lock = threading.Lock()
        self._script: Sequence[Sequence[Sequence[Any]]] = ()
        self._at_once: int | None = None
        self._made: Counter[str] = Counter()
        self._waiting: list[Word] = []

    @property
    def book(self) -> list[Entry]:
        """What was told, oldest first."""
        return self._book.entries

    @property
    def waiting(self) -> int:
        """Words that are still to be said."""
        return len(self._waiting)

    def rule(self, wish: Mapping[str, Any]) -> None:
        """Take a script: {"words": [[[seconds, status, code, told], …], …], "at_once"}; `at_once`: most words told at
        one time, null for all that are due."""
        self._script, self._at_once = wish["words"], wish.get("at_once")

    def made(self, sid: str, url: str, now: datetime) -> None:
        """A message was created."""
        with self._lock:
            number = self._made[url]
            self._made[url] += 1
            if not self._script or not url:
                return
            lines = self._script[min(number, len(self._script) - 1)]
            self._waiting += [Word(now + timedelta(seconds=after), sid, status, code, told)
                              for after, status, code, told in lines]

    def due(self, now: datetime) -> list[Word]:
        """The words whose time has come, in their order; they wait no more."""
        with self._lock:
            ready = sorted((word for word in self._waiting if word.due <= now), key=lambda word: word.due)
            ready = ready[: self._at_once]
            for word in ready:
                self._waiting.remove(word)
            return ready

    def told(self, word: Word, answered: int, *, after: int) -> None:
        """Write down that a word was told."""
        line = asdict(word)
        line.pop("due")
        self._book.add({**line, "answered": answered, "after": after})


def words_beside(ledger: Path) -> Path:
    """Where the words about a ledger's messages are written down."""
    return ledger.with_suffix(".words.jsonl")
