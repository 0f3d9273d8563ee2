"""Real histories as recordings: what polling the vendor would have brought, moment by moment.

Each function yields records in the format of `polls*.jsonl` ({"fetched_at", "source", "status", "headers", "body"}) in
time order. A record holds only what was public at its moment: later updates, the later end and the later title are left
out, so that nothing after a moment can influence what is decided at it. What could not be known of the past (the
impact an incident had earlier, say) is the history's own value; each function says so.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_IMPORTED_AFTER = timedelta(days=1)
_LISTED = re.compile(r"<li>\s*<strong>(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)</strong>\s*-\s*(.*?)</li>", re.DOTALL)
_SHAW_OVER = re.compile(r"\(?\s*(resolved|resovled|resloved|resolve)\s*\)?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Version:
    """An incident as it stood from `at` on."""

    at: datetime
    incident: Mapping[str, Any]


@dataclass
class Told:
    """What a history holds for replay: how many incidents, and why some of them cannot be opened by polling."""

    incidents: int = 0
    polls: int = 0
    never_open: Counter[str] = field(default_factory=Counter)
    """Incidents that were never public as unresolved, by reason."""


def github_polls(
    folder: Path, *, source: str = "github", shown: int = 50, unfold: bool = True, told: Told | None = None
) -> Iterator[Record]:
    """GitHub's 1,282 incidents of 2010-2023 as polls of `/api/v2/incidents.json` (the newest `shown`, newest first).

    839 of them were imported in December 2018 with one update, already resolved, that lists the earlier messages with
    their times; with `unfold` those messages are the updates (all but the last "investigating"), else the incident is
    public as resolved from the start. Impact and components are those of the history's last state. `told` is filled
    with counts by the time the last record is out.
    """
    told = told if told is not None else Told()
    versions: list[Version] = []
    for incident in _lines(folder / "incidents_2010-2023_statuspage_v2.jsonl.gz"):
        told.incidents += 1
        mine = _github_versions(incident, unfold=unfold)
        versions += mine
        if incident["impact"] == "none":
            told.never_open["impact none: told as information"] += 1
        elif all(status == "resolved" for status in {v.at: v.incident["status"] for v in mine}.values()):
            told.never_open["first told in the moment it was over"] += 1
    known: dict[str, Mapping[str, Any]] = {}
    page = {"id": "kctbh9vrtdwd", "name": "GitHub", "url": "https://www.githubstatus.com"}
    for at, changed in _by_moment(versions):
        known |= {one["id"]: one for one in changed}
        newest = sorted(known.values(), key=lambda one: str(one["created_at"]), reverse=True)[:shown]
        told.polls += 1
        yield _poll(at, source, {"page": {**page, "updated_at": _iso(at)}, "incidents": newest})


def _github_versions(incident: Mapping[str, Any], *, unfold: bool) -> list[Version]:
    updates = _github_updates(incident, unfold=unfold)
    found: list[Version] = []
    for count in range(1, len(updates) + 1):
        so_far = updates[:count]
        at, status = so_far[-1][0], so_far[-1][1]["status"]
        found.append(
            Version(
                at,
                {
                    **incident,
                    "status": status,
                    "created_at": _iso(updates[0][0]),
                    "started_at": _iso(min(_time(incident["started_at"]), updates[0][0])),
                    "updated_at": _iso(at),
                    "resolved_at": _iso(at) if status == "resolved" else None,
                    "incident_updates": [update for _, update in reversed(so_far)],
                },
            )
        )
    return found


def _github_updates(incident: Mapping[str, Any], *, unfold: bool) -> list[tuple[datetime, Record]]:
    """(when it became public, update), oldest first."""
    resolved = _time(incident["resolved_at"])
    found: list[tuple[datetime, Record]] = []
    for update in incident["incident_updates"]:
        made, shown = _time(update["created_at"]), _time(update["display_at"])
        imported = made - resolved > _IMPORTED_AFTER
        listed = _LISTED.findall(update["body"] or "") if imported and unfold else []
        for number, (moment, text) in enumerate(listed, 1):
            at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
            status = "resolved" if number == len(listed) else "investigating"
            found.append((at, {"status": status, "body": text, "created_at": _iso(at), "display_at": _iso(at)}))
        if not listed:
            found.append((shown if imported else made, update))
    return sorted(found, key=lambda one: one[0])


def oci_polls(folder: Path, *, source: str = "oci") -> Iterator[Record]:
    """Oracle Cloud's 602 snapshots of `summary.json` (2020-2022), as captured.

    The capture leaves operational components out; those that are listed stand under "components" again.
    """
    for line in _lines(folder / "summary_snapshots.jsonl.gz"):
        body = dict(line["body"])
        body["components"] = body.pop("components_not_operational")
        yield _poll(_time(line["fetched_at"]), source, body)


def shaw_snapshot_polls(folder: Path, *, source: str = "shaw") -> Iterator[Record]:
    """Shaw's outage page, 117 snapshots of 14-20 November 2021, as captured; CONVERTED by us to Statuspage's summary
    shape (the page is its own JSON): a post is an incident, its services are components, its region the group.
    """
    for line in _lines(folder / "snapshots_2021-11-14_to_20.jsonl.gz"):
        at = _time(line["fetched_at"])
        posts = [
            _shaw_incident(
                key,
                regions=[region],
                title=post["title"],
                services=post["affected_services"],
                area=post["affected_area"],
                updates=[text for _, _, text in post["live_updates"]],
                over=bool(_SHAW_OVER.search(post["title"])),
                url=post["url"],
            )
            for region, listed in line["body"].items()
            for key, post in listed.items()
        ]
        yield _poll(at, source, _shaw_page(posts, at))


def shaw_post_polls(
    folder: Path, *, source: str = "shaw", since: datetime | None = None, until: datetime | None = None
) -> Iterator[Record]:
    """Shaw's 8,419 posts of October 2020 to December 2023, CONVERTED as `shaw_snapshot_polls` does.

    The history says when each title was first seen and when the post was last seen: a post stands on the page from its
    first title to its last sight, over from the title that says so. One poll at each new title; one a minute after the
    last sight of a post that was never over (one that was over only leaves with the next poll). Of its updates those
    whose time has come are told. `since`, `until`: posts first seen in that time.
    """
    moments: dict[datetime, list[tuple[str, Record | None]]] = {}
    for post in _lines(folder / "incidents_2020-10_to_2023-12.jsonl.gz"):
        seen = _time(post["first_seen"])
        if (since is None or seen >= since) and (until is None or seen < until):
            for at, incident in _shaw_versions(post):
                moments.setdefault(at, []).append((post["page_id"], incident))
    page: dict[str, tuple[datetime, Record]] = {}
    for at, changes in sorted(moments.items()):
        page = {key: (last, one) for key, (last, one) in page.items() if last >= at or one["status"] != "resolved"}
        for key, incident in changes:
            page.pop(key, None)
            if incident is not None:
                page[key] = (incident.pop("last_seen"), incident)
        yield _poll(at, source, _shaw_page([one for _, one in page.values()], at))


def _shaw_versions(post: Mapping[str, Any]) -> Iterator[tuple[datetime, Record | None]]:
    """The post as it stood from each moment on; None: it left the page without having been over."""
    dated = sorted((_time(u["at_utc"]), u["text"]) for u in post["updates"] if u.get("at_utc"))
    last = _time(post["last_seen"])
    for one in post["titles"]:
        at = _time(one["seen"])
        past = [(when, text) for when, text in dated if when <= at]
        yield at, {
            **_shaw_incident(post["page_id"], regions=post["regions"], title=one["title"], services=post["services"],
                             area=post["area"], updates=[text for _, text in reversed(past)],
                             over=bool(_SHAW_OVER.search(one["title"])), url=post["url"],
                             started=past[0][0] if past else at),
            "last_seen": last,
        }
    if not _SHAW_OVER.search(post["titles"][-1]["title"]):
        yield last + timedelta(minutes=1), None


def _shaw_incident(
    key: str,
    *,
    regions: Iterable[str],
    title: str,
    services: Iterable[str],
    area: str | None,
    updates: list[str],
    over: bool,
    url: str,
    started: datetime | None = None,
) -> Record:
    return {
        "id": key,
        "name": f"{title} ({area})" if area and area not in title else title,
        "status": "resolved" if over else "investigating",
        "impact": "major",
        "started_at": _iso(started) if started else None,
        "shortlink": url,
        "components": [
            {"id": f"{region}/{name}", "name": name, "status": "partial_outage", "group_id": region}
            for region in regions for name in services or ["Service"]
        ],
        "incident_updates": [{"status": "update", "body": text} for text in updates],
    }


def _shaw_page(posts: list[Record], at: datetime) -> Record:
    groups = sorted({c["group_id"] for post in posts for c in post["components"]})
    return {
        "page": {"id": "shaw", "name": "Shaw", "updated_at": _iso(at)},
        "status": {"indicator": "none", "description": ""},
        "components": [{"id": one, "name": one, "status": "operational", "group": True} for one in groups],
        "incidents": posts,
        "scheduled_maintenances": [],
    }


def captured_polls(file: Path, *, source: str) -> Iterator[Record]:
    """Snapshots as captured, nothing changed: of PG&E (179, 4-6 February 2024), BC Hydro (159, 14-16 November 2021) and
    Entergy (268, 11-13 September 2024)."""
    for line in _lines(file):
        yield _poll(_time(line["fetched_at"]), source, line["body"])


def _by_moment(versions: Iterable[Version]) -> Iterator[tuple[datetime, list[Mapping[str, Any]]]]:
    moments: dict[datetime, list[Mapping[str, Any]]] = {}
    for version in versions:
        moments.setdefault(version.at, []).append(version.incident)
    yield from sorted(moments.items())


def _poll(at: datetime, source: str, body: Any) -> Record:
    headers = {"content-type": "application/json"}
    return {"fetched_at": _iso(at), "source": source, "status": 200, "headers": headers, "body": body}


def _lines(file: Path) -> Iterator[Any]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
