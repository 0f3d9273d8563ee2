"""Gatus: a self-hosted monitor that answers with the newest results of each of its endpoints.

The newest results decide; so many failed ones in a row are trouble, as Gatus' own alerts count them. Results that have
stopped are unknown. Gatus may keep results in memory only: restarted amid an outage it lists nothing, and then each
endpoint after its first check. So an empty list says nothing, and an endpoint that was in trouble and is not listed is
not over at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import Field

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.model.signal import Level, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from .clocks import past_time
from .page import Context, PageSource, below
from .settings import HttpSettings, request_of
from .shapes import Unreadable, json_of, optional, records, required
from .vendor_page import VendorComponent, VendorPage, read_page

PATH = "/api/v1/endpoints/statuses"
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


class Result(NamedTuple):
    """One check: when, whether it went well (None: nobody knows), and what failed."""

    at: datetime
    ok: bool | None
    why: str


def make(settings: GatusSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[GatusSettings]:
    """One Gatus."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch)


def ask(settings: GatusSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the newest results of every endpoint: paging is by results, all endpoints come at once."""
    url = f"{below(settings.url, PATH)}?page=1&pageSize={max(_RESULTS, settings.failures)}"
    return fetch(request_of(settings, url), memory, now)


def read(body: bytes, context: Context[GatusSettings]) -> Reading:
    """What the endpoints say."""
    return read_page(page_of(json_of(body), context.settings, context.now), context, SignalClass.MEASUREMENT)


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
        missing_for=settings.stale_after,
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
