"""The far side's book: what a stand-in accepted, one JSON line each, on disk before the answer leaves."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Ledger:
    """Accepted sends in order. With a path, they are kept there and read again when the stand-in starts anew."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries: list[Entry] = read_ledger(path) if path is not None else []

    @property
    def entries(self) -> list[Entry]:
        """A copy of all entries, oldest first."""
        with self._lock:
            return list(self._entries)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write one accepted send down, durably; return only then."""
        with self._lock:
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(dict(entry), ensure_ascii=False) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            self._entries.append(dict(entry))


def read_ledger(path: Path) -> list[Entry]:
    """The entries of a ledger file; none where it does not exist. A last line that was being written when the process
    ended is left out: its answer never left either."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines() if line]
