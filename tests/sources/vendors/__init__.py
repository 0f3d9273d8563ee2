"""Answers of every vendor, one folder each: `vendor.yaml`, and the bodies `open`, `update`, `resolve` and `empty`.

They drive three suites: the contract of polled sources, the corpus of mutations, and the whole daemon opening and
closing the right incident. `vendor.yaml` says whether the answers were recorded or made by hand, and after what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from notifier.config.registry import SOURCES
from notifier.model.region import RegionTree
from notifier.ports import Source

HERE = Path(__file__).parent
STEPS = ("open", "update", "resolve", "empty")


@dataclass(frozen=True)
class Vendor:
    """One folder."""

    name: str
    about: Mapping[str, Any]
    bodies: Mapping[str, bytes]

    def make(self, regions: RegionTree) -> Source:
        """Its source, as sources.yaml would make it."""
        kind = SOURCES[self.about["source"]["kind"]]
        return kind.make(kind.settings.model_validate(self.about["source"]), regions=regions)


def vendors() -> list[Vendor]:
    """Every folder, by name."""
    return [_vendor(file.parent) for file in sorted(HERE.glob("*/vendor.yaml"))]


def vendor(name: str) -> Vendor:
    """One folder."""
    return _vendor(HERE / name)


def _vendor(folder: Path) -> Vendor:
    about = yaml.safe_load((folder / "vendor.yaml").read_text("utf-8"))
    bodies = {file.stem: file.read_bytes() for file in sorted(folder.iterdir()) if file.name != "vendor.yaml"}
    missing = set(STEPS) - bodies.keys()
    assert not missing, f"{folder.name} has no {missing}"
    return Vendor(folder.name, about, bodies)
