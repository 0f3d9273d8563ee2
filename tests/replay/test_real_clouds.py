"""The real histories of AWS and Google Cloud through whole deployments, as tables; docs/replays/ explains each miss."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from notifier.config import load
from notifier.config.registry import SOURCES
from notifier.ports import Source
from tests.shared_data import shared
from tests.sources.cloud_recordings import (
    aws_entry_polls,
    aws_is_over,
    aws_key,
    aws_snapshot_polls,
    google_polls,
)

from .deployments import play_polls, write
from .tally import Said, Tally, history_of, tally, unplaced_in

Polls = list[Mapping[str, Any]]
_KEY = re.compile(r"(.+?)-([a-z]{2}(?:-[a-z]+)+-\d|us-standard)$")


_CODE = re.compile(r"\b(?:[a-z]+-){1,2}[a-z]+\d+\b")


def slug(text: str) -> str:
    """An id from a name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def deployment(
    kind: str, services: Mapping[str, Mapping[str, str]], places: Iterable[str], **placing: Any
) -> dict[str, str]:
    """A service for each of the vendor's (by id: the rule that finds it), and a region for each of its places below one
    for all of them."""
    regions = [{"id": kind, "name": f"all of {kind}"}, *(
        {"id": f"p-{place}", "name": f"{kind} {place}", "parent": kind, "codes": [place]} for place in sorted(places))]
    rules = [{**rule, "service": id} for id, rule in services.items()]
    source = {"id": kind, "kind": kind, "freshness": "12h",
              "placing": {"find_regions": True, "everywhere": [kind], "map": rules, **placing}}
    listed = [{"id": id, "name": id, "words": [id]} for id in services]
    return {"regions": yaml.safe_dump({"regions": regions}), "services": yaml.safe_dump({"services": listed}),
            "sources": yaml.safe_dump({"sources": [source]})}


def counted(
    name: str, folder: Path, polls: Polls, said: Callable[[Any], Iterable[Said]], parts: Mapping[str, str],
    places: Mapping[str, set[str]],
) -> Tally:
    """Play the polls and tell how we did; what is true of every vendor is held here."""
    played = play_polls(write(folder, **parts), polls)
    source = source_of(folder)
    lost = unplaced_in(polls, source, lambda body: json.dumps(body).encode())
    found = tally(name, history_of(polls, said), played, places=places, unplaced=lost)
    print(found)  # shown by `make recordings`
    assert found.missed == []
    assert found.wrong == []
    assert found.merged == []
    assert found.unclosed == []
    assert found.unplaced == []
    assert found.opened + len(found.split) == found.due
    assert found.opened >= 0.99 * found.due
    assert found.closed >= 0.99 * found.due
    return found


def source_of(folder: Path) -> Source:
    """The one source of a deployment."""
    config = load(folder)
    (settings,) = config.sources.values()
    return SOURCES[str(settings.kind)].make(settings, regions=config.regions)  # type: ignore[attr-defined]


# ── AWS ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def aws_said(body: Mapping[str, Any]) -> Iterator[Said]:
    """What an answer of AWS tells."""
    for one in body["current"]:
        yield Said(aws_key(one), one["summary"].strip(), str(one["status"]) in ("1", "2", "3"), aws_is_over(one))


def aws_parts(polls: Polls) -> dict[str, str]:
    """A service for each service key, a region for each region code."""
    keys = {one["service"] for poll in polls for one in poll["body"]["current"]}
    parted = [(found[1], found[2]) if (found := _KEY.match(key)) else (key, "") for key in keys]
    names = sorted({name for name, _ in parted}, key=lambda name: (-len(name), name))
    services = {slug(name): {"group": name} for name in names}
    return deployment("aws", services, {code for _, code in parted if code and code != "us-standard"} | {"us-east-1"})


def aws_places(polls: Polls) -> dict[str, set[str]]:
    """Where each entry is: in the region its key ends with; everywhere where it has none."""
    entries = {aws_key(one): one for poll in polls for one in poll["body"]["current"]}
    found = {}
    for key, one in entries.items():
        parted = _KEY.match(one["service"])
        code = {"us-standard": "us-east-1"}.get(parted[2], parted[2]) if parted else ""
        found[f"incident:{key}"] = {f"p-{code}" if code else "aws"}
    return found


@pytest.mark.recordings
def test_aws_as_captured_902_times(tmp_path: Path) -> None:
    polls = list(aws_snapshot_polls(shared("data/status/aws")))
    found = counted("AWS, 902 snapshots 2020-2023", tmp_path, polls, aws_said, aws_parts(polls), aws_places(polls))
    assert (found.vendor, found.due) == (250, 209)
    ((explained),) = found.split
    assert explained.startswith("quicksight-ap-south-1/"), "it vanished from one answer and came back 13 minutes later"


@pytest.mark.recordings
@pytest.mark.long
def test_aws_every_entry_since_2018(tmp_path: Path) -> None:
    polls = list(aws_entry_polls(shared("data/status/aws")))
    name = "AWS, entries of 2018-2023 update by update"
    found = counted(name, tmp_path, polls, aws_said, aws_parts(polls), aws_places(polls))
    assert (found.vendor, found.due) == (576, 521)
    assert found.split == []


# ── Google ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def google_said(body: Iterable[Mapping[str, Any]]) -> Iterator[Said]:
    """What an answer of Google tells."""
    for one in body:
        yield Said(one["id"], one["external_desc"], True, bool(one.get("end")))


def google_places(polls: Polls) -> dict[str, set[str]]:
    """Where each incident was ever said to be: its locations; the regions its titles name; everywhere ("world" holds
    all others) where they call it global, and where it named no place at all."""
    found: dict[str, set[str]] = {}
    for one in (one for poll in polls for one in poll["body"]):
        mine = found.setdefault(f"incident:{one['id']}", set())
        ids = {place["id"] for place in one["currently_affected_locations"]}
        mine |= {f"p-{id}" if id != "global" else "google" for id in ids}
        if not ids:
            title = one["external_desc"].lower()
            mine |= {f"p-{code}" for code in _CODE.findall(title)} or {"google"}
            mine |= {"google", "world"} if "global" in title else set()
    return found


@pytest.mark.recordings
@pytest.mark.long
def test_google_cloud_update_by_update(tmp_path: Path) -> None:
    polls = list(google_polls(shared("data/status/gcp/incidents_2021-07_to_2022-07.json")))
    last = {one["id"]: one for poll in polls for one in poll["body"]}.values()
    products = {product["title"] for one in last for product in one["affected_products"]}
    places = {place["id"] for one in last for update in one["updates"] for place in update["affected_locations"]}
    services = {slug(name): {"component": name} for name in sorted(products, key=lambda name: (-len(name), name))}
    parts = deployment("google", services, places - {"global"}, regions=["google"])
    found = counted("Google Cloud 2021-2022", tmp_path, polls, google_said, parts, google_places(polls))
    assert (found.vendor, found.due) == (157, 155)
    assert found.split == []
