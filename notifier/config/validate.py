"""Settings classes over plain values: every mistake pydantic finds, at its line and column and in our words."""

from __future__ import annotations

import copy
import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .mistake import listed, nearest, shown
from .yaml_file import Path_, YamlFile

M = TypeVar("M", bound=BaseModel)

_MEANT: Mapping[str, str] = {"no": "false", "off": "false", "n": "false", "0": "false",
                             "yes": "true", "on": "true", "y": "true", "1": "true"}
"""What older YAML, and pydantic, take for true and false."""

_HIDDEN = ("secret", "token", "password", "key", "credential", "auth")
"""A value under such a name is never repeated: somebody may have put the secret where its place belongs."""

_EXPECTED: Mapping[str, str] = {
    "tuple_type": "a list", "list_type": "a list", "string_type": "text; put it in quotes", "dict_type": "a mapping",
    "mapping_type": "a mapping", "model_type": "a mapping of keys to values", "bool_parsing": "true or false",
    "bool_type": "true or false", "int_type": "a whole number", "int_parsing": "a whole number",
    "int_from_float": "a whole number", "float_type": "a number", "float_parsing": "a number",
    "time_parsing": "a time of day such as \"22:00\"", "time_type": "a time of day such as \"22:00\"",
}
"""What pydantic expects, in the words of somebody who writes YAML."""

_PATTERNS: Mapping[str, str] = {
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": "letters, digits, dot, dash and underscore, at most 64",
    "^([A-Z]{2}|all)$": "an ISO 3166-1 code of two capital letters, or all",
    "^[A-Z]{2}$": "an ISO 3166-1 code of two capital letters",
    "^https?://": "a URL starting with http:// or https://",
    "^wss?://": "a URL starting with ws:// or wss://",
    r"^\d{4}-\d{2}-\d{2}$": "a date such as 2026-01-31",
}
_CHOICE = re.compile(r"\^\(([a-z_|]+)\)\$")
_EXPLAINED = re.compile(r"expected (.+)", re.DOTALL)


def validate(model: type[M], value: Any, file: YamlFile, path: Path_ = ()) -> M | None:
    """`value` as `model`, every mistake noted in `file`.

    Where there are mistakes, what is left without the keys at fault is returned, so that what *other* keys refer to can
    still be judged; None where nothing sound is left. Whoever has noted a mistake never puts the result in force.
    """
    if not isinstance(value, dict):
        file.mistake(path, "is of the wrong kind", found=shown(value), expected="a mapping of keys to values")
        return None
    details: list[ErrorDetails] = []
    try:
        made: M | None = model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        made = salvage(model, value, details)
    for detail in details:
        _note(model, detail, file, path)
    for inner, found, expected in _slips(model, value):
        at = (*path, *inner)
        if file.sound(at):
            file.mistake(at, "is not valid", found=_found(found, at), expected=expected,
                         nearest=_MEANT.get(str(found).lower(), "") if expected == "true or false" else "")
    return made


def _slips(kind: Any, value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any, str]]:
    """(path, value, what was expected) of everything pydantic would turn into another kind without a word: `no` into
    false, true into 1."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from _slips(_step(_models(kind), step, kind), inner, (*path, step))
    kinds = _unions(kind)
    if isinstance(value, bool):
        slipped = bool not in kinds and (int in kinds or float in kinds)
    else:
        slipped = isinstance(value, str | int | float) and bool in kinds and type(value) not in kinds
    if slipped and not isinstance(value, bool):
        yield path, value, "true or false"
    elif slipped:
        yield path, value, "a whole number" if int in kinds else "a number"


def salvage(model: type[M], value: Mapping[str, Any], details: list[ErrorDetails]) -> M | None:
    """`value` without the keys `details` complain of, as `model`; None where it needs one of them."""
    rest: Any = copy.deepcopy(dict(value))
    for detail in details:
        steps = [step for step in detail["loc"] if step != "[key]"]
        around = _at(rest, steps[:-1])
        if detail["type"] != "missing" and isinstance(around, dict) and steps:
            around.pop(steps[-1], None)
    try:
        return model.model_validate(rest)
    except ValidationError:
        return None


def _at(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _note(model: type[BaseModel], detail: ErrorDetails, file: YamlFile, path: Path_) -> None:
    inner = tuple(step for step in detail["loc"] if step != "[key]")
    at, of_key, kind = (*path, *inner), "[key]" in detail["loc"], detail["type"]
    if kind == "extra_forbidden":
        known = fields_at(model, inner[:-1])
        file.mistake(at, "unknown key", of_key=True, found=shown(inner[-1]), expected=listed(known),
                     nearest=nearest(str(inner[-1]), known))
    elif kind == "missing":
        file.wrong.add(at)
        file.mistake(at[:-1], f"the key {str(inner[-1])!r} is missing")
    elif words := choices(detail):
        found = detail["input"]
        file.mistake(at, "unknown value", of_key=of_key, found=_found(found, at), expected=listed(words),
                     nearest=nearest(str(found), words))
    else:
        expected = _expected(detail)
        file.mistake(at, "is not valid" if expected else _own_words(detail["msg"]), of_key=of_key,
                     found=_found(detail["input"], at), expected=expected)


def _own_words(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return text[:1].lower() + text[1:]


def _expected(detail: ErrorDetails) -> str:
    """What a value should have been; "" where the message does not say it in such a form."""
    kind, message = detail["type"], _own_words(detail["msg"])
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    if kind == "string_pattern_mismatch":
        pattern = str(detail.get("ctx", {}).get("pattern", ""))
        return _PATTERNS.get(pattern, f"text like {pattern}")
    if explained := _EXPLAINED.fullmatch(message):
        return explained[1]
    for start, put in (("input should be ", ""), ("string should have ", "text of "), ("tuple should have ", "")):
        if message.startswith(start):
            return put + message.removeprefix(start).partition(" after validation")[0]
    return ""


def _found(value: Any, path: Path_) -> str:
    """What was found, unless it may be a secret: by the name of its key, or as a password in a URL."""
    secret = any(word in str(step).lower() for step in path for word in _HIDDEN)
    if secret or (isinstance(value, str) and "://" in value and "@" in value):
        return "something that is not shown, since it may be a secret"
    return shown(value)


def choices(detail: ErrorDetails) -> list[str]:
    """The spellings an enum, a literal, a pattern of words or a "one of …" takes; empty for other mistakes."""
    context = detail.get("ctx", {})
    if detail["type"] in ("enum", "literal_error"):
        expected = str(context.get("expected", ""))
    elif detail["type"] == "string_pattern_mismatch" and (choice := _CHOICE.fullmatch(str(context.get("pattern")))):
        expected = choice[1].replace("|", ",")
    elif detail["type"] == "value_error" and "expected one of " in detail["msg"]:
        expected = detail["msg"].partition("expected one of ")[2]
    else:
        return []
    return [word.strip(" '") for word in expected.replace(" or ", ",").split(",") if word.strip(" '")]


def fields_at(model: type[BaseModel], path: Path_) -> list[str]:
    """Names of the keys allowed at `path` inside `model`; empty where that is not a settings class."""
    kind: Any = model
    for step in path:
        kind = _step(_models(kind), step, kind)
    found = _models(kind)
    return sorted({name for one in found for name in one.model_fields})


def _step(models: list[type[BaseModel]], step: str | int, kind: Any) -> Any:
    for model in models:
        if isinstance(step, str) and step in model.model_fields:
            return model.model_fields[step].annotation
    for one in _unions(kind):
        arguments = get_args(one)
        origin = get_origin(one)
        if isinstance(step, int) and origin in (tuple, list, frozenset, set) and arguments:
            return arguments[0]
        if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
            return arguments[1]
    return None


def _unions(kind: Any) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _unions(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [one for argument in get_args(kind) for one in _unions(argument)]
    return [kind]


def _models(kind: Any) -> list[type[BaseModel]]:
    return [one for one in _unions(kind) if isinstance(one, type) and issubclass(one, BaseModel)]
