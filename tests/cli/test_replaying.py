"""Replaying what was recorded under another configuration."""

from __future__ import annotations

import json

from .conftest import Desk


def test_answers_of_sources_the_configuration_lacks_are_skipped_and_each_source_is_named_once(desk: Desk) -> None:
    recording = desk.directory.parent / "recording"
    recording.mkdir()
    polls: list[dict[str, object]] = [
        {"fetched_at": f"2026-01-15T12:0{minute}:00Z", "source": source, "status": 200, "headers": {}, "body": ""}
        for minute in range(3) for source in ("gone", "vendor", "warnings")]
    (recording / "polls.jsonl").write_text("\n".join(map(json.dumps, polls)) + "\n", encoding="utf-8")
    sources = desk.directory / "sources.yaml"
    sources.write_text(sources.read_text(encoding="utf-8").replace(
        "id: warnings\n", "id: warnings\n    enabled: false\n"), encoding="utf-8")
    done = desk.type("replay", "--recording", str(recording), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"]["polls"] == 3
    for source in ("gone", "warnings"):
        told = f"skipped source {source}: it is not in the configuration, or is disabled there"
        assert done.stderr.count(told) == 1
    assert "skipped source vendor" not in done.stderr
