"""Trying a mention source once, for `doctor`: does it connect with what it was given? Nothing is taken or moved."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import requests

from ...model.mention import Mention
from ...ports import Clock, Finding
from ...secret import Secret, SecretMissing
from .wire import Wire, never_redirected

PATIENCE = 8.0
"""Seconds to wait for a sign of life."""

Listen = Callable[[Callable[[Mention], None], Callable[[], None], Callable[[], bool]], str]


def hears(subject: str, listen: Listen, clock: Clock) -> Finding:
    """Connect until the first sign of life, then leave; what is heard meanwhile is dropped."""
    lived = threading.Event()
    ends = clock.monotonic() + PATIENCE
    why = listen(lambda mention: None, lived.set, lambda: lived.is_set() or clock.monotonic() > ends)
    if lived.is_set():
        return Finding(subject, True, "connects and hears")
    return Finding(subject, False, why if why != "asked to stop" else f"no sign of life in {PATIENCE:.0f} s")


def answers(subject: str, base: str, path: str, token: Secret, clock: Clock) -> Finding:
    """Ask for something harmless with the token; any 2xx will do."""
    try:
        headers = {"Authorization": f"Bearer {token.reveal()}"}
    except SecretMissing as missing:
        return Finding(subject, False, str(missing))
    wire = Wire(base, clock=clock)
    with requests.Session() as session:
        session.mount("https://", wire)
        session.mount("http://", wire)
        never_redirected(session)
        try:
            answer = session.get(base.rstrip("/") + path, headers=headers)
        except requests.RequestException as error:
            return Finding(subject, False, f"cannot be reached: {type(error).__name__}")
    if answer.ok:
        return Finding(subject, True, "the credentials are taken")
    return Finding(subject, False, f"refused with status {answer.status_code}")


def readable(subject: str, path: Path) -> Finding:
    """Whether a file can be read, or is about to be there: its directory is."""
    if path.exists():
        try:
            with path.open("rb"):
                return Finding(subject, True, f"{path} can be read")
        except OSError as error:
            return Finding(subject, False, f"{path} cannot be read: {error.strerror}")
    if path.parent.is_dir():
        return Finding(subject, True, f"{path} is not there yet; it is read once it is")
    return Finding(subject, False, f"{path.parent} is not a directory")
