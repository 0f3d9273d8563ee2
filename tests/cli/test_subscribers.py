"""The people who asked to be told: in, out, never again, forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Desk

CSV = """address,regions,services,language,consent_at,consent_by
+18025550101,north-shore,mobile-data,en,2026-01-02T10:00:00Z,web form
ann@example.net,north-shore|south-shore,,en,2026-01-02T10:00:00Z,web form
+18025550102,nowhere,,en,2026-01-02T10:00:00Z,web form
not an address,hills,,en,2026-01-02T10:00:00Z,web form
"""


@pytest.fixture
def people(desk: Desk, tmp_path: Path) -> Desk:
    path = tmp_path / "people.csv"
    path.write_text(CSV, encoding="utf-8")
    done = desk.type("subscribers", "import", str(path), "--report", str(tmp_path / "refused.csv"))
    assert done.exit_code == 0, done.output
    assert "2 subscribers taken, 2 rows refused" in done.stdout
    return desk


def test_refused_rows_are_reported_with_line_and_column_and_no_address(people: Desk, tmp_path: Path) -> None:
    lines = (tmp_path / "refused.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "line,column,problem"
    assert [line.split(",")[:2] for line in lines[1:]] == [["4", "regions"], ["5", "address"]]
    assert "+18025550102" not in "\n".join(lines)


def test_the_list_counts_and_never_shows_addresses(people: Desk) -> None:
    table = people.type("subscribers", "list").stdout
    rows = people.json("subscribers", "list")["subscribers"]
    assert "north-shore" in table
    assert sorted((row["kind"], tuple(row["regions"]), row["opted_out"]) for row in rows) == [
        ("email", ("north-shore", "south-shore"), False), ("phone", ("north-shore",), False)]
    assert "example.net" not in table + json.dumps(rows)
    assert "8025550101" not in table + json.dumps(rows)


def test_what_is_exported_can_be_imported_again(people: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert people.type("subscribers", "export", str(out)).exit_code == 0
    elsewhere = Desk(people.directory, tmp_path / "other.db")
    answer = elsewhere.json("subscribers", "import", str(out))
    assert answer["taken"] == 2
    assert answer["refused"] == []
    again = elsewhere.type("subscribers", "export", "-").stdout
    assert again.splitlines() == out.read_text(encoding="utf-8").splitlines()
    assert len(again.splitlines()) == 3


def test_who_opted_out_stays_out_even_when_imported_again(people: Desk, tmp_path: Path) -> None:
    done = people.type("subscribers", "opt-out", "+1 802 555 0101")
    assert done.stdout == "opted out\n"
    assert people.type("subscribers", "opt-out", "bob@example.net").stdout == "opted out; it was not a subscriber\n"
    people.type("subscribers", "import", str(tmp_path / "people.csv"))
    rows = people.json("subscribers", "list")["subscribers"]
    assert [row["opted_out"] for row in rows if row["kind"] == "phone"] == [True]
    assert [row["opted_out"] for row in rows if row["kind"] == "email"] == [False]


def test_erasure_leaves_nothing(people: Desk) -> None:
    assert people.type("subscribers", "erase", "ann@example.net", stdin="n\n").exit_code == 1
    assert len(people.json("subscribers", "list")["subscribers"]) == 2
    assert people.type("subscribers", "erase", "ann@example.net", "--yes").stdout == "erased\n"
    assert "ann@example.net" not in people.type("subscribers", "export", "-").stdout
    assert people.type("subscribers", "erase", "ann@example.net", "--yes").stdout == (
        "nothing was kept about this address\n")


def test_an_address_that_is_none(desk: Desk) -> None:
    done = desk.type("subscribers", "opt-out", "tomorrow")
    assert done.exit_code == 1
    assert done.stderr.startswith("notifier: ")
    assert "tomorrow" not in done.stderr
