"""How our incidents answer what a vendor told: opened once, closed once, wrongly opened, merged, split, unplaced.

A vendor's trouble is answered where exactly one incident of ours holds it for each time it was open. One incident may
hold several troubles: those of one region that were open at one time are one outage for customers, and are counted as
joined; that they met in time and lie in one part of the tree is checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from notifier.model.incident import Incident, IncidentState
from notifier.model.signal import Signal

from .deployments import Played
from .vendor import CLOSES_AFTER, Told

SECOND = timedelta(seconds=1)
_WRONG = ("missed", "split", "not_closed", "invented", "merged", "misplaced", "unplaced")
Held = tuple[Incident, tuple[Signal, ...]]


@dataclass
class Count:
    """The table of one replay. Every list names what it counts."""

    name: str
    known: int = 0
    due: int = 0
    times: int = 0
    opened: int = 0
    joined: int = 0
    closed: int = 0
    left_open: int = 0
    ours: int = 0
    missed: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    not_closed: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    not_due: Mapping[str, int] = field(default_factory=dict)

    @property
    def right(self) -> float:
        """Share of those that were due which opened once and closed once (or are open as the vendor's is)."""
        return 1 - len({*self.missed, *self.split, *self.not_closed}) / self.due if self.due else 0.0

    def __add__(self, other: Count) -> Count:
        """Two stretches of one history together."""
        sums = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)
                if one.name not in ("name", "not_due")}
        not_due = Counter(self.not_due) + Counter(other.not_due)
        return Count(name=self.name, not_due=not_due, **sums)

    def line(self) -> str:
        """The table on one line."""
        wrong = {what: len(getattr(self, what)) for what in _WRONG if getattr(self, what)}
        return (f"{self.name}: {self.known:,} told, {self.due:,} due, {self.opened:,} opened once, "
                f"{self.joined:,} joined, {self.closed:,} closed once, {self.left_open:,} open at the end, "
                f"{self.ours:,} of ours, {self.right:.2%}{f', {wrong}' if wrong else ''}")

    def __str__(self) -> str:
        rows: list[tuple[str, int]] = [
            ("told by the vendor", self.known), ("due: ever open as minor trouble or worse", self.due),
            ("  times they were", self.times),
            ("  opened once each time", self.opened + self.joined),
            ("    of these joined one in their region", self.joined),
            ("  closed once each time", self.closed), ("  open at the end, as the vendor's are", self.left_open),
            ("  missed", len(self.missed)), ("  split", len(self.split)),
            ("  not closed in time", len(self.not_closed)),
            ("our incidents", self.ours), ("  wrongly opened", len(self.invented)),
            ("  wrongly merged", len(self.merged)), ("  in a wrong region", len(self.misplaced)),
            ("unplaced", len(self.unplaced)), *((f"not due: {why}", n) for why, n in sorted(self.not_due.items()))]
        lines = [f"\n{self.name}", *(f"  {label:<58}{count:>7,}" for label, count in rows),
                 f"  {'opened once and closed once, of those due':<58}{self.right:>7.2%}"]
        for what in _WRONG:
            lines += [f"    {what}: {one}" for one in getattr(self, what)[:6]]
        return "\n".join(lines)


def count(
    name: str, told: Mapping[str, Told], played: Played, *, regions: Mapping[str, frozenset[str]] | None = None,
    unplaced: Iterable[str] = (), not_due: Mapping[str, int] | None = None,
) -> Count:
    """Hold our incidents against a vendor's troubles by fingerprint. `regions`: where each may have been placed."""
    held = [one for one in played.incidents if one[0].state is not IncidentState.MERGED]
    found = Count(name, known=len(told), ours=len(held), unplaced=list(unplaced), not_due=not_due or {})
    by_print: dict[str, list[Held]] = {}
    for incident, evidence in held:
        prints = sorted({signal.fingerprint for signal in evidence})
        for print_ in prints:
            by_print.setdefault(print_, []).append((incident, evidence))
        members = [told[one] for one in prints if one in told]
        if not any(one.open_during(incident) for one in members):
            found.invented.append(f"{incident.id} {incident.opened_at} {incident.reason}")
        found.merged += _strangers(incident, members)
        if regions is not None:
            found.misplaced += [f"{s.fingerprint} in {s.region}" for s in evidence
                                if s.fingerprint in told and s.region not in regions.get(s.fingerprint, frozenset())]
    led: set[str] = set()
    for one in sorted((one for one in told.values() if one.spans), key=lambda one: (one.spans[0][0], one.id)):
        _judge(one, told, by_print.get(one.fingerprint, []), led, found)
    return found


def _strangers(incident: Incident, members: list[Told]) -> list[str]:
    """Members of an incident that were never open at one time with any other of them."""
    if len(members) < 2:
        return []
    return [f"{one.fingerprint} {one.title!r} in {incident.id}" for one in members
            if not any(other is not one and other.meets(one) for other in members)]


def _judge(one: Told, told: Mapping[str, Told], mine: list[Held], led: set[str], found: Count) -> None:
    found.due += 1
    found.times += len(one.spans)
    words = f"{one.fingerprint} {one.title!r} {one.spans[0][0]:%Y-%m-%d %H:%M}"
    if not mine:
        found.missed.append(words)
        return
    if len(mine) > len(one.spans):
        found.split.append(f"{words} in {', '.join(incident.id for incident, _ in mine)}")
    elif mine[0][0].id in led:
        found.joined += 1
    else:
        found.opened += 1
    led.update(incident.id for incident, _ in mine)
    if one.is_open:
        if mine[-1][0].state.is_open:
            found.left_open += 1
        else:
            found.not_closed.append(f"{words}: closed though the vendor's is open")
    elif _ended_in_time(one, told, mine[-1]):
        found.closed += 1
    else:
        found.not_closed.append(f"{words} in {mine[-1][0].id}")


def _ended_in_time(one: Told, told: Mapping[str, Told], held: Held) -> bool:
    """Whether the incident ended after this trouble did, and soon after the last of all it holds."""
    incident, evidence = held
    members = [told[s.fingerprint] for s in evidence if s.fingerprint in told]
    if any(member.is_open for member in members):
        return incident.state.is_open
    ends = [end for member in members for _, end in member.spans if end is not None and end > incident.opened_at]
    end = incident.resolved_at
    last = one.spans[-1][1]
    assert last is not None
    return end is not None and last <= end <= _chain(incident.opened_at, members, max(ends)) + CLOSES_AFTER + SECOND


def _chain(opened: datetime, members: Iterable[Told], latest: datetime) -> datetime:
    """When the unbroken run of members that began at `opened` ended; `latest` bounds it."""
    spans = sorted((begin, end) for member in members for begin, end in member.spans if end is not None)
    run = opened
    for begin, end in spans:
        if end > opened and begin <= run + CLOSES_AFTER + SECOND:
            run = max(run, end)
    return min(run, latest)
