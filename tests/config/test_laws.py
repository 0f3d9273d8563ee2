"""Whatever happens to the example's files, loading answers with mistakes or a configuration, and with nothing else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.config import Config, ConfigMistakes, Mistake, check, load

from .support import BASE, EXAMPLE

NAMES = sorted(path.relative_to(BASE).as_posix() for path in BASE.rglob("*.yaml"))
PIECES = ("id: ", "[", "]", "{", "}", "- ", "\n", "\t", ": ", "'", '"', "&a ", "*a", "!x ", "~", "0", "-1",
          "99999999999", "null", "true", "1e9", "2d", "9999-12-31", "0001-01-01T00:00:00+14:00", "{now", "{a.b}",
          "é", "\U0001f4a5", "world", "hills", "mobile-data", "auto", "A" * 300, "<<: ", "? ", "#", "|\n", "%")


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "config"
        shutil.copytree(BASE, target)
        yield target


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, bytes]:
    """One file of the base with a few pieces cut out, put in or doubled."""
    name = draw(st.sampled_from(NAMES))
    text = (BASE / name).read_text(encoding="utf-8")
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 30))
        doubled = text[start:start + length] * 2
        put = draw(st.sampled_from(PIECES) | st.sampled_from(("", doubled)) | st.text(max_size=4))
        text = text[:start] + put + text[start + length:]
    return name, text.encode("utf-8", "surrogatepass")


def mistakes_of(directory: Path) -> tuple[Mistake, ...]:
    """What loading says; () where it gives a configuration."""
    try:
        assert isinstance(load(directory), Config)
    except ConfigMistakes as error:
        return error.mistakes
    return ()


@given(edits())
@settings(max_examples=150, deadline=None)
def test_an_edited_configuration_loads_or_tells_its_mistakes(room: Path, edit: tuple[str, bytes]) -> None:
    name, raw = edit
    try:
        (room / name).write_bytes(raw)
        mistakes = mistakes_of(room)
        assert mistakes == check(room)
        for mistake in mistakes:
            assert str(mistake).isprintable()
            assert len(str(mistake)) < 1_500
    finally:
        shutil.copy(BASE / name, room / name)


@given(st.sampled_from(sorted(path.relative_to(EXAMPLE).as_posix() for path in EXAMPLE.rglob("*.yaml"))),
       st.integers(0, 10**6), st.sampled_from(PIECES))
@settings(max_examples=15, deadline=None)
def test_a_slip_anywhere_in_the_example_raises_nothing_else(name: str, at: int, piece: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "config"
        shutil.copytree(EXAMPLE, target)
        text = (target / name).read_text(encoding="utf-8")
        at %= len(text)
        (target / name).write_text(text[:at] + piece + text[at:], encoding="utf-8")
        for mistake in check(target):
            assert mistake.line >= 1
