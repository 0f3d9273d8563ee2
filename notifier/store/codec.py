"""Rows and the model's dataclasses, turned into each other by the dataclasses' own annotations: a field added to the
model needs a column of the same name and nothing here."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
REMEMBERED = 1024
"""Texts whose value is remembered, of each kind: reading JSON is most of the cost of a subscriber."""
_AS_IS = frozenset({str, int, float, bytes, type(None)})


def micros(moment: datetime) -> int:
    """An aware time as microseconds since 1970 UTC. Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone: attach one before it is stored")
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The time `micros` made a number of."""
    return _EPOCH + timedelta(microseconds=value)


def column(value: Any) -> Any:
    """One field's value as SQLite keeps it."""
    if type(value) in _AS_IS:  # most fields are: an outbox of a hundred thousand is two million of them
        return value
    if type(value) is datetime:
        return micros(value)
    if isinstance(value, str):  # a StrEnum
        return str.__str__(value)
    if isinstance(value, datetime):
        return micros(value)
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (tuple, Mapping)) or is_dataclass(value):
        return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
    return value


def columns(record: Any) -> dict[str, Any]:
    """A dataclass as named SQL parameters."""
    names, values = _getter(typing.cast(Any, type(record)))
    return {
        name: value if type(value) in _AS_IS else column(value)
        for name, value in zip(names, values(record), strict=True)
    }


def build(cls: type[T], row: Any) -> T:
    """The dataclass a row was made from; columns the class does not name are ignored."""
    values, names = (row.values(), row) if isinstance(row, dict) else (row, row.keys())
    places = _places(typing.cast(Any, cls), tuple(names))
    values = tuple(values)  # by place: a row of SQLite's looks for a name among all of them, each time
    return cls(*[None if (value := values[at]) is None else read(value) for at, read in places])


def build_all(cls: type[T], rows: Sequence[Any]) -> tuple[T, ...]:
    """`build` for many rows of one statement: where each column stands is looked up once."""
    if not rows or isinstance(rows[0], dict):
        return tuple(build(cls, row) for row in rows)
    places = _places(typing.cast(Any, cls), tuple(rows[0].keys()))
    return tuple(cls(*[None if (value := row[at]) is None else read(value) for at, read in places]) for row in rows)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, time) else value


@cache
def _getter(cls: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of a class's fields, and all of an object's values at once."""
    names = tuple(field.name for field in fields(cls))
    return names, attrgetter(*names) if len(names) > 1 else lambda record: (getattr(record, names[0]),)


@cache
def _readers(cls: Any) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = typing.get_type_hints(cls)
    return tuple((field.name, _reader(hints[field.name])) for field in fields(cls))


@lru_cache(REMEMBERED)
def _places(cls: Any, names: tuple[str, ...]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """Where the value of each field stands among columns of these names, and how it is read."""
    return tuple((names.index(name), read) for name, read in _readers(cls))


def _reader(hint: Any) -> Callable[[Any], Any]:
    """How a stored value of this annotation is read back; None never reaches it."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    origin = typing.get_origin(hint)
    if hint is datetime:
        return moment
    if hint is timedelta:
        return lambda number: timedelta(microseconds=number)
    if hint is time:
        return time.fromisoformat
    if origin is tuple:
        item = typing.get_args(hint)[0]
        if is_dataclass(item):
            return lambda text: tuple(_from_plain(typing.cast(Any, item), part) for part in json.loads(text))
        return _words if item is str else lambda text: tuple(json.loads(text))
    if origin is not None:
        return typing.cast(Callable[[Any], Any], json.loads)
    if is_dataclass(hint):
        # a value that cannot change, and of which a million subscribers have a few: regions and quiet hours
        return lru_cache(REMEMBERED)(lambda text: _from_plain(typing.cast(Any, hint), json.loads(text)))
    return typing.cast(Callable[[Any], Any], hint)


@lru_cache(REMEMBERED)
def _words(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _from_plain(cls: type[T], plain: Mapping[str, Any]) -> T:
    given = ((name, plain.get(name), read) for name, read in _readers(typing.cast(Any, cls)))
    return cls(**{name: None if value is None else read(value) for name, value, read in given})
