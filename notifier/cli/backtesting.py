"""`backtest`: had the budget of false alarms been another, what would have been raised over these recordings?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from glob import glob, has_magic
from math import isfinite
from pathlib import Path

import click

from ..config.mistake import ConfigMistakes
from ..config.tree import Config
from ..detection.settings import FALSE_ALARMS_MOST
from ..logs import configure
from ..model.settings import parse_duration
from ..replay.backtest.report import rows
from ..replay.backtest.run import backtest, files_of
from ..replay.backtest.truth import Outage, read_truth
from .backtesting_text import print_backtest
from .deployment import config_option, load_or_explain
from .output import BadInput
from .playing import Progress

BUDGETS_MOST = 20
"""Thresholds of one run: each is a detector of its own."""
SKIPPED_SHOWN = 20


class _BudgetsType(click.ParamType[tuple[float, ...]]):
    name = "N,N,…"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            found = tuple(float(word) for word in str(value).split(","))
        except ValueError:
            self.fail(f"{str(value)[:60]!r} is no list of numbers, such as 0.1,1,10", param, ctx)
        if not all(isfinite(one) and 0 < one <= FALSE_ALARMS_MOST for one in found):
            self.fail(f"each must be above 0 and at most {FALSE_ALARMS_MOST:g}", param, ctx)
        if len(found) > BUDGETS_MOST:
            self.fail(f"at most {BUDGETS_MOST} thresholds at once", param, ctx)
        return found


class _DurationType(click.ParamType[timedelta]):
    name = "DURATION"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("backtest")
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING…")
@config_option
@click.option("--false-alarms-per-month", "per_month", type=_BudgetsType(), default=(),
              help="Budgets to try, such as 0.1,1,10 (the default). The configured one is always among them.")
@click.option("--truth", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None,
              help="YAML list of known outages, each {service, region, from, to}.")
@click.option("--warm-up", type=_DurationType(), default="0s", show_default=True,
              help="Learn from so much of the beginning, and leave out what is raised in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def backtest_command(recordings: tuple[str, ...], directory: Path, per_month: tuple[float, ...], truth: Path | None,
                     warm_up: timedelta, as_json: bool) -> None:
    """What the detector would have raised over recordings, for each budget of false alarms: when, where and on what;
    and, where nothing, what came nearest.

    A RECORDING is a directory, a file of posts (mentions*.jsonl[.gz]) or a pattern of either; all are played together
    in the order of time, through the configuration's own words, regions and limits. The detector alone: what policies
    make of an alarm and what is said, `replay` tells.
    """
    configure(json_lines=False, level="error")
    config = load_or_explain(directory)
    files = _files(recordings)
    outages = _outages(truth, config)
    skipped = _Skipped()
    done = backtest(config, files, per_month, outages=outages, warm_up=warm_up,
                    progress=_progress(), problem=skipped)
    if not done.heard.posts:
        raise BadInput(f"not one post could be read in {len(files)} file{'' if len(files) == 1 else 's'}")
    if as_json:
        for row in rows(done):
            row = row | {"skipped": skipped.count} if row["row"] == "recording" else row
            click.echo(json.dumps(row, ensure_ascii=False, sort_keys=True))
        return
    print_backtest(done, config, skipped=skipped.count)


def _progress() -> Callable[..., None]:
    return Progress(doing="playing", hidden=not sys.stderr.isatty())


def _files(recordings: tuple[str, ...]) -> list[Path]:
    """Every file of posts that was named, each once."""
    found: dict[Path, Path] = {}
    for named in recordings:
        paths = sorted(map(Path, glob(named))) if has_magic(named) and not Path(named).exists() else [Path(named)]
        if not paths:
            raise BadInput(f"nothing is named like {named}")
        for path in paths:
            try:
                found |= {file.resolve(): file for file in files_of(path) if file.resolve() not in found}
            except (ValueError, OSError) as error:
                raise BadInput(str(error)) from error
    return list(found.values())


def _outages(truth: Path | None, config: Config) -> tuple[Outage, ...] | None:
    if truth is None:
        return None
    try:
        return read_truth(truth, config.regions, config.services)
    except ConfigMistakes as error:
        for mistake in error.mistakes:
            click.echo(str(mistake), err=True)
        raise BadInput(f"{truth} cannot be used; nothing was done") from error


class _Skipped:
    """Tells on standard error of the first lines that could not be read, and counts them all."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, line: str) -> None:
        self.count += 1
        if self.count <= SKIPPED_SHOWN:
            click.echo(f"skipped {line}", err=True)
        elif self.count == SKIPPED_SHOWN + 1:
            click.echo("skipped more; the report says how many", err=True)
