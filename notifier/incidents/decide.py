"""The heart: what an incident becomes, and why. Pure: the same arguments give the same decision.

Three answers are possible at any moment: there is trouble; it is calm; or nobody can tell, because every source that
reported has gone blind. Only calm that was seen counts towards the all-clear.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ..model.incident import MOVES, Incident, IncidentState, MoveNotAllowed
from ..model.notice import Notice, Stage
from ..model.policy import Policy
from ..model.region import RegionTree
from ..model.signal import Evidence, SignalClass
from .evidence import covered, join, overlap
from .policy import enough, speaks
from .situation import Decision, Sight, Situation
from .wants import drops, wants

__all__ = ["Sight", "absorb", "absorbed", "after_release", "decide", "moved", "sight"]

S = IncidentState
ABSORBED = "absorbed"
"""Fact of an incident: ids of those merged into it, comma separated."""


def sight(evidence: Evidence) -> Sight:
    """TROUBLE while a source that can be heard reports it; CALM when its end was seen; UNKNOWN otherwise.

    What a blind source said last is neither trouble nor its end. Calm needs somebody who could have said otherwise:
    staff are no such witness, and a blind source's trouble that can run out by itself may only have run out.
    """
    blind = frozenset(evidence.blind)
    troubling = [s for s in evidence.signals if s.level.is_trouble]
    if any(speaks(s, blind) for s in troubling):
        return Sight.TROUBLE
    reporters = {s.source for s in (*evidence.signals, *evidence.over) if s.klass is not SignalClass.STAFF}
    unheard = bool(reporters) and reporters <= blind
    return Sight.UNKNOWN if troubling or unheard or _ran_out(evidence, blind) else Sight.CALM


def _ran_out(evidence: Evidence, blind: frozenset[str]) -> bool:
    """Whether trouble of a blind source may be over only because nobody renewed it."""
    return any(s.source in blind and s.lasts_until is not None and s.klass is not SignalClass.STAFF
               for s in evidence.over)


def _heard(evidence: Evidence, tree: RegionTree, known: tuple[str, ...] = ()) -> Evidence:
    """The evidence without what blind sources said last, but for what lies inside the regions already `known`."""
    signals = tuple(s for s in evidence.signals if speaks(s, evidence.blind) or covered(tree, [s.region], known))
    regions = join(tree, (s.region for s in signals if s.level.is_trouble))
    return replace(evidence, signals=signals, regions=regions)


def decide(
    before: Incident | None, evidence: Evidence, policy: Policy, now: datetime, *, situation: Situation
) -> Decision:
    """What becomes of an incident (None: of trouble that has none yet), what should be said, and why.

    An open incident goes on; a resolved one reopens when its trouble is back (the caller offers it only within the
    policy's hold-down) or is still owed its all-clear; without an incident, evidence that is enough opens one.
    """
    if before is None:
        return _open(evidence, policy, now, situation)
    if before.state.is_open:
        return _carry_on(before, evidence, policy, now, situation)
    if before.state is S.RESOLVED and sight(evidence) is Sight.TROUBLE:
        return _reopen(before, evidence, policy, now, situation)
    said = wants(before, Sight.CALM, policy, now, situation)
    return Decision(said[0].reason if said else f"{before.state}: nothing to do", before, said)


def moved(before: Incident, after: Incident) -> Incident:
    """`after`, if the table allows the move. Raises MoveNotAllowed."""
    if after.state is not before.state and after.state not in MOVES[before.state]:
        raise MoveNotAllowed(before.id, before.state, after.state)
    return after


# ── Beginning ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _open(evidence: Evidence, policy: Policy, now: datetime, situation: Situation) -> Decision:
    if sight(evidence) is not Sight.TROUBLE:
        return Decision("; ".join(situation.left_out) or "nothing reports trouble", None)
    evidence = _heard(evidence, situation.regions)
    confirms, why = enough(policy.confirm, evidence)
    if not confirms:
        suspects, why = enough(policy.suspect, evidence)
        if not suspects:
            return Decision(f"not enough to suspect an outage: {why}", None)
    state = S.CONFIRMED if confirms else S.SUSPECTED
    reason = _sentence(f"{state}: {why}", overlap(evidence), *situation.left_out)
    after = Incident(
        id="", service=evidence.service, regions=evidence.regions, state=state, level=evidence.level,
        started_at=evidence.started_at or now, opened_at=now, policy=policy.id, template=situation.template,
        reason=reason, confirmed_at=now if confirms else None, facts=_facts(evidence),
    )
    return Decision(reason, after, wants(after, Sight.TROUBLE, policy, now, situation), notable=True)


def _reopen(
    before: Incident, evidence: Evidence, policy: Policy, now: datetime, situation: Situation
) -> Decision:
    confirms, why = enough(policy.confirm, evidence)
    suspects, weaker = enough(policy.suspect, evidence)
    if not (confirms or suspects):
        return Decision(f"stays resolved: {weaker}", before)
    unsaid = S.CONFIRMED if confirms else S.SUSPECTED
    state = S.ACKNOWLEDGED if situation.released else unsaid
    reason = f"reopened, the trouble is back within the hold-down: {why if confirms else weaker}"
    after = moved(before, replace(
        before, state=state, resolved_at=None, calm_since=None, reason=reason, level=evidence.level,
        regions=_regions(before, evidence, situation),
        confirmed_at=before.confirmed_at or (now if confirms else None),
    ))
    said = wants(after, Sight.TROUBLE, policy, now, situation)
    return Decision(reason, after, said, drops(after, situation), notable=True)


# ── Going on ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _carry_on(
    before: Incident, evidence: Evidence, policy: Policy, now: datetime, situation: Situation
) -> Decision:
    seen = sight(evidence)
    confirms, why = enough(policy.confirm, evidence)
    calm_since = (before.calm_since or now) if seen is Sight.CALM else None
    grown = replace(
        before,
        regions=_regions(before, evidence, situation),
        level=evidence.level if seen is Sight.TROUBLE else before.level,
        started_at=min(before.started_at, evidence.started_at or before.started_at),
        confirmed_at=before.confirmed_at or (now if confirms else None),
        calm_since=calm_since,
        facts={**before.facts, **_facts(evidence)},
    )
    state, reason = _next_state(grown, seen, why, now, policy, situation)
    after = moved(before, replace(grown, state=state))
    after = replace(
        after,
        monitoring_at=after.monitoring_at or (now if state is S.MONITORING else None),
        resolved_at=now if state is S.RESOLVED else None,
        next_update_by=None if state is S.RESOLVED else after.next_update_by,
    )
    notes = _notes(before, after, evidence)
    notable = state is not before.state or bool(notes)
    reason = _sentence(reason, *notes)
    if notable:
        after = replace(after, reason=reason)
    said = wants(after, seen, policy, now, situation)
    return Decision(reason, after, said, drops(after, situation), notable=notable)


def _next_state(
    incident: Incident, seen: Sight, why: str, now: datetime, policy: Policy, situation: Situation
) -> tuple[IncidentState, str]:
    """Where it goes from here. `incident` has its new calm_since and confirmed_at, and its state of before."""
    if seen is Sight.UNKNOWN:
        return incident.state, "unknown is not OK: a source that reported this is stale or failing"
    if seen is Sight.CALM:
        return _while_calm(incident, now, policy, situation)
    if incident.state is S.MONITORING:
        return _where_it_was(incident), "trouble is reported again"
    if incident.state is S.SUSPECTED and incident.confirmed_at is not None:
        return S.CONFIRMED, f"confirmed: {why}"
    return incident.state, f"still {incident.state}: {why}"


def _while_calm(
    incident: Incident, now: datetime, policy: Policy, situation: Situation
) -> tuple[IncidentState, str]:
    assert incident.calm_since is not None
    needed = quiet_needed(policy, situation)
    quiet = now - incident.calm_since
    if quiet >= needed:
        if not situation.released:
            return S.RESOLVED, f"all evidence calm for {_minutes(quiet)}; nothing had been said, so nothing is"
        return S.RESOLVED, f"all evidence calm for {_minutes(quiet)}"
    reason = f"calm, and the all-clear waits until it has lasted {_minutes(needed)}"
    # The table has no way back from monitoring to suspected, so a mere suspicion waits out its calm where it is.
    return (incident.state if incident.state is S.SUSPECTED else S.MONITORING), reason


def quiet_needed(policy: Policy, situation: Situation) -> timedelta:
    """How long calm must last: `clear_after`, or the longer hold-down once an all-clear proved to be too early."""
    if any(n.stage is Stage.RESOLVE for n in situation.released):
        return max(policy.clear_after, policy.hold_down)
    return policy.clear_after


def _where_it_was(incident: Incident) -> IncidentState:
    if incident.workaround_at is not None:
        return S.WORKAROUND_KNOWN
    return S.ACKNOWLEDGED if incident.acknowledged_at is not None else S.CONFIRMED


def _regions(before: Incident, evidence: Evidence, situation: Situation) -> tuple[str, ...]:
    """Follows the evidence until something was said or a person set it; from then on it only grows. Calm keeps it,
    and what a blind source said last neither widens nor narrows it."""
    seen = _heard(evidence, situation.regions, before.regions).regions
    if not seen:
        return before.regions
    if situation.released or before.widened_by or before.opened_by:
        return join(situation.regions, before.regions, seen)
    return seen


def _notes(before: Incident, after: Incident, evidence: Evidence) -> list[str]:
    """What changed besides the state and belongs into the history."""
    notes = []
    if before.confirmed_at is None and after.confirmed_at is not None and after.state is not S.CONFIRMED:
        notes.append("now confirmed")
    if before.regions != after.regions:
        notes.append(f"regions now {', '.join(after.regions)}, before {', '.join(before.regions)}")
    if before.calm_since is not None and after.calm_since is None and sight(evidence) is Sight.UNKNOWN:
        notes.append("the calm no longer counts")
    several = overlap(evidence)
    if several and several not in before.reason:
        notes.append(several)
    return notes


def _facts(evidence: Evidence) -> dict[str, str]:
    """What notices may say of the evidence: "reported_count", the most people any crowd signal counted."""
    counts = [int(text) for s in evidence.signals if s.klass is SignalClass.CROWD
              if (text := s.facts.get("people", "")).isdecimal() and len(text) < 10]
    return {"reported_count": str(max(counts))} if counts else {}


def _sentence(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _minutes(length: timedelta) -> str:
    return f"{length.total_seconds() / 60:.0f} min"


# ── Steps others take ────────────────────────────────────────────────────────────────────────────────────────────────


def after_release(incident: Incident, notice: Notice, now: datetime) -> tuple[Incident, str]:
    """What an incident becomes once a notice of its own is on its way: acknowledged when we have acknowledged it."""
    state = incident.state
    acknowledged, workaround = incident.acknowledged_at, incident.workaround_at
    if notice.stage in (Stage.ACKNOWLEDGE, Stage.WORKAROUND, Stage.UPDATE):
        acknowledged = acknowledged or now
    if notice.stage is Stage.WORKAROUND:
        workaround = workaround or now
    if state.is_open and state is not S.MONITORING:
        if workaround is not None:
            state = S.WORKAROUND_KNOWN
        elif acknowledged is not None:
            state = S.ACKNOWLEDGED
    promised = notice.next_update_by if state.is_open else None
    after = replace(incident, state=state, acknowledged_at=acknowledged, workaround_at=workaround,
                    next_update_by=promised)
    return moved(incident, after), f"{notice.stage} notice {notice.id} was released"


def absorb(survivor: Incident, younger: Incident, tree: RegionTree) -> Incident:
    """The older incident with what the younger had come to: its regions, its firsts, its promise, its hold."""
    merged = replace(
        survivor,
        regions=join(tree, survivor.regions, younger.regions),
        started_at=min(survivor.started_at, younger.started_at),
        confirmed_at=_first(survivor.confirmed_at, younger.confirmed_at),
        acknowledged_at=_first(survivor.acknowledged_at, younger.acknowledged_at),
        workaround_at=_first(survivor.workaround_at, younger.workaround_at),
        next_update_by=_first(survivor.next_update_by, younger.next_update_by),
        held_by=survivor.held_by or younger.held_by,
        widened_by=survivor.widened_by or younger.widened_by,
        opened_by=survivor.opened_by or younger.opened_by,
        facts={**survivor.facts, ABSORBED: ",".join([*absorbed(survivor), younger.id, *absorbed(younger)])},
    )
    if survivor.state in (S.SUSPECTED, S.CONFIRMED, S.ACKNOWLEDGED):
        state = _where_it_was(merged) if merged.acknowledged_at or merged.confirmed_at else survivor.state
        merged = moved(survivor, replace(merged, state=state))
    return merged


def absorbed(incident: Incident) -> tuple[str, ...]:
    """Ids of the incidents merged into this one, and into those."""
    return tuple(id for id in incident.facts.get(ABSORBED, "").split(",") if id)


def _first(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)
