"""One result of a probe at one place: as the daemon makes it, as agents post it and as recordings keep it.

    {"at", "ok", "why", "seconds", "control", "expires_at"}

`ok` is true, false, or null where it could not be tried; `control` is null (not asked) or {"ok", "why", "seconds"}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier.model.times import rfc3339

from ..shapes import Unreadable, any_moment, kind_of, one_line, optional, record
from .checks import Tried

_WHY = 120
"""Characters kept of a reason."""


@dataclass(frozen=True, slots=True)
class Result:
    """One result. `at`: when it was tried, by our clock; `seen`: by the clock of its place, which tells results of one
    place apart; None for our own. `lost`: why the place may not be believed about a failure, "" where it may."""

    at: datetime
    seen: datetime | None
    ok: bool | None
    why: str = ""
    lost: str = ""
    expires_at: datetime | None = None


def written(tried: Tried, control: Tried | None) -> dict[str, Any]:
    """What was tried as the JSON object above, without its time."""
    found = _part(tried) | {"control": _part(control) if control is not None else None}
    return found if tried.expires_at is None else found | {"expires_at": rfc3339(tried.expires_at)}


def _part(tried: Tried) -> dict[str, Any]:
    return {"ok": tried.ok, "why": tried.why, "seconds": tried.seconds}


def result_of(given: Mapping[str, Any], at: datetime, seen: datetime | None = None) -> Result:
    """A result that was tried at `at`. Raises Unreadable where what it says cannot be relied on."""
    ok = given.get("ok", "missing")
    if ok is not None and not isinstance(ok, bool):
        raise Unreadable("a result does not say ok or not")
    control = given.get("control")
    lost = ""
    if control is not None:
        answered = record(control, "the control target of a result").get("ok")
        if answered is not None and not isinstance(answered, bool):
            raise Unreadable("the control target of a result is neither ok nor not")
        if ok is False and not answered:
            lost = f"its own network is not in order: control target {_said(control) or 'failed'}"
    expires = given.get("expires_at")
    if expires is not None and not isinstance(expires, str):
        raise Unreadable(f"expires_at of a result is {kind_of(expires)}")
    return Result(at, seen, ok, _said(given), lost, any_moment(expires))


def _said(holder: Mapping[str, Any]) -> str:
    return one_line(optional(holder, "why"), _WHY)
