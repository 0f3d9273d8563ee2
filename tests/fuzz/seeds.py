"""What fuzzing begins with: the vendors' own answers."""

from __future__ import annotations

from tests.sources.examples import EXAMPLES
from tests.sources.vendors import vendors


def seeds(name: str) -> list[bytes]:
    """The bodies of one source to begin with."""
    found = [body for vendor in vendors() if vendor.name == name for body in vendor.bodies.values()]
    return found or [one.body for one in EXAMPLES if one.name == name]
