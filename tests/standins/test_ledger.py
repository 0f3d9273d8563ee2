"""The ledger survives what its stand-in does not; faults come in order and as often as told."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.standins.faults import Faults
from notifier.standins.ledger import Ledger, read_ledger


def test_what_was_accepted_outlives_the_stand_in(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path).add({"id": "1", "body": "Café\n"})
    again = Ledger(path)
    again.add({"id": "2"})
    assert read_ledger(path) == again.entries == [{"id": "1", "body": "Café\n"}, {"id": "2"}]


def test_a_line_cut_by_a_crash_was_never_answered(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"id": "1"}\n{"id": "2', encoding="utf-8")
    assert read_ledger(path) == [{"id": "1"}]


def test_no_file_is_an_empty_ledger(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "none.jsonl") == []
    assert Ledger().entries == []


def test_its_entries_are_a_copy() -> None:
    ledger = Ledger()
    ledger.entries.append({"id": "forged"})
    assert ledger.entries == []


def test_faults_come_in_order_and_as_often_as_told() -> None:
    faults = Faults()
    faults.set("hang", 2)
    faults.set("429")
    faults.set("500", on="read")
    assert [faults.take("send") for _ in range(4)] == ["hang", "hang", "429", ""]
    assert [faults.take("read") for _ in range(2)] == ["500", ""]
    faults.set("hang")
    faults.clear()
    assert faults.take("send") == ""


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({}, id="no mode"),
        pytest.param({"mode": "explode"}, id="a mode nobody knows"),
        pytest.param({"mode": "200"}, id="a status that is no fault"),
        pytest.param({"mode": "hang", "times": "2"}, id="times that are no number"),
        pytest.param({"mode": "hang", "times": -1}, id="less than never"),
        pytest.param({"mode": "hang", "on": "sleep"}, id="on nothing there is"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_refused(wish: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Faults().set_from(wish)
