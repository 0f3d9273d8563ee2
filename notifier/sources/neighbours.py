"""Whether an empty list is to be believed. Pure.

On 23 July 2026 a cloud's feed served a valid, empty document for hours while a region was down. Silence is believed
from a source that says what is well; a list that is merely empty is not, while others report trouble with the same
service in the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from notifier.model.signal import Signal, SignalClass
from notifier.ports import Reading

Related = Callable[[str, str], bool]
"""Whether one region is the other or covers it."""
Covers = Callable[[str, str], bool]
"""Whether a source is expected to speak of (service, region)."""


def is_bare(reading: Reading) -> bool:
    """Whether an answer names nothing at all: neither trouble nor what has ended nor what is well."""
    return not (reading.affirmed or reading.signals or reading.present or reading.gone or reading.unplaced)


def went_empty(reading: Reading, held: Iterable[Signal], trouble: Iterable[Signal], related: Related) -> str:
    """Why an answer that ends everything by naming nothing is not believed; "" where it is.

    `held` is what the source had open, `trouble` what others report now."""
    if not reading.complete or not is_bare(reading):
        return ""
    lost = [signal for signal in held if signal.level.is_trouble]
    near = [one for one in trouble if one.klass is not SignalClass.STAFF
            and any(one.service == mine.service and related(one.region, mine.region) for mine in lost)]
    return f"it lists nothing any more, while {_said(near)}" if near else ""


def is_silent(trouble: Iterable[Signal], covers: Covers) -> str:
    """Why a bare answer of a source that had reported nothing is not believed; "" where it is. Customers and our own
    measurements are neighbours; another vendor's word says nothing about this one."""
    near = [one for one in trouble
            if one.klass in (SignalClass.CROWD, SignalClass.MEASUREMENT) and covers(one.service, one.region)]
    return f"it lists nothing at all, while {_said(near)}" if near else ""


def _said(near: list[Signal]) -> str:
    sources = " and ".join(sorted({one.source for one in near})[:3])
    what = ", ".join(sorted({f"{one.service} in {one.region}" for one in near})[:3])
    return f"{sources} report trouble with {what}"
