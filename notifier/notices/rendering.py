"""Putting values into a template's text: `{placeholders}` from a closed list, and nothing else.

`{{` and `}}` stand for braces. A sentence that asks for something unknown at the time ("Next update by
{next_update}.") is left out whole, which spares templates any condition.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from notifier.model.notice import Template

from .placeholders import PLACEHOLDERS
from .urls import without_foreign_links

TEXT_CAP = 4_000
"""Characters of one template text."""
FIELD_CAP = 40
"""Placeholders in one template text."""
VALUE_CAP = 600
"""Characters of one value; with the two above this bounds what rendering can make."""

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")
_NAME = re.compile(r"[a-z][a-z_]*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[ \t]+|[ \t]*\n\s*|(?<=[.!?…])(?=<)")
_AT_SIGN = re.compile(r"(?<![\w.+-])[@＠](?=\w)")


@dataclass(frozen=True, slots=True)
class Field:
    """Where a value goes."""

    name: str


class MalformedTemplate(Exception):
    """A template text cannot be read; `offset` is the character where. `check_template` finds all of these first."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def parse(text: str) -> tuple[str | Field, ...]:
    """Split a template text into plain text and fields. Raises MalformedTemplate; names are not looked up."""
    if len(text) > TEXT_CAP:
        raise MalformedTemplate(f"the text has {len(text)} characters, more than {TEXT_CAP}", TEXT_CAP)
    parts: list[str | Field] = []
    at = 0
    for match in _TOKEN.finditer(text):
        parts.append(text[at : match.start()])
        parts.append(_part(match.group(), match.start()))
        at = match.end()
    parts.append(text[at:])
    if sum(isinstance(part, Field) for part in parts) > FIELD_CAP:
        raise MalformedTemplate(f"the text has more than {FIELD_CAP} placeholders", 0)
    return tuple(part for part in parts if part != "")


def _part(token: str, offset: int) -> str | Field:
    if token in ("{{", "}}"):
        return token[0]
    if token in ("{", "}"):
        raise MalformedTemplate(f"a single {token!r}; write {token * 2!r} for the character itself", offset)
    name = token[1:-1]
    if not _NAME.fullmatch(name):
        raise MalformedTemplate(f"{token!r} is not a placeholder; only a name may stand between the braces", offset)
    return Field(name)


def fields_of(text: str) -> frozenset[str]:
    """Names a template text asks for. Raises MalformedTemplate."""
    return frozenset(part.name for part in parse(text) if isinstance(part, Field))


def render(text: str, values: Mapping[str, str | None], *, escape: Callable[[str], str] = str) -> str:
    """The text with its values; sentences that need one that is None or absent are left out.

    Values go in as they are, braces included, after `escape` (html.escape for HTML). Raises MalformedTemplate
    for a text `check_template` would have refused.
    """
    return "".join(made for made, _ in sentences(text, values, escape=escape)).strip()


def sentences(
    text: str, values: Mapping[str, str | None], *, escape: Callable[[str], str] = str
) -> list[tuple[str, frozenset[str]]]:
    """The sentences `render` joins, each with the blanks after it and the names of the values that stand in it."""
    kept: list[tuple[str, frozenset[str]]] = []
    for sentence in _sentences(parse(text)):
        made = _rendered(sentence, values, escape)
        if made is not None:
            kept.append((made, frozenset(part.name for part in sentence if isinstance(part, Field))))
    return kept


def _rendered(
    sentence: list[str | Field], values: Mapping[str, str | None], escape: Callable[[str], str]
) -> str | None:
    made: list[str] = []
    for part in sentence:
        if isinstance(part, str):
            made.append(part)
            continue
        if part.name not in PLACEHOLDERS:
            raise MalformedTemplate(f"{part.name!r} is not a placeholder", 0)
        value = values.get(part.name)
        if value is None or not value.strip():
            return None
        made.append(escape(value[:VALUE_CAP]))
    return "".join(made)


def _sentences(parts: tuple[str | Field, ...]) -> Iterator[list[str | Field]]:
    """Sentences with the blanks that follow them; split before values go in, so that no value can move a border."""
    sentence: list[str | Field] = []
    for part in parts:
        if isinstance(part, Field):
            sentence.append(part)
            continue
        at = 0
        for end in _SENTENCE_END.finditer(part):
            sentence.append(part[at : end.end()])
            yield sentence
            sentence, at = [], end.end()
        sentence.append(part[at:])
    yield sentence


def sanitise(value: str, *, own_hosts: frozenset[str] = frozenset(), cap: int = VALUE_CAP) -> str:
    """A value made fit to stand in a notice: one line, no control or direction-changing characters, no links but the
    company's own, nobody mentioned by account, at most `cap` characters."""
    text = unicodedata.normalize("NFC", value[: cap * 4].encode("utf-8", "ignore").decode())
    text = "".join(_plain(char) for char in text)
    text = without_foreign_links(text, own_hosts)
    text = " ".join(_AT_SIGN.sub("", text).split())
    if len(text) > cap:
        text = text[: cap - 1].rsplit(" ", 1)[0].rstrip() + "…"
    return text


def _plain(char: str) -> str:
    if char in "\u200c\u200d":  # joiners: part of emoji and of several scripts' spelling
        return char
    category = unicodedata.category(char)
    if category in ("Zl", "Zp", "Zs", "Cc"):
        return " "
    return "" if category in ("Cf", "Cs", "Co", "Cn") else char


def template_for(service: str, templates: Mapping[str, Template]) -> str | None:
    """Id of the template to use for a service: the first that names it, else the first that names none; None where
    there is neither."""
    fallback: str | None = None
    for id_, template in templates.items():
        if service in template.services:
            return id_
        if not template.services and fallback is None:
            fallback = id_
    return fallback
