"""A configuration on its way from files to settings: what could be read so far, and every mistake."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..detection.settings import DetectionSettings, Vocabulary
from ..model.company import Company
from ..model.notice import Template
from ..model.policy import MaintenanceWindow, Policy
from ..model.region import RegionTree
from ..model.service import Service
from ..model.settings import Settings
from .files import NotifierFile, WorkaroundEntry
from .mistake import Mistake
from .yaml_file import YamlFile


@dataclass
class Names:
    """Ids that other files may refer to. Those of entries that are wrong themselves count: one mistake is told once.
    `certain` is False where the file could not be read at all, so that nobody knows what it would have named."""

    ids: set[str] = field(default_factory=set)
    certain: bool = True


@dataclass
class Draft:
    """Everything read of a directory. Lists hold (number in the file, entry); entries that made no sense are left out.

    While there are mistakes the parts may be incomplete; only a draft without any is put in force.
    """

    directory: Path
    files: dict[str, YamlFile] = field(default_factory=dict)
    digest: str = ""
    settings: NotifierFile | None = None
    company: Company | None = None
    """Also where the rest of notifier.yaml is wrong."""
    tree: RegionTree = field(default_factory=lambda: RegionTree({}))
    regions: Names = field(default_factory=Names)
    services: Names = field(default_factory=Names)
    channels: Names = field(default_factory=Names)
    service_list: list[tuple[int, Service]] = field(default_factory=list)
    entries: dict[str, list[tuple[int, Settings]]] = field(default_factory=dict)
    """By "sources", "mentions" and "channels": each entry as its kind's settings."""
    policies: list[tuple[int, Policy]] = field(default_factory=list)
    maintenance: list[tuple[int, MaintenanceWindow]] = field(default_factory=list)
    workarounds: list[tuple[int, WorkaroundEntry]] = field(default_factory=list)
    templates: list[tuple[str, Template]] = field(default_factory=list)
    """(name of the file, template)."""
    unreadable_templates: bool = False
    """Whether a template is so wrong that nobody knows what it speaks of."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    detection: DetectionSettings = field(default_factory=DetectionSettings)

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """Every mistake, in the order of files and lines."""
        return tuple(sorted((m for file in self.files.values() for m in file.mistakes),
                            key=lambda m: (m.file, m.line, m.column, m.path, m.message)))

    def file(self, name: str) -> YamlFile:
        """The file of that name, empty where it is not there."""
        return self.files.setdefault(name, YamlFile(name))

    def value(self, name: str) -> dict[str, Any]:
        """What a file says, as a mapping; empty where it says nothing sensible."""
        file = self.files.get(name)
        return file.value if file is not None and isinstance(file.value, dict) else {}
