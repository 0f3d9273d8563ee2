"""What the daemon asks of the streams nodes share, in words that need no NATS client: that is an extra."""

from __future__ import annotations

import importlib.util
from typing import Protocol


class Unreachable(Exception):
    """NATS did not answer, or refused: look at its address, its credentials, and whether JetStream is on."""


class Streams(Protocol):
    """One connection; every method raises Unreachable. See `jetstream.Jetstream`."""

    def prepare(self) -> None: ...

    def born(self) -> str: ...

    def counts(self, after: int | None, seconds: float, most: int = 256) -> list[tuple[int, bytes]]: ...

    def forget(self, partition: int) -> None: ...

    def close(self) -> None: ...


DETECTOR = -1
"""In place of a partition: the reading of all partitions' counts."""


def client_missing() -> str:
    """What to do where the NATS client is not installed; "" where it is."""
    if importlib.util.find_spec("nats") is None:
        return "nats-py is not installed: pip install '.[nodes]' in a checkout"
    return ""
