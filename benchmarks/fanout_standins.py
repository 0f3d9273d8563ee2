"""The stand-ins and contenders of `benchmarks.fanout`, each in a process of its own, and what processor time they take:
where all share one machine it is the stand-in that often sets the pace, and a reader must see it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
STANDINS = {
    "sms": ("notifier.standins", "twilio"), "sms, 100 ms away": ("notifier.standins", "twilio", "--slow", "100"),
    "mail": ("notifier.standins", "smtp"),
    "mail, cheap relay": ("benchmarks.fanout_sink",), "mail, relay 5 ms away": ("benchmarks.fanout_sink", "5"),
    "mastodon": ("notifier.standins", "mastodon"),
}
"""What is served, by what is sent to it: a module and its arguments."""
Run = dict[str, Any]


class Standin:
    """A provider in a process of its own."""

    def __init__(self, served: subprocess.Popen[str], port: int) -> None:
        self.port = port
        self._served = served

    def cpu(self) -> float:
        """Seconds of processor time it has taken."""
        return cpu_of(self._served.pid)


def cpu_of(process: int) -> float:
    """Seconds of processor time of a process, its threads and the children it has seen end; 0.0 where /proc is not."""
    try:
        told = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(map(int, told[11:15])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def standin(name: str) -> Iterator[Standin]:
    """One of STANDINS, until the end of the `with`."""
    served = subprocess.Popen([sys.executable, "-m", *STANDINS[name]], cwd=PROJECT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert served.stdout is not None
    try:
        yield Standin(served, int(served.stdout.readline().split()[1]))
    finally:
        served.terminate()
        served.wait(10)


def child(*arguments: object, python: str = sys.executable, module: bool = True) -> Run:
    """Run one contender; what it prints last."""
    given = [python, *(["-m"] if module else []), *map(str, arguments)]
    said = subprocess.run(given, cwd=PROJECT, capture_output=True, text=True, timeout=3600)
    if said.returncode:
        raise SystemExit(f"{' '.join(given)} failed:\n{said.stderr[-2000:]}")
    found: Run = json.loads(said.stdout.splitlines()[-1])
    return found


def ceiling(kind: str, messages: int) -> tuple[float, float]:
    """What the stand-in takes from a client that costs next to nothing, its bytes made beforehand and sent over one
    connection: messages a second, and the part of a core it used."""
    with standin(kind) as served, socket.create_connection(("127.0.0.1", served.port)) as wire:
        talk = _texts if kind == "sms" else _mails
        began, cpu = time.perf_counter(), served.cpu()
        talk(wire, messages)
        seconds = time.perf_counter() - began
        return messages / seconds, (served.cpu() - cpu) / seconds


def _texts(wire: socket.socket, messages: int) -> None:
    """POSTs one after the other."""
    answers = wire.makefile("rb")
    for number in range(messages):
        body = f"To=%2B1802{number:07}&From=%2B18025550000&Body=Mobile+data+is+failing&ValidityPeriod=3600".encode()
        wire.sendall(
            b"POST /2010-04-01/Accounts/AC" + b"0a" * 16 + b"/Messages.json HTTP/1.1\r\nHost: standin\r\n"
            b"Authorization: Basic QUMwYTph\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body)
        length = 0
        while (line := answers.readline().strip().lower()):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        answers.read(length)


def _mails(wire: socket.socket, messages: int) -> None:
    """The commands of a mail at once, then its text (RFC 2920)."""
    answers = wire.makefile("rb")
    assert answers.readline().startswith(b"220")
    wire.sendall(b"EHLO benchmark\r\n")
    while answers.readline()[3:4] == b"-":
        pass
    text = b"From: status@example.org\r\nSubject: Mobile data\r\n\r\nMobile data is failing.\r\n.\r\n"
    for number in range(messages):
        wire.sendall(b"MAIL FROM:<status@example.org>\r\nRCPT TO:<c%d@example.com>\r\nDATA\r\n" % number)
        assert [answers.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        wire.sendall(text)
        assert answers.readline().startswith(b"250")
