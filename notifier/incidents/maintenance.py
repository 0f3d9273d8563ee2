"""Planned work: announced before it begins, and its end told, through the same templates, policies and outbox.

A window is no incident: nothing is wrong and nobody decides about it. So that its notices have something to belong to,
it stands in as one that is never stored, with the id "M-" + the window's id.
"""

from __future__ import annotations

from ..model.incident import Incident, IncidentState
from ..model.notice import Notice, NoticeState, Stage, Wording
from ..model.policy import MaintenanceWindow
from ..model.signal import Level
from ..model.times import parse_rfc3339
from ..notices.compose import Refusal
from .policy import choose
from .release import impossible, say
from .situation import ANSWERED, Want
from .turn import Turn
from .wants import OWED_FOR

PREFIX = "M-"
WINDOW = "window"
"""Fact of a notice: the times of the window it speaks of, so that a window that moves is announced again."""


def announce(turn: Turn) -> None:
    """Make the notices of planned work that are due and not made yet."""
    if turn.killed:
        return
    for window in turn.plans.windows:
        stand_in = as_incident(turn, window)
        notices = turn.tx.notices(incident=stand_in.id)
        want = due_word(turn, window, notices)
        if want is None:
            continue
        policy = turn.plans.policy_of(stand_in)
        made = say(turn, stand_in, policy, want, marks={WINDOW: _times(window)})
        if isinstance(made, Refusal):
            impossible(turn, stand_in, want, made)


def due_word(turn: Turn, window: MaintenanceWindow, notices: tuple[Notice, ...]) -> Want | None:
    """The announcement from `announce_before` until the end; the end to those who heard of it, for a day."""
    starts, ends = parse_rfc3339(window.starts_at), parse_rfc3339(window.ends_at)
    mine = [n for n in notices if n.facts.get(WINDOW) == _times(window)]
    announced = [n for n in mine if n.wording is Wording.MAINTENANCE]
    if starts - window.announce_before <= turn.now < ends:
        if any(n.state in ANSWERED for n in announced):
            return None
        return Want(Stage.MAINTENANCE, Wording.MAINTENANCE, f"planned work {window.id} begins {window.starts_at}")
    if ends <= turn.now < ends + OWED_FOR and any(n.state is NoticeState.RELEASED for n in announced):
        if any(n.state in ANSWERED for n in mine if n.wording is Wording.MAINTENANCE_END):
            return None
        return Want(Stage.MAINTENANCE, Wording.MAINTENANCE_END, f"planned work {window.id} has ended")
    return None


def as_incident(turn: Turn, window: MaintenanceWindow) -> Incident:
    """The window in an incident's shape, for composing; never stored."""
    starts = parse_rfc3339(window.starts_at)
    policy = choose(
        turn.plans.policies, turn.plans.speaker.regions, window.service, window.regions, Level.MAINTENANCE)
    return Incident(
        id=PREFIX + window.id, service=window.service, regions=tuple(sorted(window.regions)),
        state=IncidentState.CONFIRMED, level=Level.MAINTENANCE, started_at=starts, opened_at=starts, policy=policy.id,
        template=turn.plans.template_for(window.service), reason=window.note,
        facts={"maintenance_start": window.starts_at, "maintenance_end": window.ends_at},
    )


def behind(turn: Turn, notice: Notice) -> Incident | None:
    """The incident a notice belongs to, or the window's stand-in; None where it is gone."""
    for window in turn.plans.windows:
        if PREFIX + window.id == notice.incident:
            return as_incident(turn, window)
    return turn.tx.incident(notice.incident)


def _times(window: MaintenanceWindow) -> str:
    return f"{window.starts_at}/{window.ends_at}"
