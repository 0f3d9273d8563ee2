"""A mailbox over IMAP, as far as reading bounces needs it: what is unread, one mail, and that it was read."""

from __future__ import annotations

import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notifier.net.deadline import Deadline
from notifier.ports import Finding
from notifier.secret import SecretMissing

from .settings import MailboxSettings

TIMEOUT = 15.0
READING_MOST = 45.0
"""Seconds one visit may take in all: with the longest pause between two it stays below what the watchdog takes for a
hang."""
WINDOW = 10_000
"""Mails looked through in one search: the answer is one line, and imaplib reads no line over a megabyte."""


class MailboxFailed(Exception):
    """The mailbox could not be read; the text says why, without a secret or an address."""


@contextmanager
def opened(settings: MailboxSettings, timeout: float = TIMEOUT, *, readonly: bool = False) -> Iterator[Mailbox]:
    """The folder, encrypted as the settings ask and never less. Raises MailboxFailed, from the block too."""
    try:
        with Deadline(READING_MOST) as deadline:
            imap = _connected(settings, timeout)
            try:
                deadline.watch(imap.sock)
                if settings.security == "starttls":
                    imap.starttls(_context(settings))
                    deadline.watch(imap.sock)
                imap.login(settings.username, settings.password.reveal())
                yield Mailbox(imap, _selected(imap, settings.folder, readonly))
            finally:
                with contextlib.suppress(imaplib.IMAP4.error, OSError, ValueError):
                    imap.logout()
                with contextlib.suppress(OSError):
                    imap.shutdown()
    except SecretMissing as error:
        raise MailboxFailed(str(error)) from error
    except ssl.SSLCertVerificationError as error:
        raise MailboxFailed("no safe connection: its certificate is not good") from error
    except (imaplib.IMAP4.error, OSError, UnicodeError) as error:
        raise MailboxFailed(f"{type(error).__name__}: cannot be reached, or refuses us") from error


def checked(subject: str, settings: MailboxSettings) -> Finding:
    """One line of `doctor`: whether the folder can be opened. Nothing in it changes."""
    try:
        with opened(settings, readonly=True):
            return Finding(subject, True, f"can be read at {settings.host}")
    except MailboxFailed as error:
        return Finding(subject, False, str(error))


class Mailbox:
    """An open folder. Its methods raise what imaplib raises; `opened` makes MailboxFailed of it."""

    def __init__(self, imap: imaplib.IMAP4, mails: int) -> None:
        self._imap = imap
        self._mails = mails

    def unread(self, most: int) -> list[str]:
        """Ids of the oldest unread mails, at most `most`."""
        found: list[str] = []
        for first in range(1, self._mails + 1, WINDOW):
            last = min(first + WINDOW - 1, self._mails)
            (line, *_) = _ok(self._imap.uid("SEARCH", f"{first}:{last}", "UNSEEN"))
            found += [id.decode() for id in (line or b"").split() if id.isdigit()]
            if len(found) >= most:
                break
        return found[:most]

    def read(self, id: str, most: int) -> bytes:
        """The first `most` bytes of a mail, which stays unread; b"" where it is gone."""
        for part in _ok(self._imap.uid("FETCH", id, f"(BODY.PEEK[]<0.{most}>)")):
            if isinstance(part, tuple) and re.search(rb"\bBODY\[\]", part[0]):
                return bytes(part[1])
        return b""

    def mark(self, id: str) -> None:
        """Say that a mail was read."""
        _ok(self._imap.uid("STORE", id, "+FLAGS.SILENT", r"(\Seen)"))


def _connected(settings: MailboxSettings, timeout: float) -> imaplib.IMAP4:
    if settings.security == "tls":
        return imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=_context(settings), timeout=timeout)
    return imaplib.IMAP4(settings.host, settings.port, timeout=timeout)


def _context(settings: MailboxSettings) -> ssl.SSLContext:
    """TLS that asks for a certificate, by somebody who is trusted, with the server's name in it."""
    return ssl.create_default_context(cafile=settings.ca_file)


def _selected(imap: imaplib.IMAP4, folder: str, readonly: bool) -> int:
    """How many mails are in it."""
    (count, *_) = _ok(imap.select(f'"{folder}"', readonly=readonly))
    if not count.isdigit():
        raise imaplib.IMAP4.error("answered no count")
    return int(count)


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(f"answered {kind}")
    return data
