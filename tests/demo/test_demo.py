"""The demo, played as fast as it goes over real sockets: every promise it makes is measured in the providers' books."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from notifier.cli.main import main
from notifier.demo.report import Grade
from notifier.demo.show import play
from notifier.standins.ledger import read_ledger

CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Grade, Path, str]]:
    folder = tmp_path_factory.mktemp("morning")
    out = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENTIALS_DIRECTORY", "")
        yield play(folder, CONFIG, seconds=0, plain=True, console=Console(file=out, width=200)), folder, out.getvalue()


def test_acknowledged_within_three_minutes_of_the_fifth_complaint(morning: tuple[Grade, Path, str]) -> None:
    grade = morning[0]
    assert grade.acknowledged is not None
    assert grade.fifth_complaint is not None
    assert 0 <= (grade.acknowledged - grade.fifth_complaint).total_seconds() <= 180


def test_the_workaround_goes_out_within_five_minutes_of_its_approval(morning: tuple[Grade, Path, str]) -> None:
    from notifier.demo.people import APPROVES_AT

    grade = morning[0]
    assert grade.workaround is not None
    assert 0 <= (grade.workaround - APPROVES_AT).total_seconds() <= 300


def test_the_all_clear_reaches_exactly_those_who_were_told(morning: tuple[Grade, Path, str]) -> None:
    grade = morning[0]
    assert len(grade.told) == 10, "three public accounts, the webhook, three phones, three mailboxes"
    assert grade.told_it_is_over == grade.told


def test_nobody_else_is_told_and_nothing_is_said_twice(morning: tuple[Grade, Path, str]) -> None:
    grade = morning[0]
    assert grade.strangers_told == 0
    assert grade.doubles == 0
    assert grade.sends > 20


def test_the_books_hold_what_the_report_counts(morning: tuple[Grade, Path, str]) -> None:
    grade, folder, _ = morning
    books = {channel: read_ledger(folder / f"ledger-{channel}.jsonl")
             for channel in ("x", "mastodon", "bluesky", "sms", "email", "webhook")}
    assert sum(map(len, books.values())) == grade.sends
    assert all(books.values()), "every channel spoke"


def test_the_workaround_is_told_by_text_message_too(morning: tuple[Grade, Path, str]) -> None:
    _, folder, _ = morning
    texts = [str(entry) for entry in read_ledger(folder / "ledger-sms.jsonl")]
    assert any("3G" in text for text in texts)


def test_the_command_prints_the_comparison_and_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "")
    result = CliRunner().invoke(main, ["demo", "--config", str(CONFIG), "--seconds", "0", "--plain"])
    assert result.exit_code == 0, result.output
    assert "not until it was over" in result.output
    assert "C-" in result.output
