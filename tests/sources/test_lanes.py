"""One slow host delays no other, a host is not asked by more than it may, and what is too late is counted."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.sources import lanes
from notifier.sources.lanes import Lanes


class Far:
    """Far sides that answer at once, but for hosts that hang until they are let go."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.hang: set[str] = set()
        self.lock = threading.Lock()
        self.done: list[str] = []
        self.missed: list[str] = []
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def poll(self, source: str) -> None:
        host = source.partition("/")[0]
        with self.lock:
            self.running[host] += 1
            self.most[host] = max(self.most[host], self.running[host])
        if host in self.hang:
            self.release.wait(20)
        with self.lock:
            self.running[host] -= 1
            self.done.append(source)


@contextmanager
def lanes_over(far: Far, *, threads: int = 2, per_host: int = 2, grace: float = 30) -> Iterator[Lanes]:
    made = Lanes(far.poll, threads=threads, per_host=per_host, grace=grace, monotonic=time.monotonic,
                 late=lambda _: None, missed=far.missed.append)
    made.start()
    try:
        yield made
    finally:
        far.release.set()
        made.stop()


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def put(made: Lanes, source: str) -> bool:
    return made.put(source, source.partition("/")[0], time.monotonic())


def test_a_host_that_hangs_holds_two_threads_and_no_more() -> None:
    far = Far()
    far.hang = {"slow"}
    with lanes_over(far, threads=3) as made:
        for n in range(20):
            assert put(made, f"slow/{n}")
        until(lambda: far.running["slow"] == 2)
        for n in range(50):
            put(made, f"quick{n}/1")
        until(lambda: len(far.done) == 50)
        assert far.most["slow"] == 2


def test_hosts_that_were_slow_wait_in_a_lane_of_their_own() -> None:
    """Once they are known, twenty hosts that hang hold none of the threads the others have."""
    far = Far()
    slow = [f"slow{n}" for n in range(20)]
    before, lanes.SLOW = lanes.SLOW, -1.0  # whatever answers now counts as slow
    try:
        with lanes_over(far) as made:
            for host in slow:
                put(made, f"{host}/1")
            until(lambda: len(far.done) == 20)
            lanes.SLOW = before
            far.hang = set(slow)
            for host in slow:
                put(made, f"{host}/1")
            until(lambda: sum(far.running.values()) == 2)
            for n in range(50):
                put(made, f"quick{n}/1")
            until(lambda: len(far.done) == 70)
            assert sum(far.running.values()) == 2
    finally:
        lanes.SLOW = before


def test_a_source_is_not_lined_up_twice() -> None:
    far = Far()
    far.hang = {"slow"}
    with lanes_over(far) as made:
        assert put(made, "slow/1")
        assert not put(made, "slow/1")
        far.release.set()
        until(lambda: far.done == ["slow/1"])
        until(lambda: put(made, "slow/1"))


def test_what_waited_too_long_is_missed_and_not_started() -> None:
    far = Far()
    with lanes_over(far, grace=5) as made:
        made.put("host/old", "host", time.monotonic() - 60)
        put(made, "host/new")
        until(lambda: far.done == ["host/new"])
        until(lambda: far.missed == ["host/old"])


def test_a_poll_that_breaks_does_not_end_its_thread() -> None:
    seen: list[str] = []

    def work(source: str) -> None:
        seen.append(source)
        raise RuntimeError("broken")

    made = Lanes(work, threads=1, per_host=1, grace=30, monotonic=time.monotonic, late=lambda _: None,
                 missed=seen.append)
    made.start()
    try:
        for n in range(3):
            made.put(f"h/{n}", "h", time.monotonic())
        until(lambda: len(seen) == 3)
    finally:
        made.stop()
