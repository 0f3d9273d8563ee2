"""Imported once by the process nodes are forked from: afterwards the example's words are read."""

from __future__ import annotations

from .node_process import reader
from .scene import fresh

reader()
fresh()
