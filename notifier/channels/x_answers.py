"""What X's answers to a post mean: one outcome each, by status and by the words of the problem.

Sources: docs.x.com, Response codes (August 2026); the refusal of a doubled text and of an empty purse as X worded them
in 2026, and by the codes of the API before that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from notifier.model.delivery import Outcome, Reason

from .wire import HttpAnswer, bounded, judge_status, rejected, reset_at, retry, sent, throttled

_ACCOUNT_TROUBLE = re.compile(
    r"suspend|locked|oauth1-permissions|oauth1 app permissions|client-forbidden|unsupported-authentication"
    r"|read[- ]only application", re.IGNORECASE
)
_CREDIT_TROUBLE = re.compile(
    r"credits-?depleted|credits? depleted|problems/credits|out of credit|does not have any credits|usage-?cap"
    r"|spend-?cap|spending limit|client-not-enrolled", re.IGNORECASE
)
"""What money mends, in the developer console: credits bought, a limit raised, the app put into a paid package."""
_WORDED = ("title", "type", "detail", "message", "reason")


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """What X's answer to a post means. DUPLICATE: X has the text already, and does not say as which post."""
    read = answer.fields()
    if answer.status in (200, 201):
        data = read.get("data")
        id = data.get("id") if isinstance(data, dict) else None
        return sent(id) if isinstance(id, str) and id else judge_status(replace(answer, status=299), now)
    words = _problem(read)
    if answer.status in (402, 403, 429) and _CREDIT_TROUBLE.search(words):
        why = f"HTTP {answer.status}: no credit, over a cap, or not in a paid package; see console.x.com"
        return retry(Reason.OUT_OF_CREDIT, why, stops=True)
    if answer.status == 403:
        return _forbidden(words, answer.headers, now)
    if answer.status == 429:
        return throttled("HTTP 429", _limit_ends(answer.headers, now))
    return judge_status(answer, now)


def _forbidden(words: str, headers: Mapping[str, str], now: datetime) -> Outcome:
    text = words.lower()
    if "duplicate content" in text or "code 187;" in text:
        return rejected(Reason.DUPLICATE, "HTTP 403: X has this text already")
    if "too long" in text or "code 186;" in text:
        return rejected(Reason.TOO_LONG, "HTTP 403: longer than X takes")
    if "code 185;" in text or "daily status update limit" in text:
        return throttled("HTTP 403: the account's posts of today are used up", _limit_ends(headers, now))
    if _ACCOUNT_TROUBLE.search(text):
        return retry(Reason.FORBIDDEN, "HTTP 403: the account or app may not post", stops=True)
    # Nobody knows what it means: the channel stops and tries again later, which a person sees and no notice is lost to.
    return retry(Reason.FORBIDDEN, "HTTP 403: X does not permit this post", stops=True)


def _problem(read: Mapping[str, Any]) -> str:
    """Title, type, detail, reason and error codes of X's two shapes of problem, as one text to search."""
    errors = read.get("errors")
    parts: list[Mapping[str, Any]] = [read]
    parts += [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    words = [str(part.get(name, "")) for part in parts[:10] for name in _WORDED]
    words += [f"code {part['code']};" for part in parts[:10] if "code" in part]
    return " ".join(words)[:4000]


def _limit_ends(headers: Mapping[str, str], now: datetime) -> datetime:
    """When the limits that are used up are reset: the latest of them, for they all hold. A limit is waited for once X
    refuses by it, not when a header says that nothing is left: a wrong header would silence us, a refusal costs
    nothing."""
    daily = [name for name in ("x-app-limit-24hour", "x-user-limit-24hour") if headers.get(f"{name}-remaining") == "0"]
    ends = [reset_at(headers, f"{name}-reset", now) for name in ("x-rate-limit", *daily)]
    known = [end for end in ends if end is not None]
    return bounded(max(known), now) if known else now + timedelta(minutes=15)
