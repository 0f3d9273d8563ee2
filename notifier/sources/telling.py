"""One thing a source reports, and the signals it becomes: shared by every source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from notifier.model.signal import Level, Signal, SignalClass

from .placing import Place, Unplaced


@dataclass(frozen=True, slots=True)
class Report:
    """One trouble by a source's account. `fingerprint` stays the same however its wording changes."""

    fingerprint: str
    level: Level
    started_at: datetime
    why: str
    lasts_until: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def tell(source: str, klass: SignalClass, report: Report, places: Iterable[Place], now: datetime) -> list[Signal]:
    """One signal for each place; never begun after `now`."""
    return [
        Signal(
            source=source,
            klass=klass,
            service=service,
            region=region,
            level=report.level,
            observed_at=now,
            started_at=min(report.started_at, now),
            fingerprint=report.fingerprint,
            why=report.why,
            lasts_until=report.lasts_until,
            facts={key: value for key, value in report.facts.items() if value},
        )
        for service, region in places
    ]


def gather_places(found: Iterable[tuple[Place, ...] | Unplaced]) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Places of several texts together, each once in order; and the words of those that could not be placed."""
    places: dict[Place, None] = {}
    unplaced: list[str] = []
    for one in found:
        if isinstance(one, Unplaced):
            unplaced.append(one.words)
        else:
            places.update(dict.fromkeys(one))
    return tuple(places), tuple(dict.fromkeys(unplaced))
