"""Signals and the evidence they amount to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from .times import utc


class SignalClass(StrEnum):
    """Who says so. Two classes that agree are worth more than one that shouts."""

    OFFICIAL = "official"
    MEASUREMENT = "measurement"
    CROWD = "crowd"
    STAFF = "staff"


class Level(IntEnum):
    """How bad. OK closes what the same fingerprint opened; NOTICE is worth knowing and never opens anything;
    MAINTENANCE is planned work."""

    OK = 0
    NOTICE = 1
    MAINTENANCE = 2
    MINOR = 3
    MAJOR = 4
    CRITICAL = 5

    @property
    def is_trouble(self) -> bool:
        """Whether a signal of this level may open an incident."""
        return self >= Level.MINOR


@dataclass(frozen=True, slots=True)
class Signal:
    """One observation by one source of one service in one region.

    (`source`, `fingerprint`, `service`, `region`) names it: a later signal of the same four replaces the earlier one,
    however its wording changed; level OK ends it. `started_at` is when the trouble began by the source's account,
    `observed_at` when we learnt it. `score` is 0..1, how strongly this speaks (1 for official word). `why` is one
    sentence for people. `lasts_until` is when the signal goes quiet by itself if nothing renews it; None: never.
    `facts` are the source's own words worth keeping (workaround, restoration time, top words, sample posts); text.
    """

    source: str
    klass: SignalClass
    service: str
    region: str
    level: Level
    observed_at: datetime
    started_at: datetime
    fingerprint: str
    score: float = 1.0
    why: str = ""
    lasts_until: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "observed_at", utc(self.observed_at))
        object.__setattr__(self, "started_at", utc(self.started_at))
        if self.lasts_until is not None:
            object.__setattr__(self, "lasts_until", utc(self.lasts_until))

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two signals the same one told again."""
        return (self.source, self.fingerprint, self.service, self.region)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The open signals that speak of one service in one connected part of the tree, and what they amount to.

    `regions` are the outermost regions the signals name, sorted: a notice may not reach outside them unless a person
    widened it. `blind` names the sources that ought to speak of this and are stale or failing: their silence is
    unknown, not health. `over` are the signals that have ended (level OK) since the incident opened. `weights`
    say how much a source's word counts by its track record (see incidents.track); 1 where it has none.
    """

    service: str
    regions: tuple[str, ...]
    signals: tuple[Signal, ...]
    over: tuple[Signal, ...] = ()
    blind: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def classes(self) -> frozenset[SignalClass]:
        """The classes that report trouble now."""
        return frozenset(s.klass for s in self.signals if s.level.is_trouble)

    @property
    def level(self) -> Level:
        """The worst level any open signal reports."""
        return max((s.level for s in self.signals), default=Level.OK)

    @property
    def started_at(self) -> datetime | None:
        """When the trouble began by the earliest account; None without signals."""
        return min((s.started_at for s in self.signals), default=None)

    @property
    def observed_at(self) -> datetime | None:
        """When we first learnt of it; None without signals."""
        return min((s.observed_at for s in self.signals), default=None)


class Freshness(StrEnum):
    """What a source's last answers are worth."""

    FRESH = "fresh"
    STALE = "stale"
    SUSPECT = "suspect"
    FAILING = "failing"
    UNPROVEN = "unproven"
    """Nothing was ever read from it."""
