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
    """--store PATH: works even while the configuration has mistakes."""
    return click.option("--store", "store_path", envvar="NOTIFIER_STORE", default=None, type=click.Path(path_type=Path),
                        help="Path of the store, in place of the configuration's ($NOTIFIER_STORE).")(command)


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


@contextmanager
def opened_store(directory: Path, store_path: Path | None, *, must_exist: bool = True) -> Iterator[Store]:
    """The deployment's store, closed afterwards. A broken edit of YAML must not keep staff from it: --store helps."""
    settings = StoreSettings(path=str(store_path)) if store_path else load_or_explain(directory).store
    if must_exist and not Path(settings.path).exists():
        raise Problem(f"there is no store at {settings.path}: has the daemon run here? Give --store PATH otherwise")
    try:
        store = open_store(settings)
    except StoreUnavailable as error:
        raise Problem(f"the store at {settings.path} cannot be opened: {error}") from error
    try:
        yield store
    except StoreUnavailable as error:
        raise Problem(f"the store at {settings.path} cannot be used: {error}") from error
    finally:
        store.close()
