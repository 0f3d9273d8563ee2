"""Known outages, as staff write them down, and how alarms answer them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ...config.mistake import ConfigMistakes, listed, nearest, shown
from ...config.yaml_file import Path_, YamlFile, read_yaml
from ...model.region import RegionTree
from ...model.service import Service
from ...model.times import parse_rfc3339
from .alarms import Alarm

KEYS = ("service", "region", "from", "to")


@dataclass(frozen=True, slots=True)
class Outage:
    """One known outage of one service in one region."""

    service: str
    region: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A known outage and the first alarm that found it; None where none did."""

    outage: Outage
    alarm: Alarm | None

    @property
    def delay(self) -> timedelta | None:
        """From the outage's known beginning to the alarm; negative where customers were first."""
        return None if self.alarm is None else self.alarm.raised - self.outage.begins


def found(outages: Iterable[Outage], alarms: Sequence[Alarm], regions: RegionTree) -> tuple[Found, ...]:
    """Each outage with the first alarm of its service, in its region or one around or within it, that was up while it
    lasted."""
    return tuple(Found(outage, min((alarm for alarm in alarms if _answers(alarm, outage, regions)),
                                   key=lambda alarm: alarm.raised, default=None)) for outage in outages)


def false(outages: Sequence[Outage], alarms: Iterable[Alarm], regions: RegionTree) -> tuple[Alarm, ...]:
    """The alarms that answer no known outage."""
    return tuple(alarm for alarm in alarms if not any(_answers(alarm, outage, regions) for outage in outages))


def _answers(alarm: Alarm, outage: Outage, regions: RegionTree) -> bool:
    meets = alarm.raised <= outage.ends and (alarm.over is None or alarm.over >= outage.begins)
    return (meets and alarm.service == outage.service
            and any(regions.related(region, outage.region) for region in alarm.regions))


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_truth(path: Path, regions: RegionTree, services: Mapping[str, Service]) -> tuple[Outage, ...]:
    """Read a YAML list of {service, region, from, to}, times with a zone. Raises ConfigMistakes with every mistake and
    its place."""
    file, _ = read_yaml(path, str(path))
    if not file.mistakes and not isinstance(file.value, list):
        file.mistake((), "is of the wrong kind", found=shown(file.value),
                     expected="a list of outages, each with service, region, from and to")
    entries = file.value if isinstance(file.value, list) else []
    outages = [_outage(file, number, value, regions, services) for number, value in enumerate(entries)]
    if file.mistakes:
        raise ConfigMistakes(file.mistakes)
    return tuple(outage for outage in outages if outage is not None)


def _outage(file: YamlFile, number: int, value: Any, regions: RegionTree,
            services: Mapping[str, Service]) -> Outage | None:
    if not isinstance(value, dict):
        file.mistake((number,), "is of the wrong kind", found=shown(value), expected="service, region, from and to")
        return None
    for key in value:
        if key not in KEYS:
            file.mistake((number, key), "unknown key", of_key=True, found=shown(key), expected=listed(KEYS),
                         nearest=nearest(str(key), KEYS))
    for key in KEYS:
        if key not in value:
            file.mistake((number,), f"the key {key!r} is missing")
    service = _known(file, (number, "service"), value.get("service", ""), services)
    region = _known(file, (number, "region"), value.get("region", ""), regions.regions)
    begins, ends = (_moment(file, (number, key), value.get(key)) for key in ("from", "to"))
    if begins is None or ends is None:
        return None
    if ends <= begins:
        file.mistake((number, "to"), "is not after 'from'", found=shown(value["to"]))
    return Outage(service, region, begins, ends)


def _known(file: YamlFile, path: Path_, value: Any, known: Mapping[str, Any]) -> str:
    """An id that the configuration has."""
    if value != "" and (not isinstance(value, str) or value not in known):
        file.mistake(path, f"is no {path[-1]} of the configuration", found=shown(value), expected=listed(known),
                     nearest=nearest(str(value), known))
    return str(value)


def _moment(file: YamlFile, path: Path_, value: Any) -> datetime | None:
    """A time with its zone; None, with the mistake noted, where it is none."""
    if value is None:
        return None
    try:
        return parse_rfc3339(value if isinstance(value, str) else "")
    except ValueError:
        file.mistake(path, "is no time with a zone", found=shown(value), expected='such as "2026-11-03T07:30:00-05:00"')
        return None
