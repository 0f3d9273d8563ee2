"""One turn of the decider: a transaction, a moment, the configuration in force, and what has to be told afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..model.delivery import Reason
from ..model.incident import Incident, IncidentState, Move
from ..model.notice import Notice, NoticeState, Stage
from ..model.people import AudienceSizes
from ..model.policy import MaintenanceWindow, Policy
from ..model.signal import SignalClass
from ..model.workaround import Workaround
from ..notices.compose import Speaker
from ..ports import Transaction
from .canary import OFF, CanarySettings
from .decide import absorbed, after_release
from .evidence import covered
from .places import drop_places
from .policy import choose, fits, stricter
from .track import records
from .wants import passed_on

RECORDED = timedelta(days=365)
"""How far back a source's track record reaches."""
ENDED_STAGES = (Stage.ACKNOWLEDGE, Stage.WORKAROUND, Stage.UPDATE)
"""Stages that the end of an incident overtakes."""


@dataclass(frozen=True)
class Plans:
    """What configuration says; replaced whole on reload, so that a turn never sees half of two."""

    speaker: Speaker
    policies: tuple[Policy, ...]
    windows: tuple[MaintenanceWindow, ...] = ()
    catalogue: tuple[Workaround, ...] = ()
    canary: CanarySettings = OFF

    def policy_of(self, incident: Incident) -> Policy:
        """The policy an incident opened under; where it is configured no more, the one that fits now. An incident that
        has outgrown its policy's regions or levels is let speak only as far as the one that fits now agrees."""
        tree = self.speaker.regions
        now = choose(self.policies, tree, incident.service, incident.regions, incident.level)
        own = next((policy for policy in self.policies if policy.id == incident.policy), now)
        fitting = fits(own, tree, incident.service, incident.regions, incident.level)
        return own if own is now or fitting else stricter(own, now)

    def template_for(self, service: str) -> str:
        """Id of the template that names this service, else of the first for any service; "" where there is none."""
        templates = self.speaker.templates.values()
        named = [t.id for t in templates if service in t.services]
        return next(iter([*named, *(t.id for t in templates if not t.services)]), "")


@dataclass(frozen=True, slots=True)
class Event:
    """Something to log, count and show once it is committed: "incident.moved" with incident and move, "notice.waiting"
    and the like with notice, "notice.impossible" and "evidence.left_out" with text."""

    name: str
    incident: Incident | None = None
    move: Move | None = None
    notice: Notice | None = None
    text: str = ""
    seconds: float | None = None


SizesOf = tuple[tuple[str, ...], str, str]
"""What an audience is counted by: regions, service, incident."""


class Uncounted(Exception):
    """A turn needs to know how many would hear something, and they are too many to be counted within it."""

    def __init__(self, of: SizesOf) -> None:
        super().__init__("too many to be counted within a transaction")
        self.of = of


@dataclass
class Turn:
    """What every step of a turn is given. `changed` once anything was written; `heard` counts open signals by class."""

    tx: Transaction
    now: datetime
    plans: Plans
    events: list[Event] = field(default_factory=list)
    changed: bool = False
    heard: Counter[SignalClass] = field(default_factory=Counter)
    weights: Mapping[str, float] = field(default_factory=dict)
    """How much each source's word counts, by its track record."""
    counted: Mapping[SizesOf, AudienceSizes] = field(default_factory=dict)
    """Large audiences that were counted for this turn."""
    ended: list[str] = field(default_factory=list)
    """Incidents that ended in this turn: their sources' track records have changed."""

    @property
    def killed(self) -> bool:
        """Whether the kill switch is on."""
        return self.tx.switch("kill") == "on"

    # ── incidents ────────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, incident: Incident, actor: str = "policy") -> Incident:
        """Keep a new incident, giving it its id."""
        incident = replace(incident, id=self.tx.next_incident_id(self.now), version=1)
        return self._put(incident, Move(incident.id, self.now, None, incident.state, incident.reason, actor))

    def keep(self, before: Incident, after: Incident, reason: str, *, actor: str = "policy",
             notable: bool = False) -> Incident:
        """Keep what an incident has become, if anything changed; with a line of history if its state did or if it is
        notable. Ends and reopenings take with them the deliveries they overtake; what a merged incident was about to
        tell is still true."""
        if after == before:
            return before
        after = replace(after, version=before.version + 1)
        move = Move(after.id, self.now, before.state, after.state, reason, actor)
        kept = self._put(after, move if notable or after.state is not before.state else None)
        if after.state in (IncidentState.RESOLVED, IncidentState.WITHDRAWN) and before.state.is_open:
            self._record(after)
            self._cancel(after, Reason.WITHDRAWN if after.state is IncidentState.WITHDRAWN else Reason.SUPERSEDED,
                         ENDED_STAGES)
        elif after.state.is_open and not before.state.is_open:
            self._cancel(after, Reason.SUPERSEDED, (Stage.RESOLVE,))
        return kept

    def _record(self, incident: Incident) -> None:
        """Keep how early each source spoke, and whether it was right."""
        earlier = (one for one in self.tx.track_records(self.now - RECORDED) if one.service == incident.service)
        self.tx.put_track_records(incident.id, records(
            incident, self.tx.evidence_of(incident.id), earlier, silent=self.tx.silent_sources(),
            regions=self.plans.speaker.regions, closed_at=self.now))
        self.ended.append(incident.id)

    def _put(self, incident: Incident, move: Move | None) -> Incident:
        self.tx.put_incident(incident, move)
        self.changed = True
        if move is not None:
            self.events.append(Event("incident.moved", incident=incident, move=move))
        return incident

    def _cancel(self, incident: Incident, reason: Reason, stages: Iterable[Stage]) -> None:
        ids = (incident.id, *absorbed(incident))
        drop_places(self.tx, ids, stages, self.now)
        for id in ids:
            self.tx.cancel_deliveries(incident=id, reason=reason, now=self.now, stages=tuple(stages))

    # ── notices ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def notices_of(self, incident: Incident) -> tuple[Notice, ...]:
        """Every notice of an incident and of those merged into it, oldest first."""
        found = [n for id in (incident.id, *absorbed(incident)) for n in self.tx.notices(incident=id)]
        return tuple(sorted(found, key=lambda n: (n.created_at, n.incident, n.sequence)))

    def put(self, notice: Notice, state: NoticeState, reason: str | None = None) -> Notice:
        """Keep a notice in a state, with the reason for it where there is one."""
        notice = replace(notice, state=state, reason=notice.reason if reason is None else reason)
        self.tx.put_notice(notice)
        self.changed = True
        self.events.append(Event(f"notice.{state}", notice=notice))
        return notice

    def supersede(self, notices: Iterable[Notice], reason: str) -> None:
        """Put waiting notices aside."""
        for notice in notices:
            self.put(notice, NoticeState.SUPERSEDED, reason)

    def family(self, incident: str) -> tuple[str, ...]:
        """An incident and those merged into it."""
        stored = self.tx.incident(incident)
        return (incident, *(absorbed(stored) if stored else ()))

    def begun(self, incident: str) -> frozenset[tuple[str, str]]:
        """(channel, address) of whoever is being told this moment: a send that has begun cannot be called back, so its
        all-clear is owed; the outbox keeps it behind."""
        none: frozenset[tuple[str, str]] = frozenset()
        return none.union(*(self.tx.begun(id) for id in self.family(incident)))

    def told(self, incident: str) -> frozenset[tuple[str, str]]:
        """(channel, address) of whoever was told or is being told this moment."""
        return self.begun(incident).union(*(self.tx.told(id) for id in self.family(incident)))

    def told_anybody(self, incident: str) -> bool:
        """Whether `told` holds anybody, however many."""
        if any(self.tx.told_after(id, ("", ""), 1) for id in self.family(incident)):
            return True
        return bool(self.begun(incident) or self.tx.told_among(incident, self.plans.speaker.channels, [""]))

    def sizes(self, regions: tuple[str, ...], service: str, incident: str) -> AudienceSizes:
        """How many would hear it. Raises Uncounted until the decider has counted them."""
        of = (regions, service, incident)
        if of not in self.counted:
            raise Uncounted(of)
        return self.counted[of]

    def is_public(self, channel: str) -> bool:
        """Whether a channel is a public account or a webhook."""
        profile = self.plans.speaker.channels.get(channel)
        return profile is not None and profile.reaches is None

    def released(self, incident: Incident, notice: Notice) -> Incident:
        """Write down what the release of a notice makes of its incident. Planned work has no incident to change."""
        stored = self.tx.incident(incident.id)
        if stored is None:
            return incident
        after, reason = after_release(stored, notice, self.now)
        if stored.acknowledged_at is None and after.acknowledged_at is not None:
            first = min((s.observed_at for s in self.tx.evidence_of(stored.id)), default=stored.opened_at)
            delay = (self.now - first).total_seconds()
            self.events.append(Event("incident.acknowledged", incident=after, seconds=max(delay, 0.0)))
        return self.keep(stored, after, reason)

    # ── workarounds ──────────────────────────────────────────────────────────────────────────────────────────────────

    def workaround_for(self, incident: Incident, notices: Iterable[Notice]) -> Workaround | None:
        """The first verified workaround that fits an incident and was not passed on yet: its own, then known ones."""
        done = passed_on(notices)
        kept = self.tx.workarounds(service=incident.service)
        own = [w for w in kept if w.incident == incident.id]
        known = [w for w in (*kept, *self.plans.catalogue) if w.incident is None]
        return next((w for w in (*own, *known) if w.id not in done and self.fits(w, incident)), None)

    def fits(self, workaround: Workaround, incident: Incident) -> bool:
        """Whether a workaround may be passed on in this incident now."""
        return (
            workaround.service == incident.service
            and workaround.verified_by is not None
            and workaround.withdrawn_at is None
            and (workaround.expires_at is None or workaround.expires_at > self.now)
            and (not workaround.regions or covered(self.plans.speaker.regions, incident.regions, workaround.regions))
        )
