"""Workarounds that customers found or a vendor named: kept for a person to judge, never passed on by themselves."""

from __future__ import annotations

from hashlib import sha256

from ..model.incident import Incident
from ..model.signal import Evidence, SignalClass
from ..model.workaround import Workaround
from .turn import Turn

FACT = "workaround"
"""Fact of a signal: what makes it work again, in one customer's or the vendor's words."""
ORIGINS = {SignalClass.CROWD: "mentions", SignalClass.OFFICIAL: "vendor", SignalClass.MEASUREMENT: "vendor"}
"""Where a candidate comes from, by who said it (alerts carry their owner's)."""
TEXT_LIMIT = 500
MOST = 5
"""Candidates an incident keeps: a person has to read them."""


def keep_candidates(turn: Turn, incident: Incident, evidence: Evidence) -> None:
    """Keep what is said to help as unverified workarounds of this incident, each once, with who said so."""
    said = {s.facts[FACT].strip()[:TEXT_LIMIT]: s for s in evidence.signals
            if s.klass in ORIGINS and s.facts.get(FACT, "").strip()}
    if not said:
        return
    have = {w.id for w in turn.tx.workarounds(incident=incident.id) if w.origin in ORIGINS.values()}
    language = turn.plans.speaker.company.languages[0]
    for text, signal in sorted(said.items()):
        id = f"{incident.id}-{sha256(text.encode()).hexdigest()[:8]}"
        if id in have or len(have) >= MOST:
            continue
        have.add(id)
        turn.tx.put_workaround(Workaround(
            id=id, service=incident.service, texts={language: text}, origin=ORIGINS[signal.klass],
            incident=incident.id, evidence=signal.why if signal.klass is SignalClass.CROWD
            else f"{signal.source}: {signal.why}"))
        turn.changed = True
