"""A stand-in for the mailbox bounces arrive in: as much of IMAP4rev1 (RFC 3501) as reading it needs, with its flags to
look at. `python -m notifier.standins` does not serve it: mails are put in by the test that reads them."""

from __future__ import annotations

import contextlib
import re
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

_FETCH = re.compile(r"(\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)")


@dataclass
class Kept:
    """One mail. `read` says how often it was fetched."""

    id: int
    raw: bytes
    flags: set[str] = field(default_factory=set)
    read: int = 0


class Imap:
    """A folder called INBOX. With `tls` it serves TLS from the first byte, or after STARTTLS where `starttls` is set,
    and takes no log-in before."""

    def __init__(
        self, username: str, password: str, *, tls: ssl.SSLContext | None = None, starttls: bool = False,
    ) -> None:
        self.mails: list[Kept] = []
        self.login = (username, password)
        self.tls = tls
        self.starttls = starttls
        self.commands: list[str] = []
        """Every command it heard, without its arguments."""
        self.fail_on = ""
        """The command that ends the connection without an answer."""
        self.port = 0
        self._server: socketserver.ThreadingTCPServer | None = None

    def put(self, raw: bytes) -> Kept:
        """A mail arrives."""
        kept = Kept(len(self.mails) + 1, raw)
        self.mails.append(kept)
        return kept

    def unread(self) -> list[int]:
        """Ids of the mails nobody has marked as read."""
        return [mail.id for mail in self.mails if "\\Seen" not in mail.flags]

    def __enter__(self) -> Imap:
        self._server = _Server(("127.0.0.1", 0), type("Visits", (_Visit,), {"box": self}))
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Visit(socketserver.BaseRequestHandler):
    """One connection."""

    box: Imap
    safe = False
    logged_in = False

    def handle(self) -> None:
        """Answer until the client leaves. A client that trusts no certificate of ours ends it, which is no fault."""
        with contextlib.suppress(OSError, ValueError):
            if self.box.tls is not None and not self.box.starttls:
                self._encrypt()
            self._say("* OK ready")
            while self._once():
                pass
        self.request.close()

    def _encrypt(self) -> None:
        assert self.box.tls is not None
        self.request = self.box.tls.wrap_socket(self.request, server_side=True)
        self.safe = True

    def _say(self, line: str | bytes) -> None:
        self.request.sendall((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def _line(self) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            byte = self.request.recv(1)
            if not byte:
                return ""
            line += byte
        return line.decode()

    def _once(self) -> bool:
        tag, _, rest = self._line().strip().partition(" ")
        if not tag:
            return False
        name, _, arguments = rest.partition(" ")
        if name.upper() == "UID":
            name, _, arguments = arguments.partition(" ")
        name = name.upper()
        self.box.commands.append(name)
        if name == self.box.fail_on:
            return False
        self._say(f"{tag} {self._answer(name, arguments)}")
        if name == "STARTTLS":
            self._encrypt()
        return name != "LOGOUT"

    def _answer(self, name: str, arguments: str) -> str:
        """Say what is untagged; returns the tagged line."""
        if name == "CAPABILITY":
            waits = self.box.starttls and not self.safe
            self._say("* CAPABILITY IMAP4rev1" + (" STARTTLS LOGINDISABLED" if waits else ""))
        elif name == "LOGIN":
            given = tuple(part.strip('"') for part in arguments.split(" "))
            self.logged_in = given == self.box.login and (self.safe or self.box.tls is None)
            return "OK done" if self.logged_in else "NO wrong"
        elif name == "LOGOUT":
            self._say("* BYE")
        elif name != "STARTTLS":
            work: Any = {"SELECT": self._select, "EXAMINE": self._select, "SEARCH": self._search,
                         "FETCH": self._fetch, "STORE": self._store}.get(name)
            if work is None or not self.logged_in:
                return "BAD not now"
            work(arguments)
        return "OK done"

    def _select(self, arguments: str) -> None:
        self._say(f"* {len(self.box.mails)} EXISTS")

    def _search(self, arguments: str) -> None:
        first, last = map(int, arguments.split(" ")[0].split(":"))
        found = [str(id) for id in self.box.unread() if first <= id <= last]
        self._say(" ".join(["* SEARCH", *found]))

    def _fetch(self, arguments: str) -> None:
        wanted = _FETCH.fullmatch(arguments)
        if wanted is None:
            return
        mail = self.box.mails[int(wanted.group(1)) - 1]
        mail.read += 1
        raw = mail.raw[:int(wanted.group(2))]
        self._say(f"* {mail.id} FETCH (UID {mail.id} BODY[]<0> {{{len(raw)}}}".encode() + b"\r\n" + raw + b")")

    def _store(self, arguments: str) -> None:
        id, _, flags = arguments.partition(" +FLAGS.SILENT ")
        self.box.mails[int(id) - 1].flags |= set(flags.strip("()").split(" "))
