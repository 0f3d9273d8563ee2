"""All the stages ask of the world, in the model's words.

A stage takes these as arguments and nothing else from outside; tests hand it fakes, the composition root hands it the
real ones. Each protocol has one contract suite, run on every implementation.
"""

from __future__ import annotations

from .clock import Clock
from .hearing import Answer, Failure, MentionSource, Reading, Source
from .last_look import last_look, still_held
from .speaking import CannotTell, Channel, Finding, Found, NotFound
from .store import StaleWrite, Store, StoreUnavailable
from .transaction import Claimed, SourceState, Transaction

__all__ = [
    "Answer",
    "CannotTell",
    "Channel",
    "Claimed",
    "Clock",
    "Failure",
    "Finding",
    "Found",
    "MentionSource",
    "NotFound",
    "Reading",
    "Source",
    "SourceState",
    "StaleWrite",
    "Store",
    "StoreUnavailable",
    "Transaction",
    "last_look",
    "still_held",
]
