"""A relay that follows a script, connection by connection: for what no real server does to order."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

OPENING = ("220 relay", "250 hello")
MAIL = ("250 sender", "250 recipient", "354 go on", "250 kept")


@dataclass
class Scripted:
    """Where it listens, how many connections it took, the first word of every command it heard, and all of them."""

    port: int
    connections: int = 0
    heard: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@contextmanager
def scripted(*scripts: Sequence[str]) -> Iterator[Scripted]:
    """One script for each connection: a reply for each command (the first is the greeting; the text after DATA and its
    dot are one command), then the connection is closed. After the last script nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        relay = Scripted(int(listening.getsockname()[1]))
        thread = threading.Thread(target=_serve, args=(listening, scripts, relay), daemon=True)
        thread.start()
        yield relay
        with socket.socket() as nudge:  # ends an accept that nobody came to
            nudge.connect_ex(("127.0.0.1", relay.port))
        thread.join(5)


def _serve(listening: socket.socket, scripts: Sequence[Sequence[str]], relay: Scripted) -> None:
    for script in scripts:
        connection, _ = listening.accept()
        relay.connections += 1
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            _talk(connection, lines.readline, script, relay)
    listening.close()


def _talk(connection: socket.socket, read: Callable[[], bytes], script: Sequence[str], relay: Scripted) -> None:
    in_text = False
    for number, reply in enumerate(script):
        if number:
            line = read()
            while in_text and line not in (b".\r\n", b""):
                line = read()
            relay.lines.append(line.strip().decode())
            relay.heard.append(line.split(b" ")[0].strip().decode().upper())
        connection.sendall(f"{reply}\r\n".encode())
        in_text = reply.startswith("354")
