"""Follows a file of lines that another program writes: as it grows, is rotated, is cut off, across restarts."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from .export_lines import LineCutter

CHUNK = 65_536


class Tail:
    """Follows a file that grows, is rotated (another file under its name) or truncated, and knows how far it was
    read. A name ending in .gz is unpacked; such a file is read anew when it is replaced."""

    def __init__(self, path: Path, offset_path: str | None = None) -> None:
        self.path = path
        self._offset_path = None if offset_path is None else Path(offset_path)
        self._file: IO[bytes] | None = None
        self._identity = (0, 0)
        self._offset = 0
        self._kept = ((0, 0), -1)
        self._cutter = LineCutter()
        self._unpack = _Unpacker() if path.suffix == ".gz" else None
        self._recall()

    def lines(self, stop: Callable[[], bool]) -> Iterator[tuple[int, bytes]]:
        """Complete lines that are there now. Raises OSError when there is no file, zlib.error for a bad .gz."""
        if self._file is None and not self._open():
            return
        assert self._file is not None
        if os.fstat(self._file.fileno()).st_size < self._offset:
            self._rewind()
        while not stop():
            chunk = self._file.read(CHUNK)
            if not chunk:
                break
            self._offset += len(chunk)
            for plain in self._unpack.feed(chunk) if self._unpack else (chunk,):
                yield from self._cutter.feed(plain)
        else:
            return
        if self._replaced():
            yield from self._cutter.finish()
            self.pause()
            self._rewind()

    def remember(self) -> None:
        """Write down how far whole lines were read, for the next start; once per place."""
        place = (self._identity, self._offset - (0 if self._unpack else self._cutter.pending))
        if self._offset_path is None or self._file is None or place == self._kept:
            return
        (device, inode), offset = place
        fresh = self._offset_path.with_name(self._offset_path.name + ".new")
        fresh.write_text(f"{device} {inode} {offset} {self._cutter.number}\n", encoding="ascii")
        fresh.replace(self._offset_path)
        self._kept = place

    def pause(self) -> None:
        """Close the file; the place in it is kept."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        """Open the file at the place known, or at its beginning when it is another one. False: nothing new yet."""
        file = self.path.open("rb", buffering=0)
        status = os.fstat(file.fileno())
        if (status.st_dev, status.st_ino) != self._identity or status.st_size < self._offset:
            self._identity = (status.st_dev, status.st_ino)
            self._rewind()
        self._file = file
        file.seek(self._offset)
        return True

    def _replaced(self) -> bool:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return False  # between the two steps of a rotation
        return (status.st_dev, status.st_ino) != self._identity

    def _rewind(self) -> None:
        self._offset = 0
        self._cutter = LineCutter()
        if self._unpack is not None:
            self._unpack = _Unpacker()
        if self._file is not None:
            self._file.seek(0)

    def _recall(self) -> None:
        if self._offset_path is None or self._unpack is not None:
            return
        try:
            device, inode, offset, number = map(int, self._offset_path.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return
        self._identity, self._offset, self._cutter.number = (device, inode), offset, number


class _Unpacker:
    """Unpacks gzip as it comes, a bounded piece at a time, one member after another."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Unpack what is there. Raises zlib.error where it is not gzip."""
        while packed:
            yield self._member.decompress(packed, CHUNK)
            packed = self._member.unconsumed_tail
            if self._member.eof:
                packed = self._member.unused_data.lstrip(b"\x00")
                self._member = zlib.decompressobj(wbits=31)
