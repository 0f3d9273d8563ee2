"""Where the real data for tests lies: beside the project, never inside it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(path: str) -> Path:
    """The path of a shared data file or folder; skips the test, saying why, where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"needs real data that is not part of the project: shared/{path}")
    return found
