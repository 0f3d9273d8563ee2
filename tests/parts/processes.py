"""Other people's programs, run beside a test on loopback and ended with it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from .waiting import until


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], *, ready: str, folder: Path, within: float = 40) -> Iterator[None]:
    """Run `command` in `folder` until the block ends; the block begins once the URL `ready` answers 200."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as out, subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                                                 stderr=out) as process:
        try:
            until(lambda: _answers(process, ready, log), f"{command[0]} is ready", within=within)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    assert process.poll() is None, f"it ended with {process.returncode}: {log.read_text(errors='replace')[-2000:]}"
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
