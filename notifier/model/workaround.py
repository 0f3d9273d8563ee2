"""Workarounds: what makes it work again, and who vouches for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Workaround:
    """Something customers can do meanwhile. `texts` by language; `verified_by` None: a candidate, never published.

    `origin`: "catalogue", "staff", "mentions" (then `evidence` says how many people said so) or "vendor" (then which
    source said it, of what). `incident` None: known beforehand for the service.
    """

    id: str
    service: str
    texts: Mapping[str, str]
    origin: str
    incident: str | None = None
    regions: tuple[str, ...] = ()
    verified_by: str | None = None
    verified_at: datetime | None = None
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None
    evidence: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
