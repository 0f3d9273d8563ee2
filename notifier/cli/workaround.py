"""`notifier workaround …`: what helps customers meanwhile."""

from __future__ import annotations

from pathlib import Path

import click

from ..config.tree import Config
from ..model.staff import Verb
from ..model.workaround import Workaround
from ..ports import Store
from .deployment import actor_option, config_option, json_option, loaded, opened_store, store_option
from .output import Problem, harmless, print_json, print_table
from .requests import ask


@click.group()
def workaround() -> None:
    """List workarounds and pass one on."""


@workaround.command("list")
@click.option("--incident", default=None, help="Only what belongs to this incident.")
@config_option
@store_option
@json_option
def list_workarounds(incident: str | None, directory: Path, store_path: str | None, as_json: bool) -> None:
    """List known workarounds, those of the catalogue included, and candidates."""
    config = loaded(directory)
    with opened_store(directory, store_path) as store:
        found = _known(store, config, incident)
    if config is None:
        click.echo(f"{directory} has mistakes: its catalogue is left out; see `notifier check`", err=True)
    if as_json:
        print_json({"workarounds": found})
        return
    print_table("Workarounds", ["id", "service", "for", "origin", "vouched for by", "text"],
                [(w.id, w.service, w.incident or w.regions or "everywhere", w.origin,
                  w.verified_by or f"nobody yet: {w.evidence}", next(iter(w.texts.values()), "")) for w in found],
                empty="No workaround is known.")


def _known(store: Store, config: Config | None, incident: str | None) -> tuple[Workaround, ...]:
    """What the store keeps and what the catalogue holds; of one incident: its own, and the catalogue's for it."""
    catalogue = config.workarounds if config else ()
    with store.transaction() as tx:
        if incident is None:
            return (*tx.workarounds(), *catalogue)
        found = tx.incident(incident)
        if found is None:
            raise Problem(f"there is no incident {incident}: `notifier incidents list --all` shows them")
        return (*tx.workarounds(incident=incident), *(w for w in catalogue if w.service == found.service))


@workaround.command("offers")
@click.argument("incident")
@config_option
@store_option
@json_option
def offers(incident: str, directory: Path, store_path: str | None, as_json: bool) -> None:
    """What customers or vendors say helps in an incident, each with the one line that passes it on."""
    config = loaded(directory)
    with opened_store(directory, store_path) as store:
        found = [one for one in _known(store, config, incident) if one.verified_by is None and not one.withdrawn_at]
    if as_json:
        print_json({"offers": [{"workaround": one, "approve": _line(incident, one)} for one in found]})
        return
    for one in found:
        click.echo(harmless(f"{next(iter(one.texts.values()), '')}\n    {one.evidence}"))
        for name in sorted(name for name in one.facts if name.startswith("sample_")):
            click.echo(harmless(f"    “{one.facts[name]}”"))
        click.echo(f"    {_line(incident, one)}\n")
    if not found:
        click.echo("Nobody has said yet what helps.")


def _line(incident: str, one: Workaround) -> str:
    """The command that vouches for a candidate and passes it on."""
    return f"notifier workaround pass-on {incident} --id {one.id}"


@workaround.command("pass-on")
@click.argument("incident")
@click.option("--id", "workaround_id", default=None, help="One that `list` shows.")
@click.option("--text", default=None, help="Your own words, in the default language.")
@click.option("--text-in", "texts", multiple=True, metavar="LANG=TEXT", help="The same in another language.")
@actor_option
@config_option
@store_option
@json_option
def pass_on(incident: str, workaround_id: str | None, text: str | None, texts: tuple[str, ...], actor: str,
            directory: Path, store_path: str | None, as_json: bool) -> None:
    """Vouch for a workaround and pass it on to everyone the incident concerns, on every channel."""
    if (workaround_id is None) == (text is None):
        raise click.UsageError("give either --id or --text")
    arguments = {"incident": incident}
    arguments |= {"workaround": workaround_id} if workaround_id else {"text": text or ""}
    for pair in texts:
        language, _, words = pair.partition("=")
        arguments[f"text.{language}"] = words
    with opened_store(directory, store_path) as store:
        ask(store, Verb.WORKAROUND, actor, arguments, as_json=as_json)
