"""Look-ups that end in time, and are not asked twice."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from notifier.net import names

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 80))] * 2


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known beforehand, and time-outs are short."""
    monkeypatch.setattr(names, "_kept", {})
    monkeypatch.setattr(names, "PATIENCE", 0.2)


def resolver(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> list[str]:
    """Make the system's resolver give these answers; returns the names it was asked for."""
    asked: list[str] = []
    given = list(answers)

    def ask(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        answer = given.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    return asked


def test_each_address_once_and_kept_for_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolver(monkeypatch, FOUND)
    assert names.addresses_of("status.example", 80) == [(socket.AF_INET, "192.0.2.7")]
    assert names.addresses_of("status.example", 80) == [(socket.AF_INET, "192.0.2.7")]
    assert asked == ["status.example"]


def test_what_was_kept_too_long_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolver(monkeypatch, FOUND, FOUND)
    monkeypatch.setattr(names, "KEPT", 0.0)
    names.addresses_of("status.example", 80)
    names.addresses_of("status.example", 80)
    assert asked == ["status.example"] * 2


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(socket.gaierror(-2, "unknown"), id="an unknown name"),
        pytest.param(UnicodeError("label too long"), id="not a name at all"),
    ],
)
def test_a_name_without_address_is_an_error_and_not_kept(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    asked = resolver(monkeypatch, error, FOUND)
    with pytest.raises(OSError, match=r"unknown|not a name"):
        names.addresses_of("status.example", 80)
    assert names.addresses_of("status.example", 80)
    assert len(asked) == 2


def test_a_resolver_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    resolver(monkeypatch, lambda: (release.wait(20), FOUND)[1])
    try:
        with pytest.raises(TimeoutError, match="no address within"):
            names.addresses_of("status.example", 80)
    finally:
        release.set()


def test_look_ups_that_hang_leave_others_waiting_no_longer_than_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(names, "_turns", threading.BoundedSemaphore(1))
    resolver(monkeypatch, lambda: (release.wait(20), FOUND)[1])
    try:
        with pytest.raises(TimeoutError, match="no address"):
            names.addresses_of("one.example", 80)
        with pytest.raises(TimeoutError, match="busy"):
            names.addresses_of("two.example", 80)
    finally:
        release.set()
