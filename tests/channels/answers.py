"""Answers written by hand, for the tables."""

from __future__ import annotations

import json
from typing import Any

from notifier.channels.wire import HttpAnswer
from notifier.model.delivery import OutcomeKind

SENT, RETRY, REJECTED, UNKNOWN = OutcomeKind.SENT, OutcomeKind.RETRY, OutcomeKind.REJECTED, OutcomeKind.UNKNOWN


def answer(status: int, body: Any = None, headers: dict[str, str] | None = None) -> HttpAnswer:
    """An answer; bytes stay as they are, anything else becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status, headers or {}, raw)


GARBAGE = [
    b"", b"<html>busy</html>", b"null", b"[]", b'"id"', b"7", b"{}", b'{"data":[]}', b'{"data":{"id":7}}', b'{"id":7}',
    b'{"sid":null}', b'{"uri":"javascript:"}', b"\xff\xfe", b"[" * 50_000, b'{"id":', b'{"errors":{}}',
    b'{"errors":[[],null,7]}', b'{"meta":{}}',
]
"""What a broken or hostile far side may say."""
