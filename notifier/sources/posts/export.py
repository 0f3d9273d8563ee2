"""Posts from any social-listening tool: JSON lines in a file that grows, on standard input, or pushed over HTTP.

What a line means and who may push is in `export_lines`; how a file is followed is in `tail`.
"""

from __future__ import annotations

import os
import select
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import IO, Literal

import structlog
from pydantic import Field, model_validator

from ... import metrics
from ...clock import SystemClock
from ...model.mention import Mention
from ...model.settings import Duration, Settings, Slug
from ...ports import Clock, Finding
from ...secret import Secret, SecretMissing
from .export_lines import LineCutter, PushResult, RefusedLine, accept_push, read_line, sign_push
from .tail import CHUNK, Tail
from .trying import readable

log = structlog.get_logger(__name__)

__all__ = ["ExportMentions", "ExportSettings", "PushResult", "RefusedLine", "accept_push", "sign_push"]

REPORTED = 5
"""Bad lines told to the log for one file; all are counted."""


class ExportSettings(Settings):
    """Listening to an export: exactly one of `path`, `stdin`, `push_secret`."""

    id: Slug
    kind: Literal["export"]
    enabled: bool = True
    """Whether it is listened to."""
    path: str | None = None
    """A file of JSON lines that another program appends to and may rotate; a name ending in .gz is read whole."""
    stdin: bool = False
    """Read standard input."""
    push_secret: Secret | None = None
    """Take signed posts at /hooks/mentions/ID; the secret is shared with the sender ("whsec_…" or any text)."""
    network: str | None = Field(default=None, max_length=50)
    """The network of posts that name none."""
    offset_path: str | None = None
    """A small file that remembers how far `path` was read, across restarts."""
    every: Duration = timedelta(seconds=1)
    """How often the file is looked at."""
    freshness: Duration = timedelta(minutes=15)
    """No post for longer than this makes the source blind."""

    @model_validator(mode="after")
    def _one_way_in(self) -> ExportSettings:
        if sum((self.path is not None, self.stdin, self.push_secret is not None)) != 1:
            raise ValueError("expected exactly one of path, stdin, push_secret")
        return self


class ExportMentions:
    """Listens to an export. Pushed posts do not come through here: the web part checks them with `accept_push` and
    gives them to `Listener.hear`; `listen` then only waits."""

    def __init__(self, settings: ExportSettings, *, clock: Clock | None = None, stdin: IO[bytes] | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.refused: deque[RefusedLine] = deque(maxlen=100)
        """The newest lines that were no mentions."""
        self._stdin = stdin
        self._told = 0
        self._tail = Tail(Path(settings.path), settings.offset_path) if settings.path is not None else None

    @property
    def id(self) -> str:
        """Its id in the configuration."""
        return self.settings.id

    @property
    def freshness(self) -> timedelta:
        """How long silence may last."""
        return self.settings.freshness

    def check(self) -> Finding:
        """Whether the file is there or the push's secret is; the place remembered in the file is not moved."""
        if self.settings.path is not None:
            return readable(self.id, Path(self.settings.path))
        if self.settings.push_secret is not None:
            try:
                self.settings.push_secret.reveal()
            except SecretMissing as missing:
                return Finding(self.id, False, str(missing))
            return Finding(self.id, True, "takes signed pushes")
        return Finding(self.id, True, "reads standard input")

    def listen(self, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]) -> str:
        """Read until stopped or until the file cannot be read. Returns why it ended."""
        if self._tail is not None:
            return self._follow_file(self._tail, take, alive, stop)
        if self.settings.stdin and not self._read_stdin(take, alive, stop):
            log.info("export.input_ended", source=self.id)
        while not stop():
            self.clock.wait(1.0, stop)
        return "asked to stop"

    def _follow_file(
        self, tail: Tail, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]
    ) -> str:
        try:
            while not stop():
                if not self._hand_on(tail.lines(stop), take, alive):
                    self.clock.wait(self.settings.every.total_seconds(), stop)
                tail.remember()
        except (OSError, zlib.error) as error:
            return f"{tail.path.name} cannot be read: {type(error).__name__}"
        finally:
            tail.pause()
        return "asked to stop"

    def _read_stdin(
        self, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]
    ) -> bool:
        """Read standard input. False when it ended, True when asked to stop."""
        descriptor = (self._stdin or sys.stdin.buffer).fileno()
        cutter = LineCutter()
        while not stop():
            ready, _, _ = select.select([descriptor], [], [], 0.2)
            if not ready:
                continue
            chunk = os.read(descriptor, CHUNK)
            self._hand_on(cutter.feed(chunk) if chunk else cutter.finish(), take, alive)
            if not chunk:
                return False
        return True

    def _hand_on(
        self, lines: Iterable[tuple[int, bytes]], take: Callable[[Mention], None], alive: Callable[[], None]
    ) -> int:
        """Read lines and hand on the mentions. Returns how many lines there were."""
        count = 0
        for number, raw in lines:
            count += 1
            found = read_line(raw, number, self.clock.now(), self.settings.network)
            if isinstance(found, Mention):
                alive()
                take(found)
            elif found is not None:
                self._refuse(found)
        return count

    def _refuse(self, line: RefusedLine) -> None:
        self.refused.append(line)
        metrics.MENTIONS_DROPPED.labels(self.id, "unreadable").inc()
        self._told += 1
        if self._told <= REPORTED:
            log.warning("export.bad_line", source=self.id, line=line.line, why=line.why)
