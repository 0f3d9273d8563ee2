"""Writes the mail: the same bytes on every attempt, and no value that could bring headers of its own."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import Any

from notifier.model.delivery import Message
from notifier.model.times import utc

from .returns import return_path
from .settings import EmailSettings
from .signing import signed

LINK_MOST = 900
"""Longest link in a header: a line holds 998 characters (RFC 5322 2.1.1)."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as a relay is handed it: `id` is its Message-ID, `sender` and `recipient` its envelope, `text` what
    follows DATA, without the final dot."""

    id: str
    sender: str
    recipient: str
    text: bytes


class _Whole(UnstructuredHeader, BaseHeader):
    """A header on one line as it is. Python breaks long ones into encoded words, in which nobody finds a link."""

    def fold(self, *, policy: Policy[Any]) -> str:
        """The line."""
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _Whole)
CRLF = SMTP.clone(header_factory=_HEADERS)


def message_id(key: str, domain: str) -> str:
    """The Message-ID of the message with this key: the same on every attempt, and telling nobody who it is for."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def letter(message: Message, settings: EmailSettings) -> Letter:
    """The mail in its envelope, as a relay is handed it. Raises SecretMissing and CannotSign."""
    mail = compose(message, settings)
    sender, text = settings.bounces_to or settings.sender, crlf(mail.as_bytes())
    if settings.bounce_key is not None:
        sender = return_path(sender, message.delivery, settings.bounce_key.reveal())
    if settings.dkim is not None:
        text = signed(text, settings.domain, settings.dkim)
    return Letter(str(mail["Message-ID"]), sender, message.address, stuffed(text))


def compose(message: Message, settings: EmailSettings) -> EmailMessage:
    """The mail, byte for byte the same on every attempt. No value can bring headers of its own."""
    mail = EmailMessage(policy=CRLF)
    id = message_id(message.key, settings.domain)
    mail["From"] = Address(one_line(settings.sender_name), addr_spec=settings.sender)
    mail["To"] = Address(addr_spec=message.address)
    mail["Subject"] = one_line(message.subject or message.body.partition("\n")[0])[:200]
    mail["Date"] = format_datetime(utc(message.created_at))
    mail["Message-ID"] = id
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = one_line(message.language)[:35]
    if settings.reply_to is not None:
        mail["Reply-To"] = Address(addr_spec=settings.reply_to)
    link = message.unsubscribe_url
    if link is not None and len(link) <= LINK_MOST and re.fullmatch(r"https?://[!-;=?-~]+", link):
        mail["List-Unsubscribe"] = f"<{link}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(_without_controls(message.body), charset="utf-8", cte="quoted-printable")
    if message.html is not None:
        mail.add_alternative(_without_controls(message.html), subtype="html", charset="utf-8", cte="quoted-printable")
        mail.set_boundary(f"part-{id[1:33]}")
    return mail


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
