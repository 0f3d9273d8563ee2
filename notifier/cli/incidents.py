"""`notifier incidents …`: look at incidents, approve what is to be said, and lead them by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ..app import make_channels, make_speaker
from ..config.tree import Config
from ..detection.old_queue_loop import KEPT as OLD_QUEUE
from ..incidents.fanout import AT_ONCE
from ..model.canary import Canary
from ..model.incident import Incident
from ..model.notice import Notice, NoticeState, Stage
from ..model.staff import Verb
from ..notices.preview import PreviewRow, preview_notice
from ..ports import Store, Transaction
from .deployment import actor_option, config_option, json_option, loaded, opened_store, store_option
from .output import Problem, print_json, print_lines, print_table
from .requests import ask
from .showing import evidence_lines, history_lines, incident_lines, measures

CLOSING = (Stage.RESOLVE, Stage.CORRECT)
"""What goes to exactly those who were told."""


@click.group()
def incidents() -> None:
    """Look at incidents and lead them."""


def _common(command: Any) -> Any:
    return config_option(store_option(json_option(command)))


@incidents.command("list")
@_common
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
def list_incidents(directory: Path, store_path: str | None, as_json: bool, everything: bool) -> None:
    """List incidents, newest last."""
    with opened_store(directory, store_path) as store, store.transaction() as tx:
        found = tx.incidents(open_only=not everything)
        waiting = [notice for notice in tx.notices(state=NoticeState.WAITING)]
    if as_json:
        print_json({"incidents": found, "waiting": waiting})
        return
    for incident in found:
        print_lines(incident_lines(incident))
    if not found:
        click.echo("No incident is open." if not everything else "There has been no incident.")
    if waiting:
        print_waiting(waiting)


def print_waiting(waiting: Sequence[Notice]) -> None:
    """The table of notices that wait for a person."""
    print_table("Notices waiting for a person", ["notice", "stage", "regions", "people", "goes by itself at"],
                [(n.id, n.stage, n.regions, n.audience, n.release_by) for n in waiting],
                empty="No notice waits for a person.")


def print_waves(waves: Sequence[Canary]) -> None:
    """The table of waves: who is told first, and what was made of it."""
    print_table("Waves", ["notice", "channel", "state", "first", "of", "why"],
                [(w.notice, w.channel, w.state, w.size, w.people, w.why) for w in waves], empty="")


@incidents.command()
@click.argument("incident")
@_common
def show(incident: str, directory: Path, store_path: str | None, as_json: bool) -> None:
    """Show one incident: evidence, history, notices with their exact texts, deliveries."""
    with opened_store(directory, store_path) as store, store.transaction() as tx:
        found = _incident(tx, incident)
        evidence, moves = tx.evidence_of(found.id), tx.moves(found.id)
        notices, deliveries = tx.notices(incident=found.id), tx.deliveries(incident=found.id)
        queue = [one["why"] for one in old_queues(tx) if one["incident"] == found.id]
        waves = tx.canaries(incident=found.id)
    if as_json:
        print_json({"incident": found, "evidence": evidence, "moves": moves, "old_queue": queue,
                    "waves": waves, "notices": [{**_notice_row(n), "texts": n.texts} for n in notices],
                    "deliveries": [{"notice": d.notice, "channel": d.channel, "state": d.state, "reason": d.reason,
                                    "attempts": d.attempts, "route": d.route} for d in deliveries]})
        return
    print_lines([*incident_lines(found), *((4, why) for why in queue)])
    click.echo("\nEvidence" if evidence else "\nNo evidence is kept: it was opened by hand.")
    print_lines(evidence_lines(evidence))
    click.echo("\nHistory")
    print_lines(history_lines(moves))
    config = loaded(directory)
    for notice in notices:
        _print_notice(notice, config)
    if waves:
        print_waves(waves)
    print_table("Deliveries", ["channel", "route", "state", "reason", "number"], _delivery_counts(deliveries),
                empty="Nothing was queued.")


def old_queues(tx: Transaction) -> list[dict[str, str]]:
    """Open incidents (id and why) during which our own accounts answer an old queue, as the daemon saw it last."""
    kept = tx.checkpoint(OLD_QUEUE)
    return list(json.loads(kept)) if kept else []


def _incident(tx: Transaction, incident: str) -> Incident:
    found = tx.incident(incident)
    if found is None:
        raise Problem(f"there is no incident {incident}: `notifier incidents list --all` shows them")
    return found


def _notice_row(notice: Notice) -> dict[str, Any]:
    return {"id": notice.id, "stage": notice.stage, "state": notice.state, "regions": notice.regions,
            "audience": notice.audience, "reach": notice.reach, "digest": notice.digest, "mode": notice.mode,
            "release_by": notice.release_by, "valid_until": notice.valid_until, "reason": notice.reason}


def _print_notice(notice: Notice, config: Config | None) -> None:
    """A notice word for word, with what each text measures and costs; without that while the configuration has
    mistakes, which must not keep anybody from approving."""
    rows = preview_notice(notice, speaker=make_speaker(config, make_channels(config))) if config else ()
    measured = {(row.channel, row.language): row for row in rows}
    click.echo(f"\nNotice {notice.id} – {notice.stage}, {notice.state}, {notice.mode} mode")
    click.echo(f"  to {notice.audience} people ({notice.reach}) in {', '.join(notice.regions)}")
    if config is not None and (first := first_in_words(config, notice)):
        click.echo(f"  {first}")
    click.echo(f"  why: {notice.reason}\n  digest: {notice.digest[:12]}")
    for text in notice.texts:
        click.echo(f"  [{text.channel}/{text.language}] {text.subject + ': ' if text.subject else ''}{text.body}")
        row = measured.get((text.channel, text.language))
        if row is not None and config is not None:
            click.echo(f"    {' · '.join([*measures(row, config.company.currency), *_in_all(row, notice, config)])}")


def first_in_words(config: Config, notice: Notice) -> str:
    """Who of a large audience is told before the rest; "" where everybody is told at once."""
    canary = config.canary
    if canary.share == 0 or notice.audience <= max(AT_ONCE, canary.above) or notice.stage in CLOSING:
        return ""
    return (f"on each channel with more than {canary.above} of them: {canary.share * 100:g}% of it first, at least "
            f"{canary.least} and at most {canary.most} people, then the rest")


def _in_all(row: PreviewRow, notice: Notice, config: Config) -> Iterator[str]:
    """The bill of a text that is paid by the person: how many have a telephone is only known once it is planned."""
    if row.kind == "sms" and row.price:
        most = row.price * notice.audience
        yield f"at most {most:.2f} {config.company.currency} where all {notice.audience} people get it"


def _delivery_counts(deliveries: Sequence[Any]) -> list[tuple[str, str, str, str, int]]:
    """How many of each; the route only where it was not the channel's own."""
    counts: dict[tuple[str, str, str, str], int] = {}
    for delivery in deliveries:
        route = "" if delivery.route in (None, delivery.channel) else delivery.route
        key = (delivery.channel, route, str(delivery.state), str(delivery.reason))
        counts[key] = counts.get(key, 0) + 1
    return [(*key, number) for key, number in sorted(counts.items())]


def _waiting_notice(store: Store, notice: str) -> Notice:
    with store.transaction() as tx:
        found = tx.notice(notice)
        waiting = [n for n in tx.notices(incident=notice) if n.state is NoticeState.WAITING]
    if found is not None:
        return found
    if not waiting:
        raise Problem(f"{notice} is neither a notice nor an incident with one waiting: `notifier incidents list`")
    if len(waiting) > 1:
        raise Problem(f"{len(waiting)} notices of {notice} wait: name one of them\n"
                      + "\n".join(f"  {n.id}: {n.stage}, {', '.join(n.regions)}, {n.audience} people" for n in waiting))
    return waiting[0]


@incidents.command()
@click.argument("notice")
@click.option("--yes", is_flag=True, help="Do not ask; you have read it elsewhere.")
@click.option("--digest", default=None, help="Refuse unless the notice is still the one with this digest.")
@actor_option
@_common
def approve(notice: str, yes: bool, digest: str | None, actor: str, directory: Path, store_path: str | None,
            as_json: bool) -> None:
    """Approve a waiting notice (its id, or its incident's): shows exactly what would be said, then asks."""
    with opened_store(directory, store_path) as store:
        found = _waiting_notice(store, notice)
        if digest and not found.digest.startswith(digest):
            raise Problem("the notice has changed since you saw it: look again and approve the new text")
        if not as_json:
            _print_notice(found, loaded(directory))
        if not yes:
            click.confirm("Send this?", abort=True)
        ask(store, Verb.APPROVE, actor, {"notice": found.id, "digest": found.digest}, as_json=as_json)


@incidents.command()
@click.argument("notice")
@click.option("--note", default="", help="Why.")
@actor_option
@_common
def refuse(notice: str, note: str, actor: str, directory: Path, store_path: str | None, as_json: bool) -> None:
    """Refuse a waiting notice."""
    with opened_store(directory, store_path) as store:
        ask(store, Verb.REFUSE, actor, {"notice": _waiting_notice(store, notice).id, "note": note}, as_json=as_json)


def _wave(store: Store, named: str, channel: str | None) -> Canary:
    """The one open wave of a notice, or of an incident's notices, on this channel or on any."""
    with store.reading() as tx:
        found = [wave for wave in tx.canaries()
                 if named in (wave.notice, wave.incident) and channel in (None, wave.channel)]
    if not found:
        raise Problem(f"{named} has no wave that is held or on its way: see `notifier incidents show`")
    if len(found) > 1:
        raise Problem(f"{len(found)} waves of {named} are open: name one of them\n"
                      + "\n".join(f"  {wave.notice} --channel {wave.channel}: {wave.state}" for wave in found))
    return found[0]


def _wave_command(name: str, verb: Verb, doc: str) -> None:
    @incidents.command(name, help=doc)
    @click.argument("notice")
    @click.option("--channel", default=None, help="The channel, where several have a wave.")
    @actor_option
    @_common
    def command(notice: str, channel: str | None, actor: str, directory: Path, store_path: str | None,
                as_json: bool) -> None:
        with opened_store(directory, store_path) as store:
            wave = _wave(store, notice, channel)
            ask(store, verb, actor, {"notice": wave.notice, "channel": wave.channel}, as_json=as_json)


_wave_command("go-on", Verb.GO_ON, "Tell the rest of a large audience, whatever became of those told first.")
_wave_command("drop", Verb.DROP, "Tell nobody else of a notice on one channel: the rest of its audience is dropped.")


@incidents.command("open")
@click.option("--service", required=True)
@click.option("--region", "regions", multiple=True, required=True)
@click.option("--level", type=click.Choice(["minor", "major", "critical"]), default="major", show_default=True,
              help="How bad it is: policies may ask for a level.")
@click.option("--note", default="", help="What you know; kept with the incident.")
@actor_option
@_common
def open_incident(service: str, regions: tuple[str, ...], level: str, note: str, actor: str, directory: Path,
                  store_path: str | None, as_json: bool) -> None:
    """Open a confirmed incident on your word."""
    arguments = {"service": service, "regions": ",".join(regions), "level": level, "note": note}
    with opened_store(directory, store_path) as store:
        ask(store, Verb.OPEN, actor, arguments, as_json=as_json)


@incidents.command()
@click.argument("incident")
@click.option("--off", is_flag=True, help="Let the daemon speak again.")
@actor_option
@_common
def hold(incident: str, off: bool, actor: str, directory: Path, store_path: str | None, as_json: bool) -> None:
    """Keep the daemon from saying anything about an incident by itself."""
    with opened_store(directory, store_path) as store:
        ask(store, Verb.HOLD, actor, {"incident": incident, "on": "no" if off else "yes"}, as_json=as_json)


_FOR_CUSTOMERS = "Text for customers, in the default language."
_AS_EVIDENCE = "What you know: kept as evidence, for staff; customers do not read it."


def _note_command(name: str, verb: Verb, doc: str, *, required: bool, note_help: str = _FOR_CUSTOMERS) -> None:
    @incidents.command(name, help=doc)
    @click.argument("incident")
    @click.option("--note", default="", required=required, help=note_help)
    @click.option("--note-in", "notes", multiple=True, metavar="LANG=TEXT", help="The same in another language.")
    @actor_option
    @_common
    def command(incident: str, note: str, notes: tuple[str, ...], actor: str, directory: Path,
                store_path: str | None, as_json: bool) -> None:
        arguments = {"incident": incident, "note": note}
        for pair in notes:
            language, _, text = pair.partition("=")
            arguments[f"note.{language}"] = text
        with opened_store(directory, store_path) as store:
            ask(store, verb, actor, arguments, as_json=as_json)


_note_command("confirm", Verb.CONFIRM, "It is real: count your word as evidence. What ends it stays with the sources.",
              required=False, note_help=_AS_EVIDENCE)
_note_command("update", Verb.UPDATE, "Send an update that carries your words.", required=True)
_note_command("resolve", Verb.RESOLVE, "Say that it is over, to those who were told.", required=False)
_note_command("withdraw", Verb.WITHDRAW, "It was false: stop what is queued, correct those who were told.",
              required=False)


@incidents.command()
@click.argument("incident")
@click.option("--region", "regions", multiple=True, required=True)
@actor_option
@_common
def widen(incident: str, regions: tuple[str, ...], actor: str, directory: Path, store_path: str | None,
          as_json: bool) -> None:
    """Take responsibility for a wider area than the evidence shows."""
    with opened_store(directory, store_path) as store:
        ask(store, Verb.WIDEN, actor, {"incident": incident, "regions": ",".join(regions)}, as_json=as_json)
