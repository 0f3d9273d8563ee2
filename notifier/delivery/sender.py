"""Carries one channel's deliveries from the outbox to the far side: claim, begin, send, settle, each step durable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from notifier import metrics
from notifier.failpoints import failpoint
from notifier.model.delivery import Delivery, Message, Outcome, OutcomeKind, Reason
from notifier.ports import Channel, Clock, Store, StoreUnavailable

from .accepted import FirstAccepted
from .order import Stop, doubled, judged, read_stop, repeatable
from .rate import Bucket
from .settings import DeliverySettings

log = structlog.get_logger(__name__)

ACTOR = "sender"
KEY_MARGIN = timedelta(minutes=1)
"""How much longer than now a far side must know a key for a repeat under it: the longest a request may take."""
TURN_MOST = timedelta(seconds=30)
"""After so long a turn begins nothing more and gives the rest of its batch back: whatever begins ends within the lease,
and the loop turns often enough for the watchdog. A far side that takes long is then slow, not taken for a crash."""


class Sender:
    """One channel's sender. `unsubscribe_url` makes a subscriber's link, None where there is none. `stop` is asked
    between two sends, so that a shutdown need not wait for a whole batch."""

    def __init__(
        self,
        channel: Channel,
        store: Store,
        clock: Clock,
        settings: DeliverySettings,
        unsubscribe_url: Callable[[str | None], str | None] = lambda subscriber: None,
        *,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._channel = channel
        self._store = store
        self._clock = clock
        self._settings = settings
        self._unsubscribe_url = unsubscribe_url
        self._stop = stop
        rate: float = getattr(channel, "rate", None) or settings.rate
        attempt: timedelta = getattr(channel, "attempt_most", KEY_MARGIN)
        self._lease = max(settings.lease, TURN_MOST + attempt)
        self._bucket = Bucket.full(rate, clock.now())
        self._stops = 0
        self._unkept: list[tuple[Delivery, Outcome]] = []
        self._accepted = FirstAccepted(store)

    @property
    def switch(self) -> str:
        """The switch that stops this channel; staff clear it by setting it to "off"."""
        return f"stop:{self._channel.id}"

    def run_once(self) -> bool:
        """Send what is due, at most a batch. True if anything was done."""
        self._keep_outcomes()
        if self._stopped():
            return False
        now = self._clock.now()
        limit = min(self._settings.batch, int(self._bucket.level(now)))
        if self._stops:
            limit = min(limit, 1)
        until = self._clock.monotonic() + TURN_MOST.total_seconds()
        claimed = self._store.claim(self._channel.id, limit, self._lease, now) if limit else ()
        for number, (delivery, message) in enumerate(claimed):
            if self._stop() or self._clock.monotonic() > until or not self._one(delivery, message):
                self._release([rest for rest, _ in claimed[number:]])
                break
        return bool(claimed)

    def _one(self, delivery: Delivery, message: Message) -> bool:
        """Send one; False when the channel must not go on."""
        now = self._clock.now()
        refused = self._refused_here(delivery, message)
        if refused is not None:
            self._settle(delivery, refused)
            return True
        reason = self._store.begin(delivery.id, delivery.token, now)
        if reason is not None:
            log.info("delivery.not_sent", delivery=delivery.id, channel=self._channel.id, reason=reason)
            return reason is not Reason.KILL_SWITCH
        self._bucket = self._bucket.take(min(1, int(self._bucket.level(now))), now)
        link = self._unsubscribe_url(delivery.subscriber)
        outcome = self._send(replace(message, unsubscribe_url=link), delivery.leased_until)
        self._settle(delivery, judged(outcome, delivery.attempts + 1, self._clock.now(), self._settings))
        return self._after(outcome)

    def _refused_here(self, delivery: Delivery, message: Message) -> Outcome | None:
        """What the sender itself has against sending: the wrong mode, or a key the far side may have forgotten."""
        if message.mode != self._channel.mode:
            log.error("delivery.mode_mismatch", delivery=delivery.id, channel=self._channel.id)
            why = f"notice is {message.mode}, channel is {self._channel.mode}"
            return Outcome(OutcomeKind.REJECTED, Reason.MODE_MISMATCH, detail=why)
        if not repeatable(delivery.doubt_since, self._channel.keyed_for, self._clock.now(), KEY_MARGIN):
            return Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER, detail="too late to repeat under its key")
        return None

    def _send(self, message: Message, until: datetime | None) -> Outcome:
        """Send under the claim that ends at `until`. A process that was stopped after it passed the gate may find that
        others have taken the delivery up meanwhile: then it must not send. Only what stops it between this look and the
        first byte is not noticed."""
        failpoint("channel.before_request")
        if until is not None and self._clock.now() >= until:
            return Outcome(OutcomeKind.RETRY, Reason.LEASE_LOST, detail="stopped for longer than its claim lasts")
        began = self._clock.monotonic()
        outcome = self._channel.send(message, self._clock.now())
        metrics.DELIVERY_SECONDS.labels(self._channel.id).observe(max(0.0, self._clock.monotonic() - began))
        failpoint("channel.after_answer")
        return outcome

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
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
        self._keep_outcomes()

    def _keep_outcomes(self) -> None:
        """Record outcomes, and those a full disk kept us from recording: an answer we have is never thrown away.
        Raises StoreUnavailable while it cannot be; nothing more is sent until it can."""
        while self._unkept:
            delivery, outcome = self._unkept[0]
            now = self._clock.now()
            kept = self._store.settle(delivery.id, delivery.token, outcome, now)
            self._unkept.pop(0)
            if not kept:
                log.warning("delivery.settled_by_another", delivery=delivery.id, channel=self._channel.id)
            if outcome.kind is OutcomeKind.SENT:
                self._accepted.note(delivery.incident, now)

    def _release(self, deliveries: list[Delivery]) -> None:
        """Give back what was claimed and not begun; where that fails its lease does it."""
        now = self._clock.now()
        for delivery in deliveries:
            back = Outcome(OutcomeKind.RETRY, Reason.NONE, retry_at=now)
            try:
                self._store.settle(delivery.id, delivery.token, back, now)
            except StoreUnavailable:
                return

    # ── stopping the channel ──

    def _stopped(self) -> bool:
        with self._store.reading() as tx:
            stop = read_stop(tx.switch(self.switch))
        holds = stop is not None and stop.holds(self._clock.now())
        if stop is None:
            self._stops = 0
        elif self._stops == 0:
            self._stops = 1  # stopped before a restart: try one message first
        metrics.CHANNEL_STOPPED.labels(self._channel.id).set(1 if holds else 0)
        return holds

    def _after(self, outcome: Outcome) -> bool:
        if not outcome.stops_channel:
            if self._stops and outcome.kind is OutcomeKind.SENT:
                self._set_switch("off")
                log.info("channel.recovered", channel=self._channel.id)
            return True
        wait = doubled(self._settings.stop_first, self._settings.stop_most, self._stops)
        self._stops += 1
        self._set_switch(Stop(self._clock.now() + wait, outcome.reason).to_switch())
        metrics.CHANNEL_STOPPED.labels(self._channel.id).set(1)
        log.error("channel.stopped", channel=self._channel.id, reason=outcome.reason, seconds=wait.total_seconds())
        return False

    def _set_switch(self, value: str) -> None:
        """Set our own stop, or clear it. A person's stop has no end of its own, and stands whatever we find."""
        with self._store.transaction() as tx:
            stop = read_stop(tx.switch(self.switch))
            if stop is not None and stop.until is None:
                return
            tx.set_switch(self.switch, value, ACTOR, self._clock.now())
