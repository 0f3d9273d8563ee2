"""Structured logs: one JSON object a line for machines, plain text for a person at a terminal.

Redaction is a last line of defence, not the first: code that logs names places, ids and reasons, never secrets or
addresses.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_PHONE = re.compile(r"\+\d{7,15}\b")
_BEARER = re.compile(r"(?i)\b(bearer|basic|oauth)\s+[\w.~+/=-]{8,}")


def redact(text: str) -> str:
    """Replace what looks like an address or a credential."""
    return _BEARER.sub(r"\1 [redacted]", _PHONE.sub("[phone]", _EMAIL.sub("[email]", text)))


def _redact_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event


class _RedactedLines:
    """A stream that redacts what libraries log past structlog."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(redact(text))

    def flush(self) -> None:
        self.stream.flush()


def configure(*, json_lines: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Set up logging for the process. `level` is one of debug, info, warning, error."""
    out = stream or sys.stderr
    renderer: Any = structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer(
        colors=out.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    # At DEBUG urllib3 prints request paths, which hold telephone numbers at Twilio.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    logging.basicConfig(stream=_RedactedLines(out), level=logging.WARNING, force=True,
                        format="%(asctime)s %(levelname)s %(name)s %(message)s")
