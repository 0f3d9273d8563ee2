"""Run one stand-in in a process of its own: `python -m notifier.standins twilio --port 0 --ledger FILE`.

Prints "listening PORT" once it serves, and for smtp "control PORT", where faults are ordered. Ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ..model.times import parse_rfc3339

PROVIDERS = {
    "x": "X", "mastodon": "Mastodon", "bluesky": "Bluesky", "twilio": "Twilio", "smtp": "Smtp", "webhook": "Webhook",
}
"""Stand-ins by name, with their class: each is imported only when asked for, because smtp needs aiosmtpd."""


def make(name: str, **arguments: Any) -> Any:
    """A stand-in by its name, not yet started."""
    return getattr(importlib.import_module(f"{__package__}.{name}"), PROVIDERS[name])(**arguments)


def clock_in(file: Path) -> Callable[[], datetime]:
    """The time written in a file, read anew each time: a far side that shares virtual time with who moves it."""
    return lambda: parse_rfc3339(file.read_text(encoding="utf-8").strip())


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m notifier.standins", description=__doc__)
    parser.add_argument("name", choices=sorted(PROVIDERS))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path, default=None)
    parser.add_argument("--clock", type=Path, default=None, help="file holding the time to live by, RFC 3339")
    parser.add_argument("--without-keys", action="store_true", help="mastodon: ignore Idempotency-Key")
    parser.add_argument("--slow", type=float, default=0.0, help="milliseconds each answer takes to come; not smtp")
    given = parser.parse_args(arguments)
    if given.without_keys and given.name != "mastodon":
        parser.error("--without-keys is for mastodon")
    if given.slow and given.name == "smtp":
        parser.error("--slow is not for smtp")
    more: dict[str, Any] = {"keyed": False} if given.without_keys else {}
    if given.clock is not None:
        more["now"] = clock_in(given.clock)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    standin = make(given.name, host=given.host, port=given.port, ledger=given.ledger, **more)
    if given.slow:
        standin.slow = given.slow / 1000
    standin.start()
    sys.stdout.write(f"listening {standin.port}\n")
    if hasattr(standin, "control_port"):
        sys.stdout.write(f"control {standin.control_port}\n")
    sys.stdout.flush()
    end.wait()
    standin.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
