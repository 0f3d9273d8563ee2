"""Which files of a directory belong to a configuration, and one digest over all of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

NEEDED = ("notifier.yaml", "regions.yaml", "services.yaml", "policies.yaml")
OPTIONAL = ("sources.yaml", "channels.yaml", "maintenance.yaml", "workarounds.yaml", "vocabulary.yaml")
FILES_MOST = 2000
"""Files of one configuration; every service of the largest operator has a template of its own within it."""


def yaml_files(directory: Path) -> list[Path]:
    """Every YAML file that belongs to a configuration, in a fixed order; at most one more than FILES_MOST. Hidden files
    are an editor's own."""
    found = [path for pattern in ("*.yaml", "*.yml", "templates/*.yaml", "templates/*.yml")
             for path in directory.glob(pattern) if not path.name.startswith(".") and _is_file(path)]
    return sorted(found)[:FILES_MOST + 1]


def name_of(path: Path, directory: Path) -> str:
    """A file's name as mistakes show it: "templates/power.yaml"."""
    return os.fsencode(path.relative_to(directory).as_posix()).decode("utf-8", "replace")


def digest_of(files: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256, in hexadecimal, over names and contents in the order given."""
    digest = hashlib.sha256()
    for name, raw in files:
        digest.update(f"{name}\0{len(raw)}\0".encode())
        digest.update(raw)
    return digest.hexdigest()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # it is there, and reading it will say what is wrong
