"""Telling senders at once that there is something to send. A hint: they look by themselves too."""

from __future__ import annotations

from collections.abc import Callable


class Bell:
    """Calls everybody who asked to be called."""

    def __init__(self) -> None:
        self._rings: tuple[Callable[[], None], ...] = ()

    def add(self, ring: Callable[[], None]) -> None:
        """Have `ring` called from now on, from whatever thread; it must not wait for anything."""
        self._rings = (*self._rings, ring)

    def ring(self) -> None:
        """Call them all."""
        for ring in self._rings:
            ring()
