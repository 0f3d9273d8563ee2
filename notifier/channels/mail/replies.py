"""What a relay's replies mean, by the stage at which they come and by their enhanced status codes. Pure.

The codes are those of RFC 3463 and of IANA's registry of enhanced status codes. Each permanent one (5.x.y) stands in
exactly one table: OURS, where the fault is ours or the account's and every other mail would meet it too, so that the
channel stops; THEIRS, where it is the recipient's or this mail's and the next one goes on. LATER are transient (4.x.y).
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from notifier.model.delivery import Outcome, Reason

from ..wire import RETRY_LEAST, rejected, retry, unknown

Stage = Literal["connect", "greet", "login", "reset", "sender", "recipient", "data", "text", "dot"]
DOOR = ("connect", "greet", "login", "reset", "sender")
"""Stages before the recipient was named: what is refused there is refused to all."""
WAIT_MOST = timedelta(minutes=15)
"""Longest wait after a transient reply: greylisting lasts five to fifteen minutes, and a notice not much longer."""
_ENHANCED = re.compile(rb"^([245])\.(\d{1,3}\.\d{1,3})\b")

OURS: Mapping[str, Reason] = {
    "1.7": Reason.NOT_PERMITTED, "1.8": Reason.NOT_PERMITTED,  # our own address or its domain
    "3.2": Reason.NOT_PERMITTED, "3.3": Reason.BAD_ANSWER, "3.5": Reason.NOT_PERMITTED,
    "4.3": Reason.SERVER_ERROR,
    "5.0": Reason.BAD_ANSWER, "5.1": Reason.BAD_ANSWER, "5.2": Reason.BAD_ANSWER, "5.4": Reason.BAD_ANSWER,
    "5.5": Reason.BAD_ANSWER, "5.6": Reason.BAD_ANSWER,
    "7.4": Reason.NOT_PERMITTED, "7.5": Reason.NOT_PERMITTED,
    "7.8": Reason.AUTHENTICATION, "7.9": Reason.AUTHENTICATION, "7.11": Reason.AUTHENTICATION,
    "7.12": Reason.AUTHENTICATION, "7.13": Reason.AUTHENTICATION, "7.14": Reason.AUTHENTICATION,
    "7.10": Reason.NOT_PERMITTED,  # encryption wanted
    "7.20": Reason.NOT_PERMITTED, "7.21": Reason.NOT_PERMITTED, "7.22": Reason.NOT_PERMITTED,  # DKIM
    "7.23": Reason.NOT_PERMITTED, "7.24": Reason.NOT_PERMITTED,  # SPF
    "7.25": Reason.NOT_PERMITTED,  # no name for our number
    "7.26": Reason.NOT_PERMITTED, "7.27": Reason.NOT_PERMITTED,  # DMARC; no mail taken at our address
    "7.28": Reason.RATE_LIMITED,  # taken for a flood
    "7.29": Reason.NOT_PERMITTED, "7.30": Reason.NOT_PERMITTED,  # ARC or, at Gmail, no TLS; REQUIRETLS
    "7.515": Reason.NOT_PERMITTED,  # Microsoft: the sending domain is not authenticated as it asks
}
THEIRS: Mapping[str, Reason] = {
    "1.0": Reason.INVALID_ADDRESS, "1.1": Reason.RECIPIENT_GONE, "1.2": Reason.INVALID_ADDRESS,
    "1.3": Reason.INVALID_ADDRESS, "1.4": Reason.INVALID_ADDRESS, "1.6": Reason.RECIPIENT_GONE,
    "1.10": Reason.INVALID_ADDRESS,  # the domain takes no mail
    "2.0": Reason.RECIPIENT_GONE, "2.1": Reason.RECIPIENT_GONE, "2.2": Reason.MAILBOX_FULL, "2.3": Reason.TOO_LONG,
    "2.4": Reason.FORBIDDEN,
    "3.1": Reason.MAILBOX_FULL, "3.4": Reason.TOO_LONG,
    "4.1": Reason.UNREACHABLE, "4.2": Reason.UNREACHABLE, "4.4": Reason.INVALID_ADDRESS,
    "4.5": Reason.SERVER_ERROR, "4.6": Reason.UNREACHABLE, "4.7": Reason.TOO_LATE,
    "5.3": Reason.CONTENT_REFUSED,
    "6.0": Reason.CONTENT_REFUSED, "6.1": Reason.CONTENT_REFUSED, "6.2": Reason.CONTENT_REFUSED,
    "6.3": Reason.CONTENT_REFUSED, "6.4": Reason.CONTENT_REFUSED, "6.5": Reason.CONTENT_REFUSED,
    "6.6": Reason.CONTENT_REFUSED, "6.7": Reason.INVALID_ADDRESS, "6.8": Reason.CONTENT_REFUSED,
    "6.9": Reason.CONTENT_REFUSED, "6.10": Reason.CONTENT_REFUSED,
    "7.2": Reason.FORBIDDEN, "7.3": Reason.CONTENT_REFUSED, "7.6": Reason.CONTENT_REFUSED,
    "7.7": Reason.CONTENT_REFUSED, "7.15": Reason.FORBIDDEN, "7.16": Reason.TOO_LONG,
    "7.17": Reason.RECIPIENT_GONE, "7.18": Reason.RECIPIENT_GONE, "7.19": Reason.FORBIDDEN,
}
"""Not listed is what says nothing by itself (5.0.0, 5.3.0, 5.4.0, 5.7.0) and 5.7.1, which is the recipient's word at
RCPT and a filter's after the text: there the stage decides."""
LATER: Mapping[str, Reason] = {
    "2.1": Reason.RATE_LIMITED,  # Gmail: this recipient gets mail too quickly
    "2.2": Reason.MAILBOX_FULL, "5.3": Reason.RATE_LIMITED,
}
"""Any other 4.7.y is a rate, any other transient code the server's own trouble."""
_LOGIN_CODES = (530, 534, 535, 538)
_GRAMMAR_CODES = (500, 502, 503, 504)
"""The relay did not understand us: it will not understand the next mail either."""


def enhanced(words: bytes | str) -> str:
    """Subject and detail ("1.1") of the enhanced status code a reply begins with; "" where it has none."""
    raw = words.encode("utf-8", "replace") if isinstance(words, str) else words
    found = _ENHANCED.match(raw.strip())
    return found.group(2).decode() if found else ""


def judge(stage: str, code: int, words: bytes | str, now: datetime, age: timedelta = timedelta()) -> Outcome:
    """What a reply other than the hoped-for means, by stage and code. Its text may hold addresses and is left out.
    `age` of the message: a transient reply is waited out for as long again."""
    about = enhanced(words)
    detail = f"SMTP {code}" + (f" {code // 100}.{about}" if about else "") + f" at {stage}"
    if stage == "dot" and not 400 <= code <= 599:
        return unknown(Reason.BAD_ANSWER, detail)
    if 400 <= code <= 499:
        if code == 432:  # RFC 4954: the password must be changed
            return retry(Reason.AUTHENTICATION, detail, stops=True)
        return retry(_later(stage, code, about), detail, at=now + min(max(age, RETRY_LEAST), WAIT_MOST))
    if not 500 <= code <= 599:
        return retry(Reason.BAD_ANSWER, detail, stops=True)
    ours = _ours(stage, code, about)
    if ours is not None:
        return retry(ours, detail, stops=True)
    return rejected(_theirs(stage, code, about), detail)


def _later(stage: str, code: int, about: str) -> Reason:
    if stage == "login" or (stage == "greet" and code == 454):  # log-in or TLS out of order
        return Reason.SERVER_ERROR
    if about in LATER:
        return LATER[about]
    # SES says 454 without a code of its own when it is sent too much
    limited = about.startswith("7.") or (code == 454 and not about)
    return Reason.RATE_LIMITED if limited else Reason.SERVER_ERROR


def _ours(stage: str, code: int, about: str) -> Reason | None:
    """Why the channel must stop over a permanent reply; None where the fault is the recipient's or this mail's."""
    if stage == "login" or code in _LOGIN_CODES:
        return Reason.AUTHENTICATION
    if stage in DOOR:
        return OURS.get(about, Reason.NOT_PERMITTED)
    if about in OURS:
        return OURS[about]
    return Reason.BAD_ANSWER if code in _GRAMMAR_CODES and not about else None


def _theirs(stage: str, code: int, about: str) -> Reason:
    if about in THEIRS:
        return THEIRS[about]
    if stage == "recipient":
        return _recipients(code, about)
    if code == 552:
        return Reason.TOO_LONG
    return Reason.FILTERED if about.startswith("7.") else Reason.CONTENT_REFUSED


def _recipients(code: int, about: str) -> Reason:
    if about.startswith("7."):
        return Reason.FORBIDDEN
    if code == 552:
        return Reason.MAILBOX_FULL
    return Reason.RECIPIENT_GONE if code in (550, 551) else Reason.INVALID_ADDRESS


def broken(stage: str, error: Exception) -> Outcome:
    """What a broken connection means at a stage: nothing was accepted before the final dot; after it nobody knows."""
    detail = f"{type(error).__name__} at {stage}"
    if stage == "dot":
        return unknown(Reason.LOST_ANSWER, detail)
    if isinstance(error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError):
        return retry(Reason.NOT_PERMITTED, f"{detail}: no safe connection", stops=True)
    if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPHeloError):
        return retry(Reason.UNREACHABLE, detail)
    return retry(Reason.BAD_ANSWER, detail, stops=True)
