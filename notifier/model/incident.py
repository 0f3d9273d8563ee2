"""Incidents and the moves they are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .signal import Level


class IncidentState(StrEnum):
    """Where an incident stands. RESOLVED, WITHDRAWN and MERGED are final, but for the reopening of a RESOLVED one
    within the policy's hold-down."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    ACKNOWLEDGED = "acknowledged"
    WORKAROUND_KNOWN = "workaround_known"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"

    @property
    def is_open(self) -> bool:
        """Whether evidence still moves this incident."""
        return self not in (IncidentState.RESOLVED, IncidentState.WITHDRAWN, IncidentState.MERGED)


_S = IncidentState
_ENDS = frozenset({_S.RESOLVED, _S.WITHDRAWN, _S.MERGED})
MOVES: Mapping[IncidentState, frozenset[IncidentState]] = {
    _S.SUSPECTED: frozenset({_S.CONFIRMED, _S.ACKNOWLEDGED, _S.WORKAROUND_KNOWN, _S.MONITORING}) | _ENDS,
    _S.CONFIRMED: frozenset({_S.ACKNOWLEDGED, _S.WORKAROUND_KNOWN, _S.MONITORING}) | _ENDS,
    _S.ACKNOWLEDGED: frozenset({_S.WORKAROUND_KNOWN, _S.MONITORING}) | _ENDS,
    _S.WORKAROUND_KNOWN: frozenset({_S.ACKNOWLEDGED, _S.MONITORING}) | _ENDS,
    _S.MONITORING: frozenset({_S.CONFIRMED, _S.ACKNOWLEDGED, _S.WORKAROUND_KNOWN}) | _ENDS,
    _S.RESOLVED: frozenset({_S.SUSPECTED, _S.CONFIRMED, _S.ACKNOWLEDGED}),
    _S.WITHDRAWN: frozenset(),
    _S.MERGED: frozenset(),
}
"""Allowed moves. RESOLVED opens again only inside the policy's hold-down: that is flapping, not a new outage."""


class MoveNotAllowed(Exception):
    """An incident was told to make a move its table does not have: look at `MOVES` before deciding."""

    def __init__(self, incident: str, before: IncidentState, after: IncidentState) -> None:
        super().__init__(f"incident {incident} cannot go from {before} to {after}")


@dataclass(frozen=True, slots=True)
class Incident:
    """One outage of one service in one connected set of regions, as we understand it.

    `id` doubles as the reference printed in notices ("I131114-1": day and number of that day). `regions` is what
    notices may speak of: the evidence's regions, or what a person widened it to (`widened_by` then names them).
    `policy` and `template` are the ids in force when it opened; a reload never changes them under way.
    Each `*_at` is the first time it got there. `version` grows by one with every stored change.
    """

    id: str
    service: str
    regions: tuple[str, ...]
    state: IncidentState
    level: Level
    started_at: datetime
    opened_at: datetime
    policy: str
    template: str
    reason: str = ""
    confirmed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    workaround_at: datetime | None = None
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None
    calm_since: datetime | None = None
    """Since when no open signal reports trouble; None while any does."""
    held_by: str | None = None
    """Who told the daemon to say nothing by itself about this incident; None: nobody."""
    widened_by: str | None = None
    opened_by: str | None = None
    """The person who opened it by hand; None where evidence did."""
    merged_into: str | None = None
    next_update_by: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Move:
    """One step of an incident's history, kept for ever: what changed, when, why, and on whose word ("policy" or a
    person's name)."""

    incident: str
    at: datetime
    before: IncidentState | None
    after: IncidentState
    reason: str
    actor: str = "policy"
