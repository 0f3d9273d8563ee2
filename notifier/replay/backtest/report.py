"""A backtest as rows for machines: one JSON object each, told apart by "row"."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ...detection.telling import strength
from ...model.times import rfc3339
from .alarms import Alarm
from .nearest import Near
from .run import Backtest, Result
from .truth import Found, Outage

DAY = 86400.0
Row = dict[str, Any]


def rows(of: Backtest) -> Iterator[Row]:
    """The recording; then of each threshold, the strictest first: itself, its alarms, the known outages, what came
    nearest. Times are RFC 3339 in UTC."""
    heard = of.heard
    yield {"row": "recording", "posts": heard.posts, "complaints": of.counts.complaints, "located": of.counts.located,
           "first": _at(heard.first), "last": _at(heard.last), "counted_from": _at(heard.since),
           "days": round(heard.played.total_seconds() / DAY, 4),
           "outages_beyond": [_outage(outage) for outage in of.beyond]}
    for result in of.results:
        budget = {"false_alarms_per_month": result.of.per_month}
        yield {"row": "threshold", **budget, **_threshold(result, heard.played.total_seconds() / DAY)}
        yield from ({"row": "alarm", **budget, **_alarm(alarm, result)} for alarm in result.alarms)
        yield from ({"row": "outage", **budget, **_found(one)} for one in result.outages or ())
        yield from ({"row": "nearest", **budget, **_near(near)} for near in result.of.nearest.below)
        yield from ({"row": "held_back", **budget, **_near(near)} for near in result.of.nearest.held_back)


def allowed(result: Result, days: float) -> float:
    """False alarms that the budget puts up with in so many days."""
    return result.of.per_month * days / 30


def _threshold(result: Result, days: float) -> Row:
    first, last = result.of.threshold or (None, None)
    known = result.outages
    return {"configured": result.configured, "score_at_first": _rounded(first), "score": _rounded(last),
            "strength": None if last is None else round(strength(last), 4), "series": result.of.series,
            "alarms": len(result.alarms), "false_put_up_with": round(allowed(result, days), 4),
            "outages": None if known is None else len(known),
            "outages_found": None if known is None else sum(one.alarm is not None for one in known),
            "false": None if result.false is None else len(result.false)}


def _alarm(alarm: Alarm, result: Result) -> Row:
    return {"service": alarm.service, "regions": alarm.regions, "began": _at(alarm.began), "raised": _at(alarm.raised),
            "over": _at(alarm.over), "why_over": alarm.why_over, "score": _rounded(alarm.score),
            "needed": _rounded(alarm.threshold), "window_min": alarm.window, "people_in_window": alarm.heard,
            "usual_in_window": _rounded(alarm.expected), "people": alarm.people, "peak": _rounded(alarm.peak),
            "strength": round(alarm.strength, 4), "words": alarm.words, "samples": list(alarm.samples),
            "false": None if result.false is None else any(one is alarm for one in result.false)}


def _outage(outage: Outage) -> Row:
    return {"service": outage.service, "region": outage.region, "from": _at(outage.begins), "to": _at(outage.ends)}


def _found(one: Found) -> Row:
    return {**_outage(one.outage), "found": one.alarm is not None,
            "raised": None if one.alarm is None else rfc3339(one.alarm.raised),
            "delay_s": None if one.delay is None else one.delay.total_seconds()}


def _near(near: Near) -> Row:
    unusual = near.unusual
    return {"service": unusual.service, "region": unusual.region, "mostly_in": near.mostly, "at": _at(near.at),
            "score": _rounded(unusual.score), "needed": _rounded(near.threshold),
            "window_min": unusual.window, "people_in_window": unusual.people,
            "usual_in_window": _rounded(unusual.expected), "raised_from": near.per_month, "lacking": unusual.lacking}


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)
