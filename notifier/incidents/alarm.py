"""When the decider has something to do although nothing new is heard: for whoever turns it by virtual time.

Too many moments are harmless, a missing one is a decision that comes late; each is named beside the rule it serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..model.incident import Incident
from ..model.notice import NoticeState, Stage
from ..model.times import parse_rfc3339
from .decide import quiet_needed
from .situation import Situation, lead
from .turn import Turn
from .wants import GROWTH_PAUSE


def next_moment(turn: Turn) -> datetime | None:
    """The next moment after `turn.now` at which a decision may fall due; None: only something new can bring one."""
    return min((moment for moment in _moments(turn) if moment > turn.now), default=None)


def _moments(turn: Turn) -> Iterator[datetime]:
    for signal in turn.tx.open_signals(turn.now):
        if signal.lasts_until is not None:
            yield signal.lasts_until
    for notice in turn.tx.notices(state=NoticeState.WAITING):
        yield notice.valid_until
        if notice.release_by is not None:
            yield notice.release_by
    for incident in turn.tx.incidents(open_only=True):
        yield from _of_incident(turn, incident)
    for window in turn.plans.windows:
        starts, ends = parse_rfc3339(window.starts_at), parse_rfc3339(window.ends_at)
        yield from (starts - window.announce_before, starts, ends)


def _of_incident(turn: Turn, incident: Incident) -> Iterator[datetime]:
    policy = turn.plans.policy_of(incident)
    situation = Situation(turn.plans.speaker.regions, notices=turn.notices_of(incident))
    if incident.calm_since is not None:
        yield incident.calm_since + quiet_needed(policy, situation)
    if incident.next_update_by is not None:
        yield incident.next_update_by - lead(policy.rule(Stage.UPDATE))
    last = situation.last_released
    if last is not None and last.released_at is not None:
        yield last.released_at + GROWTH_PAUSE
