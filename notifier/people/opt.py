"""What a person who texts us wants, by the single words the carriers and Twilio agreed on.

A text counts only when it is nothing but the word: "stop telling me it works" is a complaint, not an opt-out. The
words are Twilio's default keywords (its Advanced Opt-Out page) and the same in the languages next door.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum


class Wish(StrEnum):
    """What an inbound text asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    NONE = "none"
    """Anything else: for people to read."""


_STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"})
_STOP_ELSEWHERE = frozenset({"alto", "parar", "baja", "cancelar", "arret", "arrêt"})
_START = frozenset({"start", "yes", "unstop"})
_HELP = frozenset({"help", "info", "ayuda", "aide"})
_EDGES = " \t\r\n.!\"'“”‘’\u200b\ufeff\u00a0"


def classify(text: str) -> Wish:
    """What the text asks for; case, blanks and closing punctuation around the one word do not matter."""
    word = unicodedata.normalize("NFKC", text[:200]).casefold().strip(_EDGES)
    if len(text) > 200:
        return Wish.NONE
    if word in _STOP or word in _STOP_ELSEWHERE or word.replace("-", "") == "optout":
        return Wish.STOP
    if word in _START:
        return Wish.START
    return Wish.HELP if word in _HELP else Wish.NONE
