"""Virtual time over the daemon's own code: hands it what was recorded when it was recorded, and turns its loops when
something is due.

The daemon turns its loops every second; here time jumps from one moment at which something can happen to the next.
Nothing after a moment is handed in before that moment, so nothing after it can have influenced what was decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from ..app import App
from ..clock import VirtualClock
from ..model.delivery import DeliveryState
from ..model.mention import Mention
from ..model.notice import NoticeState
from ..model.settings import parse_duration
from ..model.signal import Signal
from ..model.staff import Verb
from ..ports import Transaction
from .recording import Event

DECIDES_WITHIN = timedelta(seconds=1)
"""The daemon's decider turns every second, so that is how long an answer waits before it counts."""
SENDS_WITHIN = timedelta(seconds=1)
"""What a sender left for later, over its rate or its channel's stop, is tried again so soon."""
TURNS_AT_MOST = 50
"""Turns at one moment before giving up: work that makes work for ever is a broken promise."""
AFTERWARDS = timedelta(hours=2)
"""How long time goes on after the last event: enough for an all-clear, not enough to make up a future."""


class Person(Protocol):
    """Somebody who answers the daemon during a replay."""

    def due(self, tx: Transaction, now: datetime) -> Iterable[datetime | None]:
        """Moments at which this person has something to do."""
        ...

    def act(self, tx: Transaction, now: datetime) -> bool:
        """Do what is due; True if anything was asked of the daemon."""
        ...


class Approve(StrEnum):
    """Whether somebody answers when the daemon asks."""

    AUTO = "auto"
    NEVER = "never"
    AFTER = "after"


@dataclass
class Approver:
    """A person who says yes to everything at once, never, or `after` a while."""

    how: Approve
    after: timedelta = timedelta(0)
    asked: set[str] = field(default_factory=set)

    @classmethod
    def parse(cls, text: str) -> Approver:
        """Read "auto", "never" or "after=5m". Raises ValueError with the accepted spellings."""
        if text in ("auto", "never"):
            return cls(Approve(text))
        name, _, length = text.partition("=")
        if name == "after":
            return cls(Approve.AFTER, parse_duration(length))
        raise ValueError(f"{text!r} is not auto, never or after=<duration>, such as after=5m")

    def due(self, tx: Transaction, now: datetime) -> Iterable[datetime | None]:
        """When each waiting notice is answered."""
        if self.how is Approve.NEVER:
            return
        for notice in tx.notices(state=NoticeState.WAITING):
            if notice.digest not in self.asked:
                yield notice.created_at + self.after

    def act(self, tx: Transaction, now: datetime) -> bool:
        """Approve what is due, by as many people as the policy asks for."""
        if self.how is Approve.NEVER:
            return False
        put = False
        for notice in tx.notices(state=NoticeState.WAITING):
            if notice.digest in self.asked or notice.created_at + self.after > now:
                continue
            self.asked.add(notice.digest)
            for number in range(max(notice.approvals_needed, 1)):
                tx.put_request(Verb.APPROVE, f"replay-{number + 1}",
                               {"notice": notice.id, "digest": notice.digest}, now)
            put = True
        return put


class DoesNotSettle(Exception):
    """The loops keep finding work at one moment of virtual time: one of them reports work it does not finish."""


@dataclass
class Player:
    """Plays events through an app whose clock is virtual. `pace` is told of each moment before time moves there, and
    may take real time over it."""

    app: App
    clock: VirtualClock
    person: Person
    pace: Callable[[datetime], None] = lambda at: None
    problem: Callable[[str], None] = lambda line: None
    skipped: Counter[str] = field(default_factory=Counter)
    polls: int = 0
    mentions: int = 0
    first_told: dict[tuple[str, ...], Signal] = field(default_factory=dict)
    _tick_due: datetime | None = None
    _last_mention: datetime | None = None
    _soon: datetime | None = None
    _others_due: datetime | None = None
    _others_known: bool = False

    def play(self, events: Iterable[Event], *, until: datetime | None = None) -> None:
        """Play to the end, then let time run until nothing is due, two hours at most; or play up to `until`, what is
        due at that moment included."""
        for event in events:
            if until is not None and event.at >= until:
                break
            self.run_until(event.at)
            self._go(event.at)
            self._hand_in(event)
        self.run_until(until or self.clock.now() + AFTERWARDS)
        if until is not None:
            self._go(until)

    def _hand_in(self, event: Event) -> None:
        now = self.clock.now()
        if isinstance(event.what, Mention):
            self.mentions += 1
            self.app.take("recording", event.what)
            self._last_mention = now
            if self._tick_due is None:
                self._tick_due = self._next_tick(now)
        elif isinstance(event.what, tuple):
            source, answer = event.what
            if source not in self.app.poller.ids:  # recorded under another configuration
                self._skip(source)
                return
            self.polls += 1
            self.app.poller.accept(source, answer)
            self._soon = min(self._soon or now + DECIDES_WITHIN, now + DECIDES_WITHIN)
            self._others_known = False

    def _skip(self, source: str) -> None:
        """Pass over an answer nobody here can read; each source is told of once."""
        if source not in self.skipped:
            self.problem(f"source {source}: it is not in the configuration, or is disabled there")
        self.skipped[source] += 1

    def run_until(self, until: datetime) -> None:
        """Turn the loops at every moment up to `until` at which something is due."""
        while (due := self.next_due()) is not None and due <= until:
            self._go(due)
            if self._only_a_tick(due):
                self._look()
            else:
                self.turn()

    def _go(self, at: datetime) -> None:
        self.pace(at)
        self.clock.set(max(at, self.clock.now()))

    def _only_a_tick(self, due: datetime) -> bool:
        return due == self._tick_due and not self._soon and (self._others_due is None or self._others_due > due)

    def _look(self) -> None:
        """A tick at which nothing else is due: the other loops have work only if the detector tells of something."""
        self._set_tick()
        if self.app.detecting.run_once():
            self.turn()

    def turn(self) -> None:
        """Everything that happens at this moment: staff, then the loops until they find no more work."""
        now = self.clock.now()
        self._soon = None
        self._others_known = False
        if self._tick_due is not None and self._tick_due <= now:
            self._set_tick()
        for _ in range(TURNS_AT_MOST):
            asked = self._ask()
            if not self.app.turn() and not asked:
                self._note_evidence()
                return
        raise DoesNotSettle(f"loops still find work after {TURNS_AT_MOST} turns at {now.isoformat()}")

    def _note_evidence(self) -> None:
        """Remember each piece of evidence as it was when it first counted: its words and score grow with the outage,
        and a report that showed the later ones beside the first moment would know the future."""
        with self.app.store.transaction() as tx:
            for incident in tx.incidents(open_only=True):
                for signal in tx.evidence_of(incident.id):
                    self.first_told.setdefault((incident.id, *signal.key), signal)

    def _set_tick(self) -> None:
        """The next look at the counts; none once the last post is so long ago that nothing can come of it."""
        now = self.clock.now()
        quiet = self._last_mention is not None and now - self._last_mention > AFTERWARDS
        self._tick_due = None if quiet else self._next_tick(now)

    def _next_tick(self, now: datetime) -> datetime:
        tick = self.app.config.detection.tick.total_seconds()
        return datetime.fromtimestamp((now.timestamp() // tick + 1) * tick, tz=now.tzinfo)

    def _ask(self) -> bool:
        """Let the person do what is due; True if anything was asked."""
        with self.app.store.transaction() as tx:
            return self.person.act(tx, self.clock.now())

    def next_due(self) -> datetime | None:
        """The next moment, after now, at which a loop or a person may have something to do; None: no such moment."""
        if not self._others_known:
            self._others_due = self._next_of_others()
            self._others_known = True
        moments = (self._tick_due, self._soon, self._others_due)
        return min((moment for moment in moments if moment is not None), default=None)

    def _next_of_others(self) -> datetime | None:
        """The same without ticks and answers just handed in. Holds until a loop turns or an answer is handed in: no
        other thing brings a moment about."""
        now = self.clock.now()
        moments: list[datetime | None] = [self.app.decider.next_due()]
        with self.app.store.transaction() as tx:
            moments += self.person.due(tx, now)
            moments += [signal.lasts_until for signal in tx.open_signals(now)]
            moments += [max(delivery.not_before or now, now + SENDS_WITHIN)
                        for delivery in tx.deliveries(state=DeliveryState.PENDING, limit=1000)]
        moments += self.app.poller.due(now)
        return min((moment for moment in moments if moment is not None and moment > now), default=None)
