"""Subscribers: the people who asked to be told, and what they allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum


class AddressKind(StrEnum):
    """What an address is."""

    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times between which a person is left in peace; `start` after `end` spans midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One address with consent. `services` empty: all. `phone` is E.164 in `address`; e-mail is lower-cased by domain.

    `consent_at` and `consent_by` ("CSV import 2026-11-01 by ann", "START by SMS") prove the opt-in. `opted_out_at`
    set: nothing is sent, whatever else is true.
    """

    id: str
    kind: AddressKind
    address: str
    regions: tuple[str, ...]
    language: str
    timezone: str
    consent_at: datetime
    consent_by: str
    services: tuple[str, ...] = ()
    quiet_hours: QuietHours | None = None
    opted_out_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """What planning asks of subscribers besides who they are and since when: those of one cohort are planned alike."""

    kind: AddressKind
    regions: tuple[str, ...]
    language: str
    timezone: str
    quiet_hours: QuietHours | None


Member = tuple[str, str, int]
"""A subscriber of a cohort: id, address, and the week of their consent since 1970."""


@dataclass(frozen=True, slots=True)
class AudienceGroup:
    """So many subscribers of an audience that planning treats alike."""

    kind: AddressKind
    timezone: str
    quiet_hours: QuietHours | None
    number: int


@dataclass(frozen=True, slots=True)
class AudienceSizes:
    """How many would hear a notice, without knowing who. `told`: whom an incident has told, or is telling, by
    (channel, whether they are in the audience too)."""

    groups: tuple[AudienceGroup, ...] = ()
    told: Mapping[tuple[str, bool], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of an import that was not taken. `line` counts from 1, the heading included."""

    line: int
    column: str
    problem: str
