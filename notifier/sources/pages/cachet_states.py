"""What Cachet's numbers mean: the same in 2.x and 3, but for an incident's 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from notifier.model.signal import Level

from ..shapes import Unreadable, whole_number
from ..vendor_page import VendorComponent

COMPONENTS: Mapping[int, Level] = {
    1: Level.OK,
    2: Level.MINOR,
    3: Level.MAJOR,
    4: Level.CRITICAL,
    6: Level.MAINTENANCE,
}
"""Operational, performance issues, partial outage, major outage, under maintenance; 0 and 5 are unknown."""
SCHEDULES: Mapping[int, Level] = {0: Level.NOTICE, 1: Level.MAINTENANCE, 2: Level.OK}
"""Upcoming, in progress, complete."""
UNRESOLVED: Mapping[int, str] = {1: "investigating", 2: "identified", 3: "watching"}
FIXED = 4
HIDDEN = (0, 2)
"""Values of `visible` for what guests do not see: only for those signed in, or for nobody."""


def component_level(status: Any) -> Level:
    """How a component is; NOTICE where the vendor does not know, or uses a number we do not."""
    number = whole_number(status)
    return COMPONENTS.get(number, Level.NOTICE) if number is not None else Level.NOTICE


def schedule_level(status: Any) -> Level:
    """How far planned work is; NOTICE where the number is not known."""
    number = whole_number(status)
    return SCHEDULES.get(number, Level.NOTICE) if number is not None else Level.NOTICE


def incident_level(status: int | None, components: Iterable[VendorComponent], default: Level) -> Level:
    """How bad an incident is. Cachet does not say: it is the worst of its components now, `default` where none of them
    is in trouble. `status` None, or a number we do not know: it opens nothing by itself."""
    if status == FIXED:
        return Level.OK
    worst = max((one.level for one in components), default=Level.NOTICE)
    if worst.is_trouble:
        return worst
    return default if status in UNRESOLVED else Level.NOTICE


def ident(value: Any, what: str) -> str:
    """An id, which is a number. Raises Unreadable."""
    number = whole_number(value)
    if number is None:
        raise Unreadable(f"{what} has no id")
    return str(number)


def is_hidden(visible: Any) -> bool:
    """Whether guests do not see it: then we do not speak of it either."""
    return isinstance(visible, int) and not isinstance(visible, bool) and visible in HIDDEN
