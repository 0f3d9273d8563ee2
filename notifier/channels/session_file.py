"""A session kept over restarts, so that a daemon that starts often does not use up a server's log-ins of the day.

Its tokens are as good as a password for a while, so they never stand in clear: they are sealed under a key made of the
very password they were given for. Who can read the file alone learns nothing, and who has the password can log in
anyway. The construction is the textbook one from the standard library's parts: scrypt for the key (RFC 7914), HMAC-
SHA256 over a counter as key stream, then HMAC-SHA256 over all of it (encrypt, then authenticate).

The file is a help and never a need: whatever is wrong with it, it is as if it were not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

MAGIC = b"notifier-session-1\n"
SALT, TAG = 16, 32
"""Lengths in bytes."""
MOST_BYTES = 65_536
_COST = 1 << 14
"""scrypt's n: 16 MiB and some tens of milliseconds, once a start, against a password that is easy to guess."""


class SessionFile:
    """The session of one account at one server. `account`: what it is bound to, so that one account's file opens no
    other's."""

    def __init__(self, path: Path, account: str) -> None:
        self._path = path
        self._account = account

    def read(self, password: str) -> Mapping[str, str]:
        """The tokens; empty where there are none that this password opens."""
        try:
            with self._path.open("rb") as file:
                sealed = file.read(MOST_BYTES)
            read = json.loads(unseal(sealed, password, self._account))
        except (OSError, ValueError):
            return {}
        good = isinstance(read, dict) and all(isinstance(value, str) for value in read.values())
        return {str(name): value for name, value in read.items()} if good else {}

    def write(self, tokens: Mapping[str, str], password: str) -> None:
        """Keep these tokens in place of any before; a disk that is full keeps none. Only our own user may read it."""
        sealed = seal(json.dumps(dict(tokens)).encode(), password, self._account)
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(sealed)
            beside.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()


# ── pure, but for the salt ───────────────────────────────────────────────────────────────────────────────────────────


def seal(plain: bytes, password: str, account: str) -> bytes:
    """`plain` sealed under `password` for `account`; another salt, and so another key, every time."""
    salt = secrets.token_bytes(SALT)
    stream, authentic = _keys(password, account, salt)
    body = MAGIC + salt + _xored(plain, stream)
    return body + hmac.new(authentic, body, hashlib.sha256).digest()


def unseal(sealed: bytes, password: str, account: str) -> bytes:
    """What was sealed. Raises ValueError where it was not, by this password for this account, or was changed since."""
    body, tag = sealed[:-TAG], sealed[-TAG:]
    if not body.startswith(MAGIC) or len(body) < len(MAGIC) + SALT:
        raise ValueError("not a sealed session")
    salt = body[len(MAGIC) : len(MAGIC) + SALT]
    stream, authentic = _keys(password, account, salt)
    if not hmac.compare_digest(hmac.new(authentic, body, hashlib.sha256).digest(), tag):
        raise ValueError("sealed by another password, or changed since")
    return _xored(body[len(MAGIC) + SALT :], stream)


def _keys(password: str, account: str, salt: bytes) -> tuple[bytes, bytes]:
    bound = salt + hashlib.sha256(account.encode()).digest()
    made = hashlib.scrypt(password.encode(), salt=bound, n=_COST, r=8, p=1, dklen=64, maxmem=64 << 20)
    return made[:32], made[32:]


def _xored(text: bytes, key: bytes) -> bytes:
    counter = (number.to_bytes(8, "big") for number in range(len(text) // 32 + 1))
    stream = b"".join(hmac.new(key, number, hashlib.sha256).digest() for number in counter)[: len(text)]
    return bytes(one ^ other for one, other in zip(text, stream, strict=True))
