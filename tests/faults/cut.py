"""A node's cables: a network namespace with one to the store and another to the far sides, each of which can be cut.

What is cut loses every packet both ways and closes nothing, as a broken switch does. Channels speak plain HTTP over
loopback only; so within the namespace loopback leads to this side, over the cable to the far sides.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

CABLES = {"store": 78, "far": 79}
"""Second number of each cable's network."""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Cables:
    """One node's. Raises CannotCut where this machine does not allow it."""

    def __init__(self) -> None:
        for number in count():
            self.name, self._number = f"faults{number}", number
            try:
                _ip("netns", "add", self.name)
            except (OSError, subprocess.CalledProcessError) as error:
                if number < 200 and b"File exists" in getattr(error, "stderr", b""):
                    continue
                raise CannotCut(f"network namespaces need root and iproute2: {error}") from error
            break
        try:
            for cable in CABLES:
                self._lay(cable)
            self._turn_loopback()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError | subprocess.CalledProcessError):
                raise CannotCut(f"no cables can be laid: {error}") from error
            raise

    def here(self, cable: str) -> str:
        """The address at this side's end of a cable."""
        return f"10.{CABLES[cable]}.{self._number}.1"

    def cut(self, cable: str) -> None:
        """Nothing passes any more."""
        _ip("link", "set", f"{cable}{self._number}", "down")

    def mend(self) -> None:
        """Everything passes again."""
        for cable in CABLES:
            _ip("link", "set", f"{cable}{self._number}", "up")

    def close(self) -> None:
        """Take them away."""
        for cable in CABLES:
            with suppress(subprocess.CalledProcessError):
                _ip("link", "del", f"{cable}{self._number}")
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.name)

    def _lay(self, cable: str) -> None:
        ours, theirs = f"{cable}{self._number}", f"{cable}{self._number}n"
        with suppress(subprocess.CalledProcessError):  # the number is ours: what stands there was left behind
            _ip("link", "del", ours)
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", self.name)
        _ip("addr", "add", f"{self.here(cable)}/24", "dev", ours)
        _ip("link", "set", ours, "up")
        _ip("-n", self.name, "addr", "add", f"{self.here(cable)[:-1]}2/24", "dev", theirs)
        _ip("-n", self.name, "link", "set", theirs, "up")

    def _turn_loopback(self) -> None:
        _ip("-n", self.name, "link", "set", "lo", "up")
        here, device = self.here("far"), f"far{self._number}n"
        script = (f"echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet && "
                  f"iptables -t nat -A OUTPUT -d 127.0.0.1 -p tcp -j DNAT --to {here} && "
                  f"iptables -t nat -A POSTROUTING -o {device} -j SNAT --to {here[:-1]}2")
        _ip("netns", "exec", self.name, "sh", "-c", script)


class CannotCut(Exception):
    """Why this machine has no cables to cut, in words."""


@contextmanager
def laid() -> Iterator[tuple[Cables | None, str]]:
    """A node's cables, taken away in the end; None, and why, where none can be laid."""
    try:
        cables = Cables()
    except CannotCut as error:
        yield None, str(error)
        return
    try:
        yield cables, ""
    finally:
        cables.close()


def listening(cables: Cables | None) -> tuple[str, ...]:
    """PostgreSQL's option to be heard at this end of the store's cable."""
    return () if cables is None else (f"listen_addresses={cables.here('store')}",)


def enter(name: str) -> None:
    """Live in a namespace from now on. Only for a process of one thread."""
    import ctypes

    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0x40000000):
        raise OSError(ctypes.get_errno(), f"the namespace {name} cannot be entered")
    os.close(descriptor)
