"""One connection to a relay: opened, encrypted and logged in, then handed one mail after the other.

`stage` always says how far it has come, because that decides what a failure means.
"""

from __future__ import annotations

import contextlib
import select
import smtplib
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from notifier.net.deadline import Deadline

from .replies import Stage
from .settings import EmailSettings
from .writing import Letter

CLOSING = 421
BY_MOST = 999_999_999
"""Nine digits are what DELIVERBY takes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a relay said, and at which stage. `code` is -1 where it was no number."""

    stage: Stage
    code: int
    words: bytes

    @property
    def accepted(self) -> bool:
        """Whether it has taken the mail: from here on it is the relay's business."""
        return self.stage == "dot" and self.code == 250


class Connection(smtplib.SMTP):
    """smtplib's client whose socket a deadline can cut, and which sends at once what it is given: the final dot goes
    out in a write of its own, and would otherwise wait for the relay's delayed acknowledgement of the text."""

    def __init__(self, settings: EmailSettings, connect: float, command: float, deadline: Deadline) -> None:
        self._command = command
        self._deadline = deadline
        self._wrap = context_for(settings) if settings.security == "tls" else None
        super().__init__(settings.host, settings.port, local_hostname=settings.domain, timeout=connect)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((host, port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(self._command)
        self._deadline.watch(plain)
        return plain if self._wrap is None else self._wrap.wrap_socket(plain, server_hostname=host)


def context_for(settings: EmailSettings) -> ssl.SSLContext:
    """TLS that asks for a certificate, by somebody who is trusted, with the relay's name in it."""
    return ssl.create_default_context(cafile=settings.ca_file)


class Session:
    """A connection that is ready for a mail. `mails` counts those it took; `idle_since` is kept by the pool."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server
        self._unclean = False
        self.stage: Stage = "sender"
        self.mails = 0
        self.idle_since = 0.0

    @property
    def open(self) -> bool:
        """Whether our side still holds it open."""
        return self._server.sock is not None

    def begin(self, deadline: Deadline) -> None:
        """Be ready for a mail, which `deadline` may cut short. Raises OSError."""
        self.stage = "sender"
        self.watched_by(deadline)

    def watched_by(self, deadline: Deadline) -> None:
        """Let `deadline` cut it."""
        if self._server.sock is not None:
            deadline.watch(self._server.sock)

    def noop(self) -> Reply:
        """Ask whether it is there. Raises OSError."""
        return Reply("sender", *self._server.noop())

    def offer(self, letter: Letter) -> Reply | None:
        """MAIL, RCPT, DATA and the text: the reply that ended it before the text, None once the text is out and only
        the final dot is missing. Raises OSError where the connection broke, with `stage` saying where."""
        if self._unclean:
            reply = self._say("reset", "RSET")
            if reply.code != 250:
                return reply
            self._unclean = False
        ended = self._at_once(letter) if self._server.has_extn("pipelining") else self._one_by_one(letter)
        if ended is not None:
            return ended
        self.stage = "text"
        self._server.send(letter.text)
        return None

    def _envelope(self, letter: Letter) -> tuple[tuple[Stage, str, tuple[int, ...]], ...]:
        """The commands before the text, each with the codes that let it go on."""
        return (
            ("sender", f"MAIL FROM:<{letter.sender}>{self._by(letter.seconds)}", (250,)),
            ("recipient", f"RCPT TO:<{letter.recipient}>", (250, 251)),
            ("data", "DATA", (354,)),
        )

    def _one_by_one(self, letter: Letter) -> Reply | None:
        for stage, command, wanted in self._envelope(letter):
            reply = self._say(stage, command)
            if reply.code not in wanted:
                return reply
            self._unclean = True  # a transaction is under way that RSET would end
        return None

    def _at_once(self, letter: Letter) -> Reply | None:
        """All three in one go (RFC 2920): a relay far away is waited for once instead of three times. Every reply is
        read, so that the next mail does not take one for its own."""
        self.stage, self._unclean = "sender", True
        self._server.send("".join(f"{command}\r\n" for _, command, _ in self._envelope(letter)))
        ended: Reply | None = None
        for stage, _, wanted in self._envelope(letter):
            self.stage = stage
            reply = Reply(stage, *self._server.getreply())
            if ended is None and reply.code not in wanted:
                ended = reply
            if reply.code == CLOSING:
                break
        if ended is not None:
            self.stage = ended.stage
            if reply.code == 354:  # it waits for the text of a mail that it has not got a recipient for
                self.close()
        return ended

    def _by(self, seconds: int) -> str:
        """DELIVERBY (RFC 2852), where the relay knows it: what it cannot deliver in time it sends back."""
        if not self._server.has_extn("deliverby"):
            return ""
        least = self._server.esmtp_features["deliverby"].strip()
        shortest = int(least) if least.isascii() and least.isdigit() and len(least) <= 9 else 1
        return f" BY={min(seconds, BY_MOST)};R" if seconds >= max(shortest, 1) else ""

    def finish(self, patience: float) -> Reply | None:
        """Send the final dot and wait `patience` seconds: the reply, or None where it is still to come. Raises OSError
        where the connection broke: then nobody knows."""
        self.stage = "dot"
        self._server.send(b".\r\n")
        return self.answer(patience)

    def answer(self, patience: float) -> Reply | None:
        """What was said to the final dot, if it comes within `patience` seconds. Raises OSError where the connection
        broke."""
        if not self.readable(patience):
            return None
        code, words = self._server.getreply()
        self._unclean = code != 250
        self.mails += 1
        return Reply("dot", code, words)

    def readable(self, seconds: float) -> bool:
        """Whether the relay says something within `seconds`, or has closed the connection."""
        held: Any = self._server.sock
        if held is None or (isinstance(held, ssl.SSLSocket) and held.pending()):
            return True
        poll = select.poll()  # select() fails on descriptors over 1023
        poll.register(held, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def quit(self) -> None:
        """Say good-bye and close. A failing farewell changes nothing."""
        with contextlib.suppress(OSError, ValueError):
            if self._server.sock is not None:
                self._server.sock.settimeout(1.0)
                self._server.quit()
        self.close()

    def close(self) -> None:
        """Close without a word."""
        with contextlib.suppress(OSError):
            self._server.close()

    def _say(self, stage: Stage, command: str) -> Reply:
        self.stage = stage
        return Reply(stage, *self._server.docmd(command))


class CannotOpen(Exception):
    """No session came about: `stage` says where it ended; `__cause__` is what smtplib raised."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(f"no session: it ended at {stage}")
        self.stage = stage


def open_session(
    settings: EmailSettings, timeout: tuple[float, float], deadline: Deadline, password: str | None
) -> Session:
    """Connect, encrypt as the settings ask, never less, and only then log in. `timeout`: seconds to connect and for
    each command. Raises CannotOpen."""
    stage: Stage = "connect"
    server: smtplib.SMTP | None = None
    try:
        server = Connection(settings, *timeout, deadline)
        stage = "greet"
        server.ehlo_or_helo_if_needed()
        if settings.security == "starttls":
            server.starttls(context=context_for(settings))  # raises where it is not offered
            server.ehlo()
        if settings.username is not None and password is not None:
            stage = "login"
            server.login(settings.username, password)
    except (OSError, ValueError) as error:  # smtplib's own are OSErrors
        if server is not None:
            server.close()
        raise CannotOpen(stage) from error
    return Session(server)
