"""Gatus: a self-hosted monitor that answers with the newest results of each of its endpoints.

The newest results decide; so many failed ones in a row are trouble, as Gatus' own alerts count them. Results that have
stopped are unknown. Gatus may keep results in memory only: restarted amid an outage it lists nothing, and then each
endpoint after its first check. So an empty list says nothing, and an endpoint that was in trouble and is not listed is
not over at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import Field

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.model.signal import Level, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..clocks import past_time
from ..page import Context, PageSource, below
from ..settings import HttpSettings, request_of
from ..shapes import MOST, Unreadable, any_moment, json_of, optional, records, required
from ..vendor_page import VendorComponent, VendorPage, read_page

PATH = "/api/v1/endpoints/statuses"
_NOT_WELL = "not_well"
_KEPT = 500
_RESULTS = 20
"""Results asked for of each endpoint: enough to see when a trouble began that is a poll or two old. Gatus' own default
is 50; what was first told of a trouble's beginning is kept anyway."""


class GatusSettings(HttpSettings):
    """The endpoints of one Gatus."""

    kind: Literal["gatus"] = "gatus"
    failures: int = Field(default=3, ge=1, le=50)
    """Failed results in a row that are trouble; Gatus' own alerts need 3 unless told otherwise."""
    level: Literal["minor", "major", "critical"] = "major"
    """How bad an endpoint in trouble is."""
    stale_after: Duration = timedelta(minutes=15)
    """Results older than this say nothing: more than the interval of the slowest endpoint. An endpoint in trouble that
    is no longer listed counts as over after the same time."""


class _Seen(NamedTuple):
    """An endpoint that was not well, and when it was last listed."""

    component: VendorComponent
    at: datetime


class Result(NamedTuple):
    """One check: when, whether it went well (None: nobody knows), and what failed."""

    at: datetime
    ok: bool | None
    why: str


def make(settings: GatusSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[GatusSettings]:
    """One Gatus."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch, conditional=False)


def ask(settings: GatusSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the newest results of every endpoint: paging is by results, all endpoints come at once."""
    url = f"{below(settings.url, PATH)}?page=1&pageSize={max(_RESULTS, settings.failures)}"
    return fetch(request_of(settings, url), memory, now)


def read(body: bytes, context: Context[GatusSettings]) -> Reading:
    """What the endpoints say, and what was last said of those in trouble that are not listed now."""
    page = page_of(json_of(body), context.settings, context.now)
    ids = {one.id for one in page.components}
    lost = [one for one in _in_trouble(context) if one.component.id not in ids]
    components = (*page.components, *(one.component for one in lost))
    reading = read_page(replace(page, components=components), context, SignalClass.MEASUREMENT)
    seen = [_Seen(one, context.now) for one in page.components if one.level is not Level.OK]
    return replace(reading, memory={**reading.memory, **_written((*seen, *lost))})


def page_of(value: Any, settings: GatusSettings, now: datetime) -> VendorPage:
    """The answer, checked. Raises Unreadable where it lists no endpoint, and where all results are old."""
    endpoints = records(value, "the answer")
    if not endpoints:
        raise Unreadable("it lists no endpoint: it has just started, or watches nothing")
    components: list[VendorComponent] = []
    newest: list[datetime] = []
    for endpoint in endpoints:
        results = results_of(endpoint, now)
        newest += [results[-1].at] if results else []
        components.append(_endpoint(endpoint, results, settings, now))
    if now - max(newest, default=now - settings.stale_after) >= settings.stale_after:
        last = f"the last is of {rfc3339(max(newest))}" if newest else "there is none at all"
        raise Unreadable(f"no endpoint has been checked lately: {last}")
    return VendorPage(
        components=tuple(components),
        whole=True,
        affirmed=any(one.level is Level.OK for one in components),
    )


def results_of(endpoint: Mapping[str, Any], now: datetime) -> list[Result]:
    """The results of an endpoint by their own time, oldest first; one without a time says nothing."""
    found: list[Result] = []
    for one in records(endpoint.get("results") or [], "results"):
        if (at := past_time(one.get("timestamp"), now)) is not None:
            ok = one.get("success")
            found.append(Result(at, ok if isinstance(ok, bool) else None, _why(one)))
    return sorted(found, key=lambda result: result.at)


def _why(result: Mapping[str, Any]) -> str:
    """Which conditions did not hold, and what went wrong."""
    conditions, errors = result.get("conditionResults"), result.get("errors")
    told = [optional(one, "condition", 200) for one in (conditions if isinstance(conditions, list) else ())
            if isinstance(one, dict) and one.get("success") is False]
    told += [one for one in (errors if isinstance(errors, list) else ()) if isinstance(one, str)]
    return "; ".join(one for one in told if one)[:500]


def _endpoint(
    endpoint: Mapping[str, Any], results: Sequence[Result], settings: GatusSettings, now: datetime
) -> VendorComponent:
    """Known by key and name: endpoints that a Gatus shows of others keep their keys, and only the names tell them
    apart."""
    name, group = optional(endpoint, "name"), optional(endpoint, "group")
    id = f"{required(endpoint, 'key', 'an endpoint')}:{name}"
    if not results or now - results[-1].at >= settings.stale_after:
        return VendorComponent(id, name, group, Level.NOTICE, "not checked", results[-1].at if results else None)
    failed = _failed_in_a_row(results)
    if len(failed) >= settings.failures:
        cause = results[-1].why
        return VendorComponent(id, name, group, Level[settings.level.upper()], "failing", failed[0].at, cause=cause)
    if results[-1].ok is True:
        return VendorComponent(id, name, group)
    said = "failed, not often enough to count" if failed else "without a result that can be read"
    return VendorComponent(id, name, group, Level.NOTICE, said, results[-1].at)


def _failed_in_a_row(results: Sequence[Result]) -> list[Result]:
    """The newest results as far back as they failed, oldest first."""
    failed: list[Result] = []
    for result in reversed(results):
        if result.ok is not False:
            break
        failed.append(result)
    return failed[::-1]


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_trouble(context: Context[GatusSettings]) -> list[_Seen]:
    """Endpoints that were not well when they were last listed, lately; their state now is unknown."""
    try:
        found = json.loads(context.memory.get(_NOT_WELL, "{}"))
    except ValueError:
        return []
    seen: list[_Seen] = []
    for id, value in list(found.items())[:MOST] if isinstance(found, dict) else ():
        name, group, listed = value if isinstance(value, list) and len(value) == 3 else ("", "", None)
        at = any_moment(listed)
        if at is not None and context.now - at < context.settings.stale_after:
            seen.append(_Seen(VendorComponent(id, str(name), str(group), Level.NOTICE, "no longer listed"), at))
    return seen


def _written(seen: Sequence[_Seen]) -> dict[str, str]:
    kept = {one.id: [one.name, one.group, rfc3339(at)] for one, at in seen[:_KEPT]}
    return {_NOT_WELL: json.dumps(kept)} if kept else {}
