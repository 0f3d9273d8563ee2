"""What keeps one channel from sending: a fault of the account or of ours, what a callback told, a person.

Stops are switches of the store, so that all nodes keep them. A stop of the daemon's own ends by itself, and then one
message is tried: only what becomes of that one says whether the fault has passed, never the answer to a message that
had begun before. It is one that did not stop the channel itself, where there is such: a message that a far side answers
as if the account were at fault is to hold itself back, not all the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from notifier import metrics
from notifier.model.delivery import Outcome, OutcomeKind
from notifier.ports import Clock, Store, StoreUnavailable

from .order import LATER, TRYING, Stop, doubled, read_stop
from .settings import DeliverySettings

log = structlog.get_logger(__name__)

ACTOR = "sender"
TRIAL = timedelta(minutes=2)
"""How long a channel that a callback had stopped waits for what becomes of the message it was tried with."""
LOOK_AGAIN = 2.0
"""Seconds within a turn after which it is looked again whether the channel was stopped, by a callback or a person."""
SUSPECTED = timedelta(seconds=15)
"""How long a message that stopped the channel waits once another has passed, the first time; doubles each time. As
short as this since most are innocent: the account was at fault, and they were those under way."""
BLAMED_MOST = 1000
"""Messages that are remembered for having stopped the channel."""


class Stops:
    """The stops of one channel. Used by its sender's thread only."""

    def __init__(self, channel: str, queue: str, store: Store, clock: Clock, settings: DeliverySettings) -> None:
        """`queue`: the channel whose deliveries it carries; a person's stop of that one is meant for it too."""
        self._channel = channel
        self._queue = queue
        self._store = store
        self._clock = clock
        self._settings = settings
        self._faults = 0
        """Stops in a row: each is twice as long as the one before."""
        self._last: Stop | None = None
        self._holds = False
        self._unkept: tuple[Stop | None, Stop | None] | None = None
        """A stop that is to be set or cleared (None) and could not be kept, and the one that was there."""
        self._looked = clock.monotonic()
        self._blamed: dict[str, int] = {}
        """Messages that stopped the channel and have not ended, the last one last: how often each was made to wait."""
        self._passed_over: set[str] = set()
        """Those of them that this trial was not made with, lest others wait behind them."""
        self._suspects: set[str] = set()
        """Those of them that are to wait, since another passed meanwhile."""
        self.trial = False
        """Whether this turn tries the channel with one message, after a stop."""

    @property
    def switch(self) -> str:
        """The switch that stops this channel; staff clear it by setting it to "off"."""
        return f"stop:{self._channel}"

    def begin_turn(self) -> str:
        """Look whether the channel is stopped: why; "": it is not, and what is sent now shows whether it is well.
        Raises StoreUnavailable while a stop of before cannot be kept."""
        if self._unkept is not None:
            self._keep(self._unkept)
            self._unkept = None
        why = self._look()
        if self._last is None:
            self._faults = 0
        elif self._faults == 0:
            self._faults = 1  # stopped before a restart, or by somebody else
        self.trial = self._last is not None and not why
        return why

    def on(self) -> bool:
        """Whether nobody has stopped it since it was looked last, which is not long ago."""
        if self._clock.monotonic() - self._looked >= LOOK_AGAIN:
            self._look()
        return not self._holds

    @property
    def trial_most(self) -> int:
        """How many to claim so that a trial soon finds one that has not stopped the channel itself."""
        return min(1 + len(self._blamed), self._settings.batch)

    def tried(self, claimed: Sequence[str]) -> str | None:
        """Which of the claimed deliveries is the trial: the first that did not stop the channel. None where all of them
        did: they are to wait for SUSPECTED, and the turn is to begin anew, for others may be behind them that a limit
        of one message left there. What is met again after that is tried."""
        fresh = next((delivery for delivery in claimed if delivery not in self._blamed), None)
        found = fresh or next((delivery for delivery in claimed if delivery in self._passed_over), None)
        if found is None:
            self._passed_over.update(claimed)
        return found

    def waits(self, delivery: str) -> timedelta:
        """How long this delivery is to wait now, because it stopped the channel and another passed; asked once. The
        longer the oftener that has happened: an account that was at fault for hours makes nobody's wait longer."""
        if delivery not in self._suspects:
            return timedelta()
        self._suspects.discard(delivery)
        times = self._blamed.get(delivery, 0)
        self._blamed[delivery] = times + 1
        return doubled(SUSPECTED, self._settings.stop_most, times)

    def heard(self, delivery: str, outcome: Outcome) -> bool:
        """Take in what an attempt of this turn came to; False: nothing more is to be sent now. Never raises: where the
        stop cannot be kept it holds here, and is kept before the next turn begins."""
        waited = self._blamed.pop(delivery, 0)
        if outcome.stops_channel:
            if outcome.kind is OutcomeKind.RETRY:
                self._blame(delivery, waited)
            self._stop(outcome)
            return False
        if self.trial and outcome.kind is OutcomeKind.SENT and not self._holds:
            self._passed()
        return not self._holds

    def _blame(self, delivery: str, waited: int) -> None:
        while len(self._blamed) >= BLAMED_MOST:
            del self._blamed[next(iter(self._blamed))]
        self._blamed[delivery] = waited

    def _look(self) -> str:
        self._looked = self._clock.monotonic()
        with self._store.reading() as tx:
            own = read_stop(tx.switch(self.switch))
            of_all = read_stop(tx.switch(f"stop:{self._queue}")) if self._queue != self._channel else None
        self._last = of_all if of_all is not None and of_all.until is None else own
        self._holds = self._last is not None and self._last.holds(self._clock.now())
        metrics.CHANNEL_STOPPED.labels(self._channel).set(1 if self._holds else 0)
        return self._last.why or "stopped" if self._holds and self._last is not None else ""

    def _stop(self, outcome: Outcome) -> None:
        self._faults += 1
        wait = doubled(self._settings.stop_first, self._settings.stop_most, self._faults - 1)
        self._passed_over.clear()
        self._set(Stop(self._clock.now() + wait, outcome.reason))
        self._holds, self.trial = True, False
        metrics.CHANNEL_STOPPED.labels(self._channel).set(1)
        log.error("channel.stopped", channel=self._channel, reason=outcome.reason, seconds=wait.total_seconds())

    def _passed(self) -> None:
        """The message it was tried with was accepted: the channel goes on. Where a callback had stopped it, being
        accepted says nothing, and it waits for what becomes of this one."""
        self.trial = False
        self._suspects = set(self._blamed)
        self._passed_over.clear()
        if self._last is not None and self._last.why.startswith(LATER):
            self._set(Stop(self._clock.now() + TRIAL, TRYING))
            self._holds = True
            return
        self._faults = 0
        if self._set(None):
            log.info("channel.recovered", channel=self._channel)

    def _set(self, stop: Stop | None) -> bool:
        """Set our own stop, or clear it (None): whether that was done, or will be once the store can keep it."""
        change = (stop, self._last)
        try:
            return self._keep(change)
        except StoreUnavailable:
            self._unkept = change
            return True

    def _keep(self, change: tuple[Stop | None, Stop | None]) -> bool:
        """A person's stop has no end of its own, and stands whatever we find. What was tried against one stop does not
        clear another that a callback or another node has set since."""
        new, tried = change
        with self._store.transaction() as tx:
            there = read_stop(tx.switch(self.switch))
            if there is not None and (there.until is None or (new is None and there != tried)):
                return False
            tx.set_switch(self.switch, new.to_switch() if new is not None else "off", ACTOR, self._clock.now())
        return True
