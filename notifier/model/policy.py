"""Policies: what evidence is enough for which notice, who must agree, by when, and how far it may reach."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from .notice import Stage
from .settings import Duration, Settings, Slug
from .signal import Level, SignalClass


def parse_level(value: Any) -> Level:
    """A severity by its name, such as "major". Raises ValueError with the names."""
    if isinstance(value, Level):
        return value
    if isinstance(value, str) and value in _LEVELS:
        return _LEVELS[value]
    raise ValueError(f"expected one of {', '.join(_LEVELS)}")


_LEVELS = {level.name.lower(): level for level in Level if level.is_trouble}
"""Severities of incidents: nothing milder opens one."""
LevelByName = Annotated[Level, BeforeValidator(parse_level), WithJsonSchema({"enum": sorted(_LEVELS)})]
Score = Annotated[float, Field(ge=0, le=1)]
Enough = tuple[Mapping[SignalClass, Score], ...]
"""Alternatives, any of which is enough; within one, every class named must reach its score."""


class Release(StrEnum):
    """How a notice gets out."""

    AUTO = "auto"
    APPROVE = "approve"
    APPROVE_OR_AFTER = "approve_or_after"


class NoticeRule(Settings):
    """How one stage is released."""

    release: Release = Release.APPROVE
    after: Duration | None = None
    """With approve_or_after: how long staff have before it goes out by itself."""
    valid_for: Duration = timedelta(hours=1)
    """How long the text is worth hearing; it is never sent later."""


class Policy(Settings):
    """One policy. The first in the file whose `services`, `regions` and `levels` all fit is used."""

    id: Slug
    services: tuple[str, ...] = ()
    """Services it is for; empty: all."""
    regions: tuple[str, ...] = ()
    """Regions it is for, with all below them; empty: all."""
    levels: tuple[LevelByName, ...] = ()
    """Severities it is for: minor, major, critical; empty: all."""
    suspect: Enough
    """Evidence that opens a suspected incident."""
    confirm: Enough
    """Evidence that confirms it."""
    acknowledge_at: str = Field(default="suspected", pattern="^(suspected|confirmed)$")
    """Whether a suspicion is acknowledged ("reports reached us") or only what is confirmed."""
    notices: Mapping[Stage, NoticeRule] = Field(default_factory=dict)
    """Release by stage; a stage not named waits for approval."""
    clear_after: Duration = timedelta(minutes=10)
    """How long all evidence must have been calm before the all-clear."""
    hold_down: Duration = timedelta(minutes=30)
    """Trouble that returns this soon after the all-clear reopens the incident instead of beginning a new one."""
    update_every: Duration | None = None
    """Next update promised in each notice; None: none promised."""
    audience_cap: int | None = Field(default=None, ge=0)
    """Subscribers one notice may reach with fewer than two people's approval; beyond it only public accounts speak
    until the second has agreed. None: no cap."""
    channels: tuple[str, ...] = ()
    """Channels it speaks on; empty: all."""

    def rule(self, stage: Stage) -> NoticeRule:
        """The release rule of a stage."""
        return self.notices.get(stage) or NoticeRule()


class MaintenanceWindow(Settings):
    """Planned work: announced before, and no incident is opened for its service and regions while it lasts."""

    id: Slug
    service: str
    regions: tuple[str, ...]
    starts_at: str
    """RFC 3339 with zone."""
    ends_at: str
    """RFC 3339 with zone."""
    announce_before: Duration = timedelta(hours=24)
    note: str = ""
