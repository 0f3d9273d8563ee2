"""Shaw's real history through whole deployments: the page of one flood week as captured, every post of three years."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import shared
from tests.sources.recordings import shaw_post_polls, shaw_snapshot_polls

from .counted import Count, count
from .deployments import play_polls, write
from .vendor import Told, history

GROUPS = {"bc interior": "shaw-bc-interior", "lower mainland": "shaw-lower-mainland",
          "vancouver island": "shaw-vancouver-island", "northern alberta": "shaw-northern-alberta",
          "southern alberta": "shaw-southern-alberta", "saskatchewan": "CA-SK", "manitoba": "CA-MB",
          "ontario": "CA-ON"}
"""Shaw's regions, three of which are provinces, as regions of our tree."""
SERVICES = """
services:
  - {id: broadband, name: broadband, words: [internet]}
"""
SOURCE = """
sources:
  - {id: shaw, kind: statuspage, url: 'https://status.example.net', every: 1m, freshness: 6h,
     placing: {service: broadband, find_regions: true}}
"""
_TITLE = re.compile(r"^\s*\w+\.?\s*\d+\s*[-–]\s*(.*?)\s*(?:\||\bl\b)")
_WORD = re.compile(r"[^\W_]+")


def town_of(post: Mapping[str, Any]) -> str:
    """The town, with its part where one is named, of a post's title ("May 21 – Dryden | All Services"); "" for none."""
    named = _TITLE.match(post["name"])
    return " ".join(_WORD.findall(named[1])).casefold() if named else ""


def towns_of(polls: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Shaw's region of each town: those two of them share, or that are called like a region, are left out."""
    found: dict[str, set[str]] = {}
    for poll in polls:
        for post in poll["body"]["incidents"]:
            if len(town := town_of(post)) > 3 and town not in GROUPS:
                found.setdefault(town, set()).update(one["group_id"] for one in post["components"])
    return {town: min(groups) for town, groups in found.items() if len(groups) == 1 and len(town.split()) <= 8}


def tree_of(towns: Mapping[str, str]) -> str:
    """regions.yaml: Shaw's regions below their provinces, the towns below those."""
    lines = [f"  - {{id: {id}, name: '{group}', parent: CA-{'AB' if 'alberta' in group else 'BC'}}}"
             for group, id in GROUPS.items() if id.startswith("shaw")]
    lines += [f"  - {{id: t{number}, name: \"{town}\", parent: {GROUPS[group]}}}"
              for number, (town, group) in enumerate(sorted(towns.items()))]
    return "include: [{country: CA, levels: [state]}]\nregions:\n" + "\n".join(lines) + "\n"


def places_of(polls: Iterable[Mapping[str, Any]], towns: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Where each post may be placed: in the towns of Shaw's regions that its title or area names in so many words, and
    in those regions."""
    ids = {town: f"t{number}" for number, town in enumerate(sorted(towns))}
    found: dict[str, set[str]] = {}
    for poll in polls:
        for post in poll["body"]["incidents"]:
            groups = {one["group_id"] for one in post["components"]}
            words = [word.casefold() for word in _WORD.findall(post["name"])]
            rows = {" ".join(words[at:end]) for at in range(len(words)) for end in range(at + 1, at + 9)}
            named = [town for town in rows if towns.get(town) in groups]
            found.setdefault(f"incident:{post['id']}", set()).update(ids[town] for town in named)
            found[f"incident:{post['id']}"].update(GROUPS[group] for group in groups)
    return {print_: frozenset(regions) for print_, regions in found.items()}


def incidents_of(polls: Iterable[Mapping[str, Any]]) -> dict[str, Told]:
    """The posts as the page told them."""
    return {print_: told for print_, told in history(polls, whole=True).items() if told.kind == "incident"}


def replay(name: str, folder: Path, polls: list[dict[str, Any]]) -> Count:
    """Play a stretch of the history and count."""
    folder.mkdir(exist_ok=True)
    towns, told = towns_of(polls), incidents_of(polls)
    played = play_polls(write(folder, regions=tree_of(towns), services=SERVICES, sources=SOURCE), polls)
    return count(name, told, played, regions=places_of(polls, towns),
                 not_due={"first seen when it was over": sum(not one.spans for one in told.values())})


def check(found: Count) -> None:
    """What is true of every stretch."""
    assert found.right >= 0.99, found
    assert found.invented == found.merged == found.misplaced == [], found


@pytest.mark.recordings
def test_shaw_in_the_flood_week_every_post_opens_in_its_town(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polls = list(shaw_snapshot_polls(shared("data/status/shaw")))
    found = replay("Shaw, page of 14-20 November 2021", tmp_path / "shaw", polls)
    with capsys.disabled():
        print(found)
    check(found)


BRIEF = ("2021-11", "2022-05")
"""Months that are played wherever recordings are: that of the floods, and another."""
MONTHS = [f"{year}-{month:02}" for year in range(2020, 2024) for month in range(1, 13)][9:]
STRETCH = timedelta(days=10)


@pytest.mark.recordings
@pytest.mark.parametrize("month", [
    pytest.param(month, marks=[] if month in BRIEF else [pytest.mark.long]) for month in MONTHS])
def test_shaw_every_post_of_three_years_opens_and_closes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], month: str
) -> None:
    """Together all 8,419 posts, by the month a post was first seen in, each month in stretches of ten days: the daemon
    looks at a month of its own incidents each time it decides, which costs a long replay minutes."""
    begin, end = (datetime.fromisoformat(f"{first}-01").replace(tzinfo=UTC)
                  for first in (month, [*MONTHS, "2025-01"][MONTHS.index(month) + 1]))
    name, found = f"Shaw, posts first seen in {begin:%B %Y}", None
    while begin < end:
        ahead = min(begin + STRETCH, end)
        if polls := list(shaw_post_polls(shared("data/status/shaw"), since=begin, until=ahead)):
            part = replay(name, tmp_path / f"{begin:%m%d}", polls)
            found = part if found is None else found + part
        begin = ahead
    assert found is not None
    with capsys.disabled():
        print(found.line())
    check(found)
