"""Known outages: which alarm found which, and what is said of a file that is none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from notifier.config import ConfigMistakes
from notifier.model.service import Service
from notifier.replay.backtest.alarms import Alarm
from notifier.replay.backtest.truth import Outage, false, found, read_truth

from .looks import TREE, at

OUTAGE = Outage("power", "north", at(10), at(70))


def alarm(raised: float, over: float | None, *regions: str, service: str = "power") -> Alarm:
    return Alarm(service, list(regions), at(raised - 1), at(raised), 8.0, 9.0, 5, 6, 0.5, "", (),
                 over=None if over is None else at(over))


ANSWERS = [
    pytest.param(alarm(15, 80, "north"), True, id="raised within, in its region"),
    pytest.param(alarm(15, 80, "n1"), True, id="in a part of it"),
    pytest.param(alarm(15, 80, "home"), True, id="in the region around it"),
    pytest.param(alarm(15, 80, "south"), False, id="elsewhere"),
    pytest.param(alarm(15, 80, "south", "home"), True, id="elsewhere first, then around it"),
    pytest.param(alarm(15, 80, "north", service="tv"), False, id="another service"),
    pytest.param(alarm(5, 30, "north"), True, id="customers were first, and it was still up"),
    pytest.param(alarm(1, 9, "north"), False, id="over before it began"),
    pytest.param(alarm(71, 90, "north"), False, id="raised after its end"),
    pytest.param(alarm(1, None, "north"), True, id="up to the end of the recording"),
]


@pytest.mark.parametrize(("one", "answers"), ANSWERS)
def test_which_alarms_answer_an_outage(one: Alarm, answers: bool) -> None:
    (result,) = found([OUTAGE], [one], TREE)
    assert result.alarm is (one if answers else None)
    assert false([OUTAGE], [one], TREE) == (() if answers else (one,))


def test_the_first_alarm_found_it_and_a_second_is_not_false() -> None:
    first, second = alarm(12, 20, "north"), alarm(50, 80, "north")
    (result,) = found([OUTAGE], [second, first], TREE)
    assert (result.alarm, result.delay) == (first, timedelta(minutes=2))
    assert false([OUTAGE], [first, second], TREE) == ()


def test_an_alarm_before_the_known_beginning_has_a_negative_delay() -> None:
    assert found([OUTAGE], [alarm(5, 30, "north")], TREE)[0].delay == timedelta(minutes=-5)


def test_without_known_outages_every_alarm_is_false() -> None:
    one = alarm(5, 30, "north")
    assert false([], [one], TREE) == (one,)


SERVICES = {"power": Service(id="power", name="power")}
GOOD = '{service: power, region: north, from: "2026-11-03T07:10:00-05:00", to: "2026-11-03T13:10:00Z"}'


def read(tmp_path: Path, text: str) -> tuple[Outage, ...]:
    path = tmp_path / "truth.yaml"
    path.write_text(text, encoding="utf-8")
    return read_truth(path, TREE, SERVICES)


def test_outages_are_read_in_utc(tmp_path: Path) -> None:
    assert read(tmp_path, f"- {GOOD}\n") == (OUTAGE,)
    assert read(tmp_path, "[]") == ()


MISTAKES = [
    pytest.param("", "1:1", "expected a list of outages", id="an empty file is none"),
    pytest.param("outages: []", "1:1", "expected a list of outages", id="a mapping"),
    pytest.param(f"- {GOOD}\n- power", "2:3", "found 'power'", id="an entry that is no mapping"),
    pytest.param("- {service: power, region: north}", "1:3", "the key 'from' is missing", id="a key is missing"),
    pytest.param("- {service: powr, region: north}", "1:13", "did you mean 'power'?", id="no such service"),
    pytest.param("- {service: power, region: nroth}", "1:28", "did you mean 'north'?", id="no such region"),
    pytest.param("- {service: [power], region: north}", "1:13", "found a list", id="a list where a name belongs"),
    pytest.param("- {form: 1}", "1:4", "did you mean 'from'?", id="a key nobody knows"),
    pytest.param("- {from: 2026-11-03T07:10:00}", "1:10", "no time with a zone", id="a time without its zone"),
    pytest.param("- {from: 7, to: yesterday}", "1:17", "no time with a zone", id="no time at all"),
    pytest.param("- {from: 2026-11-03T08:00Z, to: 2026-11-03T07:00Z}", "1:33", "is not after 'from'", id="backwards"),
    pytest.param("- {", "2:1", "not YAML", id="no YAML"),
    pytest.param("- &a [*a, *a]", "1:", "", id="turned into itself"),
]


@pytest.mark.parametrize(("text", "place", "why"), MISTAKES)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, place: str, why: str) -> None:
    with pytest.raises(ConfigMistakes) as raised:
        read(tmp_path, text)
    told = [str(mistake) for mistake in raised.value.mistakes]
    assert any(f"truth.yaml:{place}" in one and why in one for one in told), told
