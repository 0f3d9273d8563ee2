"""Workarounds customers found: kept for a person to judge, never passed on by themselves."""

from __future__ import annotations

from hashlib import sha256

from ..model.incident import Incident
from ..model.signal import Evidence, SignalClass
from ..model.workaround import Workaround
from .turn import Turn

FACT = "workaround"
"""Fact of a crowd signal: what posts say makes it work again, in one customer's words."""
TEXT_LIMIT = 500
MOST = 5
"""Candidates an incident keeps: a person has to read them."""


def keep_candidates(turn: Turn, incident: Incident, evidence: Evidence) -> None:
    """Keep what the crowd says helps as unverified workarounds of this incident, each once."""
    said = {s.facts[FACT].strip()[:TEXT_LIMIT]: s for s in evidence.signals
            if s.klass is SignalClass.CROWD and s.facts.get(FACT, "").strip()}
    if not said:
        return
    have = {w.id for w in turn.tx.workarounds(incident=incident.id) if w.origin == "mentions"}
    language = turn.plans.speaker.company.languages[0]
    for text, signal in sorted(said.items()):
        id = f"{incident.id}-{sha256(text.encode()).hexdigest()[:8]}"
        if id in have or len(have) >= MOST:
            continue
        have.add(id)
        turn.tx.put_workaround(Workaround(
            id=id, service=incident.service, texts={language: text}, origin="mentions", incident=incident.id,
            evidence=signal.why))
        turn.changed = True
