"""An entry is added as text: comments and order stay, and nothing that would not check is ever written."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from notifier.config import check
from notifier.config.appending import CannotAppend, appended, checked_with, write

from .support import EXAMPLE, laid_over


def entry(indent: int) -> str:
    return f"{' ' * indent}- id: new\n{' ' * indent}  kind: x\n"


@pytest.mark.parametrize(("before", "after"), [
    pytest.param("", "sources:\n  - id: new\n    kind: x\n", id="an empty file"),
    pytest.param("# ours\n", "# ours\n\nsources:\n  - id: new\n    kind: x\n", id="only a comment"),
    pytest.param("sources:\n", "sources:\n  - id: new\n    kind: x\n", id="an empty list"),
    pytest.param("sources: # none yet\nmentions:\n", "sources: # none yet\n  - id: new\n    kind: x\nmentions:\n",
                 id="an empty list with a remark"),
    pytest.param("sources: []  # none\n", "sources:  # none\n  - id: new\n    kind: x\n", id="[]"),
    pytest.param("mentions:\n  - id: a", "mentions:\n  - id: a\n\nsources:\n  - id: new\n    kind: x\n",
                 id="no such list, no last line break"),
    pytest.param("sources:\n  - id: a\n", "sources:\n  - id: a\n  - id: new\n    kind: x\n", id="after the last entry"),
    pytest.param("sources:\n- id: a\n", "sources:\n- id: a\n- id: new\n  kind: x\n", id="dashes where they are"),
    pytest.param("sources:\n    - id: a\n      x:\n          - b\n", "sources:\n    - id: a\n      x:\n          - b\n"
                 "    - id: new\n      kind: x\n", id="deeper, and a list within"),
    pytest.param("sources:\n  - id: a   # why\n    # - {a rule taken out}\n\n  # ── next ──\nmentions:\n  - id: b\n",
                 "sources:\n  - id: a   # why\n    # - {a rule taken out}\n  - id: new\n    kind: x\n\n  # ── next ──\n"
                 "mentions:\n  - id: b\n", id="below comments of the last entry, above those of what follows"),
    pytest.param("sources:\n  - {id: a, x: [1,\n     2]}\n", "sources:\n  - {id: a, x: [1,\n     2]}\n  - id: new\n"
                 "    kind: x\n", id="an entry in braces over two lines"),
    pytest.param("sources:\n  - id: a\n    x: |\n      text\nm: 1\n", "sources:\n  - id: a\n    x: |\n      text\n"
                 "  - id: new\n    kind: x\nm: 1\n", id="an entry that ends in a block of text"),
    pytest.param("sources:\r\n  - id: a\r\n", "sources:\r\n  - id: a\r\n  - id: new\r\n    kind: x\r\n",
                 id="line breaks of Windows"),
    pytest.param("\ufeffsources:\n", "\ufeffsources:\n  - id: new\n    kind: x\n", id="a byte order mark"),
    pytest.param("sources:\n  # - id: old\nm: 1\n", "sources:\n  # - id: old\n  - id: new\n    kind: x\nm: 1\n",
                 id="an empty list whose entries are commented out"),
])
def test_where_an_entry_goes(before: str, after: str) -> None:
    found = appended(before, "sources", entry)
    assert found == after
    assert yaml.safe_load(found.removeprefix("\ufeff"))["sources"][-1] == {"id": "new", "kind": "x"}


@pytest.mark.parametrize("text", [
    pytest.param("sources: [{id: a}]\n", id="a list in brackets"),
    pytest.param("sources: {id: a}\n", id="no list"),
    pytest.param("sources: none\n", id="text"),
    pytest.param("- id: a\n", id="a list at the top"),
    pytest.param("{sources: []}\n", id="all in braces"),
    pytest.param("x: &l\n  - id: a\nsources: *l\n", id="an alias"),
    pytest.param("a: [", id="no YAML"),
])
def test_what_cannot_be_added_to_is_refused(text: str) -> None:
    with pytest.raises(CannotAppend):
        appended(text, "sources", entry)


def test_the_example_keeps_every_line_it_had() -> None:
    before = (EXAMPLE / "sources.yaml").read_text(encoding="utf-8")
    after = appended(before, "sources", entry)
    kept = iter(after.split("\n"))
    assert all(line in kept for line in before.split("\n")), "every line is there, in order"
    had, has = yaml.safe_load(before), yaml.safe_load(after)
    assert has == {**had, "sources": [*had["sources"], {"id": "new", "kind": "x"}]}


def test_the_whole_configuration_is_checked_with_it_and_left_alone(tmp_path: Path) -> None:
    directory = laid_over(tmp_path / "config")
    before = (directory / "sources.yaml").read_bytes()
    good = dedent("""
        sources:
          - {id: more, kind: feed, url: "https://x.example/f", placing: {service: mobile-data, regions: [hills]}}
        """)
    assert checked_with(directory, "sources.yaml", good) == ()
    (mistake,) = checked_with(directory, "sources.yaml", good.replace("mobile-data", "mobile-dta"))
    assert mistake.nearest == "mobile-data"
    assert (directory / "sources.yaml").read_bytes() == before
    assert check(directory) == ()


def test_writing_keeps_rights_and_follows_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text("old\n", encoding="utf-8")
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    write(link, b"old\n", "new\n")
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "new\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.yaml", "real.yaml"]


@pytest.mark.parametrize("before", [None, b"older\n"])
def test_what_somebody_changed_meanwhile_is_not_overwritten(before: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("old\n", encoding="utf-8")
    with pytest.raises(CannotAppend, match="changed meanwhile"):
        write(path, before, "new\n")
    assert path.read_text(encoding="utf-8") == "old\n"


def test_a_file_that_was_not_there_is_made(tmp_path: Path) -> None:
    write(tmp_path / "sources.yaml", None, "new\n")
    assert (tmp_path / "sources.yaml").read_text(encoding="utf-8") == "new\n"
