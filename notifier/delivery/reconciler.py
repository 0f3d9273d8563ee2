"""Finds out what became of messages whose answer was lost, by asking the far side; never by sending and hoping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from notifier import metrics
from notifier.failpoints import failpoint
from notifier.model.delivery import Delivery, Message, OutcomeKind, Reason
from notifier.ports import CannotTell, Channel, Clock, Found, NotFound, Store

from .accepted import FirstAccepted
from .order import Verdict, repeatable, verdict
from .sender import KEY_MARGIN, TURN_MOST
from .settings import DeliverySettings, LostAnswer

log = structlog.get_logger(__name__)

Result = Found | NotFound | CannotTell


def asked(delivery: Delivery) -> str:
    """The channel whose account has the message, if any has: no other is asked for it, nor given it, before that one
    was read."""
    return delivery.route or delivery.channel


class Reconciler:
    """Settles unknown deliveries of all channels."""

    def __init__(
        self, channels: Mapping[str, Channel], store: Store, clock: Clock, settings: DeliverySettings,
        *, stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`stop` is asked between two looks, so that who waits for a turn's end need not wait for all of it."""
        self._stop = stop
        self._channels = channels
        self._store = store
        self._clock = clock
        self._settings = settings
        self._accepted = FirstAccepted(store)

    def replace(self, channels: Mapping[str, Channel], settings: DeliverySettings) -> None:
        """Use a new configuration from the next turn on."""
        self._channels, self._settings = channels, settings

    def run_once(self) -> bool:
        """Look for what is due on every channel, one after the other. True if anything was. For who turns loops by
        hand; the daemon has a loop for each channel, so that one that hangs does not hold up the others."""
        return any([*map(self.look, tuple(self._channels)), self.end_strays()])

    def look(self, channel: str) -> bool:
        """Look for what is due of one channel's account, at most a batch. True if anything was."""
        settings = self._settings
        due = self._store.unknowns(settings.batch, settings.lease, self._clock.now(), asked=channel)
        return self._each(due, settings)

    def end_strays(self) -> bool:
        """Hand over to a person what no node has looked for: its channel is configured nowhere. A node that lacks a
        channel leaves it to those that have it for so long. True if there was any."""
        settings, now = self._settings, self._clock.now()
        due = self._store.unknowns(settings.batch, settings.lease, now, overdue=settings.unsettled_after)
        return self._each(due, settings)

    def _each(self, due: Sequence[tuple[Delivery, Message]], settings: DeliverySettings) -> bool:
        """Look for each, while the turn lasts; the others are due again when their lease has passed."""
        until = self._clock.monotonic() + TURN_MOST.total_seconds()
        for delivery, message in due:
            if self._clock.monotonic() <= until and not self._stop():
                self._one(delivery, message, self._channels.get(asked(delivery)), settings)
        return bool(due)

    def _one(self, delivery: Delivery, message: Message, channel: Channel | None, settings: DeliverySettings) -> None:
        result, follows = self._look(delivery, message, channel, settings)
        now = self._clock.now()
        if not self._store.reconcile(
                delivery.id, delivery.token, result, now, again_at=follows.again_at, resend=follows.resend):
            log.info("delivery.settled_by_another", delivery=delivery.id, channel=delivery.channel)
            return
        log.info("delivery.reconciled", delivery=delivery.id, channel=delivery.channel, why=follows.why)
        if isinstance(result, Found):
            metrics.DELIVERIES.labels(asked(delivery), OutcomeKind.SENT, Reason.ADOPTED).inc()
            self._accepted.note(delivery.incident, now)
        elif follows.again_at is None and not follows.resend:
            reason = Reason.UNSETTLED if isinstance(result, CannotTell) else Reason.LOST_ANSWER
            metrics.DELIVERIES.labels(asked(delivery), OutcomeKind.REJECTED, reason).inc()
            log.error("delivery.unsettled", delivery=delivery.id, channel=delivery.channel, why=follows.why)

    def _look(
        self, delivery: Delivery, message: Message, channel: Channel | None, settings: DeliverySettings
    ) -> tuple[Result, Verdict]:
        now = self._clock.now()
        if channel is None or channel.mode != message.mode:
            why = "its channel is no longer configured" if channel is None else "its channel has changed its mode"
            return CannotTell(why), Verdict(None, False, why)
        failpoint("reconcile.before_find")
        results = [self._read(delivery, message, one, now) for one in self._accounts(delivery, channel)]
        result = min(results, key=lambda one: (Found, CannotTell, NotFound).index(type(one)))
        failpoint("reconcile.after_find")
        # even where a key makes repeating harmless the far side is read first: some servers ignore keys
        harmless = channel.keyed_for > timedelta() and repeatable(
            delivery.doubt_since, channel.keyed_for, self._clock.now(), KEY_MARGIN
        )
        rule = settings.lost.get(channel.kind, LostAnswer.RESEND)
        return result, verdict(delivery, result, now, settings, rule=rule, harmless=harmless)

    def _accounts(self, delivery: Delivery, channel: Channel) -> list[Channel]:
        """Whom to ask: the account that was asked to send it, first. A database put back from a backup does not know
        which one was asked since: then all of the channel's, and it is not there only where none has it."""
        if delivery.reason is not Reason.RESTORED:
            return [channel]
        beside = [one for id, one in self._channels.items()
                  if one is not channel and delivery.channel in (id, getattr(one, "stands_in_for", None))]
        return [channel, *beside]

    def _read(self, delivery: Delivery, message: Message, channel: Channel, now: datetime) -> Result:
        """What one account says."""
        result = channel.find(message, now)
        if isinstance(result, Found):
            result = self._own(delivery, result, None if channel.id == asked(delivery) else channel.id)
        lag: timedelta = getattr(channel, "absent_after", timedelta())
        began = delivery.began_at or delivery.doubt_since  # the last that may have arrived
        if isinstance(result, NotFound) and began is not None and now < began + lag:
            return CannotTell("it is not there yet, which proves nothing so soon")
        return result

    def _own(self, delivery: Delivery, result: Found, account: str | None) -> Result:
        """What was found, without what is known to be another delivery's: two notices may have the same words for the
        same person, and the message of one must not be taken for the other's."""
        free = self._store.unheld(delivery.id, (result.provider_id, *result.also), account)
        if free is None:
            return CannotTell("another message to this address is not answered yet")
        return Found(free[0], free[1:], account) if free else NotFound()
