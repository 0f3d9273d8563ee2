"""From the open signals to decisions carried out: reads what decide() needs, and keeps what it answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ..model.incident import Incident, IncidentState
from ..model.notice import NoticeState
from ..model.signal import Evidence, Signal
from ..notices.compose import Refusal
from .candidates import keep_candidates
from .decide import absorb, decide, sight
from .evidence import Case, Known, gather, under_way
from .policy import choose
from .release import impossible, say
from .situation import Decision, Sight, Situation
from .turn import Event, Turn
from .wants import OWED_FOR

S = IncidentState
REMEMBERED = timedelta(days=30)
"""How long a closed incident keeps its own signals from opening another: a vendor may leave a report open for weeks."""


def assess(turn: Turn) -> dict[str, Sight]:
    """Decide every outage there is and keep the outcome. Returns what the evidence of each open incident shows."""
    sights: dict[str, Sight] = {}
    incidents = turn.tx.incidents(since=turn.now - REMEMBERED)
    signals = turn.tx.open_signals(turn.now)
    turn.heard = Counter(s.klass for s in signals)
    known, settled = _known(turn, incidents, signals)
    blind = turn.tx.silent_sources()
    cases = gather(
        [s for s in signals if not settled(s)], known,
        regions=turn.plans.speaker.regions,
        blind=blind, ended=_ended(turn, known, blind),
        planned=under_way(turn.plans.windows, turn.plans.speaker.regions, turn.now), weights=turn.weights,
    )
    linked = {one.incident.id: one.linked for one in known}
    by_id = {incident.id: incident for incident in incidents}
    claimed = set()
    for case in cases:
        before = _with_merged(turn, by_id, case)
        kept = _follow(turn, case, before, linked)
        if kept is not None:
            claimed.add(kept.id)
            sights[kept.id] = sight(case.evidence)
    for incident in incidents:
        if incident.id not in claimed and _owes(turn, incident):
            _follow(turn, Case(Evidence(incident.service, (), ())), incident, linked)
    return sights


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Settled:
    """Signals a closed incident has had: while the same telling lasts it opens nothing more. A person who ended an
    outage is not overruled by the very reports they judged; the same trouble told anew is another matter."""

    def __init__(self) -> None:
        self.until: dict[tuple[str, str, str, str], tuple[datetime, datetime]] = {}

    def add(self, linked: Iterable[Signal], closed_at: datetime) -> None:
        for signal in linked:
            self.until[signal.key] = (signal.observed_at, closed_at)

    def __call__(self, signal: Signal) -> bool:
        first, closed = self.until.get(signal.key, (None, None))
        return first is not None and closed is not None and (signal.observed_at <= first or signal.observed_at < closed)


def _known(
    turn: Turn, incidents: Sequence[Incident], signals: Sequence[Signal]
) -> tuple[list[Known], _Settled]:
    """Open incidents with their evidence, resolved ones still in their hold-down, and what closed ones have settled.
    Closed incidents are read only for services that have trouble no open incident owns."""
    known = [Known(i, turn.tx.evidence_of(i.id)) for i in incidents if i.state.is_open]
    owned = {s.key for k in known for s in k.linked}
    loose = {s.service for s in signals if s.level.is_trouble and s.key not in owned}
    settled = _Settled()
    for incident in incidents:
        if incident.state not in (S.RESOLVED, S.WITHDRAWN) or incident.service not in loose:
            continue
        closed_at = max((m.at for m in turn.tx.moves(incident.id) if m.after is incident.state), default=turn.now)
        linked = turn.tx.evidence_of(incident.id)
        settled.add((s for s in linked if s.key not in owned), closed_at)
        hold_down = turn.plans.policy_of(incident).hold_down
        if incident.state is S.RESOLVED and turn.now - closed_at < hold_down:
            known.append(Known(incident, linked))
    return known, settled


def _ended(turn: Turn, known: Sequence[Known], blind: frozenset[str]) -> frozenset[tuple[str, str, str, str]]:
    """Keys of signals whose blind source had said they are over before it went blind: those did not merely run out.
    Read only where that matters."""
    since = min((k.incident.started_at for k in known if k.incident.state.is_open
                 for s in k.linked if s.source in blind and s.lasts_until is not None), default=None)
    if since is None:
        return frozenset()
    return frozenset(s.key for s in turn.tx.ended_signals(since, turn.now) if s.observed_at != s.lasts_until)


def _owes(turn: Turn, incident: Incident) -> bool:
    """Whether those who were told may still be owed the all-clear."""
    return (incident.state is S.RESOLVED and incident.acknowledged_at is not None
            and incident.resolved_at is not None and turn.now - incident.resolved_at < OWED_FOR)


def situation_of(turn: Turn, incident: Incident | None, case: Case) -> Situation:
    """What decide() is told besides the evidence."""
    regions = turn.plans.speaker.regions
    if incident is None:
        return Situation(regions, left_out=case.left_out, killed=turn.killed,
                         template=turn.plans.template_for(case.evidence.service))
    notices = turn.notices_of(incident)
    return Situation(regions, notices=notices, workaround=turn.workaround_for(incident, notices),
                     left_out=case.left_out, killed=turn.killed, template=incident.template)


# ── Carrying out ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_merged(turn: Turn, by_id: dict[str, Incident], case: Case) -> Incident | None:
    """The incident that claims a case, after it has absorbed the younger ones the case shows to be the same."""
    if case.incident is None:
        return None
    survivor = by_id[case.incident]
    for id in case.absorbs:
        survivor = _merge(turn, survivor, by_id[id])
    return survivor


def _merge(turn: Turn, survivor: Incident, younger: Incident) -> Incident:
    reason = f"one and the same as {survivor.id}: a report covers both"
    waiting = [n for n in turn.notices_of(younger) if n.state is NoticeState.WAITING]
    turn.supersede(waiting, reason)
    turn.tx.link_evidence(survivor.id, turn.tx.evidence_of(younger.id))
    after = absorb(survivor, younger, turn.plans.speaker.regions)
    turn.keep(younger, replace(younger, state=S.MERGED, merged_into=survivor.id, reason=reason), reason)
    return turn.keep(survivor, after, f"{younger.id} is the same outage", notable=True)


def _follow(
    turn: Turn, case: Case, before: Incident | None, linked: dict[str, tuple[Signal, ...]]
) -> Incident | None:
    """Decide one case, keep what it becomes, drop what it overtakes, say what it wants."""
    policy = (turn.plans.policy_of(before) if before is not None else choose(
        turn.plans.policies, turn.plans.speaker.regions, case.evidence.service, case.evidence.regions,
        case.evidence.level))
    situation = situation_of(turn, before, case)
    decision = decide(before, case.evidence, policy, turn.now, situation=situation)
    if decision.after is None:
        if case.left_out:
            turn.events.append(Event("evidence.left_out", text=decision.reason))
        return None
    kept = _kept(turn, before, decision)
    if decision.after.state.is_open:
        _link(turn, kept, case.evidence, linked.get(kept.id, ()))
        keep_candidates(turn, kept, case.evidence)
    waiting = {n.id: n for n in situation.notices}
    for drop in decision.drops:
        turn.put(waiting[drop.notice], NoticeState.SUPERSEDED, drop.reason)
    for want in decision.wants:
        made = say(turn, kept, turn.plans.policy_of(kept), want)  # it may have outgrown the one it was decided by
        if isinstance(made, Refusal):
            impossible(turn, kept, want, made)
    return kept


def _kept(turn: Turn, before: Incident | None, decision: Decision) -> Incident:
    assert decision.after is not None
    if before is None:
        return turn.open(decision.after)
    return turn.keep(before, decision.after, decision.reason, notable=decision.notable)


def _link(turn: Turn, incident: Incident, evidence: Evidence, linked: Sequence[Signal]) -> None:
    """Keep as evidence what is new, speaks more strongly than it did, or tells more: what helps, until when, how many
    complain."""
    had = {s.key: s for s in linked}
    new = [s for s in evidence.signals if s.key not in had or _says_more(s, had[s.key])]
    if new:
        turn.tx.link_evidence(incident.id, new)
        turn.changed = True


TOLD = ("workaround", "restoration", "restoration_at", "customers_out", "cause", "people")
"""Facts that staff must find with the evidence as they were told last, though nothing became louder: more people may
complain in another minute than the one that raised the alarm."""


def _says_more(now: Signal, before: Signal) -> bool:
    louder = now.score > before.score or now.level > before.level
    return louder or any(now.facts.get(name, "") not in ("", before.facts.get(name, "")) for name in TOLD)
