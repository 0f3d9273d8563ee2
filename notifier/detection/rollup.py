"""Which regions are told of when an outage alarms a region and those around it: as narrow as the people heard allow.

Every complaint counts in its region and in all above, so one outage alarms a whole path of the tree. From the top down:
children speak for their parent, unless several of them fail or they do not explain what their parent hears.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ..model.region import RegionTree
from .settings import DetectionSettings

STAY = 0.15
"""How much more of its people children must explain to take over from a parent that is being reported."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarmed region, and people with a known place in it lately beyond the usual."""

    region: str
    placed: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A region to report, and the alarmed region whose people speak for it (itself, or one above)."""

    region: str
    alarm: str


def choose(alarms: Mapping[str, Alarm], regions: RegionTree, *, placed: Callable[[str], int],
           reported: Collection[str], settings: DetectionSettings) -> tuple[Choice, ...]:
    """The regions to report of those alarmed, sorted. `placed(region)` is the people lately known to be in a region,
    alarmed or not; `reported` are the regions told of at the last look, which change only for a clear reason."""
    paths = [regions.path(region) for region in alarms]
    rules = _Rules(placed, reported, settings, frozenset(region for path in paths for region in path))
    found = [choice for root in sorted({path[-1] for path in paths})
             for choice in _below(root, alarms, regions.children, rules)]
    return tuple(sorted(found, key=lambda choice: choice.region))


@dataclass(frozen=True, slots=True)
class _Rules:
    placed: Callable[[str], int]
    reported: Collection[str]
    settings: DetectionSettings
    touched: Collection[str]
    """Alarmed regions and all above them."""


def _below(region: str, alarms: Mapping[str, Alarm], children: Mapping[str, Sequence[str]],
           rules: _Rules) -> list[Choice]:
    parts = [part for child in children.get(region, ()) if child in rules.touched
             and (part := _below(child, alarms, children, rules))]
    below = [choice for part in parts for choice in part]
    own = alarms.get(region)
    if own is None:
        return below
    if not below:
        return [_focus(own, children, rules)]
    if len(parts) >= rules.settings.roll_up_children:
        return [Choice(region, region)]
    needed = rules.settings.roll_up_share + (STAY if region in rules.reported else 0.0)
    explained = sum(alarms[choice.alarm].placed for choice in below)
    if own.placed > 0 and explained < min(needed, 1.0) * own.placed:
        return [Choice(region, region)]
    return below


def _focus(alarm: Alarm, children: Mapping[str, Sequence[str]], rules: _Rules) -> Choice:
    """Where no child is alarmed by itself yet, those of a known place say where it most likely is: as far down as one
    child holds nearly all of them."""
    region = alarm.region
    while region in children:
        here = rules.placed(region)
        best = max(children[region], key=lambda child: (rules.placed(child), child), default=None)
        if best is None or rules.placed(best) < max(2, rules.settings.home_needs):
            break
        if rules.placed(best) < rules.settings.roll_up_share * here:
            break
        region = best
    return Choice(region, alarm.region)
