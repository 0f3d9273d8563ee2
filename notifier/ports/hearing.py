"""What sources and listeners are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ..model.mention import Mention
from ..model.signal import Signal
from .speaking import Finding


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a source: as in a recording's poll. `headers` have lower-case names."""

    fetched_at: datetime
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """That nothing usable came back, and why; `reason` is one of: unreachable, timed_out, too_large, refused,
    http_status, redirected, bad_encoding, rate_limited, not_listening, internal."""

    fetched_at: datetime
    reason: str
    detail: str = ""
    retry_at: datetime | None = None
    """Not before then, where the far side said so (Retry-After); not part of a recording."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says.

    `known` False: the answer says nothing (stale, empty where it should not be, truncated, HTML …): `why` says what is
    missing, and `signals` is empty; of a known answer `why` is what staff should know of it (one of several peers did
    not answer). `complete` True: every open trouble of this source is in `signals`, so whatever
    of it was open and is not listed is over; False: silence about a fingerprint means nothing.
    `unplaced` are things the source reported that no region or service could be found for, in words for people.
    `present` are fingerprints still open at the source though no place for them is known here: an edit of the placing
    must not read as their end. `gone` are fingerprints the source has taken back: they end wherever they were told.
    `affirmed` True: that the rest is well was said (components listed as operational, an alert that always fires), not
    merely left out; a list that is only empty is not believed while its neighbours report trouble. `memory` is handed
    back at the next reading (small, text only). `noted` True: `memory` is kept although nothing is known, as where
    single places have told and too few of them are heard; a reading that is known is kept anyway.

    For people who set a source up: `listed` are the things and places the answer names, in trouble or not, as
    (component, group, location); `not_understood` is what it holds that this source cannot make sense of (a word no
    table has, a field that is nowhere), in words. Nothing is decided by them.
    """

    known: bool
    signals: tuple[Signal, ...] = ()
    complete: bool = False
    why: str = ""
    unplaced: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    affirmed: bool = False
    listed: tuple[tuple[str, str, str], ...] = ()
    not_understood: tuple[str, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    noted: bool = False


class Source(Protocol):
    """Something polled. `fetch` talks to the world and decides nothing; `read` decides and talks to nobody."""

    @property
    def id(self) -> str: ...

    @property
    def every(self) -> timedelta: ...

    @property
    def freshness(self) -> timedelta:
        """How old its last good reading may get before its silence means nothing."""
        ...

    @property
    def host(self) -> str:
        """What the per-host limit counts by."""
        ...

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure: ...

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """Pure; never raises for anything the far side can send."""
        ...


class MentionSource(Protocol):
    """Something listened to. `listen` runs in a thread of its own, hands each post to `take`, returns when the
    connection ended (the runner starts it again, with back-off) or `stop()` is true, at most some seconds later."""

    @property
    def id(self) -> str: ...

    @property
    def freshness(self) -> timedelta: ...

    def check(self) -> Finding:
        """Try credentials and connection once; takes nothing and moves nothing. For `doctor`."""
        ...

    def listen(self, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]) -> str:
        """Listen; call `alive` whenever the connection proves itself. Returns why it ended, in words."""
        ...
