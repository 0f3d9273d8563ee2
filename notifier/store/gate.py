"""The last gate before the first byte: whether a claimed delivery may be sent now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifier.model.delivery import Delivery, DeliveryState, Reason
from notifier.model.notice import NoticeState


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a delivery's fate depends on besides itself, read in the same transaction."""

    notice: NoticeState
    valid_until: datetime
    killed: bool
    cancelled: Reason | None
    """Why it was cancelled, where it was, whatever state it has been in since."""
    opted_out: bool
    told: bool
    """Whether an earlier notice of the incident reached the address, or this stage needs none."""
    quiet_until: datetime | None = None
    """The end of the person's quiet hours, where they are now."""
    overtaken: Reason | None = None
    """Why a second attempt comes too late: a cancel, or a later notice to the same person."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and where the delivery goes; `state` None: it stays as it is."""

    reason: Reason
    state: DeliveryState | None
    until: datetime | None = None
    """Where it goes back to the queue: not to be sent before."""


_NOTICE_ENDED = {
    NoticeState.SUPERSEDED: Refusal(Reason.SUPERSEDED, DeliveryState.CANCELLED),
    NoticeState.EXPIRED: Refusal(Reason.TOO_LATE, DeliveryState.EXPIRED),
    NoticeState.CANCELLED: Refusal(Reason.WITHDRAWN, DeliveryState.CANCELLED),
    NoticeState.REFUSED: Refusal(Reason.WITHDRAWN, DeliveryState.CANCELLED),
    # released notices only have deliveries; one that went back to waiting must not be heard
    NoticeState.WAITING: Refusal(Reason.WITHDRAWN, DeliveryState.CANCELLED),
}


def refusal(
    delivery: Delivery, token: int, around: Surroundings, now: datetime, route: str | None = None
) -> Refusal | None:
    """None: send. Otherwise the first thing that speaks against it, the holder's own standing before all else. `route`:
    the channel whose account is to be asked; None: the delivery's own."""
    if delivery.token != token or delivery.state is not DeliveryState.CLAIMED:
        ended = delivery.state in (DeliveryState.CANCELLED, DeliveryState.SUPPRESSED, DeliveryState.EXPIRED)
        return Refusal(delivery.reason if ended else Reason.LEASE_LOST, None)
    if delivery.began_at is not None:
        return Refusal(Reason.LEASE_LOST, None)
    if delivery.leased_until is None or delivery.leased_until <= now:
        return Refusal(Reason.LEASE_LOST, DeliveryState.PENDING)
    if delivery.doubt_since is not None and (route or delivery.channel) != (delivery.route or delivery.channel):
        # the one that may have it can tell a repeat by its key, or be asked; any other would send it a second time
        return Refusal(Reason.LOST_ANSWER, DeliveryState.PENDING)
    if around.killed:
        return Refusal(Reason.KILL_SWITCH, DeliveryState.PENDING)
    return _content_refusal(delivery, around, now)


def _content_refusal(delivery: Delivery, around: Surroundings, now: datetime) -> Refusal | None:
    if around.cancelled is not None:
        return Refusal(around.cancelled, DeliveryState.CANCELLED)
    if around.notice in _NOTICE_ENDED:
        return _NOTICE_ENDED[around.notice]
    if delivery.expires_at <= now or around.valid_until <= now:
        return Refusal(Reason.TOO_LATE, DeliveryState.EXPIRED)
    if around.overtaken is not None:
        return Refusal(around.overtaken, DeliveryState.CANCELLED)
    if around.opted_out:
        return Refusal(Reason.OPTED_OUT, DeliveryState.SUPPRESSED)
    if not around.told:
        return Refusal(Reason.NOT_TOLD_BEFORE, DeliveryState.SUPPRESSED)
    if around.quiet_until is not None and around.quiet_until >= min(delivery.expires_at, around.valid_until):
        return Refusal(Reason.QUIET_HOURS, DeliveryState.SUPPRESSED)
    if around.quiet_until is not None:  # planned for the day, and still waiting when night fell
        return Refusal(Reason.QUIET_HOURS, DeliveryState.PENDING, around.quiet_until)
    return None
