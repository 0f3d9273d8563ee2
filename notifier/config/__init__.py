"""YAML → one frozen tree of settings, with every mistake named at once."""

from __future__ import annotations

from .loading import check, load
from .mistake import ConfigMistakes, Mistake
from .tree import Config

__all__ = ["Config", "ConfigMistakes", "Mistake", "check", "load"]
