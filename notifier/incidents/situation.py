"""What decide() has to know besides the evidence: the rules of one moment, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ..model.incident import Incident
from ..model.notice import Notice, NoticeState, Stage, Wording
from ..model.policy import NoticeRule, Release
from ..model.region import RegionTree
from ..model.workaround import Workaround

LIVE = (NoticeState.WAITING, NoticeState.RELEASED)
ANSWERED = (NoticeState.WAITING, NoticeState.RELEASED, NoticeState.REFUSED)
"""What is waiting, was said, or was refused by a person is not asked for again. What expired unanswered is."""


class Sight(StrEnum):
    """What the evidence shows."""

    TROUBLE = "trouble"
    CALM = "calm"
    UNKNOWN = "unknown"
    """No source that can be heard reports trouble, and the end of it was not seen."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that matters besides incident and evidence.

    `notices`: every notice of the incident and of those merged into it, oldest first. `workaround`: a verified one that
    fits and was not offered yet. `left_out`: what planned work explains, in words. `template`: the one a new incident
    of this service gets. `killed`: the kill switch is on.
    """

    regions: RegionTree
    notices: tuple[Notice, ...] = ()
    workaround: Workaround | None = None
    left_out: tuple[str, ...] = ()
    template: str = ""
    killed: bool = False

    @property
    def released(self) -> tuple[Notice, ...]:
        """What was said."""
        return tuple(n for n in self.notices if n.state is NoticeState.RELEASED)

    @property
    def waiting(self) -> tuple[Notice, ...]:
        """What waits for a person or its deadline."""
        return tuple(n for n in self.notices if n.state is NoticeState.WAITING)

    @property
    def last_released(self) -> Notice | None:
        """The last thing said."""
        return max(self.released, key=lambda n: (n.released_at or n.created_at, n.sequence), default=None)

    @property
    def said_over(self) -> bool:
        """Whether the last thing said is that it is over."""
        last = self.last_released
        return last is not None and last.stage is Stage.RESOLVE


@dataclass(frozen=True, slots=True)
class Want:
    """A notice that should be made, and why. `workaround` is the id of the one to pass on."""

    stage: Stage
    wording: Wording
    reason: str
    workaround: str | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """A waiting notice that makes no sense any more, and why."""

    notice: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from the evidence. `after` None: there is no incident and none is opened; the id of a newly opened
    one is "" until the decider gives it one. `notable`: worth a line in the incident's history."""

    reason: str
    after: Incident | None
    wants: tuple[Want, ...] = ()
    drops: tuple[Drop, ...] = ()
    notable: bool = field(default=False)


def answered(notices: Iterable[Notice], *stages: Stage, since: datetime | None = None) -> tuple[Notice, ...]:
    """Notices of these stages that wait, went out or were refused, made at or after `since`."""
    return tuple(n for n in notices
                 if n.stage in stages and n.state in ANSWERED and (since is None or n.created_at >= since))


def lead(rule: NoticeRule) -> timedelta:
    """How long before a promised update it must be asked for, so that the promise is kept: a minute where it goes out
    by itself, the time staff have where it waits for them, ten minutes where it waits without end."""
    if rule.release is Release.AUTO:
        return timedelta(minutes=1)
    return rule.after or timedelta(minutes=10)
