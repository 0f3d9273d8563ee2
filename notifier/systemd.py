"""Talking to systemd: readiness, status, reload and the watchdog (sd_notify(3)).

Our own few lines, because the packages that do it swallow every error, and a daemon whose watchdog messages vanish
without a word is killed for nothing.
"""

from __future__ import annotations

import os
import socket
import time


def notify(**state: str | int) -> bool:
    """Send a state such as READY=1 or STATUS="…" to systemd. False where nobody listens.

    Raises OSError where $NOTIFY_SOCKET is set and cannot be written: the unit would time out anyway.
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    payload = "\n".join(f"{key}={value}" for key, value in state.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect(address)
        sender.sendall(payload.encode())
    return True


def reloading() -> bool:
    """Tell systemd that a reload begins; READY=1 ends it (sd_notify(3) asks for the monotonic time in µs)."""
    return notify(RELOADING=1, MONOTONIC_USEC=time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)


def watchdog_interval() -> float | None:
    """Seconds between two heartbeats that keep systemd content (half its limit); None where it does not watch."""
    limit = os.environ.get("WATCHDOG_USEC", "")
    owner = os.environ.get("WATCHDOG_PID", "")
    if not limit.isdigit() or (owner and owner != str(os.getpid())):
        return None
    return int(limit) / 1_000_000 / 2
