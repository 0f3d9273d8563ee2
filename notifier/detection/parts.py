"""A checkpoint in parts, so that what is written each minute is what changed.

Of a series' three kilobytes most stay as they are for long: a ring of past minutes changes in one place a minute, an
hour of the week once a week. The columns are cut into stretches of eight bytes a series, each an entry of the store by
its own name; an entry is written where its digest is another than when it was last written. All entries of a checkpoint
are written in one transaction, so that what is read back always belongs together.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b

from .spikes.keeping import Kept

STRETCH = 8
"""Bytes a series in one part: a number of each, or two places of a ring of smaller ones."""
LARGEST = 64 * 1024 * 1024
"""Bytes a part may unpack to."""

Read = Callable[[str], bytes | None]
"""An entry of the store by its name; None where there is none."""


def cut(kept: Kept, name: str) -> Iterator[tuple[str, bytes]]:
    """The columns' parts, each with its name below `name`."""
    size = max(STRETCH * len(kept.regions), 1)
    for column, raw in kept.columns.items():
        for number, at in enumerate(range(0, len(raw), size)):
            yield f"{name}/{column}/{number}", raw[at:at + size]


def lengths(kept: Kept) -> dict[str, int]:
    """Bytes of each column."""
    return {column: len(raw) for column, raw in kept.columns.items()}


def joined(kept: Kept, sizes: Mapping[str, int], name: str, read: Read) -> Kept:
    """The same with its columns, of these sizes. Raises ValueError where a part is missing or damaged."""
    size = max(STRETCH * len(kept.regions), 1)
    columns = {}
    for column, length in sizes.items():
        count = -(-length // size)
        columns[column] = b"".join(_unpacked(f"{name}/{column}/{number}", read) for number in range(count))
    return Kept(kept.version, kept.regions, kept.rows, kept.minute, kept.heard, kept.count, columns)


def _unpacked(name: str, read: Read) -> bytes:
    packed = read(name)
    if packed is None:
        raise ValueError(f"the part {name!r} is missing")
    opened = zlib.decompressobj()
    plain = opened.decompress(packed, LARGEST)
    if not opened.eof:
        raise ValueError(f"the part {name!r} is cut off or too large")
    return plain


class Written:
    """What the store holds of each part, by digest."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}
        self._waiting: dict[str, bytes] = {}

    def changed(self, parts: Iterator[tuple[str, bytes]]) -> dict[str, bytes]:
        """The parts that are to be written, packed. They count as written once `done` is called."""
        found: dict[str, bytes] = {}
        self._waiting = {}
        for name, plain in parts:
            digest = blake2b(plain, digest_size=16).digest()
            if self._known.get(name) != digest:
                self._waiting[name] = digest
                found[name] = zlib.compress(plain, 1)
        return found

    def done(self) -> None:
        """The last `changed` was written."""
        self._known |= self._waiting
        self._waiting = {}
