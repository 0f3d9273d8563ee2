"""`notifier demo`: the Vermont morning, played through the daemon's own parts, live in the terminal."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from ..model.incident import Incident
from ..model.mention import Mention
from ..model.notice import NoticeState
from ..replay.engine import Player
from ..replay.recording import Event, read_recording
from .people import Engineer
from .report import Grade, grade, print_report
from .screen import Frame, Said, draw, local
from .stage import Stage, set_up
from .vermont import ENDS, OUTAGE, SHIPPED

SHOWN_FROM = OUTAGE - timedelta(minutes=15)
"""What was posted in the night is learnt from before the curtain rises."""
FRAMES = 8
"""Pictures a second."""
CHANNELS = ("x", "mastodon", "bluesky", "sms", "email", "webhook")


class Performance:
    """Turns virtual time into pictures. `seconds` is how long the shown part takes in real time."""

    def __init__(
        self, stage: Stage, engineer: Engineer, *, seconds: float, live: Live | None, console: Console
    ) -> None:
        self.stage = stage
        self.engineer = engineer
        self.live = live
        self.console = console
        self.per_second = seconds / (ENDS - SHOWN_FROM).total_seconds()
        self.posts: deque[tuple[datetime, str]] = deque(maxlen=8)
        self.owed = 0.0
        """Real seconds of virtual time that has passed and was not yet waited for."""
        self.printed = 0
        self.lines: set[str] = set()

    def pace(self, at: datetime) -> None:
        """Let real time pass until `at`, drawing what stands meanwhile."""
        now = self.stage.clock.now()
        if at < SHOWN_FROM:
            return
        self.owed += (min(at, ENDS) - max(now, SHOWN_FROM)).total_seconds() * self.per_second
        while self.owed >= 1 / FRAMES:
            self.draw()
            time.sleep(1 / FRAMES)
            self.owed -= 1 / FRAMES
        if self.live is None:
            self.draw()

    def heard(self, event: Event) -> Event:
        """Note a post for the picture."""
        if isinstance(event.what, Mention):
            self.posts.append((event.at, event.what.text))
        return event

    def draw(self) -> None:
        """Show the moment; in plain mode, only what is new."""
        if self.live is not None:
            self.live.update(draw(self.frame()))
            return
        self._new_line(self.headline())
        for _, words in self.engineer.said:
            self._new_line(f"the engineer on duty {words}")
        for said in (all_said := self.said())[self.printed:]:
            text = " ".join(said.text.split())
            self.console.print(f"{local(said.at)}  {said.channel:9} ×{said.times}  {text}", markup=False,
                               highlight=False, soft_wrap=True)
        self.printed = len(all_said)

    def _new_line(self, words: str) -> None:
        """Print what the daemon makes of it, or what the engineer does, once each."""
        if words and words not in self.lines:
            self.lines.add(words)
            self.console.print(f"{local(self.stage.clock.now())}  ── {words}", markup=False, highlight=False,
                               soft_wrap=True)

    def incident(self) -> Incident | None:
        """The latest incident."""
        with self.stage.app.store.transaction() as tx:
            return next(reversed(tx.incidents()), None)

    def headline(self) -> str:
        """The incident, where, and how far it is; "" where there is none."""
        incident = self.incident()
        if incident is None:
            return ""
        names = [self.stage.app.config.regions[region].name for region in incident.regions]
        service = self.stage.app.config.services[incident.service].name
        return f"{incident.id}: {service} in {', '.join(names)} – {incident.state.replace('_', ' ')}"

    def frame(self) -> Frame:
        """What the picture shows, from the detector, the store and the far side's books."""
        now = self.stage.clock.now()
        history = self.stage.app.detector.history("mobile-data", "US-VT", minutes=63, now=now)[:-1]
        with self.stage.app.store.transaction() as tx:
            waiting = tx.notices(state=NoticeState.WAITING)
        incident = self.incident()
        return Frame(
            now=now, counts=[people for _, people, _ in history], usual=history[-1][2] if history else 0.0,
            posts=tuple(f"{local(at)} {text}" for at, text in self.posts if at <= now),
            incident=self.headline(),
            why=incident.reason if incident else "nothing unusual",
            waiting="; ".join(f"{n.stage} waits for a person" for n in waiting) or self._last_word(), said=self.said())

    def _last_word(self) -> str:
        if not self.engineer.said:
            return ""
        at, words = self.engineer.said[-1]
        return f"{local(at)} the engineer on duty {words}"

    def said(self) -> list[Said]:
        """Every text the providers took, doubles counted together, in order of time."""
        found: dict[tuple[str, str], Said] = {}
        for channel in CHANNELS:
            for entry in self.stage.ledger(channel):
                text, at = words_of(entry), moment_of(entry)
                before = found.get((channel, text))
                found[channel, text] = Said(before.at if before else at, channel, (before.times if before else 0) + 1,
                                            text)
        return sorted(found.values(), key=lambda said: (said.at, CHANNELS.index(said.channel)))


def words_of(entry: Mapping[str, Any]) -> str:
    """The text a provider took."""
    return str(entry["body"])


def moment_of(entry: Mapping[str, Any]) -> datetime:
    """When a provider took it, by its own clock."""
    return datetime.fromisoformat(str(entry["at"]).replace("Z", "+00:00"))


def play(folder: Path, base: Path, *, seconds: float, plain: bool, console: Console) -> Grade:
    """Play the morning and return how the daemon did, by the far side's books."""
    with set_up(folder, base) as stage:
        engineer = Engineer()
        live = None if plain else Live(console=console, refresh_per_second=FRAMES, screen=False)
        with live if live is not None else nullcontext():
            show = Performance(stage, engineer, seconds=seconds, live=live, console=console)
            player = Player(stage.app, stage.clock, engineer, show.pace)
            player.play(show.heard(event) for event in read_recording(SHIPPED, None))
            show.draw()
        return grade(stage)


def show(*, base: Path, seconds: float, keep: Path | None, plain: bool) -> int:
    """Run the demo; 0 where everything it promises held. `base` is the example configuration."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="notifier-demo-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = play(folder, base, seconds=seconds, plain=plain or not console.is_terminal, console=console)
    print_report(console, result)
    if keep is not None:
        console.print(f"Kept in {keep}: the configuration, the store, and a ledger for each provider.", markup=False)
    return 0 if result.kept else 1
