"""Upptime: a status page kept by GitHub Actions in a repository.

Three addresses say it together. `history/summary.json` holds the state of every site; the repository's open issues are
its incidents (label `status`) and its planned work (label `maintenance`); and the last run of the checks says whether
anybody still looks: GitHub stops the schedules of quiet repositories, and the summary, which carries no time, then
reads as it did on the last day. Comments on the issues, its updates, are a fourth address and asked for on request:
GitHub answers 60 requests an hour to those it does not know.

Anybody may open an issue in a public repository, and its template labels it `maintenance`: only what its people and
its bots wrote counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import field_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.model.signal import Level, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..clocks import any_time, past_time
from ..page import Context, PageSource, get_parts, parts_of
from ..settings import HttpSettings, checked_url, request_of
from ..shapes import Unreadable, identity, json_of, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

STATES: Mapping[str, Level] = {"up": Level.OK, "degraded": Level.MINOR, "down": Level.MAJOR}
TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""`author_association` of those who may write to the repository."""
_MOST_ISSUES = 100
"""The largest page GitHub serves, newest first. Beyond it an issue may be open unseen; its site still reads down."""
_LINE = re.compile(r"^[ \t]*(start|end|expectedDown|expectedDegraded)[ \t]*:(.+)$", re.MULTILINE)
Said = Mapping[str, list[VendorUpdate]]
"""What was said on each issue, by its number."""


class UpptimeSettings(HttpSettings):
    """A status page kept by Upptime; `url` is that of its repository, https://github.com/<owner>/<name>."""

    kind: Literal["upptime"] = "upptime"
    every: Duration = timedelta(minutes=5)
    """Time between polls: Upptime itself looks every five minutes, and three requests are made each time."""
    freshness: Duration = timedelta(minutes=30)
    """How old its last good answer may get before its silence means nothing."""
    branch: str = "HEAD"
    """Branch that holds the history."""
    workflow: str = "uptime.yml"
    """File of the workflow that checks the sites."""
    stale_after: Duration = timedelta(hours=2)
    """Without a run of it for so long the page says nothing; GitHub starts scheduled runs late, at times by an hour."""
    comments: bool = False
    """Whether the comments on its issues are asked for as well: one more request each time."""
    api_url: str = "https://api.github.com"
    """Where GitHub's API is."""
    content_url: str = "https://raw.githubusercontent.com"
    """Where GitHub serves files of repositories."""

    @field_validator("url")
    @classmethod
    def _repository(cls, value: str) -> str:
        if len([part for part in urlsplit(value).path.split("/") if part]) != 2:
            raise ValueError("expected the address of a repository: https://github.com/<owner>/<name>")
        return value

    @field_validator("api_url", "content_url")
    @classmethod
    def _address(cls, value: str) -> str:
        return checked_url(value).rstrip("/")

    @property
    def repository(self) -> str:
        """Owner and name."""
        return urlsplit(self.url).path.strip("/").removesuffix(".git")


def make(settings: UpptimeSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[UpptimeSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch, conditional=False)


def ask(settings: UpptimeSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the summary, the open issues, the last good run of the checks, and on request the newest comments."""
    api = f"{settings.api_url}/repos/{settings.repository}"
    urls = {
        "summary": f"{settings.content_url}/{settings.repository}/{settings.branch}/history/summary.json",
        "issues": f"{api}/issues?state=open&sort=created&direction=desc&per_page={_MOST_ISSUES}",
        "runs": f"{api}/actions/workflows/{settings.workflow}/runs?status=success&per_page=1",
    }
    if settings.comments:
        urls["comments"] = f"{api}/issues/comments?sort=created&direction=desc&per_page=50"
    return get_parts({name: request_of(settings, url) for name, url in urls.items()}, fetch, memory, now)


def read(body: bytes, context: Context[UpptimeSettings]) -> Reading:
    """What the page says: a measurement for sites, and for issues, which its bot opens from them, the same."""
    settings, now = context.settings, context.now
    summary, issues, runs = (json_of(part) for part in parts_of(body, "summary", "issues", "runs"))
    _check_age(runs, settings, now)
    comments = json_of(parts_of(body, "comments")[0]) if settings.comments else []
    return read_page(page_of(summary, issues, comments, now), context, SignalClass.MEASUREMENT)


def _check_age(value: Any, settings: UpptimeSettings, now: datetime) -> None:
    """Raises Unreadable where the checks have not run lately."""
    runs = records(record(value, "the runs").get("workflow_runs"), "workflow_runs")
    times = [past_time(run.get("updated_at"), now) or past_time(run.get("created_at"), now) for run in runs]
    last = max((at for at in times if at is not None), default=None)
    if last is None or now - last >= settings.stale_after:
        raise Unreadable(f"no check has run since {rfc3339(last)}" if last else "no check has ever run")


def page_of(summary: Any, issues: Any, comments: Any, now: datetime) -> VendorPage:
    """The answers, checked."""
    sites = {one.id: one for one in map(_site, records(summary, "the summary"))}
    if not sites:
        raise Unreadable("the summary lists no site")
    said = _by_issue(records(comments, "the comments"), now)
    found = (_incident(one, sites, said, now) for one in records(issues, "the issues") if "pull_request" not in one)
    return VendorPage(
        incidents=tuple(one for one in found if one is not None),
        components=tuple(sites.values()),
        whole=True,
        affirmed=any(one.level is Level.OK for one in sites.values()),
    )


def _site(site: Mapping[str, Any]) -> VendorComponent:
    slug, status = required(site, "slug", "a site"), optional(site, "status")
    return VendorComponent(slug, optional(site, "name"), level=STATES.get(status, Level.NOTICE), said=status)


# ── Issues ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _incident(
    issue: Mapping[str, Any], sites: Mapping[str, VendorComponent], said: Said, now: datetime
) -> VendorIncident | None:
    """An issue as an incident or as planned work; None where it is neither."""
    labels = _labels(issue)
    if labels.isdisjoint(("status", "maintenance")):
        return None
    number, began = identity(issue, "number", "an issue"), past_time(issue.get("created_at"), now)
    hidden, shown = _parted(optional(issue, "body", 8000))
    planned = "maintenance" in labels
    plan = {name: value.strip() for name, value in _LINE.findall(hidden)} if planned else {}
    start, end = any_time(plan.get("start")), any_time(plan.get("end"))
    named = _expected(plan, sites) if planned else tuple(sites[slug] for slug in sorted(labels & sites.keys()))
    level = _work_level(start, end, now) if planned else _trouble_level(issue, named)
    over = level is Level.OK or issue.get("state") == "closed"
    return VendorIncident(
        id=number,
        title=optional(issue, "title"),
        level=Level.OK if over else level if _is_trusted(issue) else Level.NOTICE,
        status="maintenance" if planned else "open",
        started_at=start if start is not None and start <= now else began,
        updates=(VendorUpdate(began, shown), *said.get(number, ())),
        components=named,
        url=optional(issue, "html_url"),
        facts={"scheduled_for": rfc3339(start) if start else "", "scheduled_until": rfc3339(end) if end else ""},
    )


def _parted(body: str) -> tuple[str, str]:
    """The comment that readers do not see, where planned work says when and what; and the rest."""
    before, _, rest = body.partition("<!--")
    hidden, closed, after = rest.partition("-->")
    return (hidden, before + after) if closed else ("", body)


def _labels(issue: Mapping[str, Any]) -> set[str]:
    given = issue.get("labels")
    if not isinstance(given, list):
        raise Unreadable("an issue has no labels")
    return {optional(one, "name") if isinstance(one, dict) else str(one)[:200] for one in given}


def _is_trusted(issue: Mapping[str, Any]) -> bool:
    user = issue.get("user")
    is_bot = isinstance(user, dict) and user.get("type") == "Bot"
    return is_bot or optional(issue, "author_association") in TRUSTED


def _trouble_level(issue: Mapping[str, Any], named: Sequence[VendorComponent]) -> Level:
    """The worst state of the sites it is about; where they read well (the summary comes minutes late), its title's
    word: Upptime itself tells the two kinds apart by it."""
    worst = max((one.level for one in named), default=Level.OK)
    return worst if worst.is_trouble else Level.MINOR if "degraded" in optional(issue, "title") else Level.MAJOR


def _work_level(start: datetime | None, end: datetime | None, now: datetime) -> Level:
    """Work without both times is no plan to Upptime either."""
    if start is None or end is None or now < start:
        return Level.NOTICE
    return Level.MAINTENANCE if now < end else Level.OK


def _expected(plan: Mapping[str, str], sites: Mapping[str, VendorComponent]) -> tuple[VendorComponent, ...]:
    """The sites planned work speaks for: one expected to be slow only is not expected to be down."""
    down, slow = ({slug.strip() for slug in plan.get(name, "").split(",")} & sites.keys()
                  for name in ("expectedDown", "expectedDegraded"))
    slow = {slug for slug in slow - down if sites[slug].level < Level.MAJOR}
    return tuple(sites[slug] for slug in (*sorted(down), *sorted(slow)))


def _by_issue(comments: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, list[VendorUpdate]]:
    """What was said on each issue, by its number, by those who count."""
    said: dict[str, list[VendorUpdate]] = {}
    for one in comments:
        if _is_trusted(one) and (at := past_time(one.get("created_at"), now)) is not None:
            number = optional(one, "issue_url").rpartition("/")[2]
            said.setdefault(number, []).append(VendorUpdate(at, optional(one, "body", 4000)))
    return said
