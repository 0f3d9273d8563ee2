"""Real far sides as processes: where they are, when they are up, and that they end with the test."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"


def node_part(package: str) -> Path:
    """The folder of an npm package of this folder; skips where it is not installed."""
    if shutil.which("node") is None:
        pytest.skip("needs node")
    found = MODULES / package
    if not found.exists():
        pytest.skip(f"needs {package}: npm ci --prefix tests/parts")
    return found


def program(name: str) -> str:
    """The path of a program; skips where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def certificate(folder: Path) -> tuple[Path, Path]:
    """Files of a key and of a certificate for 127.0.0.1, made in `folder`."""
    key, public = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(public)],
        check=True, capture_output=True, timeout=60,
    )
    return key, public


@contextmanager
def running(command: Sequence[str], log: Path, up: Callable[[], bool], *, within: float = 90) -> Iterator[None]:
    """Run `command` until the block ends, entering it once `up()` is true; fails with the end of its log."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=HERE)
    try:
        until = time.monotonic() + within
        while not up():
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"{command[0]} did not come up: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
