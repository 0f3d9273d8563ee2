"""The daemon: one running node of a deployment."""

from __future__ import annotations

from .daemon import LEADERSHIP_LOST, STATUS, Daemon

__all__ = ["LEADERSHIP_LOST", "STATUS", "Daemon"]
