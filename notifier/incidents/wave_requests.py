"""What staff say of a wave: let the rest go on, or tell nobody else."""

from __future__ import annotations

from dataclasses import replace

from ..model.canary import Canary, CanaryState
from ..model.staff import StaffRequest
from .release import Answer
from .turn import Turn
from .wave import keep

_S = CanaryState


def go_on(turn: Turn, request: StaffRequest) -> Answer:
    """Tell the rest. What has been seen so far stops it no more; what is seen from now on may."""
    canary = _wave(turn, request)
    if isinstance(canary, Answer):
        return canary
    if canary.state is _S.WATCHED:
        return Answer(False, f"the rest of {canary.notice} on {canary.channel} is already on its way")
    since = turn.now if canary.state is _S.STOPPED else canary.since
    after = replace(canary, state=_S.WATCHED, since=since, changed_at=turn.now, actor=request.actor,
                    why=f"{request.actor} lets it go on")
    keep(turn.tx, after, turn.now)
    turn.changed = True
    return Answer(True, f"the rest of {canary.notice} is told on {canary.channel}")


def drop(turn: Turn, request: StaffRequest) -> Answer:
    """Tell nobody else: what is queued is cancelled, what has been sent cannot be called back."""
    canary = _wave(turn, request)
    if isinstance(canary, Answer):
        return canary
    after = replace(canary, state=_S.DROPPED, changed_at=turn.now, actor=request.actor,
                    why=f"dropped by {request.actor}")
    keep(turn.tx, after, turn.now)
    turn.changed = True
    return Answer(True, f"nobody else is told of {canary.notice} on {canary.channel}")


def _wave(turn: Turn, request: StaffRequest) -> Canary | Answer:
    notice, channel = request.arguments.get("notice", ""), request.arguments.get("channel", "")
    found = turn.tx.canary(notice, channel)
    if found is None:
        return Answer(False, f"notice {notice!r} has no canary on channel {channel!r}")
    if not found.state.is_open:
        return Answer(False, f"the wave of {notice} on {channel} is over: {found.why}")
    return found
