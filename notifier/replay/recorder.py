"""Writes what the daemon hears as it hears it, in the recording format that `replay` reads.

Hourly files of gzipped JSON lines. Every line is pushed out to the system as it is written, so that a killed process
loses nothing it was told; a file that a kill left without its ending is read to its last whole line.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

import structlog

from ..model.mention import Mention
from ..model.times import rfc3339
from ..ports import Answer, Clock, Failure
from .recording import Event, read_recording

log = structlog.get_logger(__name__)

__all__ = ["Event", "Recorder", "read_recording"]

RETRY_AFTER = timedelta(minutes=1)
UNKEPT_HEADERS = frozenset({"set-cookie", "authorization", "proxy-authorization"})
"""Headers that could carry a secret; nothing that reads an answer looks at them."""


def poll_record(source: str, found: Answer | Failure) -> dict[str, Any]:
    """The recording's line for one poll. Bodies are kept as text, byte for byte: bytes that are not UTF-8 become lone
    surrogates, which JSON can carry and reading undoes."""
    at = rfc3339(found.fetched_at)
    if isinstance(found, Failure):
        error = f"{found.reason}: {found.detail}" if found.detail else found.reason
        return {"fetched_at": at, "source": source, "error": error}
    headers = {name: value for name, value in found.headers.items() if name.lower() not in UNKEPT_HEADERS}
    body = found.body.decode("utf-8", "surrogateescape")
    return {"fetched_at": at, "source": source, "status": found.status, "headers": headers, "body": body}


class GzipLines:
    """A new gzip file that is readable up to the last line at any moment."""

    def __init__(self, path: Path) -> None:
        self._file: FileIO = path.open("xb", buffering=0)
        self._packer = zlib.compressobj(6, zlib.DEFLATED, 31)

    def write(self, record: Mapping[str, Any]) -> None:
        """Add one line. Raises OSError where it cannot be kept."""
        line = json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
        self._push(self._packer.compress(line) + self._packer.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        """Write the ending."""
        try:
            self._push(self._packer.flush())
        finally:
            self._file.close()

    def _push(self, packed: bytes) -> None:
        """Write it all: one call may take only a part where the disk is nearly full."""
        while packed:
            packed = packed[self._file.write(packed) :]


@dataclass
class Recorder:
    """Records into `directory`, which is made where it is missing. Safe from several threads.

    Fits as the taps of poller and listener. A disk that is full is said once and costs the recording, never the
    hearing.
    """

    directory: Path
    clock: Clock
    polls: int = 0
    """Polls kept."""
    mentions: int = 0
    """Posts kept."""
    again_at: datetime | None = None
    """While lines cannot be kept: when it is tried again."""
    _files: dict[str, tuple[str, GzipLines]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def poll(self, source_id: str, found: Answer | Failure) -> None:
        """Record what a poll brought."""
        if self._keep("polls", poll_record(source_id, found)):
            self.polls += 1

    def mention(self, source_id: str, mention: Mention) -> None:
        """Record a post. Its source is not kept: the format knows networks."""
        if self._keep("mentions", mention.to_record()):
            self.mentions += 1

    def close(self) -> None:
        """End all files properly. Harmless when called again; recording may go on, in new files."""
        with self._lock:
            files, self._files = self._files, {}
            for _, file in files.values():
                self._end(file)

    def _keep(self, what: str, record: Mapping[str, Any]) -> bool:
        """Write one line; whether it could be kept."""
        with self._lock:
            now = self.clock.now()
            if self.again_at is not None and now < self.again_at:
                return False
            try:
                self._file(what, now).write(record)
            except OSError as error:
                self._give_up(what, now, error)
                return False
            if self.again_at is not None:
                log.info("recording.kept_again", what=what)
            self.again_at = None
            return True

    def _give_up(self, what: str, now: datetime, error: OSError) -> None:
        """Leave the torn file, and try a new one in a while: each try makes a file."""
        if self.again_at is None:
            log.error("recording.not_kept", what=what, error=type(error).__name__, errno=error.errno)
        self.again_at = now + RETRY_AFTER
        torn = self._files.pop(what, None)
        if torn is not None:
            self._end(torn[1])

    def _file(self, what: str, now: datetime) -> GzipLines:
        """The file for this hour: the one that is open, or a new one. Never one from an earlier run, whose end may
        be torn."""
        hour = f"{now:%Y%m%dT%H}"
        known = self._files.get(what)
        if known is not None and known[0] == hour:
            return known[1]
        if known is not None:
            self._end(known[1])
        self.directory.mkdir(parents=True, exist_ok=True)
        for number in range(1, 10_000):
            name = f"{what}-{hour}.jsonl.gz" if number == 1 else f"{what}-{hour}-{number}.jsonl.gz"
            try:
                file = GzipLines(self.directory / name)
            except FileExistsError:
                continue
            self._files[what] = (hour, file)
            return file
        raise OSError(f"10,000 files of {what} for one hour: look at what restarts the recorder")

    def _end(self, file: GzipLines) -> None:
        try:
            file.close()
        except OSError as error:
            log.warning("recording.not_closed", error=type(error).__name__)
