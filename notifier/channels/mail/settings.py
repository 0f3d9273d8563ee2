"""Settings of the e-mail channel, and what an address is that an envelope can carry."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator

from notifier.model.notice import Mode
from notifier.model.settings import Duration, Settings, Slug
from notifier.secret import Secret

from ..allowance import Allowance
from ..wire import is_loopback
from .signing import DkimSettings

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
                      r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def is_address(value: str) -> bool:
    """Whether it can stand in an envelope as it is: ASCII, no quotes, no blanks, at most 254 characters (RFC 5321)."""
    return len(value) <= 254 and _ADDRESS.fullmatch(value) is not None


BOUNCE_LOCAL_MOST = 21
"""Longest name of the mailbox bounces go to, where each mail has a return path of its own: 64 characters (RFC 5321)
less the mark."""


class MailboxSettings(Settings):
    """The mailbox bounces arrive in, read over IMAP. It should be for bounces alone: what was read is marked so."""

    host: str = Field(min_length=1, max_length=253)
    """The IMAP server."""
    port: int = Field(default=993, ge=1, le=65_535)
    """Its port: 993 for tls, 143 for starttls."""
    security: Literal["tls", "starttls", "none"] = "tls"
    """How the connection is encrypted; none only to this machine."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    username: str = Field(pattern=r"^[!#-\[\]-~]{1,254}$")
    """Name for the log-in."""
    password: Secret
    """Its password."""
    folder: str = Field(default="INBOX", pattern=r"^[ !#-\[\]-~]{1,200}$")
    """The folder to read."""
    every: Duration = timedelta(minutes=1)
    """How often it is read: 5s to 1m."""

    @model_validator(mode="after")
    def _safe(self) -> MailboxSettings:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("expected security: tls or starttls; none is for this machine only")
        if not timedelta(seconds=5) <= self.every <= timedelta(minutes=1):
            raise ValueError("expected every: 5s to 1m")
        return self


class EmailSettings(Settings):
    """Sending e-mail through one SMTP relay."""

    id: Slug
    kind: Literal["email"]
    stands_in_for: Slug | None = None
    """The mail channel whose messages this relay carries while that one's fails; it then sends nothing of its own."""
    mode: Mode = Mode.TEST
    """What the relay and sender are for: test notices or live ones."""
    languages: tuple[str, ...] = ()
    """Languages sent; empty: all the company's."""
    per_minute: float = Field(default=600.0, gt=0, le=60_000)
    """Most messages a minute."""
    limits: tuple[Allowance, ...] = ()
    """Messages the relay takes in a time, counted together for all channels that log in there alike: SES's sandbox
    takes 200 in 24h."""
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
    bounce_key: Secret | None = None
    """Key of the marks in return paths (name+mark@…), at least 32 random characters: a bounce then names its delivery,
    even where the relay's answer was lost, and cannot be made up. Without it no bounce is believed. The mailbox must
    take name+anything. Changing the key voids marks already sent."""
    dkim: DkimSettings | None = None
    """Signs mail as the sender's domain; none where the relay does, which is cheaper."""
    bounces: MailboxSettings | None = None
    """The mailbox of `bounces_to`, to be read for bounces; none where a relay hands them to the web part, or nobody."""

    @field_validator("sender", "reply_to", "bounces_to")
    @classmethod
    def _addresses(cls, value: str | None) -> str | None:
        if value is not None and not is_address(value):
            raise ValueError("expected an e-mail address such as status@example.com")
        return value

    @model_validator(mode="after")
    def _safe(self) -> EmailSettings:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("expected security: starttls or tls; none is for this machine only")
        if (self.username is None) != (self.password is None):
            raise ValueError("expected username and password together")
        self._bounce_fits()
        return self

    def _bounce_fits(self) -> None:
        if self.bounce_key is None:
            if self.bounces is not None:
                raise ValueError("expected bounce_key beside bounces: anybody can make up a bounce without a mark, so "
                                 "none would be believed")
            return
        local = (self.bounces_to or "").rpartition("@")[0]
        if not local or len(local) > BOUNCE_LOCAL_MOST or "+" in local:
            raise ValueError(f"expected bounces_to with a name of at most {BOUNCE_LOCAL_MOST} characters and no +, "
                             "because bounce_key writes a mark behind it")

    @property
    def domain(self) -> str:
        """The sender's domain, in which Message-IDs are made."""
        return self.sender.rpartition("@")[2]
