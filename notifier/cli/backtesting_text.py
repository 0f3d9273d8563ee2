"""A backtest as people read it: one line a threshold, then what each would have raised and what came nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from math import ceil, floor, log10
from statistics import median
from textwrap import wrap
from zoneinfo import ZoneInfo

import click

from ..config.tree import Config
from ..detection.settings import FALSE_ALARMS_MOST
from ..detection.spikes.settings import NUMBERS
from ..detection.spikes.threshold import LEAST
from ..detection.telling import strength
from ..replay.backtest.alarms import Alarm
from ..replay.backtest.nearest import Near
from ..replay.backtest.report import DAY, allowed
from ..replay.backtest.run import Backtest, Result
from ..replay.backtest.truth import Outage
from .output import harmless

WIDTH = 96
ALARMS_SHOWN = 50
"""Alarms of one threshold that are printed; --json has all."""

_COLUMNS = (("service", 14), ("region", 14), ("began", 16), ("raised", 11), ("lasted", 8), ("people", 6), ("usual", 6),
            ("window", 6), ("score", 5))

Local = Callable[[datetime], datetime]


def print_backtest(done: Backtest, config: Config, *, skipped: int) -> None:
    """Print it, at most WIDTH columns wide."""
    zone = ZoneInfo(config.company.timezone)
    for line in backtest_lines(done, lambda moment: moment.astimezone(zone), config.company.timezone, skipped):
        click.echo(harmless(line))


def backtest_lines(done: Backtest, local: Local, zone: str, skipped: int) -> Iterator[str]:
    """The lines of the whole report."""
    yield from _heard(done, local, zone, skipped)
    yield ""
    yield from _ladder(done)
    before: Result | None = None
    for result in done.results:
        yield ""
        yield _title(result)
        if before is not None and result.same_as(before):
            yield f"  The same as with {_budget(before)}."
        else:
            yield from _result(result, local)
        before = result


def _heard(done: Backtest, local: Local, zone: str, skipped: int) -> Iterator[str]:
    heard, counts = done.heard, done.counts
    assert heard.first is not None
    posts = f"{heard.posts:,} post{'' if heard.posts == 1 else 's'}"
    yield from _wrapped(f"{posts}, {counts.complaints:,} of them complaints, {counts.located:,} of those with a place; "
                        f"{_day(local(heard.first))} to {_day(local(heard.last or heard.first))}, "
                        f"{_days(heard.played)} played. Times are of {zone}.")
    if heard.since is not None and heard.since > heard.first:
        yield f"What was raised before {_day(local(heard.since))} is left out: the detector was warming up."
    if skipped:
        yield f"{skipped:,} line{'' if skipped == 1 else 's'} could not be read and were skipped."
    for outage in done.beyond:
        yield from _wrapped(f"Not in these recordings: {_outage(outage, local)}.")


def _ladder(done: Backtest) -> Iterator[str]:
    """One line a threshold."""
    known = any(result.outages is not None for result in done.results)
    yield (f"  {'false alarms a month':>20}  {'score from':>10}  {'alarms':>6}  {'put up with':>11}"
           + (f"  {'found':>9}  {'false':>5}  {'median delay':>12}" if known else ""))
    days = done.heard.played.total_seconds() / DAY
    for result in done.results:
        line = (f"{'*' if result.configured else ' '} {result.of.per_month:>20g}  {_score(result):>10}  "
                f"{len(result.alarms):>6}  {_rounded(allowed(result, days)):>11}")
        yield line + (_found(result) if known else "")
    yield "* as configured; \"put up with\" is what the budget allows in the time that was played"


def _found(result: Result) -> str:
    outages = result.outages or ()
    delays = [one.delay.total_seconds() for one in outages if one.delay is not None]
    found = f"{len(delays)} of {len(outages)}"
    return (f"  {found:>9}  {len(result.false or ()):>5}  "
            f"{_length(timedelta(seconds=median(delays))) if delays else '–':>12}")


def _score(result: Result) -> str:
    """The score from which it alarms; two where it grew while more services were heard of."""
    if result.of.threshold is None:
        return "–"
    first, last = (f"{one:.1f}" for one in result.of.threshold)
    return last if first == last else f"{first}–{last}"


# ── one threshold ────────────────────────────────────────────────────────────────────────────────────────────────────


def _title(result: Result) -> str:
    seen = f", which policies see as {strength(result.of.threshold[1]):.2f}" if result.of.threshold else ""
    return f"── {_budget(result)}{' (configured)' if result.configured else ''}: score {_score(result)}{seen} ".ljust(
        WIDTH, "─")


def _budget(result: Result) -> str:
    return f"{result.of.per_month:g} false alarm{'' if result.of.per_month == 1 else 's'} a month"


def _result(result: Result, local: Local) -> Iterator[str]:
    if result.alarms:
        yield "  " + " ".join(name.ljust(width) for name, width in _COLUMNS).rstrip()
    else:
        yield "  Nothing would have been raised."
    for alarm in result.alarms[:ALARMS_SHOWN]:
        yield from _alarm(alarm, result, local)
    if len(result.alarms) > ALARMS_SHOWN:
        yield f"  and {len(result.alarms) - ALARMS_SHOWN:,} more; --json has all"
    for one in result.outages or ():
        if one.alarm is None:
            yield from _wrapped(f"MISSED: {_outage(one.outage, local)}", "  ")
    yield from _nearest(result, local)


def _alarm(alarm: Alarm, result: Result, local: Local) -> Iterator[str]:
    began, raised = local(alarm.began), local(alarm.raised)
    cells = (alarm.service, alarm.regions[0], _day(began), _after(began, raised),
             _length(alarm.over - alarm.began) if alarm.over else "lasts", str(alarm.heard), f"{alarm.expected:.1f}",
             f"{alarm.window} min", f"{alarm.score:.1f}")
    yield "  " + " ".join(_cut(cell, width).ljust(width)
                          for cell, (_, width) in zip(cells, _COLUMNS, strict=True)).rstrip()
    yield from _wrapped("; ".join(_details(alarm, result)), "      ")
    if alarm.words:
        yield from _wrapped(f"words: {alarm.words}", "      ")
    if alarm.samples:
        yield f"      “{_cut(alarm.samples[-1], WIDTH - 8)}”"


def _details(alarm: Alarm, result: Result) -> Iterator[str]:
    if result.false is not None:
        yield "FALSE" if any(one is alarm for one in result.false) else _answered(alarm, result)
    if len(alarm.regions) > 1:
        yield f"then told of in {', '.join(alarm.regions[1:])}"
    yield f"{alarm.people} people in all, score up to {alarm.peak:.1f}"
    yield alarm.why_over or "not over at the end of the recording"


def _answered(alarm: Alarm, result: Result) -> str:
    """What a true alarm tells of: an outage that it was the first to find, or one found before."""
    delays = [one.delay for one in result.outages or () if one.alarm is alarm and one.delay is not None]
    if not delays:
        return "the same outage again"
    return " and ".join(f"a known outage, {_length(abs(delay))} {'before' if delay < timedelta(0) else 'after'} its "
                        "beginning" for delay in delays)


def _nearest(result: Result, local: Local) -> Iterator[str]:
    nearest = result.of.nearest
    if nearest.below:
        yield "  Came nearest without being raised:"
    elif not result.alarms and not nearest.held_back:
        yield from _wrapped(f"Nothing came near: never did {NUMBERS.least_people:g} people or more, and clearly more "
                            "than usual, complain of one service in one region within the longest window.", "  ")
    for near in nearest.below:
        yield from _wrapped(f"{_unusual(near, local)}; {_raised_from(near)}", "    ")
    if nearest.held_back:
        yield "  Unlikely enough, but held back by another setting:"
    for near in nearest.held_back:
        yield from _wrapped(f"{_unusual(near, local)}; {near.unusual.lacking}", "    ")


def _unusual(near: Near, local: Local) -> str:
    one = near.unusual
    mostly = f", most of them in {near.mostly}" if near.mostly != one.region else ""
    return (f"{one.service} in {one.region}, {_day(local(near.at))}: {one.people} people in {one.window} min "
            f"({one.expected:.1f} usual){mostly}, score {one.score:.1f}")


def _raised_from(near: Near) -> str:
    if near.per_month is None:
        return f"no budget raises a score below {LEAST:g}"
    if near.per_month > FALSE_ALARMS_MOST:
        return f"no budget raises it: the largest, {FALSE_ALARMS_MOST:g} a month, is not enough"
    return f"raised from {_up(near.per_month):g} a month on"


# ── words and numbers ────────────────────────────────────────────────────────────────────────────────────────────────


def _outage(outage: Outage, local: Local) -> str:
    begins, ends = local(outage.begins), local(outage.ends)
    return f"{outage.service} in {outage.region}, {_day(begins)} to {_after(begins, ends)}"


def _wrapped(text: str, indent: str = "") -> Iterable[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + ("  " if indent else ""))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[:width - 1].rstrip() + "…"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _after(before: datetime, moment: datetime) -> str:
    """The time of day, with its date where that is another."""
    return f"{moment:%H:%M}" if moment.date() == before.date() else f"{moment:%m-%d %H:%M}"


def _days(length: timedelta) -> str:
    return f"{length.total_seconds() / DAY:.1f} days"


def _length(length: timedelta) -> str:
    """A length of time as people say it; minutes up to two hours."""
    minutes = round(length.total_seconds() / 60)
    if abs(minutes) < 120:
        return f"{minutes} min"
    return f"{minutes // 60}h {minutes % 60:02}m" if abs(minutes) < 2880 else f"{minutes / 1440:.1f} days"


def _rounded(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:.0f}"


def _up(number: float) -> float:
    """Rounded up to two digits: a budget rounded down would raise nothing."""
    step = 10.0 ** (floor(log10(number)) - 1)
    return ceil(number / step * (1 - 1e-12)) * step
