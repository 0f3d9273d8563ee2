"""Writes the mail: the same bytes on every attempt, and no value that could bring headers of its own."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache

from notifier.model.delivery import Message
from notifier.model.times import utc

from .returns import return_path
from .settings import EmailSettings, is_address
from .signing import signed

LINK_MOST = 900
"""Longest link in a header: a line holds 998 characters (RFC 5322 2.1.1)."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as a relay is handed it: `id` is its Message-ID, `sender` and `recipient` its envelope, `text` what
    follows DATA, without the final dot. It is worth `seconds` from now."""

    id: str
    sender: str
    recipient: str
    text: bytes
    seconds: int


def message_id(key: str, domain: str) -> str:
    """The Message-ID of the message with this key: the same on every attempt, and telling nobody who it is for."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def letter(message: Message, settings: EmailSettings, now: datetime) -> Letter:
    """The mail in its envelope, as a relay is handed it. Raises ValueError where the address is none, SecretMissing and
    CannotSign."""
    sender = settings.bounces_to or settings.sender
    if settings.bounce_key is not None:
        sender = return_path(sender, message.delivery, settings.bounce_key.reveal())
    if settings.dkim is not None:
        text = stuffed(signed(compose(message, settings), settings.domain, settings.dkim))
    else:
        text = _own_headers(message, settings) + _of_all(message, settings)[1]
    seconds = int((message.expires_at - now).total_seconds())
    return Letter(message_id(message.key, settings.domain), sender, message.address, text, seconds)


def compose(message: Message, settings: EmailSettings) -> bytes:
    """The mail, byte for byte the same on every attempt. No value can bring headers of its own. Raises ValueError where
    the address is none."""
    return _own_headers(message, settings) + _of_all(message, settings)[0]


def _own_headers(message: Message, settings: EmailSettings) -> bytes:
    """What is this mail's alone. All of it is ASCII without line breaks, so it is written as it is: Python's headers
    cost more than sending."""
    if not is_address(message.address):
        raise ValueError("not an address a header can carry as it is")
    lines = [
        f"To: {message.address}", f"Date: {format_datetime(utc(message.created_at))}",
        f"Message-ID: {message_id(message.key, settings.domain)}",
    ]
    link = message.unsubscribe_url
    if link is not None and len(link) <= LINK_MOST and re.fullmatch(r"https?://[!-;=?-~]+", link):
        # On one line however long: folded, or broken into encoded words, nobody finds the link.
        lines += [f"List-Unsubscribe: <{link}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _of_all(message: Message, settings: EmailSettings) -> tuple[bytes, bytes]:
    subject = message.subject or message.body.partition("\n")[0]
    return _rest(settings.sender, settings.sender_name, settings.reply_to, subject, message.language, message.body,
                 message.html)


@lru_cache(maxsize=64)
def _rest(
    sender: str, sender_name: str, reply_to: str | None, subject: str, language: str, body: str, html: str | None
) -> tuple[bytes, bytes]:
    """The headers and the text that all who get a notice in one language share, as written and as DATA wants it."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(one_line(sender_name), addr_spec=sender)
    mail["Subject"] = one_line(subject)[:200]
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = one_line(language)[:35]
    if reply_to is not None:
        mail["Reply-To"] = Address(addr_spec=reply_to)
    mail.set_content(_without_controls(body), charset="utf-8", cte="quoted-printable")
    if html is not None:
        mail.add_alternative(_without_controls(html), subtype="html", charset="utf-8", cte="quoted-printable")
        both = f"{body}\0{html}".encode("utf-8", "replace")
        mail.set_boundary(f"part-{hashlib.sha256(both).hexdigest()[:32]}")
    written = crlf(mail.as_bytes())
    return written, stuffed(written)


def one_line(text: str) -> str:
    """`text` without line breaks and control characters, which in a header would begin another."""
    return " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text).split())


def _without_controls(text: str) -> str:
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def crlf(text: bytes) -> bytes:
    """`text` with CRLF, and nothing else, at every line's end."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", text)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def stuffed(text: bytes) -> bytes:
    """`text` as DATA wants it: CRLF at every line's end, a dot before each leading dot (RFC 5321 4.5.2)."""
    return re.sub(rb"(?m)^\.", b"..", crlf(text))
