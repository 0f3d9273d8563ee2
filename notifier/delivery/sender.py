"""Carries one channel's deliveries from the outbox to the far side: claim, begin, send, settle, each step durable."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from notifier import metrics
from notifier.failpoints import failpoint
from notifier.model.delivery import Delivery, Message, Outcome, OutcomeKind, Reason
from notifier.ports import Channel, Clock, Store, StoreUnavailable, last_look

from .accepted import FirstAccepted
from .lanes import Ended, Lanes
from .order import judged, repeatable
from .reach import Reach
from .routes import OnlyRoute, Route
from .settings import DeliverySettings
from .stops import SUSPECTED, Stops
from .tokens import Tokens

log = structlog.get_logger(__name__)

KEY_MARGIN = timedelta(minutes=1)
"""How much longer than now a far side must know a key for a repeat under it: the longest a request may take."""
TURN_MOST = timedelta(seconds=30)
"""After so long a turn begins nothing more and gives the rest of its batch back: whatever begins ends within the lease,
and the loop turns often enough for the watchdog. A far side that takes long is then slow, not taken for a crash."""

BATCHES = 10
"""Times a channel's messages at once that are claimed at least, so that it seldom waits for the last of a batch."""

LOOK_UP = 1.0
"""Seconds after which a sender whose messages may go another way looks up from waiting for an answer."""

Claimed = tuple[Delivery, Message]


class Sender:
    """One channel's sender. `unsubscribe_url` makes a subscriber's link, None where there is none. `stop` is asked
    between two sends, so that a shutdown need not wait for a whole batch. `route`: whose deliveries the channel
    carries, and how many of them; None: all of its own."""

    def __init__(
        self,
        channel: Channel,
        store: Store,
        clock: Clock,
        settings: DeliverySettings,
        unsubscribe_url: Callable[[str | None], str | None] = lambda subscriber: None,
        *,
        stop: Callable[[], bool] = lambda: False,
        route: Route | None = None,
    ) -> None:
        self._channel = channel
        self._store = store
        self._clock = clock
        self._settings = settings
        self._unsubscribe_url = unsubscribe_url
        self._stop = stop
        self._route = route or OnlyRoute(channel.id)
        attempt: timedelta = getattr(channel, "attempt_most", KEY_MARGIN)
        self._lease = max(settings.lease, TURN_MOST + attempt)
        self.tokens = Tokens(channel, store, settings.rate, self._route.channel)
        self._at_once: int = getattr(channel, "at_once", 1)
        threads = self._at_once > 1 or self._route.paired  # one that waits for its only answer could not let go
        self._lanes = Lanes(self._at_once if threads else 0, f"send:{channel.id}", self._send)
        self._reach = Reach(channel.id)
        self._stops = Stops(channel.id, self._route.channel, store, clock, settings)
        self._answers: deque[Ended] = deque()
        """Attempts that have ended and are not yet taken in."""
        self._unkept: list[tuple[Delivery, Outcome]] = []
        self._accepted = FirstAccepted(store)
        self._first: list[tuple[str, datetime]] = []

    @property
    def switch(self) -> str:
        """See Stops.switch."""
        return self._stops.switch

    def run_once(self) -> bool:
        """Send what is due, at most a batch. True if anything was done."""
        self._hand_over(())
        now = self._clock.now()
        why = self._stops.begin_turn()
        self._route.stopped(why or (Reason.RATE_LIMITED if self.tokens.throttled(now) else ""))
        if why or self._reach.waits(now):
            return False
        most = min(self._most(), self._route.allowed())
        until = self._clock.monotonic() + TURN_MOST.total_seconds()
        claimed = self.tokens.claim(most, self._lease, now) if most else ()
        ours = self._spared(claimed)
        try:
            self._carry(deque(ours), until)
        finally:
            self.tokens.end_turn(self._clock.now())
        return bool(ours or (claimed and self._stops.trial))

    def _most(self) -> int:
        """Deliveries to claim, as far as stops and the far side's reach go."""
        if self._stops.trial:
            return self._stops.trial_most
        return 1 if self._reach.closed else max(self._settings.batch, BATCHES * self._at_once)

    def _spared(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        """What was claimed and is to go now; the rest is given back. A channel on trial sends one; a route that is only
        tried nothing that has failed before, for nobody is to wait for it twice; and who stopped the channel waits."""
        if self._route.on_trial():
            self._release([delivery for delivery, _ in claimed if delivery.attempts])
            claimed = [(delivery, message) for delivery, message in claimed if not delivery.attempts]
        if self._stops.trial and claimed:
            tried = self._stops.tried([delivery.id for delivery, _ in claimed])
            others = [delivery for delivery, _ in claimed if delivery.id != tried]
            self._release(others, timedelta() if tried else SUSPECTED)
            claimed = [(delivery, message) for delivery, message in claimed if delivery.id == tried]
        return claimed if self._stops.trial else [one for one in claimed if not self._suspected(one[0])]

    def _suspected(self, delivery: Delivery) -> bool:
        """Whether this one stopped the channel while others pass: then it is given back, to wait."""
        wait = self._stops.waits(delivery.id)
        if wait:
            seconds = wait.total_seconds()
            log.warning("delivery.suspected", delivery=delivery.id, channel=self._channel.id, seconds=seconds)
            self._release([delivery], wait)
        return bool(wait)

    def _carry(self, waiting: deque[Claimed], until: float) -> None:
        """Send what was claimed, as many at once as the channel takes. Each transaction keeps the answers that have
        come and begins as many more: while one waits for the disk, the next gathers."""
        on = True
        try:
            while waiting or self._lanes.going or self._unkept or self._first:
                allowed = self._route.allowed()
                on = on and not self._stop() and self._clock.monotonic() <= until and allowed > 0 and self._stops.on()
                chosen = self._chosen(waiting, min(self._at_once - self._lanes.going, allowed)) if on else []
                for (delivery, message), reason in zip(chosen, self._hand_over(chosen), strict=True):
                    if reason is None:
                        self._start(delivery, message)
                        continue
                    log.info("delivery.not_sent", delivery=delivery.id, channel=self._channel.id, reason=reason)
                    on = on and reason is not Reason.KILL_SWITCH
                if not on:
                    self._release([delivery for delivery, _ in waiting])
                    waiting.clear()
                on = self._wait(LOOK_UP if waiting and self._route.paired else None) and on
        finally:
            try:
                while self._lanes.going or self._answers:  # whatever broke: an answer that comes is kept in mind
                    self._wait()
            finally:
                self._lanes.close()

    def _chosen(self, waiting: deque[Claimed], most: int) -> list[Claimed]:
        """The next to begin, without those the sender itself refuses."""
        chosen: list[Claimed] = []
        while waiting and len(chosen) < most:
            delivery, message = waiting.popleft()
            refused = self._refused_here(delivery, message)
            if refused is None:
                chosen.append((delivery, message))
            else:
                self._note(delivery, refused)
        return chosen

    def _start(self, delivery: Delivery, message: Message) -> None:
        self.tokens.spend(message)
        self._route.began(delivery.id)
        self._lanes.start(delivery, replace(message, unsubscribe_url=self._unsubscribe_url(delivery.subscriber)))

    def _wait(self, most: float | None = None) -> bool:
        """Note the answers that come next, of `most` seconds at most; False when the channel must not go on."""
        self._answers.extend(self._lanes.ended(most))
        on = True
        while self._answers:
            on = self._take_in(*self._answers.popleft()) and on
        return on

    def _take_in(self, delivery: Delivery, outcome: Outcome | BaseException) -> bool:
        """Note what an attempt came to; False when the channel must not go on."""
        if isinstance(outcome, BaseException):
            raise outcome
        now = self._clock.now()
        on = self._stops.heard(delivery.id, outcome), self.tokens.heard(outcome, now), self._reach.heard(outcome, now)
        if outcome.stops_channel or self.tokens.throttled(now):
            self._route.stopped(outcome.reason if outcome.stops_channel else Reason.RATE_LIMITED)
        self._note(delivery, self._route.again(judged(outcome, delivery.attempts + 1, now, self._settings), now))
        return all(on)

    def _refused_here(self, delivery: Delivery, message: Message) -> Outcome | None:
        """What the sender itself has against sending: the wrong mode, or a key the far side may have forgotten."""
        if message.mode != self._channel.mode:
            log.error("delivery.mode_mismatch", delivery=delivery.id, channel=self._channel.id)
            why = f"notice is {message.mode}, channel is {self._channel.mode}"
            return Outcome(OutcomeKind.REJECTED, Reason.MODE_MISMATCH, detail=why)
        if not repeatable(delivery.doubt_since, self._channel.keyed_for, self._clock.now(), KEY_MARGIN):
            return Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER, detail="too late to repeat under its key")
        return None

    def _send(self, delivery: Delivery, message: Message) -> Outcome:
        """Send under the claim `delivery` is held by. A process that was stopped after it passed the gate may find that
        others have taken the delivery up meanwhile: then it must not send. What carries the bytes looks once more; only
        what stops it between that look and the first byte is not noticed."""
        failpoint("channel.before_request")
        if not self._holds(delivery):
            late = Outcome(OutcomeKind.RETRY, Reason.LEASE_LOST, detail="stopped for longer than its claim lasts")
            self._route.answered(message.delivery, late, 0.0)
            return late
        began = self._clock.monotonic()
        with last_look(lambda: self._holds(delivery)):
            outcome = self._channel.send(message, self._clock.now())
        took = max(0.0, self._clock.monotonic() - began)
        self._route.answered(message.delivery, outcome, took)
        metrics.DELIVERY_SECONDS.labels(self._channel.id).observe(took)
        failpoint("channel.after_answer")
        return outcome

    def _holds(self, delivery: Delivery) -> bool:
        """Whether our claim on it still lasts."""
        return delivery.leased_until is None or self._clock.now() < delivery.leased_until

    def _note(self, delivery: Delivery, outcome: Outcome) -> None:
        """Have an outcome recorded in the next transaction."""
        metrics.DELIVERIES.labels(self._channel.id, outcome.kind, outcome.reason).inc()
        if outcome.kind is not OutcomeKind.SENT:
            log.warning(
                "delivery.answered",
                delivery=delivery.id,
                channel=self._channel.id,
                outcome=outcome.kind,
                reason=outcome.reason,
            )
        self._unkept.append((delivery, outcome))

    def _hand_over(self, chosen: Sequence[Claimed]) -> tuple[Reason | None, ...]:
        """Record outcomes, those a full disk kept us from recording too, and begin the next: why not, of each. An
        answer we have is never thrown away. Raises StoreUnavailable while it cannot be kept; nothing more is sent until
        it can."""
        while self._first:  # before anything begins: this can fail too
            self._accepted.note(*self._first[-1])
            self._first.pop()
        now = self._clock.now()
        settled = [(delivery.id, delivery.token, outcome) for delivery, outcome in self._unkept]
        begun = [(delivery.id, delivery.token) for delivery, _ in chosen]
        reasons: tuple[Reason | None, ...] = ()
        kept: tuple[bool, ...] = ()
        if len(settled) + len(begun) > 1:
            kept, reasons = self._store.hand_over(settled, begun, now, self._channel.id)
        elif settled:
            kept = (self._store.settle(*settled[0], now),)
        elif begun:
            reasons = (self._store.begin(*begun[0], now, self._channel.id),)
        noted, self._unkept = self._unkept, []
        for (delivery, outcome), was_kept in zip(noted, kept, strict=True):
            if not was_kept:
                log.warning("delivery.settled_by_another", delivery=delivery.id, channel=self._channel.id)
            if outcome.kind is OutcomeKind.SENT:
                self._first.append((delivery.incident, now))
        return reasons

    def _release(self, deliveries: list[Delivery], wait: timedelta = timedelta()) -> None:
        """Give back what was claimed and not begun, all at once; where that fails its lease does it."""
        now = self._clock.now()
        back = Outcome(OutcomeKind.RETRY, Reason.NONE, retry_at=now + wait)
        if deliveries:
            with suppress(StoreUnavailable):
                self._store.hand_over([(delivery.id, delivery.token, back) for delivery in deliveries], (), now)
