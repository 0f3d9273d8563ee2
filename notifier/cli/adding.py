"""`add-source`: recognise what is at an address, propose its entry, try it once, and write it down if told to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from ..clock import SystemClock
from ..config.appending import CannotAppend, appended, checked_with, write
from ..config.mistake import Mistake
from ..config.proposing import Proposal, Wish, guessed, propose, wanted
from ..config.recognising import NotRecognised, Recognised
from ..config.registry import SOURCES
from ..config.tree import Config
from ..config.validate import validate
from ..config.yaml_file import YamlFile, parse_yaml
from ..ports import Reading
from ..sources.settings import Placing
from .deployment import config_option, json_option, load_or_explain, unknown
from .output import Problem, print_json
from .reading_out import as_data, print_reading, safe
from .trying import MOMENT, SETTING, recognised_at

_FILE = "sources.yaml"


@dataclass(frozen=True)
class _Outcome:
    """What came of it: the entry, what it would read, and what stood in the way of writing it."""

    found: Recognised
    proposal: Proposal
    reading: Reading
    mistakes: tuple[Mistake, ...]
    text: str
    before: bytes | None
    twice: tuple[str, ...] = ()
    """Where this address stands already: "sources.yaml:4:10 (vendor, statuspage)"."""


@click.command("add-source")
@click.argument("url")
@click.option("--kind", default=None, help="What it is, where that is known.")
@click.option("--set", "pairs", type=SETTING, multiple=True, metavar="KEY=VALUE",
              help="A setting of the entry, as in YAML: allow_private=true, bearer.env=TOKEN.")
@click.option("--id", "name", default="", help="Its id; made from the address where left out.")
@click.option("--service", default="", help="Our service it speaks of where no rule names one.")
@click.option("--region", "regions", multiple=True, help="Our region it speaks of where none is found by name.")
@click.option("--enable", is_flag=True, help="Poll it at once; else the entry says enabled: false until you change it.")
@click.option("--again", is_flag=True, help="Write it although a source with this address stands there already.")
@click.option("--write", "writing", is_flag=True, help="Add the entry to sources.yaml, if all still checks with it.")
@click.option("--at", "at", type=MOMENT, default=None, help="Read it as at this time (RFC 3339); now where left out.")
@config_option
@json_option
def add_source(url: str, kind: str | None, pairs: tuple[tuple[str, Any], ...], name: str, service: str,
               regions: tuple[str, ...], enable: bool, again: bool, writing: bool, at: datetime | None, directory: Path,
               as_json: bool) -> None:
    """Recognise the status page, feed or alerts at URL, propose its entry, and show what it would read.

    Without --write nothing is changed. Exit code 1 where it is not recognised, or could not be written.
    """
    config = load_or_explain(directory)
    given, wish = _wish(_merged(dict(pairs)), Wish(name, service, regions, enable))
    _known(config, kind, wish.service, wish.regions)
    found = _found(url, kind, given, config, at or SystemClock().now())
    outcome = _proposed(found, config, wish)
    refused = bool(outcome.mistakes) or bool(outcome.twice and not again)
    written = writing and not refused
    if written:
        _write(config.directory / _FILE, outcome)
    if as_json:
        print_json({"ok": not (writing and refused), "kind": found.kind, "others": found.others,
                    "id": outcome.proposal.id, "entry": outcome.proposal.text(), "mistakes": outcome.mistakes,
                    "guessed": guessed(found), "stands_already": outcome.twice,
                    "written": written, "reading": as_data(found.kind, outcome.reading)})
    else:
        _print(outcome, writing=writing, written=written)
    raise SystemExit(1 if writing and not written else 0)


def _known(config: Config, kind: str | None, service: str, regions: tuple[str, ...]) -> None:
    if kind is not None and kind not in SOURCES:
        raise unknown("kind", kind, SOURCES)
    if service and service not in config.services:
        raise unknown("service", service, config.services)
    for region in regions:
        if region not in config.regions:
            raise unknown("region", region, (known.id for known in config.regions))


def _merged(pairs: dict[str, Any]) -> dict[str, Any]:
    try:
        return wanted(pairs)
    except ValueError as error:
        raise Problem(str(error)) from error


_SAID_ELSEWHERE = {"id": "--id", "kind": "--kind", "url": "the address", "placing.map": "the file, below the entry",
                   "placing.find_regions": "the file: it is on", "placing.everywhere": "the file, below the entry"}
"""Keys --set does not take here, and where they are said."""


def _wish(given: dict[str, Any], wish: Wish) -> tuple[dict[str, Any], Wish]:
    """What was given, without what options of their own say: that becomes part of the wish. An option wins."""
    placing = given.get("placing")
    inner = placing if isinstance(placing, dict) else {}
    for key in (*given, *(f"placing.{name}" for name in inner)):
        if key in _SAID_ELSEWHERE:
            raise Problem(f"--set {key} has no place here: say it by {_SAID_ELSEWHERE[key]}")
    regions, service = inner.get("regions", []), inner.get("service", "")
    listed = regions if isinstance(regions, list) else [regions]
    left = {name: value for name, value in given.items() if name not in ("enabled", "placing")}
    unknown_keys = {name: value for name, value in inner.items() if name not in ("service", "regions")}
    if unknown_keys:
        left["placing"] = unknown_keys
    return left, replace(wish, service=wish.service or str(service), regions=wish.regions or tuple(map(str, listed)),
                         enabled=wish.enabled or given.get("enabled") is True)


def _found(url: str, kind: str | None, given: dict[str, Any], config: Config, now: datetime) -> Recognised:
    found = recognised_at(url, regions=config.regions, now=now, given=given, only=kind)
    if isinstance(found, NotRecognised):
        might = f"; it might be {', '.join(found.might_be)}: give --kind" if found.might_be else ""
        raise Problem(f"{url} is not recognised: {safe(found.why)}{might}")
    assert isinstance(found, Recognised)
    return found


def _proposed(found: Recognised, config: Config, wish: Wish) -> _Outcome:
    """The entry, read once by the configuration's own regions and services, and the file it would stand in."""
    proposal = propose(found, config, wish)
    path = config.directory / _FILE
    before = path.read_bytes() if path.exists() else None
    try:
        text = appended((before or b"").decode("utf-8"), "sources", proposal.text)
    except CannotAppend as error:
        raise Problem(f"{path}: {error}. The entry:\n{proposal.text()}") from error
    mistakes = checked_with(config.directory, _FILE, text)
    twice = _standing(before or b"", found, config)
    return _Outcome(found, proposal, _read_once(found, proposal, config), mistakes, text, before, twice)


def _standing(written: bytes, found: Recognised, config: Config) -> tuple[str, ...]:
    """Where the address found stands already, whatever reads it there: two sources would tell of one trouble twice."""
    file = parse_yaml(written, YamlFile(_FILE))
    entries = file.value.get("sources") if isinstance(file.value, dict) else None
    places = []
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("id") if isinstance(entry, dict) else None
        settings = config.sources.get(name) if isinstance(name, str) else None
        address = getattr(settings, "url", None)
        if isinstance(address, str) and _plain(address) == _plain(found.url):
            line, column = file.place(("sources", number, "url"))
            places.append(f"{_FILE}:{line}:{column} ({name}, {entry['kind']})")
    return tuple(places)


def _plain(url: str) -> str:
    """An address without what makes no other of it: capitals in the host, a usual port, a slash at the end, a mark."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}?{parts.query}"


def _read_once(found: Recognised, proposal: Proposal, config: Config) -> Reading:
    """The answer that was recognised, read by the entry proposed; not placed where the entry places nothing."""
    file = parse_yaml(proposal.text(0).encode(), YamlFile(_FILE))
    kind = SOURCES[found.kind]
    if file.value is None:
        return found.reading
    settings = validate(kind.settings, file.value[0], file, (0,))
    if settings is None or file.mistakes:
        return found.reading
    if not proposal.service and getattr(settings, "placing", Placing()).service is None:
        return found.reading
    return kind.make(settings, regions=config.regions).read(found.answer, {}, found.answer.fetched_at)


def _write(path: Path, outcome: _Outcome) -> None:
    try:
        write(path, outcome.before, outcome.text)
    except CannotAppend as error:
        raise Problem(str(error)) from error
    except OSError as error:
        raise Problem(f"{path} cannot be written: {error.strerror}") from error


def _print(outcome: _Outcome, *, writing: bool, written: bool) -> None:
    found = outcome.found
    also = f" (understood by {', '.join(found.others)} too)" if found.others else ""
    click.echo(f"{found.url} is {found.kind}{also}.\n")
    click.echo(outcome.proposal.text())
    print_reading(found.kind, outcome.reading)
    click.echo()
    for mistake in outcome.mistakes:
        click.echo(str(mistake), err=writing)
    for place in outcome.twice:
        click.echo(f"{place}: this address stands there already", err=writing)
    if written:
        click.echo(f"Written to {_FILE} as {outcome.proposal.id}.")
    elif outcome.mistakes:
        click.echo(f"Not written: with this entry {_FILE} has mistakes." if writing else
                   f"With this entry {_FILE} has mistakes: say more with --service, --region or --set.")
    elif writing:
        click.echo("Not written: this address would be polled twice; --again writes it all the same.")
    else:
        click.echo(f"Nothing was changed; --write adds the entry to {_FILE}.")
