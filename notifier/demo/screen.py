"""What the demo shows: one frame from plain data, so that the picture can be tested without a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from .vermont import ZONE

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 62
"""Minutes of the chart."""

SAID_ROWS = 20
"""Rows of what was said, so that all fits 40 rows."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message as a provider's stand-in took it: when, by whom, how many times, the words."""

    at: datetime
    channel: str
    times: int
    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything one picture shows. `counts` are people a minute, oldest first; `usual` is what this hour expects."""

    now: datetime
    counts: Sequence[float]
    usual: float
    posts: Sequence[str]
    incident: str
    why: str
    waiting: str
    said: Sequence[Said]


def bars(counts: Sequence[float], *, top: float) -> str:
    """One block character a minute; `top` is the value that fills the height."""
    height = max(top, 1.0)
    return "".join(BARS[min(round(count / height * 8), 8)] if count else BARS[0] for count in counts)


def local(at: datetime) -> str:
    """The time of day in Vermont."""
    return at.astimezone(ZONE).strftime("%H:%M:%S")


def draw(frame: Frame) -> RenderableType:
    """The picture of one moment."""
    head = Text.assemble((f" {frame.now.astimezone(ZONE):%A %d %B %Y}  {local(frame.now)} ", "bold white on blue"),
                         ("  a reconstruction; every provider is a stand-in on this machine", "dim"))
    return Group(head, _chart(frame), Columns([_posts(frame), _incident(frame)], expand=True), _said(frame))


def _chart(frame: Frame) -> Panel:
    shown = list(frame.counts)[-WIDTH:]
    top = max([*shown, 4.0])
    line = Text.assemble((bars(shown, top=top), "yellow"), f"  now {shown[-1] if shown else 0:.0f}, ",
                         (f"usual {frame.usual:.2f}", "green"), f", top {top:.0f}")
    return Panel(line, title="people a minute who say mobile data fails in Vermont, last hour", title_align="left",
                 height=3)


def _posts(frame: Frame) -> Panel:
    lines = [Text(post, no_wrap=True, overflow="ellipsis") for post in frame.posts[-6:]]
    return Panel(Group(*lines) if lines else Text("–", "dim"), title="what people post", title_align="left", height=8,
                 width=58)


def _incident(frame: Frame) -> Panel:
    body = Text.assemble((frame.incident or "no incident", "bold red" if frame.incident else "green"), "\n",
                         (frame.why, ""), "\n", (frame.waiting, "magenta"))
    return Panel(body, title="what the daemon makes of it", title_align="left", height=8, width=58)


def _said(frame: Frame) -> Panel:
    lines = []
    for at, channels, text in together(frame.said)[-SAID_ROWS:]:
        lines.append(Text.assemble(f"{local(at)[:5]} ", (f"{channels:29.29} ", "cyan"), " ".join(text.split()),
                                   no_wrap=True, overflow="ellipsis"))
    return Panel(Group(*lines), title="what customers were told, as the providers took it", title_align="left",
                 height=SAID_ROWS + 2)


def together(said: Sequence[Said]) -> list[tuple[datetime, str, str]]:
    """(when, channels, words): channels that carried the same words at the same time in one row, with how many
    addresses heard it where more than one did."""
    rows: dict[tuple[datetime, str], list[str]] = {}
    for one in said:
        rows.setdefault((one.at, one.text), []).append(f"{one.channel} ×{one.times}" if one.times > 1 else one.channel)
    return [(at, " ".join(channels), text) for (at, text), channels in rows.items()]
