"""A stand-in for a mail relay: a real SMTP server (aiosmtpd) with a ledger, and faults ordered over HTTP beside it."""

from __future__ import annotations

import asyncio
import contextlib
import email
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from ..clock import SystemClock
from ..model.times import rfc3339
from .faults import ACCEPT_THEN_DROP, ERROR_AFTER_ACCEPT, HANG, RESET, Faults
from .ledger import Entry, Ledger
from .speaking import HANG_SECONDS, StandIn

_REPLIES = {"429": "451 4.7.0 Too many messages, try later", "403": "550 5.7.1 Not permitted"}
"""SMTP's words for faults named by HTTP statuses, given to RCPT; any other is 451 4.3.0."""


class _Control(StandIn):
    """Takes orders for faults; nothing else."""


class Smtp:
    """One relay. With `username` and `password` it wants a log-in (over plain text too: it stands on loopback). With
    `tls` it offers STARTTLS, or begins with TLS where it is `implicit`, and takes mail and log-ins only over it. It
    says good-bye (421) after `mails_per_connection`, as large providers do."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, ledger: Path | None = None,
        now: Callable[[], datetime] | None = None, username: str | None = None, password: str | None = None,
        tls: ssl.SSLContext | None = None, implicit: bool = False, mails_per_connection: int | None = None,
    ) -> None:
        self.faults = Faults()
        self.book = Ledger(ledger)
        self.now = now or SystemClock().now
        self.refused: set[str] = set()
        """Addresses that do not exist."""
        self.connections = 0
        """How many were opened."""
        self.mails_per_connection = mails_per_connection
        self.holding = 0
        """How many of the next mails are kept and entered, while the answer to their final dot waits for `release`."""
        self._released = threading.Event()
        self._tls, self._implicit = tls, implicit
        self.open: list[_Session] = []
        """Connections that are open, oldest first."""
        self.port = port
        self._host = host
        self._login = (username, password)
        self._server: Controller | None = None
        self._control = _Control(host=host, now=now)
        self._control.faults = self.faults
        self._control.book = self.book

    @property
    def ledger(self) -> list[Entry]:
        """Everything that was accepted, in order."""
        return self.book.entries

    @property
    def control_port(self) -> int:
        """Where faults are ordered: POST /_faults."""
        return self._control.port

    @property
    def control_url(self) -> str:
        """The same as a URL."""
        return self._control.url

    def fault(self, mode: str, times: int = 1, on: str = "send") -> None:
        """Meet the next mails with a fault: see `Faults.set`."""
        self.faults.set(mode, times, on)

    def start(self) -> Smtp:
        """Begin to serve; `port` is then known."""
        user, password = self._login
        wants: dict[str, Any] = {}
        if user is not None:
            wants = {"authenticator": _authenticator(user, password), "auth_required": True,
                     "auth_require_tls": self._tls is not None and not self._implicit}
        if self._implicit:
            wants["ssl_context"] = self._tls
        elif self._tls is not None:
            wants |= {"tls_context": self._tls, "require_starttls": True}
        if self.mails_per_connection is not None:
            wants["command_call_limit"] = {"MAIL": self.mails_per_connection, "*": 100_000}
        self._server = _Relay(_Mails(self), hostname=self._host, port=self.port or _free(self._host), **wants)
        self._server.start()
        self.connections = 0  # aiosmtpd tries the door itself
        self.port = int(self._server.port)
        self._control.start()
        return self

    def stop(self) -> None:
        """End. Harmless when called again."""
        if self._server is not None:
            self.cut_all()
            self._server.stop()
            self._server = None
        self._control.stop()

    def release(self) -> None:
        """Answer the mails that are held."""
        self._released.set()

    async def answer_held(self) -> None:
        """Return at once, or for a mail that is held when it is released."""
        if self.holding:
            self.holding -= 1
            while not self._released.is_set():
                await asyncio.sleep(0.01)

    def cut_all(self) -> None:
        """End every connection with a reset, as a relay that is restarted or a wall that forgets them."""
        assert self._server is not None
        done = threading.Event()

        def cut() -> None:
            for session in list(self.open):
                session.cut()
            done.set()

        self._server.loop.call_soon_threadsafe(cut)
        done.wait(5)

    def __enter__(self) -> Smtp:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Relay(Controller):
    def factory(self) -> SMTP:
        with warnings.catch_warnings():  # aiosmtpd warns of log-ins in the clear; loopback is all this serves
            warnings.simplefilter("ignore", UserWarning)
            return _Session(self.handler, **self.SMTP_kwargs)


class _Session(SMTP):
    """One conversation, which can be cut."""

    def connection_made(self, transport: Any) -> None:
        """Count it, once: STARTTLS calls this again."""
        relay: Smtp = self.event_handler.relay
        if self not in relay.open:
            relay.connections += 1
            relay.open.append(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        relay: Smtp = self.event_handler.relay
        if self in relay.open:
            relay.open.remove(self)
        super().connection_lost(error)

    def cut(self) -> None:
        """End it with a reset."""
        transport = self.transport
        if isinstance(transport, asyncio.Transport):
            with contextlib.suppress(OSError):
                connection = transport.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()


class _Mails:
    """What the relay does with each recipient and each mail."""

    def __init__(self, relay: Smtp) -> None:
        self.relay = relay

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: _Session, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.relay.refused:
            return "550 5.1.1 No such user"
        mode = self.relay.faults.take("send")
        if mode.isdigit():
            return _REPLIES.get(mode, "451 4.3.0 Temporary failure")
        envelope.fault = mode
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: _Session, session: Any, envelope: Any) -> str:  # noqa: N802
        mode = getattr(envelope, "fault", "")
        if mode == HANG:
            await asyncio.sleep(HANG_SECONDS)
            return "451 4.3.0 Slept"
        if mode != RESET:
            self._keep(session, envelope)
        await self.relay.answer_held()
        if mode in (RESET, ACCEPT_THEN_DROP):
            server.cut()
        return "451 4.3.0 Error after the mail was kept" if mode == ERROR_AFTER_ACCEPT else "250 2.0.0 OK"

    def _keep(self, session: Any, envelope: Any) -> None:
        mail = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        plain = mail.get_body(("plain",))
        self.relay.book.add({
            "provider": "smtp", "id": mail["Message-ID"], "at": rfc3339(self.relay.now()),
            "address": ",".join(envelope.rcpt_tos), "key": mail["Message-ID"],
            "body": plain.get_content().replace("\r\n", "\n").rstrip("\n") if plain is not None else "",
            "headers": {name: str(value) for name, value in mail.items()},
            "request": {"mail_from": envelope.mail_from, "raw": envelope.content.decode("utf-8", "replace")},
        })


def _authenticator(user: str, password: str | None) -> Callable[..., AuthResult]:
    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        fits = data.login == user.encode() and data.password == (password or "").encode()
        return AuthResult(success=fits, handled=False)

    return authenticate


def _free(host: str) -> int:
    """A port nobody uses: aiosmtpd asks itself for the port it was told, so it must be told one."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
