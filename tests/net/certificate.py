"""A certificate for localhost, made on the spot."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


def self_signed(folder: Path, *, days: int = 2) -> tuple[Path, ssl.SSLContext]:
    """The file of a certificate that lasts `days` from now, and a server's context with it; skips where there is no
    openssl to make it."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    order = f"req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run(["openssl", *order.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return folder / "cert", context
