"""A field's memory as plain bytes and back, by region: regions may come and go between a stop and a start.

Raw columns in a message whose shapes are known from the code: nothing that is read can run anything or ask for more
memory than the field itself has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from .field import Field

VERSION = 1
WINDOWS = "windows."
"""How the names of the windows' columns begin."""

Array = NDArray[np.generic]


class Kept(msgspec.Struct, frozen=True):
    """What is kept of one field. `columns` hold little-endian numbers, the last axis being regions or rows."""

    version: int
    regions: list[str]
    rows: list[str]
    """Regions whose hours of the week are learnt, in order."""
    minute: int
    heard: int
    count: int
    columns: dict[str, bytes]


def keep(field: Field, regions: Sequence[str], more: Mapping[str, Array]) -> Kept:
    """A field's memory; `more` are further columns by region."""
    columns = {name: np.ascontiguousarray(column).tobytes()
               for name, column in (*_by_region(field), *_by_row(field), *more.items())}
    return Kept(VERSION, list(regions), [regions[row] for row in field.usual.rows],
                -1 if field.minute is None else field.minute, field.usual.heard, field.windows.count, columns)


def restore(field: Field, regions: Sequence[str], kept: Kept, more: Mapping[str, Array]) -> None:
    """Fill a fresh field. Where its longest window is another than it was the windows begin anew; all that was learnt
    stays. Raises ValueError where what was kept is of another version or damaged; what is filled by then is no use."""
    if kept.version != VERSION:
        raise ValueError(f"a field of version {kept.version}; this is version {VERSION}")
    rows = [regions[row] for row in field.usual.rows]
    as_long = _as_long(field, kept)
    by_region = [(name, column) for name, column in _by_region(field) if as_long or not name.startswith(WINDOWS)]
    for columns, now, before in (((*by_region, *more.items()), regions, kept.regions),
                                 (tuple(_by_row(field)), rows, kept.rows)):
        position = {name: number for number, name in enumerate(before)}
        known = [(number, position[name]) for number, name in enumerate(now) if name in position]
        to, old = (np.array([pair[side] for pair in known], np.int64) for side in (0, 1))
        for name, column in columns:
            _fill(name, column, kept.columns, len(before), to, old)
    field.minute = None if kept.minute < 0 else kept.minute
    field.usual.heard, field.windows.count = max(kept.heard, 0), max(kept.count, 0) if as_long else 0
    field.usual.refresh()
    if not as_long:
        field.windows.rest_on(field.usual.known)


def _as_long(field: Field, kept: Kept) -> bool:
    """Whether the last minutes are kept as they were: for as long as the longest window, and the same of each."""
    return all(len(kept.columns.get(name, b"")) == column[..., :1].size * len(kept.regions) * column.dtype.itemsize
               for name, column in _by_region(field) if name.startswith(WINDOWS))


def _fill(name: str, column: Array, kept: Mapping[str, bytes], before: int, to: NDArray[np.int64],
          old: NDArray[np.int64]) -> None:
    raw = kept.get(name)
    shape = (*column.shape[:-1], before)
    if raw is None or len(raw) != int(np.prod(shape)) * column.dtype.itemsize:
        raise ValueError(f"column {name!r} is missing or of another size")
    found = np.frombuffer(raw, column.dtype).reshape(shape)
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError(f"column {name!r} holds what is no number")
    column[..., to] = found[..., old]


def _by_region(field: Field) -> Iterator[tuple[str, Array]]:
    for room, columns in (("usual", field.usual.columns()), ("drift", field.drift.columns()),
                          ("windows", field.windows.columns()), ("field", field.columns())):
        for name, column in columns:
            yield f"{room}.{name}", column


def _by_row(field: Field) -> Iterator[tuple[str, Array]]:
    yield "rows.seen", field.usual.hours_seen
    yield "rows.weeks", field.usual.hours_weeks
