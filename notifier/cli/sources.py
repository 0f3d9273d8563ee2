"""`notifier sources`: what each source's word is worth – how fresh, how early, how often wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from ..clock import SystemClock
from ..incidents.track import standing
from ..incidents.turn import RECORDED
from ..model.signal import Freshness
from ..model.track import Standing, TrackRecord, Verdict
from ..ports import SourceState
from .deployment import config_option, json_option, loaded, opened_store, store_option
from .output import print_json, print_table


@click.command()
@config_option
@store_option
@json_option
def sources(directory: Path, store_path: str | None, as_json: bool) -> None:
    """List every source: its state, its lead and lag in the incidents of the last year, and the weight of its word."""
    now, config = SystemClock().now(), loaded(directory)
    switched_on = {**config.sources, **config.mentions} if config is not None else {}
    configured = [id for id, settings in switched_on.items() if getattr(settings, "enabled", True)]
    with opened_store(directory, store_path) as store, store.transaction() as tx:
        states, records = tx.source_states(), tx.track_records(now - RECORDED)
    rows = [_row(id, state, records) for id, state in _every(states, records, configured).items()]
    if as_json:
        print_json({"sources": rows})
        return
    print_table("Sources", ["source", "state", "in incidents", "lead", "lag", "weight"],
                [(r["source"], r["state"], _counted(r), _minutes(r["lead_seconds"]), _minutes(r["lag_seconds"]),
                  f"{r['weight']:.2f}") for r in rows],
                empty="No source has been read yet.")


def _counted(row: dict[str, Any]) -> str:
    """ "led 3, followed 1": what it was worth, without what never happened."""
    return ", ".join(f"{verdict} {row[verdict]}" for verdict in Verdict if row[verdict])


def _every(
    states: tuple[SourceState, ...], records: tuple[TrackRecord, ...], configured: list[str]
) -> dict[str, SourceState | None]:
    """Every source with a state or a record, and every one that is switched on, by id: one that was never heard is
    shown as such, since its silence is what staff must see."""
    known: dict[str, SourceState | None] = {record.source: None for record in records}
    known |= {id: SourceState(id) for id in configured}
    known |= {state.source: state for state in states}
    return dict(sorted(known.items()))


def _row(id: str, state: SourceState | None, records: tuple[TrackRecord, ...]) -> dict[str, Any]:
    mine: Standing = standing(id, [record for record in records if record.source == id])
    return {"source": id, "state": _state(state), "incidents": sum(mine.counts.values()),
            **{verdict.value: mine.counts.get(verdict, 0) for verdict in Verdict},
            "lead_seconds": _seconds(mine.lead), "lag_seconds": _seconds(mine.lag), "weight": mine.weight}


def _state(state: SourceState | None) -> str:
    if state is None:
        return "gone"
    return "never heard" if state.freshness is Freshness.UNPROVEN else str(state.freshness)


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 60:.0f} min"
