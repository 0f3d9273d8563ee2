"""Which open signals speak of the same outage: by service, by connected part of the region tree, by incident.

Two signals of one service belong together when
  - one's region is the other's, or covers it (an ancestor joins its descendants; siblings alone stay apart);
  - they are one official report that names several regions (same source and fingerprint);
  - one open incident holds both: it keeps what was once its evidence, and the regions it speaks of.

A vendor that opens two incidents of its own for the same service and region, overlapping in time, is one outage for
customers as long as both last: they have one thing that does not work, and hear of it once. `overlap` says so in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..model.incident import Incident
from ..model.policy import MaintenanceWindow
from ..model.region import RegionTree
from ..model.signal import Evidence, Level, Signal, SignalClass
from ..model.times import parse_rfc3339, rfc3339

Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """An incident that may claim signals: open, or resolved so lately that returning trouble reopens it.

    `linked` is all the evidence it was ever given.
    """

    incident: Incident
    linked: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One outage as the signals draw it. `incident` is the id that claims it (None: new), `absorbs` the ids of younger
    open incidents it turned out to be the same as, `left_out` what planned work kept from it, in words."""

    evidence: Evidence
    incident: str | None = None
    absorbs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """A maintenance window that is under way. `regions` holds every region inside it."""

    id: str
    service: str
    regions: frozenset[str]
    until: datetime


def under_way(windows: Iterable[MaintenanceWindow], regions: RegionTree, now: datetime) -> tuple[Planned, ...]:
    """The windows that hold at `now`. Config has checked times and regions; one removed since is left out."""
    found = []
    for window in windows:
        starts, ends = parse_rfc3339(window.starts_at), parse_rfc3339(window.ends_at)
        if starts <= now < ends:
            inside = frozenset(r for top in window.regions if top in regions for r in regions.within(top))
            found.append(Planned(window.id, window.service, inside, ends))
    return tuple(found)


def join(tree: RegionTree, *groups: Iterable[str]) -> tuple[str, ...]:
    """The outermost of several groups of regions together. Regions the tree no longer has are kept as they are."""
    together = {region for group in groups for region in group}
    gone = {region for region in together if region not in tree}
    return tuple(sorted({*tree.outermost(together - gone), *gone}))


def covered(tree: RegionTree, inner: Iterable[str], outer: Iterable[str]) -> bool:
    """Whether every region of `inner` is one of `outer` or lies inside one."""
    wide = frozenset(outer)
    return all(r in wide or (r in tree and not wide.isdisjoint(tree.path(r))) for r in inner)


def gather(
    open_signals: Iterable[Signal],
    known: Sequence[Known],
    *,
    regions: RegionTree,
    blind: frozenset[str] = frozenset(),
    ended: frozenset[Key] = frozenset(),
    planned: Sequence[Planned] = (),
    weights: Mapping[str, float] | None = None,
) -> tuple[Case, ...]:
    """Every outage there is: one Case for each open incident, whether or not a signal still speaks of it, and one for
    each connected group of trouble that no incident claims. Ordered by service, then regions, then id.

    `blind` are the sources whose silence means nothing now, `ended` the signals their source said are over: of those
    `Evidence.over` holds no time they run out at. Signals inside planned work open and widen nothing, unless
    an incident had them before the work began, or staff sent them. Levels below MINOR never open or widen anything.
    `weights` go into the evidence as they are.
    """
    placed = [s for s in open_signals if s.region in regions]
    linked: dict[Key, str] = {s.key: k.incident.id for k in known if k.incident.state.is_open for s in k.linked}
    trouble, planned_out = _without_planned([s for s in placed if s.level.is_trouble], linked, planned)
    groups = _Groups(regions)
    for one in known:
        if one.incident.state.is_open:
            groups.add_incident(one)
    for signal in trouble:
        groups.add_signal(signal, linked.get(signal.key))
    cases = [replace(case, evidence=replace(case.evidence, weights=_weights_of(case.evidence, weights or {})))
             for case in _cases(groups, known, placed, blind, ended)]
    return tuple(sorted(cases + _only_planned(planned_out), key=lambda c: (
        c.evidence.service, c.evidence.regions, c.incident or "")))


def _weights_of(evidence: Evidence, weights: Mapping[str, float]) -> dict[str, float]:
    """The weights of the sources that speak in this evidence."""
    return {signal.source: weights[signal.source] for signal in evidence.signals if signal.source in weights}


def overlap(evidence: Evidence) -> str:
    """A sentence naming sources that have several incidents of their own in this evidence; "" where none has."""
    reports: dict[str, set[str]] = {}
    for signal in evidence.signals:
        if signal.klass is SignalClass.OFFICIAL and signal.level.is_trouble:
            reports.setdefault(signal.source, set()).add(signal.fingerprint)
    several = [f"{len(prints)} incidents of {source}" for source, prints in sorted(reports.items()) if len(prints) > 1]
    return f"{' and '.join(several)} overlap here: one outage for customers" if several else ""


# ── Planned work ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _without_planned(
    trouble: Sequence[Signal], linked: Mapping[Key, str], planned: Sequence[Planned]
) -> tuple[list[Signal], list[tuple[Signal, Planned]]]:
    """Split signals into those that count and those a window explains."""
    counts: list[Signal] = []
    out: list[tuple[Signal, Planned]] = []
    for signal in trouble:
        window = next((p for p in planned if p.service == signal.service and signal.region in p.regions), None)
        if window is None or signal.key in linked or signal.klass is SignalClass.STAFF:
            counts.append(signal)
        else:
            out.append((signal, window))
    return counts, out


def _only_planned(out: Sequence[tuple[Signal, Planned]]) -> list[Case]:
    """One Case without signals for each window that explains some: so that silence has a reason on record."""
    by_window: dict[tuple[str, str], list[tuple[Signal, Planned]]] = {}
    for signal, window in out:
        by_window.setdefault((window.service, window.id), []).append((signal, window))
    cases = []
    for (service, id), pairs in sorted(by_window.items()):
        places = ", ".join(sorted({signal.region for signal, _ in pairs}))
        until = rfc3339(pairs[0][1].until)
        said = f"planned work {id} until {until} explains {len(pairs)} signals about {service} in {places}"
        cases.append(Case(Evidence(service, (), ()), left_out=(said,)))
    return cases


# ── Groups ───────────────────────────────────────────────────────────────────────────────────────────────────────────

Label = tuple[str, ...]


class _Groups:
    """Union-find over what can tie signals together: a region, an official report, an incident; by service."""

    def __init__(self, tree: RegionTree) -> None:
        self.tree = tree
        self.parent: dict[Label, Label] = {}
        self.signals: list[Signal] = []
        self.incidents: list[Incident] = []

    def add_incident(self, known: Known) -> None:
        """An open incident ties the regions it speaks of."""
        incident = known.incident
        self.incidents.append(incident)
        at = self._find(("incident", incident.id))
        for region in incident.regions:
            if region in self.tree:
                at = self._tie(at, ("region", incident.service, region))
        for signal in known.linked:
            if signal.klass is SignalClass.OFFICIAL:
                at = self._tie(at, ("report", signal.service, signal.source, signal.fingerprint))

    def add_signal(self, signal: Signal, incident: str | None) -> None:
        """A signal ties its region, its report where official, and the incident that had it before."""
        self.signals.append(signal)
        at = self._find(("region", signal.service, signal.region))
        if signal.klass is SignalClass.OFFICIAL:
            at = self._tie(at, ("report", signal.service, signal.source, signal.fingerprint))
        if incident is not None:
            self._tie(at, ("incident", incident))

    def gathered(self) -> list[tuple[list[Incident], list[Signal]]]:
        """The groups, once ancestors among the named regions have joined their descendants."""
        for label in [label for label in self.parent if label[0] == "region"]:
            for above in self.tree.path(label[2])[1:]:
                if ("region", label[1], above) in self.parent:
                    self._tie(label, ("region", label[1], above))
        found: dict[Label, tuple[list[Incident], list[Signal]]] = {}
        for incident in self.incidents:
            found.setdefault(self._find(("incident", incident.id)), ([], []))[0].append(incident)
        for signal in self.signals:
            found.setdefault(self._find(("region", signal.service, signal.region)), ([], []))[1].append(signal)
        return list(found.values())

    def _find(self, label: Label) -> Label:
        self.parent.setdefault(label, label)
        while self.parent[label] != label:
            self.parent[label] = self.parent[self.parent[label]]
            label = self.parent[label]
        return label

    def _tie(self, one: Label, other: Label) -> Label:
        one, other = self._find(one), self._find(other)
        self.parent[other] = one
        return one


# ── Cases ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cases(
    groups: _Groups, known: Sequence[Known], placed: Sequence[Signal], blind: frozenset[str], ended: frozenset[Key]
) -> list[Case]:
    by_id = {one.incident.id: one for one in known}
    closed = [one for one in known if not one.incident.state.is_open]
    spoke = _spoke(placed, known)
    taken: set[str] = set()
    cases = []
    for incidents, signals in groups.gathered():
        service = incidents[0].service if incidents else signals[0].service
        by_age = sorted(incidents, key=lambda i: (i.opened_at, i.id))
        claims = [by_id[i.id] for i in by_age]
        if not claims:
            claims = [k for k in _reopened(closed, signals, groups.tree) if k.incident.id not in taken]
            taken.update(k.incident.id for k in claims)
        evidence = Evidence(
            service=service,
            regions=join(groups.tree, (s.region for s in signals)),
            signals=tuple(sorted([*signals, *_lesser(claims, placed)], key=lambda s: s.key)),
            over=_over(claims, placed, ended),
            blind=tuple(sorted(blind & spoke.get(service, frozenset()))),
        )
        cases.append(Case(evidence, claims[0].incident.id if claims else None, tuple(i.id for i in by_age[1:])))
    return cases


def _reopened(closed: Sequence[Known], signals: Sequence[Signal], tree: RegionTree) -> list[Known]:
    """The latest closed incident these signals bring back: one of its own signals, or a region related to its own."""
    keys = {s.key for s in signals}
    back = [
        one for one in closed
        if one.incident.service == signals[0].service and (
            any(s.key in keys for s in one.linked)
            or any(tree.related(s.region, r) for s in signals for r in one.incident.regions if r in tree)
        )
    ]
    return [max(back, key=lambda k: (k.incident.opened_at, k.incident.id))] if back else []


def _lesser(claims: Sequence[Known], placed: Sequence[Signal]) -> list[Signal]:
    """The claiming incidents' own signals whose source has since lowered them below trouble."""
    mine = {s.key for k in claims for s in k.linked}
    return [s for s in placed if s.key in mine and not s.level.is_trouble]


def _over(claims: Sequence[Known], placed: Sequence[Signal], ended: frozenset[Key]) -> tuple[Signal, ...]:
    """What the claiming incidents were told of and no source says any more."""
    still = {s.key for s in placed}
    over = {s.key: replace(s, level=Level.OK, lasts_until=None if s.key in ended else s.lasts_until)
            for k in claims for s in k.linked if s.key not in still}
    return tuple(over[key] for key in sorted(over))


def _spoke(placed: Sequence[Signal], known: Sequence[Known]) -> dict[str, frozenset[str]]:
    """By service, the sources that have spoken of it."""
    found: dict[str, set[str]] = {}
    for signal in [*placed, *(s for k in known for s in k.linked)]:
        found.setdefault(signal.service, set()).add(signal.source)
    return {service: frozenset(sources) for service, sources in found.items()}
