"""Starts the processes that are to be killed: one parent with everything imported forks a child for each run.

A fresh interpreter would spend a second importing, a hundred times over. The child is a process of its own all the
same, with a pid, a file descriptor table and a SIGKILL of its own; the parent is single-threaded, so forking is safe.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a run ended: as subprocess says it, negative for a signal."""

    returncode: int
    output: str


class Nursery:
    """The parent process, seen from the tests."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, output: Path, arguments: list[str], point: str = "", hit: int = 1) -> Ended:
        """Run the child with these arguments and, where named, a fail point armed."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        order = {"output": str(output), "arguments": arguments, "point": point, "hit": hit}
        self._parent.stdin.write(json.dumps(order) + "\n")
        self._parent.stdin.flush()
        return Ended(int(self._parent.stdout.readline()), output.read_text(encoding="utf-8"))

    def close(self) -> None:
        """End the parent."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(10)
        self._parent.stdout.close()


def _child(order: dict[str, object]) -> None:
    from notifier import failpoints

    from .child import main

    out = os.open(str(order["output"]), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    failpoints._armed = str(order["point"]) or None
    failpoints._countdown = int(str(order["hit"]))
    try:
        main(*order["arguments"])  # type: ignore[misc]
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 whatever it was, the tests must read it and the fork must end here
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _parent() -> None:
    from . import child  # noqa: F401 imported once, here, for every child

    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(order)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _parent()
