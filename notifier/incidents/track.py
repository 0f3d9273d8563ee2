"""Sources' lead and lag, and what it makes of their word. Pure.

Vendors' pages speak late (medians seen: 40 to 74 minutes after the start), probes and customers early; some cry wolf.
Of each incident that ended it is kept who spoke when, and from that follows a weight:

    weight = right x early
    right  = (incidents it spoke in that were not withdrawn + K) / (incidents it spoke in + K)
    early  = 3/4 + 1/2 x (led + K/2) / (led + followed + K)

With K = 8 imagined incidents, half of them led, a new source weighs 1; one that always leads and is never wrong goes
towards 1.25, one that always follows towards 0.75 (it repeats what is known), one that is always wrong towards 0. The
weight is an exponent on the doubt a signal leaves: score' = 1 - (1 - score)^weight. So official word, which leaves no
doubt, stays enough whatever its record, and a faint signal counts for more or less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

from ..model.incident import Incident, IncidentState
from ..model.region import RegionTree
from ..model.signal import Signal, SignalClass
from ..model.track import Standing, TrackRecord, Verdict

IMAGINED = 8.0
"""K: how many incidents it takes before a record weighs as much as knowing nothing."""


def records(
    incident: Incident, evidence: Iterable[Signal], earlier: Iterable[TrackRecord], *, silent: frozenset[str],
    regions: RegionTree, closed_at: datetime,
) -> tuple[TrackRecord, ...]:
    """What each source was worth in an incident that has ended. `earlier` are records of the same service, `silent` the
    sources that could not be heard: those are not blamed for their silence."""
    first, where = _first_words(evidence)
    found = [_record(incident, source, first, where[source], closed_at) for source in sorted(first)]
    quiet = {one.source for one in earlier
             if one.verdict is not Verdict.SILENT and one.source not in first and one.source not in silent
             and any(r in regions and o in regions and regions.related(r, o)
                     for r in one.regions for o in incident.regions)}
    found += [TrackRecord(source, incident.id, incident.service, incident.regions, Verdict.SILENT, closed_at)
              for source in sorted(quiet)]
    return tuple(found)


def _first_words(evidence: Iterable[Signal]) -> tuple[dict[str, datetime], dict[str, tuple[str, ...]]]:
    """When each source first spoke, and of which regions. Staff are no source that leads or lags."""
    first: dict[str, datetime] = {}
    where: dict[str, set[str]] = {}
    for signal in evidence:
        if signal.klass is SignalClass.STAFF:
            continue
        first[signal.source] = min(first.get(signal.source, signal.observed_at), signal.observed_at)
        where.setdefault(signal.source, set()).add(signal.region)
    return first, {source: tuple(sorted(places)) for source, places in where.items()}


def _record(
    incident: Incident, source: str, first: Mapping[str, datetime], where: tuple[str, ...], closed_at: datetime
) -> TrackRecord:
    others = [at for other, at in first.items() if other != source]
    spoke, lag, lead = first[source], timedelta(0), None
    if incident.state is IncidentState.WITHDRAWN:
        verdict = Verdict.FALSE
    elif not others:
        verdict = Verdict.ALONE
    elif spoke < min(others):
        verdict, lead = Verdict.LED, min(others) - spoke
    else:
        verdict, lag = Verdict.FOLLOWED, spoke - min(others)
    return TrackRecord(source, incident.id, incident.service, where, verdict, closed_at, lag, lead)


def standing(source: str, records: Sequence[TrackRecord]) -> Standing:
    """What the records of one source amount to."""
    counts = Counter(one.verdict for one in records)
    lags = [one.lag for one in records if one.lag is not None and one.verdict is not Verdict.FALSE]
    leads = [one.lead for one in records if one.lead is not None]
    return Standing(source, dict(counts), _median(lags), _median(leads), weight_of(counts))


def _median(lengths: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(one.total_seconds() for one in lengths)) if lengths else None


def weight_of(counts: Mapping[Verdict, int]) -> float:
    """How much a source's word counts, by the formula above; silence costs nothing, since it says nothing wrong."""
    led, followed = counts.get(Verdict.LED, 0), counts.get(Verdict.FOLLOWED, 0)
    good = led + followed + counts.get(Verdict.ALONE, 0)
    right = (good + IMAGINED) / (good + counts.get(Verdict.FALSE, 0) + IMAGINED)
    early = 0.75 + 0.5 * (led + IMAGINED / 2) / (led + followed + IMAGINED)
    return round(right * early, 6)


def standings(records: Iterable[TrackRecord]) -> dict[str, Standing]:
    """The standing of every source that has records, by source."""
    by_source: dict[str, list[TrackRecord]] = {}
    for one in records:
        by_source.setdefault(one.source, []).append(one)
    return {source: standing(source, mine) for source, mine in sorted(by_source.items())}
