"""What Twilio's list of messages says of one of ours, whose answer was lost. Pure: the pages come from the channel.

Creating a message takes no key of ours, and a listed message does not show its StatusCallback: a message is known by
its number, its words and its time. What is not certain is CannotTell: a message that is overlooked is sent twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from notifier.model.delivery import Message
from notifier.model.times import utc
from notifier.notices.sms import plain_sms
from notifier.ports import CannotTell, Found, NotFound

from .wire import HttpAnswer

CLOCKS_DIFFER = timedelta(minutes=1)
PAGE, PAGES_MOST = 200, 10
TRIAL_WORDS_MOST = 60


def _as_sent(body: str) -> str:
    """A text as it may come back: Twilio's Smart Encoding writes typographic characters plainly, and a text that was
    not recognised for it would be sent twice."""
    return plain_sms(body).strip()


def _is_ours(theirs: str, ours: str) -> bool:
    """Whether a listed text is ours: word for word, or after the words a trial account puts before it."""
    before = theirs.removesuffix(ours)
    return theirs == ours or (before != theirs and len(before) <= TRIAL_WORDS_MOST and "trial" in before.casefold())


def next_page(answer: HttpAnswer, account: str) -> str | None:
    """Path and query of the page after this one; None where it is the last. Raises requests.RequestException for an
    address that is not one of this list."""
    uri = answer.fields().get("next_page_uri")
    if uri is None or uri == "":
        return None
    if not isinstance(uri, str) or not uri.startswith(f"/2010-04-01/Accounts/{account}/Messages.json?"):
        raise requests.exceptions.InvalidURL("the list goes on somewhere else")
    return uri


def read_pages(pages: Iterable[HttpAnswer], message: Message, now: datetime) -> Found | NotFound | CannotTell:
    """What the messages to one number say of ours. Filtering by time is done here: Twilio's filter by DateSent leaves
    out what is still queued, which is just what we look for."""
    found: list[str] = []
    blind = False
    for number, answer in enumerate(pages):
        if number == PAGES_MOST:
            return CannotTell(f"more than {PAGES_MOST * PAGE} messages to this number since it was made")
        rows = answer.fields().get("messages")
        if answer.status != 200 or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return CannotTell(f"Twilio's list answered HTTP {answer.status}")
        since = _since(message, answer, now)
        recent = [row for row in rows if _made_at(row, since) >= since]
        found += _matches(recent, message.body)
        blind |= not all(isinstance(row.get("body"), str) and row["body"] for row in recent)
        if not recent:
            break
    if found:
        return Found(found[0], tuple(found[1:]))
    return CannotTell("this account's list does not show what was said") if blind else NotFound()


def _matches(rows: Iterable[Mapping[str, Any]], body: str) -> list[str]:
    ours = _as_sent(body)
    return [str(row["sid"]) for row in rows if row.get("sid") and _is_ours(_as_sent(str(row.get("body"))), ours)]


def _since(message: Message, answer: HttpAnswer, now: datetime) -> datetime:
    """From when on a listed message may be ours, by Twilio's clock. Ours may be wrong, or have been when the message
    was made: rather a message too many is looked at than ours overlooked and sent again."""
    behind = timedelta()
    with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
        behind = min(utc(parsedate_to_datetime(answer.headers.get("date", ""))) - now, timedelta())
    return min(message.created_at, now) + behind - CLOCKS_DIFFER


def _made_at(row: Mapping[str, Any], otherwise: datetime) -> datetime:
    """When a message was created (RFC 2822)."""
    try:
        return utc(parsedate_to_datetime(str(row.get("date_created", ""))))
    except (ValueError, TypeError, IndexError, OverflowError):
        return otherwise
