"""Finding the deployment a command speaks of: its configuration directory and its store."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..config import ConfigMistakes, load
from ..config.mistake import listed, nearest
from ..config.tree import Config
from ..ports import Store, StoreUnavailable
from ..store import open_store
from ..store.settings import StoreSettings
from .output import Problem

Command = Callable[..., Any]


def config_option(command: Command) -> Command:
    """--config DIR, from $NOTIFIER_CONFIG or ./config."""
    return click.option("--config", "directory", envvar="NOTIFIER_CONFIG", default="config", show_default=True,
                        type=click.Path(path_type=Path, file_okay=False),
                        help="Directory with the YAML files ($NOTIFIER_CONFIG).")(command)


def store_option(command: Command) -> Command:
    """--store PLACE: works even while the configuration has mistakes."""
    return click.option("--store", "store_path", envvar="NOTIFIER_STORE", default=None,
                        metavar="PLACE", help="The store's file or PostgreSQL address, in place of the configuration's "
                                              "($NOTIFIER_STORE).")(command)


def actor_option(command: Command) -> Command:
    """--as NAME: who is asking; kept with the request."""
    option = click.option("--as", "actor", envvar="NOTIFIER_ACTOR", default=_login, help="Who you are (your login).")
    return option(command)


def json_option(command: Command) -> Command:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command)


def _login() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


def load_or_explain(directory: Path) -> Config:
    """The configuration, or every mistake on standard error and exit code 1."""
    try:
        return load(directory)
    except ConfigMistakes as error:
        for mistake in error.mistakes:
            click.echo(str(mistake), err=True)
        count = len(error.mistakes)
        raise Problem(f"{directory} has {count} mistake{'' if count == 1 else 's'}; nothing was done") from error


def loaded(directory: Path) -> Config | None:
    """The configuration, or None while it has mistakes: for what staff must be able to do all the same."""
    try:
        return load(directory)
    except ConfigMistakes:
        return None


def unknown(what: str, word: str, known: Iterable[str]) -> Problem:
    """The problem of a name nobody knows, with the nearest spelling; every known one where none is near."""
    names = sorted(known)
    near = nearest(word, names)
    hint = f": did you mean {near}?" if near else f"; expected {listed(names)}"
    return Problem(f"there is no {what} {word}{hint}")


def settings_of(directory: Path, store_path: str | None) -> StoreSettings:
    """The store's settings: those of the configuration, where it has no mistakes, at the place that was given."""
    if not store_path:
        return load_or_explain(directory).store
    config = loaded(directory)
    return at_place(config.store if config else StoreSettings(), store_path)


def at_place(settings: StoreSettings, place: str) -> StoreSettings:
    """The same store at a place that was typed."""
    try:
        return settings.at(place)
    except ValueError as error:
        raise Problem("--store: expected a file, or an address such as postgresql://notifier@db.example.net/outages "
                      "without a password in it") from error


@contextmanager
def opened_store(directory: Path, store_path: str | None, *, must_exist: bool = True) -> Iterator[Store]:
    """The deployment's store, closed afterwards. A broken edit of YAML must not keep staff from it: --store helps."""
    settings = settings_of(directory, store_path).for_staff()
    if must_exist and settings.url is None and not Path(settings.path).exists():
        raise Problem(f"there is no store at {settings.path}: has the daemon run here? Give --store PATH otherwise")
    try:
        store = open_store(settings)
    except StoreUnavailable as error:
        raise Problem(f"the store at {settings.place} cannot be opened: {error}") from error
    try:
        yield store
    except StoreUnavailable as error:
        raise Problem(f"the store at {settings.place} cannot be used: {error}") from error
    finally:
        store.close()
