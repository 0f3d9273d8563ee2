"""What staff ask of the daemon. Every request is kept with its answer, so that who did what can be told later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Verb(StrEnum):
    """The requests the decider understands. Arguments are text by name."""

    OPEN = "open"
    """service, regions (comma separated), note; opens a confirmed incident on staff's word."""
    CONFIRM = "confirm"
    """incident, note: it is real, says a person; the evidence still decides when it is over."""
    APPROVE = "approve"
    """notice, digest; refused when the digest is no longer the notice's."""
    REFUSE = "refuse"
    """notice, note."""
    HOLD = "hold"
    """incident, on ("yes"/"no"): say nothing by itself."""
    UPDATE = "update"
    """incident, note: send an update carrying the note (by language: note.<lang>)."""
    WORKAROUND = "workaround"
    """incident, workaround (id) or text: verify and pass on."""
    RESOLVE = "resolve"
    """incident, note."""
    WITHDRAW = "withdraw"
    """incident, note: it was false; correct those who were told."""
    WIDEN = "widen"
    """incident, regions: a person takes responsibility for a wider area."""
    GO_ON = "go_on"
    """notice, channel: tell the rest of a wave whose first people are still looked at, or that was stopped."""
    DROP = "drop"
    """notice, channel: tell nobody else of a wave."""


@dataclass(frozen=True, slots=True)
class StaffRequest:
    """One request, and once taken its answer. `accepted` None: not taken yet."""

    id: int
    verb: Verb
    actor: str
    at: datetime
    arguments: Mapping[str, str] = field(default_factory=dict)
    accepted: bool | None = None
    answer: str = ""
