"""How commands print: tables for people, JSON for machines, and one way to say what went wrong."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..model.times import rfc3339

console = Console(highlight=False, soft_wrap=True)


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: dataclasses as objects, times as RFC 3339, sets sorted."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value.value, int) else value.value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def print_json(value: Any) -> None:
    """Print one JSON value, keys in a fixed order."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2, sort_keys=True))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Print a table, or the sentence `empty` where there is nothing."""
    listed = [[_cell(value) for value in row] for row in rows]
    if not listed:
        click.echo(empty)
        return
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in listed:
        table.add_row(*map(Text, row))  # not markup: titles come from outside, and "[red]" is a title too
    console.print(table)


def print_lines(lines: Iterable[tuple[int, str]], *, hang: int = 2) -> None:
    """Print texts, each after so many spaces, wrapped between words at the terminal's width; what is wrapped stands
    `hang` deeper. A word that is too long, such as an address, stays whole."""
    for indent, text in lines:
        first, more = " " * indent, " " * (indent + hang)
        for line in harmless(text).splitlines():
            click.echo(textwrap.fill(line, max(console.width, 40), initial_indent=first, subsequent_indent=more,
                                     break_long_words=False, break_on_hyphens=False))
            first = more


def _cell(value: Any) -> str:
    shown = plain(value)
    if shown is None:
        return "–"
    return harmless(", ".join(map(str, shown)) if isinstance(shown, list) else str(shown))


def harmless(text: str) -> str:
    """`text` without characters that move a terminal's cursor or change its colours: words from outside are shown to
    the person who decides by them."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


class Problem(click.ClickException):
    """A sentence for the person at the keyboard; exit code 1."""

    def show(self, file: Any = None) -> None:
        """Print it on standard error."""
        click.echo(f"notifier: {self.message}", err=True)


class BadInput(Problem):
    """What was given to read is not what it should be; exit code 2."""

    exit_code = 2
