"""What should be said about an incident now, and which waiting notices have lost their sense. Pure.

Everything follows from the state and from what was said, is waiting or was refused: nothing depends on having been
there when it happened, so that a restart, a hold or the kill switch only delays what is owed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ..model.incident import Incident, IncidentState
from ..model.notice import Notice, NoticeState, Stage, Wording
from ..model.policy import Policy
from .evidence import covered
from .situation import LIVE, Drop, Sight, Situation, Want, answered, lead

GROWTH_PAUSE = timedelta(minutes=5)
"""An outage spreads over the map in steps: wait this long after the last notice before telling how far it now goes."""
OWED_FOR = timedelta(hours=24)
"""How long after the end an all-clear is still worth something to those who were told."""
REQUESTED_BY = "requested_by"
"""Fact of a notice: the person who asked for it."""
WORKAROUND_ID = "workaround_id"
"""Fact of a notice: which workaround it passes on."""
_TROUBLE_STAGES = (Stage.ACKNOWLEDGE, Stage.WORKAROUND, Stage.UPDATE)


def wants(incident: Incident, seen: Sight, policy: Policy, now: datetime, situation: Situation) -> tuple[Want, ...]:
    """The notices to make now; at most one. `seen` is what the evidence shows: while it is not trouble, nothing but
    the all-clear is said. Nothing at all while the incident is held or the kill switch is on."""
    if incident.held_by is not None or situation.killed:
        return ()
    if incident.state is IncidentState.RESOLVED:
        return _resolve(incident, now, situation)
    if not incident.state.is_open or seen is not Sight.TROUBLE:
        return ()
    if not situation.released:
        return _acknowledge(incident, policy, situation)
    return _update(incident, policy, now, situation) or _workaround(incident, situation)


def drops(incident: Incident, situation: Situation) -> tuple[Drop, ...]:
    """Waiting notices the incident has overtaken: after its end all but the all-clear, before it the all-clear."""
    if incident.state.is_open:
        return tuple(Drop(n.id, "the trouble is back") for n in situation.waiting if n.stage is Stage.RESOLVE)
    return tuple(Drop(n.id, "overtaken by the fix") for n in situation.waiting if n.stage in _TROUBLE_STAGES)


def _acknowledge(incident: Incident, policy: Policy, situation: Situation) -> tuple[Want, ...]:
    """Nothing was said yet: say it, in the words the evidence allows."""
    confirmed = incident.confirmed_at is not None
    if not confirmed and policy.acknowledge_at == "confirmed":
        return ()
    wording = Wording.ACKNOWLEDGE if confirmed else Wording.ACKNOWLEDGE_SUSPECTED
    waiting = [n for n in situation.waiting if n.stage in _TROUBLE_STAGES]
    if any(n.stage is not Stage.ACKNOWLEDGE or REQUESTED_BY in n.facts for n in waiting):
        return ()  # a person's own words wait for a second person
    reason = f"{incident.state}, and nothing was said yet"
    if waiting:
        if all(n.wording is wording and n.regions == incident.regions for n in waiting):
            return ()
        reason = "what waits for approval no longer fits: the regions or the certainty have changed"
    elif _refused(incident, wording, situation):
        return ()
    return (Want(Stage.ACKNOWLEDGE, wording, reason),)


def _refused(incident: Incident, wording: Wording, situation: Situation) -> bool:
    """Whether a person has said no to these words for at least these regions."""
    return any(n.state is NoticeState.REFUSED and n.wording is wording
               and covered(situation.regions, incident.regions, n.regions) for n in situation.notices)


def _update(incident: Incident, policy: Policy, now: datetime, situation: Situation) -> tuple[Want, ...]:
    """What was said is not true or not enough any more, or a promised update is due."""
    reason = (
        _back_again(situation)
        or _confirmed_since(incident, situation)
        or _spread(incident, now, situation)
        or _promised(incident, policy, now, situation)
    )
    return (Want(Stage.UPDATE, Wording.UPDATE, reason),) if reason else ()


def _back_again(situation: Situation) -> str:
    if not situation.said_over:
        return ""
    last = situation.last_released
    assert last is not None
    if answered(situation.notices, *_TROUBLE_STAGES, since=last.released_at):
        return ""
    return "people were told it is over, and it is not"


def _confirmed_since(incident: Incident, situation: Situation) -> str:
    if incident.confirmed_at is None:
        return ""
    spoken = [n for n in situation.released if n.stage in _TROUBLE_STAGES]
    only_suspected = bool(spoken) and all(n.wording is Wording.ACKNOWLEDGE_SUSPECTED for n in spoken)
    if not only_suspected or answered(situation.notices, Stage.UPDATE, Stage.WORKAROUND, since=incident.confirmed_at):
        return ""
    return "people were told of reports only, and it is confirmed now"


def _spread(incident: Incident, now: datetime, situation: Situation) -> str:
    told = [region for n in answered(situation.notices, *_TROUBLE_STAGES) for region in n.regions]
    if covered(situation.regions, incident.regions, told):
        return ""
    last = situation.last_released
    if last is not None and now - (last.released_at or last.created_at) < GROWTH_PAUSE:
        return ""
    return "the outage goes further than what was said: " + ", ".join(incident.regions)


def _promised(incident: Incident, policy: Policy, now: datetime, situation: Situation) -> str:
    if policy.update_every is None or incident.next_update_by is None:
        return ""
    asked_from = incident.next_update_by - lead(policy.rule(Stage.UPDATE))
    if now < asked_from or answered(situation.notices, Stage.UPDATE, since=asked_from):
        return ""
    return "the next update was promised, and the trouble is still there"


def _workaround(incident: Incident, situation: Situation) -> tuple[Want, ...]:
    """Pass on a verified workaround once people know of the outage; one at a time."""
    offered = situation.workaround
    if offered is None or any(n.stage is Stage.WORKAROUND for n in situation.waiting):
        return ()
    if offered.id in passed_on(situation.notices):
        return ()
    reason = f"workaround {offered.id}, verified by {offered.verified_by}, fits"
    return (Want(Stage.WORKAROUND, Wording.WORKAROUND, reason, offered.id),)


def passed_on(notices: Iterable[Notice]) -> frozenset[str]:
    """Ids of the workarounds that notices have passed on, wait to, or were refused to."""
    return frozenset(n.facts.get(WORKAROUND_ID, "") for n in answered(notices, Stage.WORKAROUND))


def owed(incident: Incident, now: datetime, situation: Situation) -> bool:
    """Whether a resolved incident's end, or its correction, has yet to be told to those who heard of it."""
    last = situation.last_released
    return (incident.state is IncidentState.RESOLVED and last is not None
            and last.stage not in (Stage.RESOLVE, Stage.CORRECT)
            and incident.resolved_at is not None and now - incident.resolved_at < OWED_FOR)


def _resolve(incident: Incident, now: datetime, situation: Situation) -> tuple[Want, ...]:
    """The all-clear is owed to those who were told, once, and for a day."""
    if not owed(incident, now, situation) or incident.resolved_at is None:
        return ()
    settled = (*LIVE, NoticeState.REFUSED, NoticeState.CANCELLED)
    if any(n.stage in (Stage.RESOLVE, Stage.CORRECT) and n.created_at >= incident.resolved_at and n.state in settled
           for n in situation.notices):
        return ()
    return (Want(Stage.RESOLVE, Wording.RESOLVE, "it is over, and people were told of it"),)
