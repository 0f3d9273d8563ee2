"""What detection's tests share: the example's words and services, a small territory, people who post."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from notifier.config.ready_regions import ready, world
from notifier.detection.detector import Detector
from notifier.detection.place import PlaceFinder
from notifier.detection.settings import DetectionSettings, Vocabulary
from notifier.model.mention import Mention
from notifier.model.region import Region, RegionTree
from notifier.model.service import Service
from notifier.model.signal import Signal

CONFIG = Path(__file__).resolve().parents[2] / "config"
START = datetime(2012, 9, 18, 11, 30, tzinfo=UTC)
TICK = timedelta(seconds=10)
HOME = "us-northeast"
STATES = ("CT", "ME", "MA", "NH", "RI", "VT", "NJ", "NY", "PA")
ALIASES = {"US-NY": ("New York City", "NYC", "Manhattan", "Brooklyn", "Queens", "the Bronx", "Staten Island",
                     "Long Island", "Lower East Side"),
           "US-NJ": ("Jersey", "Jersey City", "Hoboken", "Jersey Shore"), "US-PA": ("Philly",)}

_numbers = count(1)


@cache
def _file() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((CONFIG / "vocabulary.yaml").read_text(encoding="utf-8"))
    return read


@cache
def vocabulary() -> Vocabulary:
    """The words of the example deployment: what staff would start from is what is tested."""
    return Vocabulary.model_validate(_file()["vocabulary"])


def settings(**changes: Any) -> DetectionSettings:
    """The limits of the example deployment, but for `changes`."""
    return DetectionSettings.model_validate({**_file()["detection"], **changes})


@cache
def services() -> dict[str, Service]:
    """The services of the example deployment."""
    read = yaml.safe_load((CONFIG / "services.yaml").read_text(encoding="utf-8"))["services"]
    return {one["id"]: Service.model_validate(one) for one in read}


@cache
def regions() -> RegionTree:
    """The world by country, some by state, and the example's territory with its states below it."""
    found = {"world": world()}
    for country in ("US", "CA", "AU", "GB", "FR", "DE", "IT", "JO", "TD", "TR", "GE", "ES", "MX", "IN", "IE", "NG"):
        for region in ready(country, ["state"] if country in ("US", "CA", "AU", "GB") else []):
            found[region.id] = region
    found[HOME] = Region(HOME, "the Northeast", "territory", "US", "America/New_York")
    for state in STATES:
        was = found[f"US-{state}"]
        found[was.id] = Region(was.id, was.name, was.kind, HOME, was.timezone,
                               (*was.aliases, *ALIASES.get(was.id, ())), was.codes)
    return RegionTree(found)


@cache
def places(home: str | None = HOME) -> PlaceFinder:
    """A place finder for the territory."""
    words = vocabulary()
    return PlaceFinder(regions(), home=home, nowhere=words.nowhere, not_places=words.not_places)


LISTENED = 300
"""Minutes the detectors of tests have listened."""


def detector(*, listened: int = LISTENED, **changes: Any) -> Detector:
    """A detector of the example deployment that has listened for so many minutes and heard no complaint in them."""
    made = Detector(settings(**changes), vocabulary(), regions=regions(), services=services())
    made._board.listening.total = listened
    return made


@cache
def _kept() -> tuple[Detector, bytes]:
    made = detector()
    return made, made.checkpoint()


def fresh() -> Detector:
    """The one detector of this process, made to forget everything: cheap enough for laws."""
    heard, nothing = _kept()
    heard.restore(nothing)
    return heard


def post(text: str, *, at: datetime = START, who: str | None = None, where: str | None = None, **more: Any) -> Mention:
    """A post; by somebody new where `who` is not given."""
    number = next(_numbers)
    return Mention(id=f"p{number}", created_at=at, network="x", text=text, author=who or f"someone{number}",
                   author_location=where, **more)


def play(heard: Detector, posts: Iterable[Mention], *, until: datetime, begin: datetime | None = None) -> list[Signal]:
    """Hand in posts as they are written, look every tick, return all that was told."""
    waiting = sorted(posts, key=lambda one: (one.created_at, one.id))
    now = begin or (waiting[0].created_at if waiting else START)
    told: list[Signal] = []
    while now < until:
        now += TICK
        while waiting and waiting[0].created_at <= now:
            heard.take("test", waiting.pop(0), now)
        told.extend(heard.signals(now))
    return told
