"""Configurations for tests: the small base, with files laid over it."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent
BASE = HERE / "base"
MISTAKES = HERE / "mistakes"
EXAMPLE = HERE.parents[1] / "config"


def laid_over(target: Path, overlay: Path | None = None) -> Path:
    """A copy of the base in `target` with the files of `overlay` over it; those its REMOVED names are taken away."""
    shutil.copytree(BASE, target)
    if overlay is not None:
        shutil.copytree(overlay, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("expected.txt"))
    removed = target / "REMOVED"
    if removed.exists():
        for name in removed.read_text(encoding="utf-8").split():
            (target / name).unlink()
        removed.unlink()
    return target
