"""Workarounds that customers found or a vendor named: kept for a person to judge, never passed on by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ..model.incident import Incident
from ..model.signal import Evidence, Signal, SignalClass
from ..model.workaround import Workaround
from .turn import Turn

FACTS = ("workaround", "workaround_2", "workaround_3")
"""Facts of a signal: what makes it work again, in one customer's or the vendor's words, best first; each may have
another beside it, with "_said" after its name: who says so, as JSON."""
ORIGINS = {SignalClass.CROWD: "mentions", SignalClass.OFFICIAL: "vendor", SignalClass.MEASUREMENT: "vendor"}
"""Where a candidate comes from, by who said it (alerts carry their owner's)."""
TEXT_LIMIT = 500
SAID_LIMIT = 4_000
MOST = 5
"""Candidates an incident keeps: a person has to read them."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What is said to help. `name`: what stays the same of it while more people say it in other words."""

    text: str
    name: str
    evidence: str
    facts: dict[str, str] = field(default_factory=dict)


def keep_candidates(turn: Turn, incident: Incident, evidence: Evidence) -> None:
    """Keep what is said to help as unverified workarounds of this incident, each once, with who said so. More people
    or other words change a candidate as long as nobody has vouched for it."""
    said = {one.name: (signal, one) for signal in evidence.signals if signal.klass in ORIGINS for one in _told(signal)}
    if not said:
        return
    have = {w.id: w for w in turn.tx.workarounds(incident=incident.id) if w.origin in ORIGINS.values()}
    language = turn.plans.speaker.company.languages[0]
    for name, (signal, one) in sorted(said.items()):
        id = f"{incident.id}-{sha256(name.encode()).hexdigest()[:8]}"
        known = have.get(id)
        if known is None and len(have) >= MOST:
            continue
        if known is not None and (known.verified_by is not None or known.evidence == one.evidence):
            continue
        have[id] = Workaround(id=id, service=incident.service, texts={language: one.text},
                              origin=ORIGINS[signal.klass], incident=incident.id, evidence=one.evidence,
                              facts=one.facts)
        turn.tx.put_workaround(have[id])
        turn.changed = True


def _told(signal: Signal) -> Iterator[_Candidate]:
    """What one signal says helps."""
    for name in FACTS:
        text = signal.facts.get(name, "").strip()[:TEXT_LIMIT]
        if not text:
            continue
        counted = _counted(signal.facts.get(f"{name}_said", ""))
        if counted is not None:
            yield _Candidate(text, *counted)
        elif signal.klass is SignalClass.CROWD:
            yield _Candidate(text, text, signal.why)
        else:
            yield _Candidate(text, text, f"{signal.source}: {signal.why}")


def _counted(said: str) -> tuple[str, str, dict[str, str]] | None:
    """(name, evidence, facts) of advice whose people were counted; None where nothing of the kind is told."""
    if not said or len(said) > SAID_LIMIT:
        return None
    try:
        found: Any = json.loads(said)
        people, failed = int(found["people"]), int(found["failed"])
        samples = [str(sample)[:TEXT_LIMIT] for sample in found["samples"][:3]]
        name = str(found["advice"])[:100]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    evidence = f"{people} people say so" + (f", {failed} that it failed" if failed else ", nobody that it failed")
    return name, evidence, {f"sample_{number}": sample for number, sample in enumerate(samples, start=1)}
