"""Incidents, evidence and history as lines for people, read at night in a terminal of 80 columns: one thing a line,
what belongs to it below it, deeper. Tables of seven columns fold into ribbons there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..model.incident import Incident, Move
from ..model.signal import Signal, SignalClass
from ..model.times import rfc3339
from ..notices.preview import PreviewRow

Line = tuple[int, str]
"""Spaces before it, and the text, however long."""

_TOLD = {"unusual": "heard", "usual_per_minute": "usual at this hour, people a minute", "by_chance": "by chance",
         "words": "top words", "placed_by": "placed by", "workaround": "helps meanwhile", "restoration": "back",
         "restoration_at": "back at", "cause": "cause", "customers_out": "customers out", "url": "more"}
"""Facts worth a line, in this order, and what the line is called."""


def incident_lines(incident: Incident) -> Iterator[Line]:
    """One incident: what, where, how it stands, and why."""
    yield 0, (f"{incident.id}: {incident.service} in {', '.join(incident.regions)} – {_state(incident)}, "
              f"{incident.level.name.lower()}, since {rfc3339(incident.started_at)}")
    yield 4, incident.reason
    if incident.held_by:
        yield 4, f"held by {incident.held_by}: the daemon says nothing about it by itself"


def _state(incident: Incident) -> str:
    return incident.state.value.replace("_", " ")


def measures(row: PreviewRow, currency: str) -> Iterator[str]:
    """What a text measures on its channel, and what one sending of it costs."""
    if row.problem:
        yield "no text"
        return
    yield f"{row.length} of {row.limit}" + ("" if row.fits else ": TOO LONG")
    if row.kind == "sms":
        yield f"{row.segments} segment{'' if row.segments == 1 else 's'} of {row.encoding}"
    if row.price:
        yield f"{row.price:.3f} {currency}"


def evidence_lines(evidence: Sequence[Signal]) -> Iterator[Line]:
    """Who says so, how strongly, since when, and what else is known of it; regions told of alike in one."""
    told: dict[tuple[object, ...], list[Signal]] = {}
    for signal in evidence:
        alike = (signal.source, signal.fingerprint, signal.level, signal.why, tuple(sorted(signal.facts.items())))
        told.setdefault(alike, []).append(signal)
    for signals in told.values():
        yield from _telling(signals)


def _telling(signals: Sequence[Signal]) -> Iterator[Line]:
    first = signals[0]
    regions = ", ".join(signal.region for signal in signals)
    strength = max(signal.score for signal in signals)
    who = first.source if first.source == first.klass.value else f"{first.klass} source {first.source}"
    yield 2, (f"{who}: {first.service} in {regions}, {first.level.name.lower()}, "
              f"since {rfc3339(min(signal.started_at for signal in signals))}, strength {strength:.2f}")
    yield 6, first.why
    yield from ((6, f"{label}: {text}") for label, text in facts_told(first))


def facts_told(signal: Signal) -> Iterator[tuple[str, str]]:
    """Facts of one signal that staff should read: (what it is, the text). Facts that an earlier release did not keep
    are not there."""
    for name, label in _TOLD.items():
        text = signal.facts.get(name, "")
        said = name == "unusual" and text in signal.why
        if text and not said:
            yield label, text
    for name in sorted(signal.facts):
        if name.startswith("sample_"):
            yield "post", f"“{signal.facts[name]}”"


def history_lines(moves: Iterable[Move]) -> Iterator[Line]:
    """Every step: when, to which state, on whose word, and why."""
    for move in moves:
        before = f"{move.before.value.replace('_', ' ')} → " if move.before else ""
        yield 2, f"{rfc3339(move.at)} {before}{move.after.value.replace('_', ' ')}, by {move.actor}"
        yield 6, move.reason


def crowd_lines(incident: Incident, evidence: Iterable[Signal]) -> Iterator[Line]:
    """What customers say, where an incident rests on them: a sentence for each region, unless it is the incident's
    reason, and how often chance does as much."""
    for signal in evidence:
        chance = signal.facts.get("by_chance")
        said = "" if signal.why in incident.reason else signal.why
        said = "; ".join(filter(None, (said, f"by chance {chance}" if chance else "")))
        if signal.klass is SignalClass.CROWD and said:
            yield 6, said
