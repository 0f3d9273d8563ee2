"""`notifier train`: what it reads, what it writes, and what it says of the model's worth."""

from __future__ import annotations

import builtins
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from notifier.cli.main import main
from notifier.detection.complaint.model import read

EXAMPLE = Path(__file__).resolve().parents[2] / "config"


def _posts() -> list[dict[str, Any]]:
    """Three events: customers say "kaput", which no list knows, and all else is chatter about the same services."""
    found = []
    for event in range(3):
        for number in range(40):
            complaint = number % 3 == 0
            text = f"our internet is kaput {number}" if complaint else f"reading about internet history number {number}"
            found.append({"text": text, "label": "complaint" if complaint else "none", "event": f"event {event}",
                          "created_at": f"2026-0{event + 1}-01T{number % 24:02}:00:00Z"})
    return found


def _write(path: Path, posts: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in posts), encoding="utf-8")
    return path


def _train(posts: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["train", str(posts), "--out", str(out), "--config", str(EXAMPLE), *more])


def test_it_learns_a_word_and_tells_its_worth(tmp_path: Path) -> None:
    """Words alone find none of these; a model of other events finds them in each event left out, and in later ones."""
    pytest.importorskip("sklearn")
    out = tmp_path / "our.model"
    said = _train(_write(tmp_path / "posts.jsonl", _posts()), out, "--json")
    assert said.exit_code == 0, said.output
    report = json.loads(said.stdout)
    assert [row["event"] for row in report["by_event"]] == ["event 0", "event 1", "event 2"]
    assert report["totals"]["by_event"]["words"]["right"] == 0
    assert report["totals"]["by_event"]["both"]["recall"] == 1.0
    assert report["totals"]["by_time"]["both"]["precision"] == 1.0
    assert read(out).weights["kaput"] > 0


def test_the_same_posts_give_the_same_bytes(tmp_path: Path) -> None:
    """In whatever order they come, and packed or not."""
    pytest.importorskip("sklearn")
    posts = _posts()
    _train(_write(tmp_path / "posts.jsonl", posts), tmp_path / "a.model")
    packed = tmp_path / "posts.jsonl.gz"
    packed.write_bytes(gzip.compress("".join(json.dumps(one) + "\n" for one in reversed(posts)).encode()))
    _train(packed, tmp_path / "b.model")
    assert (tmp_path / "a.model").read_bytes() == (tmp_path / "b.model").read_bytes()


def test_it_prints_both_splits_for_people(tmp_path: Path) -> None:
    """Precision and recall by event, words beside model, and which posts were unseen."""
    pytest.importorskip("sklearn")
    said = _train(_write(tmp_path / "posts.jsonl", _posts()), tmp_path / "our.model").stdout
    for part in ("Each event left out in turn", "Fitted to posts before", "words P", "model R", "adds complaints from"):
        assert part in said


@pytest.mark.parametrize(("line", "says"), [
    pytest.param('{"text": "a", "label": "angry", "created_at": "2026-01-01T00:00:00Z"}', "'label' is 'angry'",
                 id="a label nobody knows"),
    pytest.param('{"label": "none", "created_at": "2026-01-01T00:00:00Z"}', "'text'", id="no text"),
    pytest.param('{"text": "a", "label": "none"}', "'created_at' is missing", id="no time"),
    pytest.param('{"text": "a", "label": "none", "created_at": "yesterday"}', ":1:", id="a time that is none"),
    pytest.param('{"text": "a", "label": ["none"], "created_at": "2026-01-01T00:00:00Z"}', "'label'", id="a list"),
    pytest.param("[1]", "JSON object", id="no object"),
    pytest.param("[" * 100_000, "JSON object", id="too deep"),
    pytest.param("not json", ":1:", id="no JSON"),
])
def test_mistakes_are_named_by_line(tmp_path: Path, line: str, says: str) -> None:
    """A wrong line stops it with its number, before anything is written."""
    path = tmp_path / "posts.jsonl"
    path.write_text(line + "\n")
    said = _train(path, tmp_path / "our.model")
    assert said.exit_code == 1
    assert says in said.stderr
    assert not (tmp_path / "our.model").exists()


@pytest.mark.parametrize(("change", "says"), [
    pytest.param({"label": "none"}, "holds 0 complaints", id="no complaint"),
    pytest.param({"event": "one"}, "one event only", id="a single event"),
])
def test_too_little_is_refused(tmp_path: Path, change: dict[str, str], says: str) -> None:
    """What cannot teach, or cannot be tested honestly, is not fitted."""
    said = _train(_write(tmp_path / "posts.jsonl", [{**one, **change} for one in _posts()]), tmp_path / "our.model")
    assert said.exit_code == 1
    assert says in said.stderr


def test_a_damaged_archive_is_a_sentence(tmp_path: Path) -> None:
    """Bytes that were turned over on the way, or are not all there."""
    whole = gzip.compress(_write(tmp_path / "posts.jsonl", _posts()).read_bytes())
    for damaged in (whole[:40] + bytes(byte ^ 0xFF for byte in whole[40:80]) + whole[80:], whole[:-20], whole[:11]):
        posts = tmp_path / "posts.jsonl.gz"
        posts.write_bytes(damaged)
        said = _train(posts, tmp_path / "our.model")
        assert said.exit_code == 1
        assert f"{posts} cannot be read" in said.stderr


def test_without_scikit_learn_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is needed for this alone."""
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name.split(".")[0] in ("sklearn", "scipy"):
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    said = _train(_write(tmp_path / "posts.jsonl", _posts()), tmp_path / "our.model")
    assert said.exit_code == 1
    assert "'.[train]'" in said.stderr


def test_where_it_cannot_write_it_says_so(tmp_path: Path) -> None:
    """A folder that is not there is a sentence."""
    pytest.importorskip("sklearn")
    said = _train(_write(tmp_path / "posts.jsonl", _posts()), tmp_path / "nowhere" / "our.model")
    assert said.exit_code == 1
    assert "cannot be written" in said.stderr
