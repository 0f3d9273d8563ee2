"""Secrets in the environment for every test of this room."""

from __future__ import annotations

import pytest

from .far_sides import SECRETS


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """All the secrets channels of this room ask for."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
