"""What a stand-in is told to do wrong, and how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACCEPT_THEN_DROP = "accept_then_drop"
"""Write it into the ledger, then cut the connection without an answer."""
ERROR_AFTER_ACCEPT = "500_after_accept"
"""Write it into the ledger, then answer 500."""
HANG = "hang"
"""Take the request and say nothing; it is not accepted."""
RESET = "reset"
"""Cut the connection after the request was read; it is not accepted."""
NAMED = (ACCEPT_THEN_DROP, ERROR_AFTER_ACCEPT, HANG, RESET)


@dataclass
class _Fault:
    mode: str
    times: int
    on: str


class Faults:
    """Faults waiting for their request. Safe to set from one thread and meet in another."""

    def __init__(self) -> None:
        self._waiting: list[_Fault] = []
        self._lock = threading.Lock()

    def set(self, mode: str, times: int = 1, on: str = "send") -> None:
        """Meet the next `times` requests with `mode`: one of `NAMED`, or an HTTP status such as "429" that is answered
        in the provider's own words. `on`: "send", or "read" for everything that is not a send.

        Raises ValueError for anything else, naming what is expected.
        """
        if mode not in NAMED and not (mode.isdigit() and 300 <= int(mode) <= 599):
            raise ValueError(f"expected one of {', '.join(NAMED)} or an HTTP status from 300 to 599, not {mode!r}")
        if on not in ("send", "read") or times < 0:
            raise ValueError("expected on: send or read, and times: 0 or more")
        with self._lock:
            self._waiting.append(_Fault(mode, times, on))

    def set_from(self, wish: Mapping[str, Any]) -> None:
        """The same from a JSON object {"mode", "times", "on"}; raises ValueError where it is not one."""
        times = wish.get("times", 1)
        if not isinstance(times, int):
            raise ValueError("expected times to be a whole number")
        self.set(str(wish.get("mode")), times, str(wish.get("on", "send")))

    def clear(self) -> None:
        """Do everything right again."""
        with self._lock:
            self._waiting.clear()

    def take(self, on: str) -> str:
        """The fault this request meets, counted down; "" for none."""
        with self._lock:
            for fault in self._waiting:
                if fault.on == on and fault.times > 0:
                    fault.times -= 1
                    return fault.mode
        return ""
