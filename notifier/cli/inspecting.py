"""`check`, `schema`, `preview`, `doctor`, `status`: look before it matters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from ..app import make_channels, make_hearing, make_mention_sources, make_sources, make_speaker
from ..channels.sms import SmsSettings, callback_tokens
from ..clock import SystemClock
from ..config import Mistake
from ..config import check as check_directory
from ..config.schema import json_schema
from ..config.tree import Config
from ..intake.examining import examine as examine_intake
from ..model.notice import NoticeState
from ..model.signal import SignalClass
from ..model.times import parse_rfc3339
from ..notices.preview import PreviewRow
from ..notices.preview import preview as preview_rows
from ..ports import Channel, Failure, Finding, Source, SourceState, StoreUnavailable
from ..secret import SecretMissing
from ..store import open_store
from .deployment import (
    at_place,
    config_option,
    json_option,
    load_or_explain,
    loaded,
    opened_store,
    store_option,
    unknown,
)
from .incidents import old_queues, print_waiting, print_waves
from .output import Problem, harmless, print_json, print_lines, print_table
from .showing import crowd_lines, incident_lines, measures


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default="config")
@json_option
def check(directory: Path, as_json: bool) -> None:
    """Name every mistake in a configuration, with file, line and column; exit 1 if there is any."""
    mistakes = check_directory(directory)
    if as_json:
        print_json({"ok": not mistakes, "mistakes": mistakes})
    else:
        for mistake in mistakes:
            click.echo(str(mistake))
        click.echo(f"{directory}: {len(mistakes)} mistakes" if mistakes else f"{directory}: no mistakes")
    raise SystemExit(1 if mistakes else 0)


@click.command()
@click.option("--write", "folder", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Write one schema a file into this folder, in place of printing.")
def schema(folder: Path | None) -> None:
    """Print JSON Schema for the YAML files, so that an editor completes and underlines."""
    schemas = json_schema()
    if folder is None:
        click.echo(json.dumps(schemas, indent=2, sort_keys=True))
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in schemas.items():
        (folder / f"{name}.schema.json").write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")
    click.echo(f"{len(schemas)} schemas written to {folder}")


@click.command()
@click.argument("service")
@click.option("--region", "regions", multiple=True, help="Region ids; the deployment's first where left out.")
@click.option("--channel", default=None, help="Only this channel.")
@click.option("--language", default=None, help="Only this language.")
@config_option
@json_option
def preview(service: str, regions: tuple[str, ...], channel: str | None, language: str | None, directory: Path,
            as_json: bool) -> None:
    """Show every text of an incident as each channel would carry it, with lengths, segments and price."""
    config = load_or_explain(directory)
    _known_or_explain(config, service, regions)
    rows = preview_rows(service=service, regions=regions or _some_region(config),
                        speaker=make_speaker(config, make_channels(config)), now=SystemClock().now())
    shown = [row for row in rows if channel in (None, row.channel) and language in (None, row.language)]
    if as_json:
        print_json({"texts": shown})
        return
    for row in shown:
        _print_preview(row, config.company.currency)
    if not shown:
        click.echo("No channel would carry anything.")
    misfits = [row for row in shown if row.text and not row.fits]
    if misfits:
        raise Problem(f"{len(misfits)} texts do not fit their channel")


def _known_or_explain(config: Config, service: str, regions: tuple[str, ...]) -> None:
    for region in regions:
        if region not in config.regions:
            raise unknown("region", region, (known.id for known in config.regions))
    if service not in config.services:
        raise unknown("service", service, config.services)


def _print_preview(row: PreviewRow, currency: str) -> None:
    """One text as a block: where it goes and what it measures, then the words, readable at any width."""
    click.echo(" · ".join([row.wording, f"{row.channel}/{row.language}", *measures(row, currency)]))
    for line in [row.problem] if row.problem else [*([row.subject, ""] if row.subject else []), *row.text.splitlines()]:
        click.echo(f"    {line}".rstrip())
    click.echo()


def _some_region(config: Config) -> tuple[str, ...]:
    served = [region.id for region in config.regions if region.customers]
    return tuple((served or [region.id for region in config.regions])[:1])


@click.command()
@config_option
@store_option
@json_option
def doctor(directory: Path, store_path: str | None, as_json: bool) -> None:
    """Try every credential and connection without sending anything."""
    config = load_or_explain(directory)
    findings: list[Finding] = []
    for finding in _examine(config, store_path):
        findings.append(finding)
        if not as_json:
            click.echo(f"{click.style('ok  ', fg='green') if finding.ok else click.style('FAIL', fg='red')} "
                       f"{finding.subject}: {finding.text}")
    if as_json:
        print_json({"ok": all(f.ok for f in findings), "findings": findings})
    raise SystemExit(0 if all(f.ok for f in findings) else 1)


def _examine(config: Config, store_path: str | None) -> Iterator[Finding]:
    yield _examine_store(config, store_path)
    yield from examine_intake(config.intake, make_hearing(config))
    now = SystemClock().now()
    with ThreadPoolExecutor(8) as pool:
        channels = list(make_channels(config).values())
        for found in pool.map(_examine_channel, channels):
            yield from found
        yield from _examine_callbacks(config, channels)
        yield from pool.map(lambda source: _examine_source(source, now), make_sources(config).values())
        yield from pool.map(lambda source: source.check(), make_mention_sources(config).values())


def _examine_store(config: Config, store_path: str | None) -> Finding:
    settings = config.store if store_path is None else at_place(config.store, store_path)
    try:
        store = open_store(settings)
        with store.transaction() as tx:
            tx.switch("kill")
        store.close()
    except StoreUnavailable as error:
        return Finding("store", False, str(error))
    return Finding("store", True, f"{settings.place} can be written")


def _examine_channel(channel: Channel) -> list[Finding]:
    try:
        return list(channel.check())
    except SecretMissing as error:
        return [Finding(channel.id, False, str(error))]


def _examine_callbacks(config: Config, channels: Sequence[Channel]) -> Iterator[Finding]:
    """Whether we would hear what became of texts, and of people who answer STOP."""
    if not any(channel.kind == "sms" for channel in channels):
        return
    own = callback_tokens(config.channels)
    shared = {settings.account_sid for id, settings in config.channels.items()
              if isinstance(settings, SmsSettings) and id not in own}
    missing = [what for what, there in (("company.public_url", config.company.public_url),
                                        ("web.twilio_token", config.web.twilio_token or not shared)) if not there]
    deaf = f"{' and '.join(missing)} not set: what becomes of a text is never heard, nor who answers STOP"
    if len(shared) > 1 and not missing:
        missing.append("callback_token")
        deaf = f"{len(shared)} accounts share web.twilio_token, which signs for one: give the others a callback_token"
    yield Finding("callbacks of Twilio", not missing, deaf if missing else "are expected, and believed where signed")


def _examine_source(source: Source, now: Any) -> Finding:
    if (examine := getattr(source, "examine", None)) is not None:
        found: Finding = examine(now)
        return found
    answer = source.fetch({}, now)
    if isinstance(answer, Failure) and answer.reason == "not_listening":
        return Finding(source.id, True, f"waits for pushes at /hooks/alerts/{source.id}")
    if isinstance(answer, Failure):
        return Finding(source.id, False, f"{answer.reason} {answer.detail}".strip())
    reading = source.read(answer, {}, now)
    if not reading.known:
        return Finding(source.id, False, f"answers, but says nothing to rely on: {reading.why}")
    return Finding(source.id, True, f"{len(reading.signals)} signals, {len(reading.unplaced)} unplaced")


@click.command()
@config_option
@store_option
@json_option
def status(directory: Path, store_path: str | None, as_json: bool) -> None:
    """Say how the running daemon is: configuration in force, sources, outbox, what waits for a person."""
    with opened_store(directory, store_path) as store, store.reading() as tx:
        kept = tx.checkpoint("status")
        daemon: dict[str, Any] = json.loads(kept) if kept else {"running": False}
        sources, open_now = _with_unheard(tx.source_states(), directory), tx.incidents(open_only=True)
        waiting, kill = tx.notices(state=NoticeState.WAITING), tx.switch("kill")
        gauges, waves = dict(tx.gauges(SystemClock().now())), tx.canaries()
        old_queue = old_queues(tx)
        crowd = {i.id: [s for s in tx.evidence_of(i.id) if s.klass is SignalClass.CROWD] for i in open_now}
    if daemon.get("running"):
        age = (SystemClock().now() - parse_rfc3339(daemon["at"])).total_seconds()
        daemon["running"] = age < 30
    whole = {"daemon": daemon, "kill_switch": kill or "off", "sources": sources, "open_incidents": open_now,
             "waiting": waiting, "old_queue": old_queue, "crowd": crowd, "gauges": gauges, "waves": waves}
    if as_json:
        print_json(whole)
        return
    _print_status(whole)


def _with_unheard(states: Sequence[SourceState], directory: Path) -> tuple[SourceState, ...]:
    """The states of all sources that are switched on, those included that were never heard: silence is what staff must
    see. Without a sound configuration, what the store knows."""
    config = loaded(directory)
    switched_on = {**config.sources, **config.mentions} if config is not None else {}
    known = {state.source for state in states}
    unheard = [SourceState(id, why="never heard") for id, settings in switched_on.items()
               if id not in known and getattr(settings, "enabled", True)]
    return tuple(sorted((*states, *unheard), key=lambda state: state.source))


def _route_line(channel: str, route: Mapping[str, Any]) -> str:
    """Which account a channel with two goes by, in a sentence."""
    if route["active"] == channel:
        return f"channel {channel} goes by its own account; {route['standby']} stands by"
    trial = route["trial"]
    tried = "" if trial is None else f"; its own is tried with {f'{trial:.0%}' if trial else 'one message'}"
    return f"channel {channel} goes by {route['active']}, since its own failed: {route['why']}{tried}"


def _channel_lines(daemon: dict[str, Any], gauges: dict[str, float]) -> Iterator[str]:
    """What is out of the ordinary with channels, in sentences."""
    for channel, why in daemon.get("stopped_channels", {}).items():
        yield f"channel {channel} has stopped: {why}"
    for channel, wait in daemon.get("limited_channels", {}).items():
        if queued := gauges.get(f"outbox.{channel}.pending"):
            why = f"waits until {wait['until']} for the limit {wait['limit']}"
            yield f"channel {channel} {why}: {queued:.0f} are queued"
    for channel, route in daemon.get("routes", {}).items():
        yield _route_line(channel, route)


def _print_status(whole: dict[str, Any]) -> None:
    daemon = whole["daemon"]
    if daemon.get("running"):
        click.echo(f"running as pid {daemon['pid']}, {daemon['mode']} mode, configuration {daemon['revision']} "
                   f"good since {daemon['good_since']}")
    else:
        last = f"; its last configuration was {daemon['revision']}" if daemon.get("revision") else ""
        click.echo(f"the daemon is not running{last}")
    for mistake in daemon.get("rejected", []):
        click.echo(f"  edit rejected: {Mistake(**mistake)}")
    intake = daemon.get("intake", {})
    if daemon.get("running") and intake.get("workers_at_work", 0) < intake.get("workers", 0):
        click.echo(f"  {intake['workers_at_work']} of {intake['workers']} processes that read posts are at work")
    for line in _channel_lines(daemon, whole["gauges"]):
        click.echo(harmless(f"  {line}"))
    if whole["kill_switch"] == "on":
        click.echo("KILL SWITCH IS ON: nothing is sent")
    print_table("Sources", ["source", "state", "last known", "why"],
                [(s.source, s.freshness, s.last_known_at, s.why) for s in whole["sources"]],
                empty="No source has been read yet.")
    click.echo("Open incidents" if whole["open_incidents"] else "No incident is open.")
    for incident in whole["open_incidents"]:
        print_lines((2 + indent, text) for indent, text in incident_lines(incident))
        print_lines(crowd_lines(incident, whole["crowd"][incident.id]))
    for one in whole["old_queue"]:
        click.echo(harmless(f"{one['incident']}: {one['why']}"))
    print_waiting(whole["waiting"])
    if whole["waves"]:
        print_waves(whole["waves"])
    queued = {name: n for name, n in whole["gauges"].items() if name.startswith("outbox.") and n}
    print_table("Outbox", ["what", "number"], sorted(queued.items()), empty="The outbox is empty.")
