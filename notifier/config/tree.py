"""The whole configuration as one frozen tree. Stages are handed their part of it, never the tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..delivery.settings import DeliverySettings
from ..detection.settings import DetectionSettings, Vocabulary
from ..incidents.canary import CanarySettings
from ..intake.settings import IntakeSettings
from ..model.company import Company
from ..model.notice import Template
from ..model.policy import MaintenanceWindow, Policy
from ..model.region import RegionTree
from ..model.service import Service
from ..model.settings import Settings
from ..model.workaround import Workaround
from ..people.settings import PeopleSettings
from ..sources.settings import PollingSettings
from ..store.settings import StoreSettings
from .web_settings import WebSettings


@dataclass(frozen=True)
class Config:
    """One deployment. `revision` is the first 12 hex digits of a SHA-256 over the files. `sources`, `mentions` and
    `channels` hold the settings class of each one's kind, by id."""

    directory: Path
    revision: str
    company: Company
    regions: RegionTree
    services: Mapping[str, Service]
    sources: Mapping[str, Settings]
    mentions: Mapping[str, Settings]
    channels: Mapping[str, Settings]
    policies: tuple[Policy, ...]
    templates: Mapping[str, Template]
    workarounds: tuple[Workaround, ...]
    maintenance: tuple[MaintenanceWindow, ...]
    vocabulary: Vocabulary
    detection: DetectionSettings
    polling: PollingSettings
    delivery: DeliverySettings
    canary: CanarySettings
    intake: IntakeSettings
    people: PeopleSettings
    web: WebSettings
    store: StoreSettings
