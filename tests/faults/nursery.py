"""Starts the processes: one parent with everything imported forks the daemons to be killed and their far sides.

A fresh interpreter would spend a second importing, hundreds of times over. Each child is a process of its own all the
same, with a pid, a file descriptor table and a SIGKILL of its own; the parent is single-threaded, so forking is safe.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.numbers import format_decimal

from notifier.standins.__main__ import PROVIDERS


@dataclass(frozen=True)
class Ended:
    """How a daemon ended: as subprocess says it, negative for a signal."""

    returncode: int
    output: str
    stopped: int = 0
    """The pid of one that has not ended, but stands still."""


@dataclass(frozen=True)
class Serving:
    """A far side's process: its pid and the ports it told."""

    pid: int
    ports: Mapping[str, int]


class Nursery:
    """The parent process, seen from the tests."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def daemon(self, output: Path, arguments: list[Any], point: str = "", hit: int = 1, sent: str = "SIGKILL",
               net: str = "") -> Ended:
        """Run `child.main` with these arguments to its end; where a fail point is named it is armed with a signal.
        `net`: the network namespace it lives in."""
        armed = {"point": point, "hit": hit, "signal": sent, "net": net}
        code, stopped = self._ask({"do": "daemon", "output": str(output), "arguments": arguments, **armed})
        return Ended(int(code), output.read_text(encoding="utf-8"), int(stopped))

    def resume(self, stopped: int) -> None:
        """The same, without waiting for its end."""
        self._ask({"do": "resume", "pid": stopped})

    def go_on(self, stopped: int, output: Path) -> Ended:
        """Let a daemon that a fail point stopped go on to its end."""
        code = self._ask({"do": "go_on", "pid": stopped})
        return Ended(int(code), output.read_text(encoding="utf-8"))

    def far_side(self, arguments: list[str]) -> Serving:
        """Start what `python -m notifier.standins` runs with these arguments."""
        told = self._ask({"do": "far_side", "arguments": arguments})
        return Serving(told["pid"], told["ports"])

    def end(self, far: Serving) -> None:
        """Kill a far side: its ledger says of itself that it survives that."""
        self._ask({"do": "end", "pid": far.pid})

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(order) + "\n")
        self._parent.stdin.flush()
        return json.loads(self._parent.stdout.readline())

    def close(self) -> None:
        """End the parent."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(10)
        self._parent.stdout.close()


# ── in the parent ────────────────────────────────────────────────────────────────────────────────────────────────────


def _forked(live: Callable[[], object], output: int) -> int:
    """The pid of a child that does `live` and ends, its output going there."""
    pid = os.fork()
    if pid:
        return pid
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = 1
    try:
        live()
        code = 0
    except BaseException:  # noqa: BLE001 whatever it was, the tests must read it and the fork must end here
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _daemon(order: dict[str, Any]) -> tuple[int, int]:
    """Exit code, and the pid where it only stopped."""
    from notifier import failpoints

    from .child import main
    from .cut import enter

    def live() -> None:
        failpoints._armed = order["point"] or None
        failpoints._countdown = order["hit"]
        failpoints._signal = signal.Signals[order["signal"]]
        if order["net"]:
            enter(order["net"])
        main(*order["arguments"])

    output = os.open(order["output"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    pid = _forked(live, output)
    os.close(output)
    status = os.waitpid(pid, os.WUNTRACED)[1]
    return (0, pid) if os.WIFSTOPPED(status) else (os.waitstatus_to_exitcode(status), 0)


def _resume(order: dict[str, Any]) -> int:
    os.kill(order["pid"], signal.SIGCONT)
    return 0


def _go_on(order: dict[str, Any]) -> int:
    _resume(order)
    return os.waitstatus_to_exitcode(os.waitpid(order["pid"], 0)[1])


def _far_side(order: dict[str, Any]) -> dict[str, Any]:
    from notifier.standins.__main__ import main

    read, write = os.pipe()
    pid = _forked(lambda: main(order["arguments"]), write)
    os.close(write)
    ports: dict[str, int] = {}
    with os.fdopen(read, encoding="utf-8") as lines:
        for _ in range(2 if order["arguments"][0] == "smtp" else 1):
            word, port = lines.readline().split()
            ports[word] = int(port)
    return {"pid": pid, "ports": ports}


def _end(order: dict[str, Any]) -> int:
    os.kill(order["pid"], signal.SIGKILL)
    os.waitpid(order["pid"], 0)
    return 0


def _warm() -> None:
    """Import and load, once for every child, what each would for itself; most of it hides behind lazy imports."""
    modules = ("notifier.standins.__main__", *(f"notifier.standins.{name}" for name in PROVIDERS))
    for name in (*modules, "twilio.rest.api.v2010.account.message", "tests.faults.child"):
        importlib.import_module(name)
    format_decimal(1, locale="en")
    gc.freeze()  # what is shared stays shared: no collection touches it in a child


def _parent() -> None:
    _warm()
    living: set[int] = set()
    do: dict[str, Callable[[dict[str, Any]], Any]] = {
        "daemon": _daemon, "resume": _resume, "go_on": _go_on, "far_side": _far_side, "end": _end}
    for line in sys.stdin:
        order = json.loads(line)
        told = do[order["do"]](order)
        if order["do"] == "far_side":
            living.add(told["pid"])
        elif order["do"] == "end":
            living.discard(order["pid"])
        print(json.dumps(told), flush=True)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    _parent()
