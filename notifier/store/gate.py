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
    """Why the notice's deliveries were cancelled, where they were and have not all been ended yet."""
    opted_out: bool
    told: bool
    """Whether an earlier notice of the incident reached the address, or this stage needs none."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and where the delivery goes; `state` None: it stays as it is."""

    reason: Reason
    state: DeliveryState | None


_NOTICE_ENDED = {
    NoticeState.SUPERSEDED: Refusal(Reason.SUPERSEDED, DeliveryState.CANCELLED),
    NoticeState.EXPIRED: Refusal(Reason.TOO_LATE, DeliveryState.EXPIRED),
    NoticeState.CANCELLED: Refusal(Reason.WITHDRAWN, DeliveryState.CANCELLED),
    NoticeState.REFUSED: Refusal(Reason.WITHDRAWN, DeliveryState.CANCELLED),
    # released notices only have deliveries; one that went back to waiting must not be heard
    NoticeState.WAITING: Refusal(Reason.WITHDRAWN, DeliveryState.CANCELLED),
}


def refusal(delivery: Delivery, token: int, around: Surroundings, now: datetime) -> Refusal | None:
    """None: send. Otherwise the first thing that speaks against it, the holder's own standing before all else."""
    if delivery.token != token or delivery.state is not DeliveryState.CLAIMED:
        ended = delivery.state in (DeliveryState.CANCELLED, DeliveryState.SUPPRESSED, DeliveryState.EXPIRED)
        return Refusal(delivery.reason if ended else Reason.LEASE_LOST, None)
    if delivery.began_at is not None:
        return Refusal(Reason.LEASE_LOST, None)
    if delivery.leased_until is None or delivery.leased_until <= now:
        return Refusal(Reason.LEASE_LOST, DeliveryState.PENDING)
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
    if around.opted_out:
        return Refusal(Reason.OPTED_OUT, DeliveryState.SUPPRESSED)
    if not around.told:
        return Refusal(Reason.NOT_TOLD_BEFORE, DeliveryState.SUPPRESSED)
    return None
