"""The shape of each YAML file, as settings classes: what is checked, and what JSON Schema is made from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field

from ..delivery.settings import DeliverySettings
from ..detection.settings import DetectionSettings, Vocabulary
from ..incidents.canary import CanarySettings
from ..intake.settings import IntakeSettings
from ..model.company import Company
from ..model.policy import MaintenanceWindow, Policy
from ..model.service import Service
from ..model.settings import Duration, Settings, Slug
from ..people.settings import PeopleSettings
from ..sources.settings import PollingSettings
from ..store.settings import StoreSettings
from .web_settings import WebSettings


class NotifierFile(Settings):
    """notifier.yaml: the company, and how the daemon itself runs."""

    company: Company
    """Who speaks."""
    store: StoreSettings = Field(default_factory=StoreSettings)
    """Where everything is kept."""
    web: WebSettings = Field(default_factory=WebSettings)
    """Health, metrics and webhooks."""
    polling: PollingSettings = Field(default_factory=PollingSettings)
    """How sources are polled."""
    delivery: DeliverySettings = Field(default_factory=DeliverySettings)
    """How notices are delivered."""
    canary: CanarySettings = Field(default_factory=CanarySettings)
    """Who of a large audience is told first, and what then stops the rest."""
    intake: IntakeSettings = Field(default_factory=IntakeSettings)
    """How posts are read: in the daemon, in processes beside it, on several machines."""
    people: PeopleSettings = Field(default_factory=PeopleSettings)
    """Defaults of subscribers."""


class Include(Settings):
    """A ready tree to start from."""

    country: str = Field(pattern=r"^([A-Z]{2}|all)$")
    """ISO 3166-1 code of two letters, or all."""
    levels: tuple[str, ...] = ()
    """Besides the country: state (states, provinces), county (United States only)."""


class RegionEntry(Settings):
    """A region of your own, or changes to one of a ready tree (same id; what is left out stays)."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name used everywhere: "US-VT", "US-VT-007", "north-shore"."""
    name: str | None = None
    """Name in notices."""
    names: Mapping[str, str] = Field(default_factory=dict)
    """Name by language code."""
    kind: str | None = None
    """country, state, county, district, city, postcode …"""
    parent: str | None = None
    """Id of the region it lies in."""
    timezone: str | None = None
    """IANA zone; the parent's where left out."""
    aliases: tuple[str, ...] = ()
    """What else people call it."""
    codes: tuple[str, ...] = ()
    """What machines call it: FIPS:50007, SAME:050007, UGC:VTC007, postcodes."""
    customers: int | None = Field(default=None, ge=0)
    """Customers served there."""
    polygon: tuple[tuple[float, float], ...] = ()
    """Corners as [latitude, longitude]; a hole or an island is one more closed ring after the first."""
    point: tuple[float, float] | None = None
    """Where it lies as one place, [latitude, longitude]: outages near it are placed here. A city or town of the world
    with 15,000 people and more needs none: it is found by its name in its state."""


class RegionsFile(Settings):
    """regions.yaml."""

    include: tuple[Include, ...] = ()
    """Ready trees."""
    regions: tuple[RegionEntry, ...] = ()
    """Your own regions and changes."""


class ServicesFile(Settings):
    """services.yaml."""

    services: tuple[Service, ...] = Field(min_length=1)
    """What can fail."""


class PoliciesFile(Settings):
    """policies.yaml."""

    policies: tuple[Policy, ...] = Field(min_length=1)
    """Policies; the first that fits is used."""


class MaintenanceFile(Settings):
    """maintenance.yaml."""

    maintenance: tuple[MaintenanceWindow, ...] = ()
    """Planned work."""


class WorkaroundEntry(Settings):
    """A workaround known beforehand."""

    id: Slug
    """Name used in commands."""
    service: str
    """Service it helps with."""
    regions: tuple[str, ...] = ()
    """Regions it holds in; empty: all."""
    texts: Mapping[str, str]
    """What to do, by language."""
    verified_by: str
    """Who tried it."""
    verified_on: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    """When, as 2026-01-31."""
    valid_for: Duration = timedelta(days=365)
    """How long the word of whoever verified it holds."""


class WorkaroundsFile(Settings):
    """workarounds.yaml."""

    workarounds: tuple[WorkaroundEntry, ...] = ()
    """The catalogue."""


class VocabularyFile(Settings):
    """vocabulary.yaml."""

    vocabulary: Vocabulary = Field(default_factory=Vocabulary)
    """Words that make a post a complaint."""
    detection: DetectionSettings = Field(default_factory=DetectionSettings)
    """Limits of the detector."""
