"""The Vermont recording is the generator's, and says what it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from notifier.demo import vermont


def test_the_shipped_recording_is_what_the_generator_writes(tmp_path: Path) -> None:
    vermont.write(tmp_path)
    for name in ("mentions.jsonl.gz", "README"):
        assert (tmp_path / name).read_bytes() == (vermont.SHIPPED / name).read_bytes(), f"run vermont.write for {name}"


def test_it_is_labelled_as_a_reconstruction() -> None:
    assert "A reconstruction, not a record" in (vermont.SHIPPED / "README").read_text(encoding="utf-8")


def test_complaints_come_with_the_outage_and_go_with_it() -> None:
    complaints = [m for m in vermont.mentions() if "3G" in m.text or "data" in m.text]
    during = [m for m in complaints if vermont.OUTAGE <= m.created_at < vermont.OVER]
    assert len(during) > 100
    assert len([m for m in complaints if m.created_at < vermont.OUTAGE - timedelta(minutes=1)]) < 15


def test_some_say_what_helps_and_some_say_it_is_back() -> None:
    texts = [m.text for m in vermont.mentions()]
    assert sum("Edge" in text for text in texts) > 10
    assert sum("back" in text for text in texts) > 3
