"""Names to addresses, in a time that is kept.

The system's resolver has no time-out that can be set and may take half a minute over a dead name server: each look-up
runs in a thread of its own that is left behind when its time is up. Answers are kept for half a minute, so that ten
thousand sources on a few hosts do not ask ten thousand times a minute.
"""

from __future__ import annotations

import socket
import threading
import time

PATIENCE = 5.0
"""Seconds one look-up may take."""
KEPT = 30.0
"""Seconds an answer is used again; a name that has moved is found within it."""
_MOST_KEPT = 20_000
_MOST_AT_ONCE = 64

Addresses = list[tuple[int, str]]
"""(family, address) pairs."""

_lock = threading.Lock()
_kept: dict[tuple[str, int], tuple[float, Addresses]] = {}
_turns = threading.BoundedSemaphore(_MOST_AT_ONCE)


def addresses_of(host: str, port: int) -> Addresses:
    """(family, address) of a host, in the resolver's order, each once. Raises OSError: socket.gaierror where the name
    is not known, TimeoutError where the resolver took too long or is busy with others that do."""
    now = time.monotonic()
    held = _kept.get((host, port))
    if held is not None and held[0] > now:
        return held[1]
    found = _asked(host, port)
    with _lock:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[host, port] = (now + KEPT, found)
    return found


def _asked(host: str, port: int) -> Addresses:
    turns = _turns
    if not turns.acquire(timeout=PATIENCE):
        raise TimeoutError("the resolver is busy with look-ups that do not end")
    answer: list[Addresses | OSError] = []

    def ask() -> None:
        try:
            answer.append(_resolved(host, port))
        except OSError as error:
            answer.append(error)
        except UnicodeError as error:
            answer.append(OSError(f"not a name: {error}"))
        finally:
            turns.release()

    thread = threading.Thread(target=ask, name="look-up", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not answer:
        raise TimeoutError(f"no address within {PATIENCE:g} s")
    if isinstance(answer[0], OSError):
        raise answer[0]
    return answer[0]


def _resolved(host: str, port: int) -> Addresses:
    found: dict[str, int] = {}
    for family, _, _, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        found.setdefault(str(where[0]), int(family))
    return [(family, address) for address, family in found.items()]
