"""What staff ask for: each verb is one function that does it or says why not. A person's wish never waits for policy,
but what policy keeps for two people stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from ..model.incident import Incident, IncidentState
from ..model.notice import Approval, Notice, NoticeState, Stage, Wording
from ..model.signal import Evidence, Level, Signal, SignalClass
from ..model.staff import StaffRequest, Verb
from ..model.times import rfc3339
from ..model.workaround import Workaround
from ..notices.compose import Refusal
from .decide import moved
from .evidence import join
from .maintenance import behind
from .policy import choose
from .release import Answer, Request, approve, outcome, say
from .situation import Situation, Want
from .turn import Turn
from .wants import owed
from .wave_requests import drop, go_on

S = IncidentState
STAFF = "staff"
"""The source of signals that people give."""
WORD_LASTS = timedelta(minutes=10)
"""How long a person's confirmation stands as a signal of its own."""
REQUEST_LASTS = timedelta(minutes=15)
"""How long a request waits for a decider that does not run: what was right to say then may be wrong by now."""
_NEVER_TOO_OLD = frozenset({Verb.HOLD, Verb.WITHDRAW, Verb.REFUSE, Verb.DROP})
"""What stops words, or takes back what was false, is done however late."""
NOTE_LIMIT = 1000
"""Characters of a note or workaround; what fits a channel is decided when it is composed."""


def take(turn: Turn, request: StaffRequest) -> Answer:
    """Do what a person asks, or say why not."""
    if request.verb not in _NEVER_TOO_OLD and turn.now - request.at > REQUEST_LASTS:
        return Answer(False, f"too old: asked at {rfc3339(request.at)}; ask again")
    too_long = [name for name, text in request.arguments.items() if len(text) > NOTE_LIMIT]
    if too_long:
        return Answer(False, f"{too_long[0]} is longer than {NOTE_LIMIT} characters")
    return _VERBS[request.verb](turn, request)


# ── Incidents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _open(turn: Turn, request: StaffRequest) -> Answer:
    service = request.arguments.get("service", "")
    if service not in turn.plans.speaker.services:
        return Answer(False, f"there is no service {service!r}")
    regions = _regions(turn, request)
    if isinstance(regions, Answer):
        return regions
    tree = turn.plans.speaker.regions
    for other in turn.tx.incidents(open_only=True):
        if other.service == service and any(tree.related(a, b) for a in regions for b in other.regions if b in tree):
            return Answer(False, f"{other.id} is already open there: confirm or widen it, or send an update")
    level = _level(request.arguments.get("level", "major"))
    if level is None:
        return Answer(False, "level must be minor, major or critical")
    note = request.arguments.get("note", "")
    signals = tuple(
        Signal(source=STAFF, klass=SignalClass.STAFF, service=service, region=region, level=level,
               observed_at=turn.now, started_at=turn.now, fingerprint=f"request-{request.id}",
               why=note or f"reported by {request.actor}")
        for region in regions)
    evidence = Evidence(service, regions, signals)
    policy = choose(turn.plans.policies, tree, service, regions, level)
    incident = turn.open(Incident(
        id="", service=service, regions=regions, state=S.CONFIRMED, level=level, started_at=turn.now,
        opened_at=turn.now, policy=policy.id, template=turn.plans.template_for(service), confirmed_at=turn.now,
        opened_by=request.actor, reason=f"opened by {request.actor}" + (f": {note}" if note else ""),
    ), request.actor)
    turn.tx.put_signals(evidence.signals)
    turn.tx.link_evidence(incident.id, evidence.signals)
    return Answer(True, f"opened {incident.id}, under policy {policy.id}")


def _confirm(turn: Turn, request: StaffRequest) -> Answer:
    """A person's word counts as evidence of class staff. It runs out by itself: it says that the outage is real, not
    that it lasts, so when it is over stays with those who can see it."""
    incident = _incident(turn, request)
    if isinstance(incident, Answer):
        return incident
    if incident.confirmed_at is not None:
        return Answer(False, f"{incident.id} is confirmed already")
    note = request.arguments.get("note", "")
    signals = tuple(
        Signal(source=STAFF, klass=SignalClass.STAFF, service=incident.service, region=region, level=incident.level,
               observed_at=turn.now, started_at=incident.started_at, fingerprint=f"request-{request.id}",
               why=note or f"confirmed by {request.actor}", lasts_until=turn.now + WORD_LASTS)
        for region in incident.regions)
    turn.tx.put_signals(signals)
    turn.tx.link_evidence(incident.id, signals)
    said = f"confirmed by {request.actor}" + (f": {note}" if note else "")
    state = S.CONFIRMED if incident.state is S.SUSPECTED else incident.state
    after = replace(incident, state=state, confirmed_at=turn.now, reason=said)
    turn.keep(incident, after, said, actor=request.actor, notable=True)
    return Answer(True, f"{incident.id} is confirmed on {request.actor}'s word")


def _level(name: str) -> Level | None:
    return next((level for level in Level if level.is_trouble and level.name.lower() == name.lower()), None)


def _hold(turn: Turn, request: StaffRequest) -> Answer:
    incident = _incident(turn, request, or_owed=True)
    if isinstance(incident, Answer):
        return incident
    on = request.arguments.get("on", "yes") != "no"
    if on == (incident.held_by is not None):
        return Answer(False, f"{incident.id} is {'already' if on else 'not'} held")
    said = f"held by {request.actor}: nothing is said by itself" if on else f"no longer held, says {request.actor}"
    after = replace(incident, held_by=request.actor if on else None)
    turn.keep(incident, after, said, actor=request.actor, notable=True)
    return Answer(True, f"{incident.id} {said}")


def _widen(turn: Turn, request: StaffRequest) -> Answer:
    incident = _incident(turn, request)
    if isinstance(incident, Answer):
        return incident
    regions = _regions(turn, request)
    if isinstance(regions, Answer):
        return regions
    wider = join(turn.plans.speaker.regions, incident.regions, regions)
    if wider == incident.regions:
        return Answer(False, f"{incident.id} already speaks of {', '.join(wider)}")
    said = f"widened to {', '.join(wider)} on {request.actor}'s word"
    turn.keep(incident, replace(incident, regions=wider, widened_by=request.actor, reason=said), said,
              actor=request.actor, notable=True)
    return Answer(True, f"{incident.id} {said}")


def _resolve(turn: Turn, request: StaffRequest) -> Answer:
    incident = _incident(turn, request, or_owed=True)
    if isinstance(incident, Answer):
        return incident
    note = request.arguments.get("note", "")
    said = f"resolved by {request.actor}" + (f": {note}" if note else "")
    over = replace(incident, state=S.RESOLVED, resolved_at=incident.resolved_at or turn.now)
    after = _end(turn, incident, over, said, request.actor)
    if not any(n.state is NoticeState.RELEASED for n in turn.notices_of(after)):
        return Answer(True, f"{after.id} is resolved; nothing had been said, so nothing is")
    return _ended(turn, after, Want(Stage.RESOLVE, Wording.RESOLVE, said), request)


def _withdraw(turn: Turn, request: StaffRequest) -> Answer:
    """It was false. One that is resolved already stays so, for its table has no way on; those told are corrected."""
    incident = _incident(turn, request, or_owed=True)
    if isinstance(incident, Answer):
        return incident
    note = request.arguments.get("note", "")
    said = f"withdrawn by {request.actor}" + (f": {note}" if note else "")
    state = S.WITHDRAWN if incident.state.is_open else incident.state
    after = _end(turn, incident, replace(incident, state=state), said, request.actor)
    if not turn.told_anybody(after.id):
        return Answer(True, f"{after.id} is withdrawn; nobody had been told")
    return _ended(turn, after, Want(Stage.CORRECT, Wording.CORRECT, said), request)


def _end(turn: Turn, before: Incident, after: Incident, said: str, actor: str) -> Incident:
    """End an incident on a person's word: staff's own signals are over, and so is whatever waits to be said."""
    own = [s for s in turn.tx.evidence_of(before.id) if s.klass is SignalClass.STAFF]
    turn.tx.put_signals(replace(s, level=Level.OK, observed_at=turn.now) for s in own)
    ended = moved(before, replace(after, calm_since=None, next_update_by=None, reason=said))
    ended = turn.keep(before, ended, said, actor=actor, notable=True)
    waiting = [n for n in turn.notices_of(ended) if n.state is NoticeState.WAITING]
    if ended.state is S.WITHDRAWN:
        for notice in waiting:
            turn.put(notice, NoticeState.CANCELLED, said)
    else:
        turn.supersede(waiting, said)
    return ended


def _ended(turn: Turn, incident: Incident, want: Want, request: StaffRequest) -> Answer:
    """Tell those who were told; the incident has ended whether or not that can be said."""
    answer = _said(turn, incident, want, Request(request.actor, _notes(request, "note")))
    return Answer(True, f"{incident.id} is {incident.state}; {answer.text}")


# ── Notices ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _approve(turn: Turn, request: StaffRequest) -> Answer:
    notice = _notice(turn, request)
    if isinstance(notice, Answer):
        return notice
    incident = behind(turn, notice)
    if incident is None:
        return Answer(False, f"what notice {notice.id} speaks of is not configured any more")
    approval = Approval(notice.id, request.actor, request.arguments.get("digest", ""), turn.now)
    return approve(turn, incident, notice, turn.plans.policy_of(incident), approval)


def _refuse(turn: Turn, request: StaffRequest) -> Answer:
    notice = _notice(turn, request)
    if isinstance(notice, Answer):
        return notice
    if notice.state is not NoticeState.WAITING:
        return Answer(False, f"notice {notice.id} is {notice.state}, not waiting")
    note = request.arguments.get("note", "")
    turn.put(notice, NoticeState.REFUSED, f"refused by {request.actor}" + (f": {note}" if note else ""))
    return Answer(True, f"notice {notice.id} will not be sent")


def _update(turn: Turn, request: StaffRequest) -> Answer:
    incident = _incident(turn, request)
    if isinstance(incident, Answer):
        return incident
    notes = _notes(request, "note")
    if not notes:
        return Answer(False, "an update needs a note")
    want = Want(Stage.UPDATE, Wording.UPDATE, f"{request.actor} has news")
    return _said(turn, incident, want, Request(request.actor, notes))


def _workaround(turn: Turn, request: StaffRequest) -> Answer:
    incident = _incident(turn, request)
    if isinstance(incident, Answer):
        return incident
    found = _vouched(turn, incident, request)
    if isinstance(found, Answer):
        return found
    if not turn.fits(found, incident):
        return Answer(False, f"workaround {found.id} is for another service or region, expired or withdrawn")
    if found.incident is not None or found.origin != "catalogue":
        turn.tx.put_workaround(found)
        turn.changed = True
    want = Want(Stage.WORKAROUND, Wording.WORKAROUND, f"{request.actor} vouches for it", found.id)
    return _said(turn, incident, want, Request(request.actor, workaround=found))


def _vouched(turn: Turn, incident: Incident, request: StaffRequest) -> Workaround | Answer:
    """The workaround named, or made from the text given, with the person's name to it."""
    id = request.arguments.get("workaround", "")
    if not id:
        texts = _notes(request, "text")
        if not texts:
            return Answer(False, "name a workaround, or give its text")
        texts.setdefault(turn.plans.speaker.company.languages[0], texts.pop("", ""))
        return Workaround(id=f"{incident.id}-w{request.id}", service=incident.service, texts=texts, origin=STAFF,
                          incident=incident.id, verified_by=request.actor, verified_at=turn.now)
    known = (*turn.tx.workarounds(service=incident.service), *turn.plans.catalogue)
    found = next((w for w in known if w.id == id and w.incident in (None, incident.id)), None)
    if found is None:
        return Answer(False, f"there is no workaround {id!r} for {incident.service}")
    if found.verified_by is not None:
        return found
    return replace(found, verified_by=request.actor, verified_at=turn.now)


def _said(turn: Turn, incident: Incident, want: Want, wish: Request) -> Answer:
    made = say(turn, incident, turn.plans.policy_of(incident), want, request=wish)
    if isinstance(made, Refusal):
        return Answer(False, f"nothing is sent: {made.reason}")
    answers = [outcome(notice) for notice in made]
    return Answer(all(a.accepted for a in answers), "; ".join(a.text for a in answers))


# ── Reading arguments ────────────────────────────────────────────────────────────────────────────────────────────────


def _incident(turn: Turn, request: StaffRequest, *, or_owed: bool = False) -> Incident | Answer:
    """The open incident named; `or_owed`: also one that is over while those who were told have yet to hear so."""
    id = request.arguments.get("incident", "")
    found = turn.tx.incident(id)
    if found is None:
        return Answer(False, f"there is no incident {id!r}")
    if not found.state.is_open and not (or_owed and _owed(turn, found)):
        into = f" into {found.merged_into}" if found.merged_into else ""
        return Answer(False, f"{id} is already {found.state}{into}")
    return found


def _owed(turn: Turn, incident: Incident) -> bool:
    return owed(incident, turn.now, Situation(turn.plans.speaker.regions, notices=turn.notices_of(incident)))


def _notice(turn: Turn, request: StaffRequest) -> Notice | Answer:
    id = request.arguments.get("notice", "")
    return turn.tx.notice(id) or Answer(False, f"there is no notice {id!r}")


def _regions(turn: Turn, request: StaffRequest) -> tuple[str, ...] | Answer:
    named = [part.strip() for part in request.arguments.get("regions", "").split(",") if part.strip()]
    unknown = [region for region in named if region not in turn.plans.speaker.regions]
    if unknown:
        return Answer(False, f"there is no region {unknown[0]!r}")
    if not named:
        return Answer(False, "name at least one region: without one it would reach everybody")
    return join(turn.plans.speaker.regions, named)


def _notes(request: StaffRequest, name: str) -> dict[str, str]:
    """ "note" and "note.<language>" as a mapping by language, "" for any."""
    found = {key.removeprefix(name).removeprefix("."): text.strip() for key, text in request.arguments.items()
             if key == name or key.startswith(f"{name}.")}
    return {language: text for language, text in found.items() if text}


_VERBS: Mapping[Verb, Callable[[Turn, StaffRequest], Answer]] = {
    Verb.OPEN: _open,
    Verb.CONFIRM: _confirm,
    Verb.APPROVE: _approve,
    Verb.REFUSE: _refuse,
    Verb.HOLD: _hold,
    Verb.UPDATE: _update,
    Verb.WORKAROUND: _workaround,
    Verb.RESOLVE: _resolve,
    Verb.WITHDRAW: _withdraw,
    Verb.WIDEN: _widen,
    Verb.GO_ON: go_on,
    Verb.DROP: drop,
}
