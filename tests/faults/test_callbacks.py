"""A few of the proof's cases of callbacks, and what its judge calls a broken promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notifier.store import StoreSettings, open_store
from tests.postgres_server import PostgresServer, postgres_server

from .callbacks import Case, Tally, cases, judge, run
from .nursery import Nursery

CHOSEN = (
    Case("sqlite", "callback.before_commit", "kill", "off", ""),
    Case("sqlite", "callback.after_commit", "kill", "off, doubled", "accept_then_drop"),
    Case("sqlite", "callback.before_commit", "stop", "in order", ""),
    Case("sqlite", "channel.after_answer", "kill", "off, yet arrives late", ""),
    Case("sqlite", "channel.after_answer", "locked", "off, backwards", ""),
    Case("postgres", "callback.after_commit", "stop", "off", ""),
    Case("postgres", "hand_over.before_commit", "cut", "nobody knows", ""),
)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


@pytest.mark.parametrize("case", CHOSEN, ids=str)
def test_words_that_meet_a_fault(case: Case, nursery: Nursery, server: PostgresServer) -> None:
    assert case in set(cases())
    template = server.database()
    open_store(StoreSettings(url=server.address(template), connections=2)).close()
    tally = Tally()
    run(case, nursery, server, template, tally)
    assert tally.broken == []
    assert tally.met[case.point] == 1, "the fault began"


def word(sid: str, status: str, code: str = "", *, after: int = 1, answered: int = 200, told: bool = True) -> Any:
    return {"sid": sid, "status": status, "code": code, "told": told, "answered": answered, "after": after}


OFF = word("A", "undelivered", "30003")


@pytest.mark.parametrize(("made", "words", "fate", "fine"), [
    pytest.param("A", [word("A", "delivered")], "delivered", True, id="it arrived, and we know"),
    pytest.param("A", [word("A", "delivered")], "sent", False, id="we acknowledged that it arrived, and forgot it"),
    pytest.param("A", [word("A", "delivered", answered=0)], "sent", True, id="nobody heard that it arrived"),
    pytest.param("A", [word("A", "delivered", answered=0)], "delivered", True, id="it was kept, the answer lost"),
    pytest.param("A", [word("A", "sent")], "delivered", False, id="nobody said that it arrived"),
    pytest.param("A", [OFF], "failed", False, id="it failed, and nothing follows"),
    pytest.param("A", [OFF, word("A", "delivered", answered=0)], "delivered", True, id="kept, not answered"),
    pytest.param("A", [OFF, word("A", "delivered", answered=0)], "failed", False, id="failed, and none follows"),
    pytest.param("AB", [OFF], "sent", True, id="it failed, and another follows"),
    pytest.param("AB", [], "sent", False, id="another follows, and nobody had said that the first failed"),
    pytest.param("AB", [word("A", "undelivered", "30003", after=2)], "sent", False, id="that was said too late"),
    pytest.param("AB", [OFF, word("A", "delivered")], "delivered", False, id="another follows what had arrived"),
    pytest.param("AB", [OFF, word("A", "delivered", after=2)], "delivered", True, id="it arrived after the other left"),
    pytest.param("AB", [OFF, word("A", "delivered", after=2)], "sent", False, id="and that was forgotten"),
    pytest.param("ABCDE", [word(sid, "undelivered", "30003") for sid in "ABCD"], "sent", False, id="one too many"),
    pytest.param("ABCD", [word(sid, "undelivered", "30003") for sid in "ABCD"], "failed", True, id="all failed"),
    pytest.param("A", [word("A", "undelivered", "30008")], "failed", True, id="nobody knows: held"),
    pytest.param("", [], "sent", False, id="no message at all"),
])
def test_the_judge(made: str, words: list[Any], fate: str, fine: bool) -> None:
    tally = Tally()
    judge(CHOSEN[0], {"text": (fate, "")}, [{"id": sid, "body": "text"} for sid in made], words, tally)
    assert (tally.broken == []) is fine, tally.broken


def test_cases_are_enumerated_once() -> None:
    every = list(cases())
    assert len(every) == len(set(every))
    assert {case.fault for case in every if case.point.startswith("callback.")} == {"kill", "stop"}


def test_the_words_are_kept_beside_the_ledger(tmp_path: Path) -> None:
    from notifier.standins.twilio_words import words_beside

    assert words_beside(tmp_path / "sms-callbacks.jsonl") == tmp_path / "sms-callbacks.words.jsonl"
