"""How our incidents answer a vendor's, as one row of a table: each column a question with a number for an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from notifier.model.incident import Incident, IncidentState
from notifier.model.times import parse_rfc3339
from notifier.ports import Answer, Source

from .deployments import Played
from .vendor import Told

_SHOWN = 40


@dataclass(frozen=True)
class Said:
    """One incident as one answer of a vendor tells it."""

    id: str
    title: str
    trouble: bool
    over: bool


def history_of(polls: Iterable[Mapping[str, Any]], said: Callable[[Any], Iterable[Said]]) -> dict[str, Told]:
    """Every incident of the polls by fingerprint, with the spans in which it was public as trouble that is not over.
    What vanishes from an answer is over."""
    found: dict[str, Told] = {}
    for poll in polls:
        at = parse_rfc3339(poll["fetched_at"])
        listed = set()
        for one in said(poll["body"]):
            told = found.setdefault(f"incident:{one.id}", Told(one.id))
            listed.add(told.fingerprint)
            told.title = one.title
            if not one.over:
                told.impacts.add("major" if one.trouble else "none")
            if one.trouble and not one.over and not told.is_open:
                told.spans.append((at, None))
            elif one.over and told.is_open:
                told.spans[-1] = (told.spans[-1][0], at)
        for fingerprint, told in found.items():
            if fingerprint not in listed and told.is_open:
                told.spans[-1] = (told.spans[-1][0], at)
    return found


def unplaced_in(polls: Iterable[Mapping[str, Any]], source: Source, encode: Callable[[Any], bytes]) -> Counter[str]:
    """What the source reported and could not place, in its words, with how many answers said so."""
    words: Counter[str] = Counter()
    memory: Mapping[str, str] = {}
    for poll in polls:
        at = parse_rfc3339(poll["fetched_at"])
        reading = source.read(Answer(at, 200, {}, encode(poll["body"])), memory, at)
        assert reading.known, (poll["fetched_at"], reading.why)
        words.update(reading.unplaced)
        memory = reading.memory
    return words


@dataclass
class Tally:
    """One row; lists hold what is to be explained, in words."""

    name: str
    vendor: int = 0
    due: int = 0
    opened: int = 0
    closed: int = 0
    still_open: int = 0
    joined: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    unclosed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    not_due: Counter[str] = field(default_factory=Counter)
    ours: int = 0
    led: set[str] = field(default_factory=set)
    """Our incidents that some incident of the vendor's has opened: who comes later has joined."""

    def __str__(self) -> str:
        head = ("incidents in the data", "due", "opened once", "closed once", "open at the end", "joined",
                "wrongly opened", "wrongly merged", "split", "unplaced", "ours")
        row = (self.vendor, self.due, self.opened, self.closed, self.still_open, len(self.joined), len(self.wrong),
               len(self.merged), len(self.split), len(self.unplaced), self.ours)
        lines = ["", f"| {self.name} | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|",
                 "| | " + " | ".join(f"{number:,}" for number in row) + " |"]
        lines += [f"not due: {why}: {count}" for why, count in sorted(self.not_due.items())]
        for kind in ("missed", "unclosed", "wrong", "merged", "split", "unplaced", "joined"):
            several = getattr(self, kind)
            lines += [f"{kind}: {one}" for one in several[:_SHOWN]]
            lines += [f"{kind}: … and {len(several) - _SHOWN} more"] if len(several) > _SHOWN else []
        return "\n".join(lines)


def tally(name: str, told: Mapping[str, Told], played: Played, *, places: Mapping[str, set[str]],
          unplaced: Iterable[str] = ()) -> Tally:
    """Hold our incidents against the vendor's. `told` also knows what was never trouble; `places` are the regions of
    ours that the vendor named for each of its incidents, by fingerprint: an incident of ours elsewhere is wrong."""
    found = Tally(name, vendor=len(told), unplaced=sorted(unplaced))
    held: dict[str, dict[str, list[Incident]]] = {}
    members: dict[str, set[str]] = {}
    for incident, evidence in played.incidents:
        fingerprints = {s.fingerprint for s in evidence if s.fingerprint in told}
        if incident.state is IncidentState.MERGED:
            continue
        found.ours += 1
        members[incident.id] = fingerprints
        if not any(told[one].open_during(incident) for one in fingerprints):
            found.wrong.append(f"{incident.id} {incident.service} {incident.opened_at} {incident.reason}")
        elif elsewhere := set(incident.regions) - {region for one in fingerprints for region in places[one]}:
            found.wrong.append(f"{incident.id} {incident.service} in {sorted(elsewhere)}, which nobody named")
        for one in fingerprints:
            held.setdefault(one, {}).setdefault(incident.service, []).append(incident)
    in_order = sorted(told.items(), key=lambda pair: pair[1].spans[0][0].timestamp() if pair[1].spans else 0.0)
    for fingerprint, one in in_order:
        _judge(one, told, held.get(fingerprint, {}), members, found)
    return found


def _judge(one: Told, told: Mapping[str, Told], mine: Mapping[str, list[Incident]], members: Mapping[str, set[str]],
           found: Tally) -> None:
    if not one.spans:
        found.not_due["told, but never as trouble" if one.impacts else "first told when it was over"] += 1
        return
    found.due += 1
    name = f"{one.id} {one.title[:70]!r} {one.spans[0][0]:%Y-%m-%d %H:%M}"
    if not mine:
        found.missed.append(name)
        return
    if any(len(incidents) > 1 for incidents in mine.values()):
        found.split.append(f"{name} into " + ", ".join(sorted(i.id for several in mine.values() for i in several)))
    else:
        found.opened += 1
        _closed(one, name, mine, found)
    for service, (first, *_) in mine.items():
        others = [told[f] for f in members[first.id] if f != one.fingerprint]
        if others and not any(one.meets(other) for other in others):
            found.merged.append(f"{name} with {others[0].id} in {first.id} ({service})")
    firsts = {several[0].id: members[several[0].id] - {one.fingerprint} for several in mine.values()}
    if firsts.keys() <= found.led:
        mates = sorted({mate.removeprefix("incident:") for others in firsts.values() for mate in others})
        found.joined.append(f"{name} with {', '.join(mates[:3])}")
    found.led |= firsts.keys()


def _closed(one: Told, name: str, mine: Mapping[str, list[Incident]], found: Tally) -> None:
    """Whether what was opened for it is over exactly where it is over: not before its end, and not still open after."""
    end = one.spans[-1][1]
    incidents = [incident for several in mine.values() for incident in several]
    if end is None:
        found.still_open += all(i.state.is_open for i in incidents)
        if not all(i.state.is_open for i in incidents):
            found.unclosed.append(f"{name}: open at the vendor's, not here")
    elif any(i.resolved_at is None for i in incidents):
        found.unclosed.append(f"{name}: still open here")
    elif max(i.resolved_at for i in incidents if i.resolved_at is not None) < end:
        found.unclosed.append(f"{name}: closed before its end at {end:%Y-%m-%d %H:%M}")
    else:
        found.closed += 1
