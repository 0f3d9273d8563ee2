"""The secrets the channels ask for."""

from __future__ import annotations

from tests.channels.conftest import secrets

__all__ = ["secrets"]
