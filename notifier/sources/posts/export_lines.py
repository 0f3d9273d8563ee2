"""What one line of an export says, and whether a pushed batch of them is really from whom it claims. All pure.

The format is that of a recording's mentions, so that whatever was recorded can be fed in again. How a push is signed
is in `signing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ...model.mention import Mention
from ...model.times import parse_rfc3339
from ..signing import envelope_of, fits, sign_push
from .posts import LINE_LIMIT, clean, read_object

__all__ = ["LineCutter", "PushResult", "RefusedLine", "accept_push", "read_line", "sign_push"]

PUSH_LIMIT = 16 * 1_048_576
"""Bytes of one push."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that is no mention. `why` never repeats what the line says."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}"


def read_line(raw: bytes, number: int, now: datetime, network: str | None = None) -> Mention | RefusedLine | None:
    """Read one line of an export; None for an empty one. A post from the future is dated `now`. Pure; never raises."""
    if len(raw) > LINE_LIMIT:
        return RefusedLine(number, f"longer than {LINE_LIMIT} bytes")
    if not raw.strip():
        return None
    found = read_object(raw)
    if found is None:
        return RefusedLine(number, "not a JSON object")
    record = {key: clean(value) if isinstance(value, str) else value for key, value in found.items()}
    if network is not None and not record.get("network"):
        record["network"] = network
    try:
        parse_rfc3339(str(record.get("created_at") or ""))
    except (ValueError, OverflowError):
        return RefusedLine(number, "'created_at' is missing or not an RFC 3339 time with its zone")
    try:
        mention = Mention.from_record(record)
    except (ValueError, OverflowError) as error:
        return RefusedLine(number, str(error)[:200])
    return replace(mention, created_at=now) if mention.created_at > now else mention


class LineCutter:
    """Cuts bytes into numbered lines. A line over the limit is passed on cut, one byte too long, so that the reader
    refuses it, and the rest of it is thrown away as it comes."""

    def __init__(self) -> None:
        self.number = 0
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Lines that `chunk` completes."""
        first, *others = chunk.split(b"\n")
        self._keep(first)
        for other in others:
            yield self._line()
            self._keep(other)

    def finish(self) -> Iterator[tuple[int, bytes]]:
        """The last line, where it has no break: only when nothing more can come."""
        if self._size:
            yield self._line()

    @property
    def pending(self) -> int:
        """Bytes taken in that belong to no complete line yet."""
        return self._size

    def _keep(self, piece: bytes) -> None:
        kept = min(self._size, LINE_LIMIT + 1)
        self._size += len(piece)
        if kept <= LINE_LIMIT and piece:
            self._pieces.append(piece[: LINE_LIMIT + 1 - kept])

    def _line(self) -> tuple[int, bytes]:
        self.number += 1
        line = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return self.number, line


# ── signed push (pure) ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of a push. `problem` is not empty when it was refused whole; then nothing was read."""

    accepted: tuple[Mention, ...] = ()
    refused: tuple[RefusedLine, ...] = ()
    problem: str = ""


def accept_push(
    body: bytes, headers: Mapping[str, str], *, secret: str, now: datetime, network: str | None = None
) -> PushResult:
    """Check a push's signature (`signing`) and read its lines. Pure; never raises for anything a sender can send."""
    problem = _push_problem(body, headers, secret, now)
    if problem:
        return PushResult(problem=problem)
    cutter = LineCutter()
    accepted: list[Mention] = []
    refused: list[RefusedLine] = []
    for number, raw in (*cutter.feed(body), *cutter.finish()):
        found = read_line(raw, number, now, network)
        if isinstance(found, Mention):
            accepted.append(found)
        elif found is not None:
            refused.append(found)
    return PushResult(tuple(accepted), tuple(refused))


def _push_problem(body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> str:
    if not secret:
        return "no secret is set: nothing can be signed with it"
    if len(body) > PUSH_LIMIT:
        return f"larger than {PUSH_LIMIT} bytes"
    envelope = envelope_of(headers, now)
    if isinstance(envelope, str):
        return envelope
    return "" if fits(envelope, body, secret) else "the signature does not fit"
