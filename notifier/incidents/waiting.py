"""Notices that wait: each ends approved, refused, released by its deadline, superseded or expired."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.incident import Incident, IncidentState
from ..model.notice import Notice, NoticeState, Stage
from .maintenance import behind
from .release import agreed, release
from .situation import Sight
from .turn import Turn


def due(turn: Turn, sights: Mapping[str, Sight]) -> None:
    """Expire what is worthless by now and release what is due. `sights`: what the evidence of each incident shows."""
    killed = turn.killed
    for notice in turn.tx.notices(state=NoticeState.WAITING):
        incident = behind(turn, notice)
        if incident is None:
            turn.put(notice, NoticeState.CANCELLED, "what it speaks of is not configured any more")
        elif notice.valid_until <= turn.now:
            turn.put(notice, NoticeState.EXPIRED, "nobody answered while it was worth hearing")
        elif not killed and (agreed(turn, notice) or _by_itself(turn, incident, notice, sights)):
            release(turn, incident, notice, turn.plans.policy_of(incident))


def _by_itself(turn: Turn, incident: Incident, notice: Notice, sights: Mapping[str, Sight]) -> bool:
    """Whether its deadline lets it go without a person: not while held, and only while it is still true."""
    if notice.release_by is None or notice.release_by > turn.now or incident.held_by is not None:
        return False
    if notice.stage is Stage.RESOLVE:
        return incident.state is IncidentState.RESOLVED
    if notice.stage is Stage.MAINTENANCE:
        return True
    return sights.get(incident.id) is Sight.TROUBLE
