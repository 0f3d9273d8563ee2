"""From "this should be said" to rows in the outbox: composing, waiting, approving, releasing, expiring.

All of it happens inside the turn's transaction: a notice is RELEASED exactly when its deliveries stand in the outbox,
or the place from which its people follow (`fanout`), and its incident says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ..model.delivery import DeliveryState
from ..model.incident import Incident
from ..model.notice import Approval, Notice, NoticeState, Reach, Stage
from ..model.policy import Policy, Release
from ..model.workaround import Workaround
from ..notices.compose import Refusal, compose
from .fanout import Planned, open_fanout, planned
from .situation import Want
from .turn import Event, Turn
from .wants import REQUESTED_BY, WORKAROUND_ID

_CLOSING = (Stage.RESOLVE, Stage.CORRECT)
_OVERTAKES: Mapping[Stage, frozenset[Stage]] = {
    Stage.ACKNOWLEDGE: frozenset({Stage.ACKNOWLEDGE}),
    Stage.WORKAROUND: frozenset({Stage.ACKNOWLEDGE, Stage.WORKAROUND}),
    Stage.UPDATE: frozenset({Stage.ACKNOWLEDGE, Stage.UPDATE}),
    Stage.RESOLVE: frozenset(Stage) - {Stage.CORRECT},
    Stage.CORRECT: frozenset(Stage),
    Stage.MAINTENANCE: frozenset({Stage.MAINTENANCE}),
}
"""Waiting notices a new one of a stage makes worthless. An update does not outdate a workaround, nor the reverse."""


@dataclass(frozen=True, slots=True)
class Request:
    """A person's wish behind a notice: it counts as their approval. `notes` are their words by language ("" for any);
    `workaround` the one they vouch for."""

    actor: str
    notes: Mapping[str, str] | None = None
    workaround: Workaround | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person is told."""

    accepted: bool
    text: str


# ── Making ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def say(
    turn: Turn, incident: Incident, policy: Policy, want: Want, *, request: Request | None = None,
    marks: Mapping[str, str] | None = None,
) -> tuple[Notice, ...] | Refusal:
    """Compose what is wanted and let it go, or wait, as the policy says. Returns the notice as kept; two where the
    audience is over the cap: one for the public accounts under the policy's rule, one for subscribers that waits for a
    second person. Refusal, with the reason, where nothing can be said or nobody would hear it."""
    notices = turn.tx.notices(incident=incident.id)
    made = compose(
        incident, want.wording, sequence=max((n.sequence for n in notices), default=0) + 1, speaker=turn.plans.speaker,
        policy=policy, now=turn.now, reason=want.reason, workaround=_workaround(turn, incident, want, request),
        notes=request.notes if request else None,
    )
    if isinstance(made, Refusal):
        return made
    facts = {**made.facts, **(marks or {})}
    if want.workaround is not None:
        facts[WORKAROUND_ID] = want.workaround
    if request is not None:
        facts[REQUESTED_BY] = request.actor
    made = replace(made, facts=facts)
    hearing = planned(turn, made, incident.service)
    if not hearing.anybody:
        if made.stage is Stage.RESOLVE:
            turn.put(made, NoticeState.CANCELLED, "nobody had been told, so nobody needs the all-clear")
        return Refusal("it would reach nobody")
    overtaken = [n for n in notices if n.state is NoticeState.WAITING and n.stage in _OVERTAKES[made.stage]]
    turn.supersede(overtaken, f"superseded by {made.id}")
    deadline = min((n.release_by for n in overtaken if n.release_by and n.stage is made.stage), default=None)
    parts = split(turn, made, hearing, policy)
    return tuple(_start(turn, incident, part, policy, request=request, deadline=deadline) for part in parts)


def _workaround(turn: Turn, incident: Incident, want: Want, request: Request | None) -> Workaround | None:
    if request is not None and request.workaround is not None:
        return request.workaround
    if want.workaround is None:
        return None
    every = (*turn.tx.workarounds(service=incident.service), *turn.plans.catalogue)
    return next((w for w in every if w.id == want.workaround), None)


def over_cap(policy: Policy, notice: Notice, people: int) -> bool:
    """Whether a second person must agree. Whoever was told may always hear the end of it."""
    return policy.audience_cap is not None and people > policy.audience_cap and notice.stage not in _CLOSING


def split(turn: Turn, notice: Notice, hearing: Planned, policy: Policy) -> tuple[Notice, ...]:
    """The notice with its audience counted; over the cap, its public part and its subscribers' part."""
    people = hearing.people
    if not over_cap(policy, notice, people):
        return (replace(notice, audience=people),)
    theirs = tuple(t for t in notice.texts if not turn.is_public(t.channel))
    if not any(row.state is DeliveryState.PENDING and turn.is_public(row.channel) for row in hearing.rows):
        return (replace(notice, audience=people, reach=Reach.SUBSCRIBERS, texts=theirs),)
    ours = tuple(t for t in notice.texts if turn.is_public(t.channel))
    second = notice.sequence + 1
    return (
        replace(notice, audience=0, reach=Reach.PUBLIC, texts=ours),
        replace(notice, id=f"{notice.incident}.{second}", sequence=second, audience=people, reach=Reach.SUBSCRIBERS,
                texts=theirs),
    )


def terms(notice: Notice, policy: Policy, now: datetime, *, requested: bool) -> tuple[int, datetime | None]:
    """(people who must approve, when it goes out by itself) for a notice whose audience is counted."""
    rule = policy.rule(notice.stage)
    if over_cap(policy, notice, notice.audience):
        return 2, None
    if requested:
        return 1, None
    if rule.release is Release.AUTO:
        return 0, now
    if rule.release is Release.APPROVE_OR_AFTER and rule.after is not None:
        return 1, now + rule.after
    return 1, None


def _start(turn: Turn, incident: Incident, notice: Notice, policy: Policy, *, request: Request | None,
           deadline: datetime | None) -> Notice:
    """Keep a new notice, count its requester's approval, and let it go if that is all it needs."""
    needed, release_by = terms(notice, policy, turn.now, requested=request is not None)
    if release_by is not None and deadline is not None:
        release_by = min(release_by, deadline)  # staff had their time with the words this one replaces
    notice = replace(notice, approvals_needed=needed, release_by=release_by)
    turn.tx.put_notice(notice)
    if request is not None:
        turn.tx.put_approval(Approval(notice.id, request.actor, notice.digest, turn.now))
    if agreed(turn, notice) and not turn.killed:
        return release(turn, incident, notice, policy)
    return turn.put(notice, NoticeState.WAITING)


# ── Letting go ───────────────────────────────────────────────────────────────────────────────────────────────────────


def approvers(turn: Turn, notice: Notice) -> frozenset[str]:
    """Who has approved exactly these words for exactly this audience."""
    return frozenset(a.actor for a in turn.tx.approvals(notice.id) if a.digest == notice.digest)


def agreed(turn: Turn, notice: Notice) -> bool:
    """Whether all the people it needs have approved it."""
    return len(approvers(turn, notice)) >= notice.approvals_needed


def release(turn: Turn, incident: Incident, notice: Notice, policy: Policy) -> Notice:
    """Put a notice's deliveries into the outbox and say so on the notice and the incident.

    Where more people have joined than were approved, or than one approval is enough for, it waits instead, and earlier
    approvals are void because its digest has changed.
    """
    hearing = planned(turn, notice, incident.service)
    people = hearing.people
    counted = _counted(notice, policy, people)
    if counted.approvals_needed > notice.approvals_needed or (
            people > notice.audience and notice.approvals_needed > 0 and not _overdue(turn, notice)):
        return turn.put(counted, NoticeState.WAITING)
    if not hearing.anybody:
        return turn.put(notice, NoticeState.CANCELLED, "by now it would reach nobody")
    notice = turn.put(replace(notice, audience=people, released_at=turn.now), NoticeState.RELEASED)
    turn.tx.add_deliveries(hearing.rows)
    if hearing.later:
        open_fanout(turn, notice, incident.service, hearing.by_channel)
    turn.released(incident, notice)
    return notice


def _counted(notice: Notice, policy: Policy, people: int) -> Notice:
    """The notice with the number of subscribers it would reach now, and what that number asks for."""
    if notice.approvals_needed < 2 and over_cap(policy, notice, people):
        return replace(notice, audience=people, approvals_needed=2, release_by=None)
    return replace(notice, audience=people)


def _overdue(turn: Turn, notice: Notice) -> bool:
    """Whether its deadline lets it go without anybody's approval."""
    return notice.release_by is not None and notice.release_by <= turn.now


def _grown(turn: Turn, incident: Incident, notice: Notice, policy: Policy) -> Notice | None:
    """The notice with its new audience, where more would hear it than whoever approves it was shown; else None."""
    people = planned(turn, notice, incident.service).people
    return _counted(notice, policy, people) if people > notice.audience else None


def approve(turn: Turn, incident: Incident, notice: Notice, policy: Policy, approval: Approval) -> Answer:
    """Count one person's yes, and let the notice go once it has all it needs."""
    if notice.state is not NoticeState.WAITING:
        return Answer(False, f"notice {notice.id} is {notice.state}, not waiting")
    if notice.valid_until <= turn.now:
        return Answer(False, f"notice {notice.id} has expired; a new one is made if it is still needed")
    if approval.digest != notice.digest:
        return Answer(False, f"notice {notice.id} has changed since you saw it: look at it again")
    if approval.actor in approvers(turn, notice):
        return Answer(False, f"{approval.actor} has already agreed to {notice.id}: a second person must")
    grown = _grown(turn, incident, notice, policy)
    if grown is not None:
        turn.put(grown, NoticeState.WAITING)
        return Answer(False, f"the audience has changed to {grown.audience}: look again and approve")
    turn.tx.put_approval(approval)
    turn.changed = True
    if turn.killed:
        return Answer(True, f"approved; the kill switch is on, so {notice.id} waits until it is off")
    if not agreed(turn, notice):
        missing = notice.approvals_needed - len(approvers(turn, notice))
        return Answer(True, f"approved; {notice.id} needs {missing} more")
    return outcome(release(turn, incident, notice, policy))


def outcome(notice: Notice) -> Answer:
    """What became of a notice, for the person who wanted it."""
    if notice.state is NoticeState.RELEASED:
        return Answer(True, f"notice {notice.id} is on its way, {notice.audience} subscribers among its audience")
    if notice.state is NoticeState.WAITING:
        return Answer(True, f"notice {notice.id} to {notice.audience} subscribers waits for approval: "
                            f"{notice.approvals_needed} people must agree")
    return Answer(False, f"notice {notice.id}: {notice.reason}")


def impossible(turn: Turn, incident: Incident, want: Want, refusal: Refusal) -> None:
    """Note that something wanted cannot be said; the decider reports each once."""
    text = f"{incident.id} {want.wording}: {refusal.reason}"
    turn.events.append(Event("notice.impossible", incident=incident, text=text))
