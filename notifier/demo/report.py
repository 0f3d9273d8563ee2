"""How the morning went, by the providers' own books, beside what happened that day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from ..model.notice import Notice, NoticeState, Stage
from .people import OPTED_OUT
from .stage import Stage as Scene
from .vermont import OUTAGE, OVER, ZONE

ELSEWHERE = ("+15185550106", "dora@example.com", "+18025550105", OPTED_OUT)
"""People of the demo who must hear nothing: two in other states, one for power only, one who opted out."""
FIFTH = 5


@dataclass(frozen=True)
class Grade:
    """What was promised, measured. Times are virtual; None: it did not happen."""

    fifth_complaint: datetime | None
    detected: datetime | None
    acknowledged: datetime | None
    workaround: datetime | None
    resolved: datetime | None
    sends: int
    doubles: int
    strangers_told: int
    told: frozenset[tuple[str, str]]
    told_it_is_over: frozenset[tuple[str, str]]

    @property
    def kept(self) -> bool:
        """Whether every promise of the demo held."""
        return (None not in (self.acknowledged, self.workaround, self.resolved) and self.doubles == 0
                and self.strangers_told == 0 and self.told == self.told_it_is_over and self._in_time())

    def _in_time(self) -> bool:
        assert self.acknowledged is not None
        return self.fifth_complaint is not None and (self.acknowledged - self.fifth_complaint).total_seconds() <= 180


def grade(scene: Scene) -> Grade:
    """Measure a played morning from the store's times and the far side's books."""
    with scene.app.store.transaction() as tx:
        incidents = tx.incidents()
        notices = [notice for incident in incidents for notice in tx.notices(incident=incident.id)]
    incident = incidents[0] if incidents else None
    resolved = _released(notices, Stage.RESOLVE)
    sends = [(channel, str(entry["address"]), str(entry["body"]), _at(entry))
             for channel, standin in scene.standins.items() for entry in standin.ledger]
    said = [(channel, address, text) for channel, address, text, _ in sends]
    return Grade(
        fifth_complaint=_fifth(), detected=incident.opened_at if incident else None,
        acknowledged=_released(notices, Stage.ACKNOWLEDGE), workaround=_released(notices, Stage.WORKAROUND),
        resolved=resolved, sends=len(sends), doubles=len(said) - len(set(said)),
        strangers_told=sum(1 for _, address, _ in said if address in ELSEWHERE),
        told=frozenset((channel, address) for channel, address, _, at in sends if resolved is None or at < resolved),
        told_it_is_over=frozenset(
            (channel, address) for channel, address, _, at in sends if resolved is not None and at >= resolved))


def _at(entry: Mapping[str, Any]) -> datetime:
    """When a provider took it, by its own clock."""
    return datetime.fromisoformat(str(entry["at"]).replace("Z", "+00:00"))


def _fifth() -> datetime | None:
    """When the fifth person complained, in the recording itself: reposts left out."""
    from .vermont import mentions

    seen: set[str] = set()
    for post in sorted(mentions(), key=lambda one: one.created_at):
        if post.created_at >= OUTAGE and not post.is_repost and re.search(r"(?i)\b(3g|data|internet)\b", post.text):
            seen.add(post.author or post.id)
            if len(seen) == FIFTH:
                return post.created_at
    return None


def _released(notices: Iterable[Notice], stage: Stage) -> datetime | None:
    times = [n.released_at for n in notices
             if n.stage is stage and n.state is not NoticeState.WAITING and n.released_at is not None]
    return min(times, default=None)


def print_report(console: Console, result: Grade) -> None:
    """Print the morning beside what happened that day."""
    table = Table(title="The morning, and that day", title_justify="left", header_style="bold")
    for column in ("", "this daemon", "that day (published accounts)"):
        table.add_column(column, overflow="fold")
    first = result.fifth_complaint
    table.add_row("the network fails", _clock(OUTAGE), "about 07:30")
    table.add_row("the fifth customer complains in public", _clock(first), "within minutes")
    table.add_row("detected, by region", _after(result.detected, first), "nobody was looking: last night's queue first")
    table.add_row("acknowledged in public", _after(result.acknowledged, first), "not until it was over")
    table.add_row("workaround passed on (3G off, Edge carries calls)", _after(result.workaround, OUTAGE),
                  "never; customers told each other")
    table.add_row("the network is back", _clock(OVER), "about 09:30")
    table.add_row("all-clear, to exactly those who were told", _after(result.resolved, OVER), "no broadcast")
    table.add_row("people told who should not be", str(result.strangers_told), "")
    table.add_row("sent twice, by the providers' books", f"{result.doubles} of {result.sends}", "")
    table.add_row("customers' grade", "", "C-")
    console.print(table)
    console.print("That day's column is from published accounts of customer care; the recording is our reconstruction: "
                  "posts, people and date are made up, the hours and what happened are not.", style="dim")
    if not result.kept:
        console.print("NOT everything held: see the rows above.", style="bold red")


def _clock(at: datetime | None) -> str:
    return "–" if at is None else at.astimezone(ZONE).strftime("%H:%M:%S")


def _after(at: datetime | None, since: datetime | None) -> str:
    if at is None or since is None:
        return "did not happen"
    seconds = int((at - since).total_seconds())
    return f"{_clock(at)}, {seconds // 60} min {seconds % 60:02d} s later"
