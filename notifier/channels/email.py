"""E-mail over SMTP, judged by the stage at which it failed.

Until the final dot is sent a failure means that nothing was accepted; after it, silence means nobody knows (RFC 5321
4.5.3.2; RFC 1047 tells how doubles are born there). SMTP cannot be asked afterwards, so that is UNKNOWN and stays it.
Every attempt carries the same Message-ID, by which some receivers drop a second copy. Hand mail to a relay close by.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import smtplib
import ssl
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Message, Outcome, Reason
from notifier.model.notice import Mode
from notifier.model.people import AddressKind
from notifier.model.settings import Settings, Slug
from notifier.model.times import utc
from notifier.ports import CannotTell, Finding, Found, NotFound
from notifier.secret import Secret, SecretMissing

from .wire import RETRY_LEAST, is_loopback, no_secret, rejected, retry, sent, unknown

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 20.0
"""RFC 5321 allows minutes; a relay that takes so long is down, and a retry costs nothing before the final dot."""
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
                      r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ENHANCED = re.compile(rb"^([245])\.(\d{1,3})\.(\d{1,3})\b")
LINK_MOST = 900
"""Longest link in a header: a line holds 998 characters (RFC 5322 2.1.1)."""
_Stage = Literal["connect", "greet", "login", "sender", "recipient", "data", "text", "dot"]


def _plain_address(value: str) -> str:
    if not is_address(value):
        raise ValueError("expected an e-mail address such as status@example.com")
    return value


class EmailSettings(Settings):
    """Sending e-mail through one SMTP relay."""

    id: Slug
    kind: Literal["email"]
    mode: Mode = Mode.TEST
    """What the relay and sender are for: test notices or live ones."""
    languages: tuple[str, ...] = ()
    """Languages sent; empty: all the company's."""
    per_minute: float = Field(default=600.0, gt=0, le=60_000)
    """Most messages a minute."""
    host: str = Field(min_length=1, max_length=253)
    """The relay."""
    port: int = Field(default=587, ge=1, le=65_535)
    """Its port: 587 for starttls, 465 for tls."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; none only to this machine."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    username: str | None = None
    """Name for the log-in; none where the relay asks for none."""
    password: Secret | None = None
    """Its password."""
    sender: str
    """Address the mail is from."""
    sender_name: str = Field(default="", max_length=100)
    """Name shown beside it."""
    reply_to: str | None = None
    """Where answers go."""
    bounces_to: str | None = None
    """Envelope sender, where bounces go; the sender where absent."""

    @field_validator("sender", "reply_to", "bounces_to")
    @classmethod
    def _addresses(cls, value: str | None) -> str | None:
        return None if value is None else _plain_address(value)

    @model_validator(mode="after")
    def _safe(self) -> EmailSettings:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("expected security: starttls or tls; none is for this machine only")
        if (self.username is None) != (self.password is None):
            raise ValueError("expected username and password together")
        return self


class EmailChannel:
    """One relay. Nothing is read or connected before the first send or check. `rate`: messages a second."""

    keyed_for = timedelta(0)
    reaches: AddressKind | None = AddressKind.EMAIL

    def __init__(self, settings: EmailSettings, *, timeout: tuple[float, float] | None = None) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.rate = settings.per_minute / 60
        self.profile = ChannelProfile(self.id, self.kind, settings.mode, self.reaches, settings.languages)
        self._settings = settings
        self._timeout = timeout or (CONNECT_SECONDS, COMMAND_SECONDS)

    def send(self, message: Message, now: datetime) -> Outcome:
        """Hand it to the relay, on a connection of its own."""
        if not is_address(message.address):
            return rejected(Reason.INVALID_ADDRESS, "not an address SMTP can carry without SMTPUTF8")
        mail = compose(message, self._settings)
        talk = _Talk()
        try:
            with self._session(talk) as server:
                return self._deliver(server, talk, message, mail, now)
        except SecretMissing as error:
            return no_secret(error)
        except smtplib.SMTPResponseException as error:
            return judge(talk.stage, error.smtp_code, error.smtp_error, now)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return broken(talk.stage, error)

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """SMTP has no memory to ask."""
        return CannotTell("a mail relay cannot be asked what it accepted: look into its log for the Message-ID")

    def check(self) -> Sequence[Finding]:
        """Connect, encrypt and log in, and leave again."""
        subject = f"channel {self.id}"
        talk = _Talk()
        try:
            with self._session(talk) as server:
                server.noop()
        except SecretMissing as error:
            return (Finding(subject, False, str(error)),)
        except smtplib.SMTPResponseException as error:
            return (Finding(subject, False, f"answered {error.smtp_code} at {talk.stage}"),)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return (Finding(subject, False, f"failed at {talk.stage}: {type(error).__name__}"),)
        return (Finding(subject, True, f"takes mail from {self._settings.sender}"),)

    @contextmanager
    def _session(self, talk: _Talk) -> Iterator[smtplib.SMTP]:
        """A connection, encrypted and logged in. Once the caller has begun, a failing farewell changes nothing."""
        own = self._settings
        password = own.password.reveal() if own.password is not None else None
        server = self._connected()
        try:
            talk.stage = "greet"
            if server.sock is not None:
                server.sock.settimeout(self._timeout[1])
            server.ehlo_or_helo_if_needed()
            if own.security == "starttls":
                server.starttls(context=self._context())
                server.ehlo()
            if own.username is not None and password is not None:
                talk.stage = "login"
                server.login(own.username, password)
            yield server
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()

    def _connected(self) -> smtplib.SMTP:
        own = self._settings
        name = own.sender.rpartition("@")[2]
        if own.security == "tls":
            return smtplib.SMTP_SSL(
                own.host, own.port, local_hostname=name, timeout=self._timeout[0], context=self._context())
        return smtplib.SMTP(own.host, own.port, local_hostname=name, timeout=self._timeout[0])

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.ca_file)

    def _deliver(
        self, server: smtplib.SMTP, talk: _Talk, message: Message, mail: EmailMessage, now: datetime
    ) -> Outcome:
        """MAIL, RCPT, DATA, the text, and the dot that makes it the relay's business."""
        own = self._settings
        steps: tuple[tuple[_Stage, str, int], ...] = (
            ("sender", f"MAIL FROM:<{own.bounces_to or own.sender}>", 250),
            ("recipient", f"RCPT TO:<{message.address}>", 250),
            ("data", "DATA", 354),
        )
        for stage, command, wanted in steps:
            talk.stage = stage
            code, words = server.docmd(command)
            if code != wanted and not (stage == "recipient" and code == 251):
                return judge(stage, code, words, now)
        talk.stage = "text"
        server.send(stuffed(mail.as_bytes()))
        talk.stage = "dot"
        code, words = server.docmd(".")
        return sent(str(mail["Message-ID"])) if code == 250 else judge("dot", code, words, now)


class _Whole(UnstructuredHeader, BaseHeader):
    """A header on one line as it is. Python breaks long ones into encoded words, in which nobody finds a link."""

    def fold(self, *, policy: Policy[Any]) -> str:
        """The line."""
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _Whole)
CRLF = SMTP.clone(header_factory=_HEADERS)


class _Talk:
    """How far a conversation with a relay has come."""

    stage: _Stage = "connect"


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_address(value: str) -> bool:
    """Whether it can stand in an envelope as it is: ASCII, no quotes, no blanks, at most 254 characters (RFC 5321)."""
    return len(value) <= 254 and _ADDRESS.fullmatch(value) is not None


def message_id(message: Message, domain: str) -> str:
    """The same on every attempt, and telling nobody who it is for."""
    return f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@{domain}>"


def compose(message: Message, settings: EmailSettings) -> EmailMessage:
    """The mail, byte for byte the same on every attempt. No value can bring headers of its own."""
    mail = EmailMessage(policy=CRLF)
    id = message_id(message, settings.sender.rpartition("@")[2])
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


def stuffed(text: bytes) -> bytes:
    """`text` as DATA wants it: CRLF at every line's end, a dot before each leading dot (RFC 5321 4.5.2)."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", text)
    return re.sub(rb"(?m)^\.", b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n")


def judge(stage: str, code: int, words: bytes | str, now: datetime) -> Outcome:
    """What a reply other than the hoped-for means, by stage and code. Its text may hold addresses and is left out."""
    raw = words.encode("utf-8", "replace") if isinstance(words, str) else words
    found = _ENHANCED.match(raw.strip())
    enhanced = found.group(0).decode() if found else ""
    detail = f"SMTP {code} {enhanced}".rstrip() + f" at {stage}"
    if stage == "dot" and not 400 <= code <= 599:
        return unknown(Reason.BAD_ANSWER, detail)
    if 400 <= code <= 499:
        full = code in (450, 451, 452) and enhanced.startswith(("4.7.", "4.2.2"))
        return retry(Reason.RATE_LIMITED if full else Reason.SERVER_ERROR, detail, at=now + RETRY_LEAST)
    if not 500 <= code <= 599:
        return retry(Reason.BAD_ANSWER, detail, stops=True)
    return _refused_for_good(stage, code, enhanced, detail)


def _refused_for_good(stage: str, code: int, enhanced: str, detail: str) -> Outcome:
    if stage == "login" or code in (530, 534, 535, 538):
        return retry(Reason.AUTHENTICATION, detail, stops=True)
    if stage in ("connect", "greet", "sender"):
        return retry(Reason.NOT_PERMITTED, detail, stops=True)
    if stage == "recipient":
        if enhanced.startswith("5.7."):
            return rejected(Reason.FORBIDDEN, detail)
        gone = code in (550, 551) and enhanced not in ("5.1.3", "5.1.2")
        return rejected(Reason.RECIPIENT_GONE if gone else Reason.INVALID_ADDRESS, detail)
    if code == 552 or enhanced == "5.3.4":
        return rejected(Reason.TOO_LONG, detail)
    return rejected(Reason.FILTERED if enhanced.startswith("5.7.") else Reason.CONTENT_REFUSED, detail)


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
