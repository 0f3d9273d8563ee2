"""What a source's last answers are worth. Pure.

    UNPROVEN ──known──> FRESH ──budget runs out──> STALE (nothing came) or FAILING (tries failed)
                          │                             │
                          └──unreadable──> SUSPECT      └── known ──> FRESH
                                           (at once: a page that changed its shape is telling us nothing from now on)

A single failed try within the budget changes nothing: the last good answer still stands.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from notifier.model.signal import Freshness
from notifier.ports import Failure, Reading, SourceState

from .shapes import UNCHANGED

UNPLACED_SHOWN = 3
"""Unplaced things told to staff by name; the rest are counted."""


def freshness(state: SourceState, result: Reading | Failure | None, budget: timedelta, now: datetime) -> SourceState:
    """The state after `result`; None: only time has passed. Memory is kept from known readings, and from
    others only where they ask for it (`Reading.noted`)."""
    if result is None:
        return _aged(state, budget, now)
    tried = replace(state, last_try_at=now)
    if isinstance(result, Failure):
        why = f"{result.reason}: {result.detail}" if result.detail else result.reason
        failed = replace(tried, failures=state.failures + 1, why=why)
        if is_within(state, budget, now):
            return failed
        return replace(failed, freshness=Freshness.FAILING)
    if not result.known:
        why = result.why or "the answer says nothing to rely on"
        memory = result.memory if result.noted else state.memory
        return replace(tried, freshness=Freshness.SUSPECT, failures=state.failures + 1, why=why, memory=memory)
    return replace(tried, freshness=Freshness.FRESH, why=_remarks(result, state), last_known_at=now, failures=0,
                   memory=result.memory)


def _remarks(reading: Reading, state: SourceState) -> str:
    """What a fresh source says of itself (a peer that did not answer, places without a vote), and what it reported and
    no place was found for: shown to staff, since nobody else will hear of it. An answer that says nothing changed keeps
    what was said before."""
    if reading.why == UNCHANGED:
        return state.why if state.freshness is Freshness.FRESH else ""
    return "; ".join(filter(None, (reading.why[:300], _unplaced(reading))))


def _unplaced(reading: Reading) -> str:
    if not reading.unplaced:
        return ""
    shown = "; ".join(words[:120] for words in reading.unplaced[:UNPLACED_SHOWN])
    more = f" and {len(reading.unplaced) - UNPLACED_SHOWN} more" if len(reading.unplaced) > UNPLACED_SHOWN else ""
    return f"could not be placed: {shown}{more}"


def runs_out_at(state: SourceState, budget: timedelta) -> datetime | None:
    """When a fresh source stops being so if nothing is heard; None where it is not fresh."""
    if state.freshness is not Freshness.FRESH or state.last_known_at is None:
        return None
    return state.last_known_at + budget


def is_within(state: SourceState, budget: timedelta, now: datetime) -> bool:
    """Whether the last good answer is younger than the budget."""
    return state.last_known_at is not None and now - state.last_known_at < budget


def _aged(state: SourceState, budget: timedelta, now: datetime) -> SourceState:
    if state.freshness is not Freshness.FRESH or is_within(state, budget, now):
        return state
    if state.failures:
        return replace(state, freshness=Freshness.FAILING)
    minutes = budget.total_seconds() / 60
    return replace(state, freshness=Freshness.STALE, why=f"nothing known was heard for {minutes:g} minutes")
