"""Noticing an edit, and surviving a bad one.

A half-written file is not read: a change must have settled for one look. A bad edit keeps the last good configuration
in force and says so in the log, in the metrics and in `notifier status`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from .. import metrics
from ..ports import Clock
from .directory import digest_of, name_of, yaml_files
from .loading import load
from .mistake import ConfigMistakes, Mistake
from .tree import Config

log = structlog.get_logger(__name__)

Seen = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class ReloadStatus:
    """What is in force since when, and what was wrong with the edit that was rejected (empty: nothing)."""

    revision: str
    good_since: datetime
    mistakes: tuple[Mistake, ...] = ()


class Reloader:
    """Watches a directory; `on_change` is given each good configuration that differs from the one in force."""

    def __init__(self, directory: Path, clock: Clock, on_change: Callable[[Config], None], *, first: Config) -> None:
        self._directory = directory
        self._clock = clock
        self._on_change = on_change
        self._asked = threading.Event()
        self._unsettled = _seen(directory)
        # An edit between reading `first` and now must not go unnoticed.
        self._known = self._unsettled if _revision(directory) == first.revision else ()
        self.status = ReloadStatus(first.revision, clock.now())
        _good(self.status)

    @property
    def requested(self) -> bool:
        """Whether a reload was asked for and not done yet."""
        return self._asked.is_set()

    def request(self) -> None:
        """Ask for a reload at the next turn (SIGHUP); safe from a signal handler."""
        self._asked.set()

    def run_once(self) -> bool:
        """Reload if asked to, or if a change has settled; True if a new configuration was put in force."""
        asked = self._asked.is_set()
        self._asked.clear()
        seen = _seen(self._directory)
        settled = seen == self._unsettled
        self._unsettled = seen
        if not asked and (seen == self._known or not settled):
            return False
        self._known = seen
        return self._reload()

    def _reload(self) -> bool:
        try:
            config = load(self._directory)
        except ConfigMistakes as error:
            self._reject(error.mistakes)
            return False
        changed = config.revision != self.status.revision
        if changed:
            self._put_in_force(config)
        self.status = ReloadStatus(config.revision, self._clock.now() if changed else self.status.good_since)
        metrics.CONFIG_RELOADS.labels("taken" if changed else "unchanged").inc()
        _good(self.status)
        log.info("config.reloaded", revision=config.revision, changed=changed)
        return changed

    def _put_in_force(self, config: Config) -> None:
        try:
            self._on_change(config)
        except Exception as error:
            self._reject((Mistake(str(self._directory), 1, 1, "", "could not be put in force",
                                  found=type(error).__name__, expected="the log says more"),))
            raise

    def _reject(self, mistakes: tuple[Mistake, ...]) -> None:
        metrics.CONFIG_RELOADS.labels("rejected").inc()
        metrics.CONFIG_GOOD.set(0)
        if mistakes != self.status.mistakes:
            for mistake in mistakes[:50]:
                log.error("config.rejected", mistake=str(mistake), in_force=self.status.revision)
        self.status = ReloadStatus(self.status.revision, self.status.good_since, mistakes)


def _good(status: ReloadStatus) -> None:
    metrics.CONFIG_GOOD.set(1)
    metrics.CONFIG_SINCE.set(status.good_since.timestamp())
    metrics.CONFIG_INFO.clear()
    metrics.CONFIG_INFO.labels(status.revision).set(1)


def _revision(directory: Path) -> str:
    try:
        return digest_of((name_of(path, directory), path.read_bytes()) for path in yaml_files(directory))[:12]
    except OSError:
        return ""


def _seen(directory: Path) -> Seen:
    found = []
    for path in yaml_files(directory):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((path.as_posix(), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
