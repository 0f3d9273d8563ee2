"""What a vendor's page said over time, read from the recorded polls themselves: the oracle for what has to open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from notifier.model.incident import Incident, IncidentState
from notifier.model.signal import Signal
from notifier.model.times import parse_rfc3339

from .deployments import Played

OVER = frozenset({"resolved", "postmortem", "completed"})
OUT = frozenset({"degraded_performance", "partial_outage", "major_outage", "full_outage"})
TROUBLE = frozenset({"minor", "major", "critical"})
CLOSES_AFTER = timedelta(minutes=1, seconds=3)
"""clear_after and hold_down of these deployments, and a second or two in which the daemon decides."""


@dataclass
class Told:
    """One incident or component as the vendor told it: the spans of time in which it was public as trouble."""

    id: str
    kind: str = "incident"
    title: str = ""
    impacts: set[str] = field(default_factory=set)
    spans: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """What the source calls it."""
        return f"{self.kind}:{self.id}"

    @property
    def is_open(self) -> bool:
        """Whether its last span has no end yet."""
        return bool(self.spans) and self.spans[-1][1] is None

    def meets(self, other: Told) -> bool:
        """Whether both were open at one time, counting the minute an incident of ours stays open after calm."""
        return any((d is None or a < d + CLOSES_AFTER) and (b is None or c < b + CLOSES_AFTER)
                   for a, b in self.spans for c, d in other.spans)

    def open_during(self, incident: Incident) -> bool:
        """Whether one of its spans lies within the life of an incident of ours."""
        return any(incident.opened_at < (end or incident.opened_at) + CLOSES_AFTER + timedelta(seconds=1)
                   and (incident.resolved_at is None or begin < incident.resolved_at)
                   for begin, end in self.spans)


def history(polls: Iterable[Mapping[str, Any]], *, whole: bool) -> dict[str, Told]:
    """Every incident and component in the polls, by fingerprint. `whole`: a page lists all that is open, so that what
    vanishes is over."""
    found: dict[str, Told] = {}
    for poll in polls:
        at = parse_rfc3339(poll["fetched_at"])
        listed: dict[str, Told] = {}
        for one in poll["body"]["incidents"]:
            told = _told(found, listed, str(one["id"]), "incident")
            told.title = one["name"]
            told.impacts.add(one["impact"])
            _note(told, at, open_now=one["status"] not in OVER)
        for one in poll["body"].get("components", ()):
            told = _told(found, listed, str(one["id"]), "component")
            told.title = f"the component {one['name']!r}, not operational"
            told.impacts.add("major" if one["status"] in OUT else "none")
            _note(told, at, open_now=one["status"] in OUT)
        for fingerprint, told in found.items() if whole else ():
            if fingerprint not in listed:
                _note(told, at, open_now=False)
    return found


def _told(found: dict[str, Told], listed: dict[str, Told], id: str, kind: str) -> Told:
    told = found.setdefault(f"{kind}:{id}", Told(id, kind))
    listed[told.fingerprint] = told
    return told


def _note(told: Told, at: datetime, *, open_now: bool) -> None:
    if open_now and told.impacts & TROUBLE and not told.is_open:
        told.spans.append((at, None))
    elif not open_now and told.is_open:
        told.spans[-1] = (told.spans[-1][0], at)


@dataclass
class Account:
    """How our incidents answer the vendor's, one line for each kind of answer."""

    name: str
    vendor: int = 0
    due: int = 0
    ours: int = 0
    closed: int = 0
    opened: int = 0
    merged: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    not_due: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        rows = [("incidents in the data", self.vendor), ("ever public as unresolved trouble", self.due),
                ("  opened an incident of ours", self.opened),
                ("  joined one that was open already", len(self.merged)),
                ("  missed", len(self.missed)),
                ("our incidents", self.ours), ("  closed", self.closed), ("  wrongly opened", len(self.wrong)),
                *((f"not to be opened: {why}", count) for why, count in sorted(self.not_due.items()))]
        lines = [f"\n{self.name}", *(f"  {label:<58}{count:>6,}" for label, count in rows)]
        lines += [f"    joined: {one}" for one in self.merged[:6]]
        lines += [f"    … and {len(self.merged) - 6} more"] if len(self.merged) > 6 else []
        lines += [f"    {kind}: {one}" for kind, several in (("missed", self.missed), ("wrong", self.wrong),
                                                           ("unexplained", self.unexplained)) for one in several[:10]]
        return "\n".join(lines)


def account(name: str, told: Mapping[str, Told], played: Played) -> Account:
    """Hold our incidents against the vendor's: who opened, who joined whom and whether they met in time, who is
    missing, and what of ours nothing explains."""
    incidents = [one for one in told.values() if one.kind == "incident"]
    found = Account(name, vendor=len(incidents), ours=len(played.incidents))
    holders: dict[str, list[tuple[Incident, tuple[Signal, ...]]]] = {}
    for incident, evidence in played.incidents:
        found.closed += incident.state in (IncidentState.RESOLVED, IncidentState.MERGED)
        known = [told[f] for f in sorted({s.fingerprint for s in evidence}) if f in told]
        if not any(one.open_during(incident) for one in known):
            found.wrong.append(f"{incident.id} {incident.opened_at} {incident.reason}")
        if incident.state is not IncidentState.MERGED:
            for one in known:
                holders.setdefault(one.fingerprint, []).append((incident, evidence))
    led: set[str] = set()
    for one in sorted(incidents, key=_begin):
        _judge(one, told, holders, led, found)
    return found


def _begin(told: Told) -> float:
    return told.spans[0][0].timestamp() if told.spans else float("inf")


def _judge(one: Told, told: Mapping[str, Told], holders: Mapping[str, list[tuple[Incident, tuple[Signal, ...]]]],
           led: set[str], found: Account) -> None:
    if not one.spans:
        found.not_due["impact none" if not one.impacts & TROUBLE else "first told when it was over"] += 1
        return
    found.due += 1
    mine = holders.get(one.fingerprint, [])
    if not mine:
        found.missed.append(f"{one.id} {one.title}")
    elif mine[0][0].id not in led:
        led.add(mine[0][0].id)
        found.opened += 1
    else:
        incident, evidence = mine[0]
        others = [told[s.fingerprint] for s in evidence
                  if s.fingerprint in told and s.fingerprint != one.fingerprint]
        mate = next((other for other in others if other.meets(one)), None)
        words = f"{one.id} {one.title!r} with " + (f"{mate.id} {mate.title!r}" if mate else "none that met it")
        (found.merged if mate else found.unexplained).append(f"{words} in {incident.id}")
