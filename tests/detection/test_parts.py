"""A checkpoint in parts: what changed is written, and what is read back is the whole memory or none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from notifier.detection.detector import CHECKPOINT, Detector
from notifier.detection.parts import Written, cut, joined, lengths
from notifier.detection.spikes.keeping import Kept

from .scene import START, detector, fresh, post

MINUTE = timedelta(minutes=1)


class Shelf:
    """A store's entries, and how many bytes each writing took."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.written = Written()

    def keep(self, heard: Detector, *, fails: bool = False) -> dict[str, bytes]:
        head, parts = heard.parts()
        changed = {CHECKPOINT: head, **self.written.changed(parts)}
        if not fails:
            self.entries |= changed
            self.written.done()
        return changed


def _hear(heard: Detector, minute: int, people: int) -> None:
    now = START + minute * MINUTE
    for number in range(people):
        heard.take("test", post(f"no 3G here {minute} {number}", at=now, who=f"p{minute}-{number}", where="Barre, VT"),
                   now)
    heard.signals(now)


def test_parts_are_the_whole_and_little_is_written_again() -> None:
    """Whenever it is read back, by parts written at different times, it is what one piece would be."""
    heard, shelf = detector(), Shelf()
    sizes = []
    for minute in range(12):
        _hear(heard, minute, 3 - minute % 4)
        sizes.append(sum(map(len, shelf.keep(heard).values())))
        again = detector()
        again.restore(shelf.entries[CHECKPOINT], shelf.entries.get)
        assert again.checkpoint() == heard.checkpoint()
    later = len(shelf.keep(heard))
    assert later == 1, "nothing was heard since: only what belongs to the name itself is written"
    assert max(sizes[1:]) < sizes[0] / 2


def test_what_was_not_written_is_written_the_next_time() -> None:
    """The store failed: the part is still due."""
    heard, shelf = detector(), Shelf()
    shelf.keep(heard)
    _hear(heard, 0, 3)
    _hear(heard, 1, 0)
    lost = shelf.keep(heard, fails=True)
    assert len(lost) > 1
    assert shelf.keep(heard).keys() == lost.keys()
    again = detector()
    again.restore(shelf.entries[CHECKPOINT], shelf.entries.get)
    assert again.checkpoint() == heard.checkpoint()


@pytest.mark.parametrize(("sentence", "damage"), [
    ("a part is gone", lambda part: None),
    ("a part is cut off", lambda part: part[:-3]),
    ("a part is no zlib", lambda part: b"x" + part),
    ("a part is empty", lambda part: b""),
])
def test_a_damaged_part_is_no_memory(sentence: str, damage: Callable[[bytes], bytes | None]) -> None:
    """Half a memory of what is usual would raise alarms: that service begins anew, which is said; the rest is kept."""
    heard, shelf = detector(), Shelf()
    _hear(heard, 0, 3)
    shelf.keep(heard)
    part = next(name for name in sorted(shelf.entries) if name.startswith(f"{CHECKPOINT}/"))
    again, nothing = fresh(), fresh().checkpoint()
    entries: dict[str, Any] = {**shelf.entries, part: damage(shelf.entries[part])}
    with capture_logs() as logs:
        again.restore(entries[CHECKPOINT], entries.get)
    assert [one["event"] for one in logs] == ["detector.territory_unreadable"], sentence
    assert nothing != again.checkpoint() != heard.checkpoint(), sentence


def test_a_territory_of_nothing_has_no_parts() -> None:
    """No region, no bytes."""
    empty = Kept(1, [], [], -1, 0, 0, {"a": b""})
    assert list(cut(empty, "x")) == []
    assert joined(empty, lengths(empty), "x", {}.get) == empty
