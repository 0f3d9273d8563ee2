"""`try-source`: what one answer says, and what of it is not understood, before anything is polled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from ..clock import SystemClock
from ..config.keys import misspelt
from ..config.mistake import listed
from ..config.proposing import wanted
from ..config.recognising import NotRecognised, read_unplaced, recognise, recognise_answer
from ..config.registry import SOURCES
from ..config.tree import Config
from ..config.validate import validate
from ..config.yaml_file import YamlFile, parse_yaml, read_yaml
from ..model.region import RegionTree
from ..model.settings import Settings
from ..model.times import parse_rfc3339
from ..ports import Answer, Failure, Reading
from ..secret import SecretMissing
from ..sources.settings import Placing
from .deployment import config_option, json_option, load_or_explain, loaded, unknown
from .output import Problem, print_json
from .reading_out import as_data, not_understood, print_reading, safe

BYTES_MOST = 100_000_000
"""Largest saved answer: what the largest `max_bytes` lets a source fetch."""


class _MomentType(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_rfc3339(str(value))
        except ValueError:
            self.fail("expected a time with a zone, such as 2026-01-15T12:00:00Z", param, ctx)


class _SettingType(click.ParamType[tuple[str, Any]]):
    name = "key=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        key, equals, text = str(value).partition("=")
        file = parse_yaml(text.encode(), YamlFile("--set"))
        if not equals or not key or file.mistakes:
            self.fail(f"expected key=value with a value as in YAML, not {value!r}", param, ctx)
        return key, file.value


SETTING = _SettingType()
MOMENT = _MomentType()


@dataclass(frozen=True)
class _Trial:
    """One try: the kind, its settings, and what came."""

    kind: str
    settings: Settings
    reading: Reading
    recognised: bool


@click.command("try-source")
@click.argument("target", metavar="[FILE|URL]", default="")
@click.option("--source", "source_id", default=None, help="Read it as this source of the configuration does.")
@click.option("--kind", default=None, help="Read it as this kind; with --set for its settings.")
@click.option("--set", "pairs", type=SETTING, multiple=True, metavar="KEY=VALUE",
              help="A setting, as in YAML: lists_all_open=true, placing.service=data.")
@click.option("--yaml", "yaml_path", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None,
              help="Read it by the entry in this file, written as in sources.yaml.")
@click.option("--at", "at", type=MOMENT, default=None, help="Read it as at this time (RFC 3339); now where left out.")
@config_option
@json_option
def try_source(target: str, source_id: str | None, kind: str | None, pairs: tuple[tuple[str, Any], ...],
               yaml_path: Path | None, at: datetime | None, directory: Path, as_json: bool) -> None:
    """Read one saved or fetched answer, and say what it says and what of it is not understood.

    Without --source, --kind or --yaml the kind is recognised. Nothing is kept. Exit code 1 where the answer cannot be
    relied on, or where something in it was not understood.
    """
    if sum(one is not None for one in (source_id if yaml_path is None else None, kind, yaml_path)) > 1:
        raise click.UsageError("give one of --source, --kind, --yaml")
    config = load_or_explain(directory) if source_id is not None and yaml_path is None else loaded(directory)
    now = at or SystemClock().now()
    entry = _entry(config, source_id, kind, dict(pairs), yaml_path)
    regions = config.regions if config is not None else RegionTree({})
    trial = _tried(entry, target, regions, now) if entry is not None else _recognised(target, dict(pairs), regions, now)
    if config is None and not as_json:
        click.echo(f"{directory} is no configuration without mistakes: nothing is placed", err=True)
    puzzles = not_understood(trial.kind, trial.reading)
    good = trial.reading.known and not puzzles
    if as_json:
        print_json({"ok": good, **as_data(trial.kind, trial.reading), "recognised": trial.recognised})
    else:
        if trial.recognised:
            click.echo(f"Recognised as {trial.kind}.")
        print_reading(trial.kind, trial.reading)
    raise SystemExit(0 if good else 1)


# ── Which settings ───────────────────────────────────────────────────────────────────────────────────────────────────


def _entry(config: Config | None, source_id: str | None, kind: str | None, pairs: Mapping[str, Any],
           yaml_path: Path | None) -> tuple[str, Settings] | None:
    """(kind, settings) that were asked for; None: recognise it. Raises Problem with every mistake."""
    if yaml_path is not None:
        return _of_yaml(yaml_path, source_id)
    if source_id is not None:
        assert config is not None
        if source_id not in config.sources:
            raise unknown("source", source_id, config.sources)
        settings = config.sources[source_id]
        return str(getattr(settings, "kind")), settings  # noqa: B009 every kind's Settings has it
    if kind is None:
        return None
    if kind not in SOURCES:
        raise unknown("kind", kind, SOURCES)
    value = {"id": "tried", "kind": kind, **_merged(pairs)}
    if "url" in SOURCES[kind].settings.model_fields:
        value.setdefault("url", "https://not-asked.invalid/")
    return kind, _checked(kind, value, YamlFile("--set"))


def _of_yaml(path: Path, source_id: str | None) -> tuple[str, Settings]:
    file, _ = read_yaml(path, path.name)
    if file.mistakes:
        _refuse(file)
    value: Any = file.value.get("sources", file.value) if isinstance(file.value, dict) else file.value
    at: tuple[str | int, ...] = ("sources",) if isinstance(file.value, dict) and "sources" in file.value else ()
    if isinstance(value, list):
        found = [number for number, one in enumerate(value)
                 if isinstance(one, dict) and source_id in (None, one.get("id"))]
        if len(found) != 1:
            raise Problem(f"{path} has {len(found)} entries{f' called {source_id}' if source_id else ''}; "
                          "name one with --source")
        value, at = value[found[0]], (*at, found[0])
    if not isinstance(value, dict) or value.get("kind") not in SOURCES:
        raise Problem(f"{path} holds no entry with a kind; expected {listed(SOURCES)}")
    kind = str(value["kind"])
    return kind, _checked(kind, {"id": "tried", **value}, file, at)


def _checked(kind: str, value: Any, file: YamlFile, at: tuple[str | int, ...] = ()) -> Settings:
    settings = validate(SOURCES[kind].settings, value, file, at)
    if file.mistakes or settings is None:
        _refuse(file)
    assert settings is not None
    return settings


def _refuse(file: YamlFile) -> None:
    for mistake in file.mistakes:
        click.echo(str(mistake), err=True)
    raise Problem(f"{file.name} has mistakes; nothing was tried")


def _merged(pairs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return wanted(pairs)
    except ValueError as error:
        raise Problem(str(error)) from error


# ── Which answer ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _tried(entry: tuple[str, Settings], target: str, regions: RegionTree, now: datetime) -> _Trial:
    kind, settings = entry
    if target.startswith(("http://", "https://")):
        if "url" not in type(settings).model_fields:
            raise Problem(f"a {kind} has no url")
        settings = settings.model_copy(update={"url": target})
    source = SOURCES[kind].make(settings, regions=regions)
    if target and not target.startswith(("http://", "https://")):
        answer: Answer | Failure = _saved(target, now)
    else:
        answer = source.fetch({}, now)
    if isinstance(answer, Failure):
        raise Problem(f"nothing could be fetched: {answer.reason} {answer.detail}".strip())
    if getattr(settings, "placing", None) == Placing():
        reading = read_unplaced(SOURCES[kind], settings, answer, regions=regions, now=now)
    else:
        reading = source.read(answer, {}, now)
    return _Trial(kind, settings, reading, recognised=False)


def _recognised(target: str, pairs: Mapping[str, Any], regions: RegionTree, now: datetime) -> _Trial:
    if not target:
        raise click.UsageError("give a file or a URL, or --source ID for what is configured")
    if target.startswith(("http://", "https://")):
        found = recognised_at(target, regions=regions, now=now, given=_merged(pairs))
    else:
        found = recognise_answer(_saved(target, now), regions=regions, now=now)
    if isinstance(found, NotRecognised):
        might = f" (it might be {', '.join(found.might_be)})" if found.might_be else ""
        raise Problem(f"{target} is not recognised: {safe(found.why)}{might}; give --kind or --yaml")
    return _Trial(found.kind, found.settings, found.reading, recognised=True)


def recognised_at(url: str, *, regions: RegionTree, now: datetime, given: Mapping[str, Any],
                  only: str | None = None) -> Any:
    """`recognise`, with what a person may have mistyped as a Problem."""
    kinds = [kind.settings for name, kind in SOURCES.items() if only in (None, name)]
    wrong = misspelt(_dotted(given), kinds, only or "a source")
    if wrong:
        raise Problem(wrong)
    try:
        return recognise(url, regions=regions, now=now, given=given, only=only)
    except SecretMissing as error:
        raise Problem(str(error)) from error
    except ValidationError as error:
        said = error.errors()[0]
        where = ".".join(map(str, said["loc"]))
        raise Problem(f"{where}: {said['msg'].removeprefix('Value error, ')}") from error


def _dotted(given: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """{"placing": {"service": x}} as "placing.service"."""
    for name, value in given.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{within}{name}.")
        else:
            yield f"{within}{name}"


def _saved(path: str, now: datetime) -> Answer:
    try:
        with open(path, "rb") as file:
            body = file.read(BYTES_MOST + 1)
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}; expected a file or a URL") from error
    if len(body) > BYTES_MOST:
        raise Problem(f"{path} has more than {BYTES_MOST:,} bytes")
    return Answer(now, 200, {}, body)
