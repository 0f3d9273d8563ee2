"""What was counted elsewhere: people and copies by minute, service, region and kind, as nodes hand it to the detector.

Counts hold no person, so that nothing in them can be counted again; beside them stand a few posts as evidence and the
advice that was given, each bounded.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from .complaint import Kind
from .helping.miner import Said


class Count(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """People and copies that one minute (since 1970) brought, as `people` counts them; `region` "" where no place is
    known."""

    minute: int
    service: str
    region: str
    kind: Kind
    people: int
    copies: int


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """One counted person's words, for evidence: second it counts at, the words that decided, the text without names
    and links, why the region is its place."""

    at: int
    service: str
    region: str
    kind: Kind
    words: tuple[str, ...]
    shown: str
    placed_by: str = ""


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """Everything a stretch of reports came to. `said` is for the miner: what people advise."""

    counts: tuple[Count, ...] = ()
    samples: tuple[Sample, ...] = ()
    said: tuple[Said, ...] = ()


def of_services(counts: Counts, services: Container[str]) -> Counts:
    """What is told of these services: nodes may run with another day's configuration."""
    return Counts(tuple(one for one in counts.counts if one.service in services),
                  tuple(one for one in counts.samples if one.service in services),
                  tuple(one for one in counts.said if one.service in services))
