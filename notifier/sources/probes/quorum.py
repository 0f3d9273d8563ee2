"""What the results of several places amount to. Pure.

Each place has a standing: down after `failures` in a row, up after `successes`, undecided before. A place votes while
it was heard lately, was able to try, and its own network is in order. What enough places agree on is the verdict;
anything else is unknown, which neither opens nor ends anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from notifier.model.times import rfc3339

from ..shapes import any_moment, one_line, optional
from .results import Result

_NAMED = 5
"""Places told by name in one sentence; the rest are counted."""
_MOST = 1000
"""Results in a row that are counted."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of one place. `seen` is its own clock at its newest result, `heard_at` ours. `down` None: not
    decided yet. `since`: the first failure of the row. `lost`: why it does not vote, "" where it may.
    `expires_at`: of the certificate its newest result saw."""

    heard_at: datetime | None = None
    seen: datetime | None = None
    failures: int = 0
    successes: int = 0
    down: bool | None = None
    since: datetime | None = None
    why: str = ""
    lost: str = ""
    expires_at: datetime | None = None


def step(before: Standing, result: Result, *, failures: int, successes: int) -> Standing:
    """The standing after one more result; one that is not newer by its place's own clock was counted already. Goes down
    with the last of `failures` in a row, since the first of them; up with the last of `successes`."""
    if before.seen is not None and result.seen is not None and result.seen <= before.seen:
        return before
    heard = replace(before, heard_at=result.at, seen=result.seen or before.seen, lost=result.lost,
                    expires_at=result.expires_at)
    if result.ok is None:
        return replace(heard, lost=result.why or "it could not be tried")
    if result.lost:
        return heard
    if result.ok:
        row = min(before.successes + 1, _MOST)
        if before.down is False or row >= successes:
            return replace(heard, failures=0, successes=row, down=False, since=None, why="")
        return replace(heard, failures=0, successes=row, why="")
    row = min(before.failures + 1, _MOST)
    since = before.since if before.down or before.failures else result.at
    return replace(heard, failures=row, successes=0, down=True if row >= failures else before.down,
                   since=since or result.at, why=result.why or "it failed")


# ── Voting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Vote:
    """What one place says now. `down` None: it does not vote, and `why` says why not."""

    place: str
    down: bool | None
    why: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the places amount to. `down` None: unknown. `why` is a sentence for people; `since`: when so many places had
    begun to fail that it could be said."""

    down: bool | None
    why: str
    since: datetime | None = None


def vote(place: str, standing: Standing, freshness: timedelta, now: datetime) -> Vote:
    """The vote of one place; silence for longer than `freshness` is none."""
    if standing.heard_at is None:
        return Vote(place, None, "was never heard")
    if now - standing.heard_at > freshness:
        return Vote(place, None, f"was last heard at {rfc3339(standing.heard_at)}")
    if standing.lost:
        return Vote(place, None, standing.lost)
    if standing.down is None:
        return Vote(place, None, f"has only begun to try it ({standing.why or 'it answers'})")
    if standing.down:
        return Vote(place, True, standing.why or "answers again, not yet for long enough", standing.since)
    return Vote(place, False, "answers")


def needed(quorum: int | None, voters: int, configured: int) -> int:
    """How many places must agree: `quorum`, or all `configured` where they are fewer. Without one, most of those that
    vote; never fewer than two where there are two: a single place that is left must not decide alone."""
    if quorum is not None:
        return min(quorum, configured)
    return max(voters // 2 + 1, min(2, configured))


def verdict(votes: Sequence[Vote], quorum: int | None) -> Verdict:
    """What `votes`, one of each place that is configured, amount to. Where places enough say either, it is down."""
    voters = [one for one in votes if one.down is not None]
    want = needed(quorum, len(voters), len(votes))
    downs = [one for one in voters if one.down]
    if len(votes) == 1:
        return Verdict(votes[0].down, votes[0].why, votes[0].since)
    if len(downs) >= want:
        began = sorted(one.since for one in downs if one.since is not None)
        since = began[min(want, len(began)) - 1] if began else None
        return Verdict(True, f"fails at {len(downs)} of {len(votes)} places: {named(downs)}", since)
    if len(voters) - len(downs) >= want:
        return Verdict(False, f"answers at {len(voters) - len(downs)} of {len(votes)} places")
    if len(voters) < want:
        silent = [one for one in votes if one.down is None]
        return Verdict(None, f"too few places vote, {len(voters)} of {want} needed: {named(silent)}")
    return Verdict(None, f"the places disagree, {want} must agree: {named(voters)}")


def named(votes: Sequence[Vote]) -> str:
    """What each of `votes` says, in a few words."""
    more = f" and {len(votes) - _NAMED} more" if len(votes) > _NAMED else ""
    return "; ".join(f"{one.place} {one_line(one.why, 100)}" for one in votes[:_NAMED]) + more


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def standings_of(text: str, places: Iterable[str]) -> dict[str, Standing]:
    """The standings a memory holds of `places`; a place it does not hold, or not in this shape, starts anew."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = {}
    held = found if isinstance(found, dict) else {}
    return {place: _standing(held.get(place)) for place in places}


def _standing(value: Any) -> Standing:
    if not isinstance(value, dict):
        return Standing()
    down = value.get("down")
    return Standing(
        any_moment(value.get("heard_at")), any_moment(value.get("seen")), _count(value.get("failures")),
        _count(value.get("successes")), down if isinstance(down, bool) else None, any_moment(value.get("since")),
        optional(value, "why"), optional(value, "lost"), any_moment(value.get("expires_at")),
    )


def _count(value: Any) -> int:
    return min(max(value, 0), _MOST) if isinstance(value, int) else 0


def remembered(standings: Mapping[str, Standing]) -> str:
    """Standings as text, what is empty left out."""
    return json.dumps({place: _plain(one) for place, one in standings.items() if one != Standing()})


def _plain(standing: Standing) -> dict[str, Any]:
    fields = {name: getattr(standing, name) for name in Standing.__slots__}
    kept = {name: value for name, value in fields.items() if value is not None and value != ""}
    return {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in kept.items()}
