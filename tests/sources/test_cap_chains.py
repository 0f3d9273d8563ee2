"""Chains of CAP messages: updates and cancellations, late, out of order, of what was never heard; words from the
future."""

from __future__ import annotations

from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.warnings.alerting import EventRule

from .cap_messages import feed, infos, message, read

OPEN = {("alert:A1", "US-VT-007"): Level.MAJOR}


def after(*bodies: str, **fields: Any) -> tuple[dict[tuple[str, str], Level], Reading]:
    """What is open by (fingerprint, region) after several answers, kept as the poller would; and the last reading."""
    held: dict[tuple[str, str], Level] = {}
    memory: Any = {}
    reading = Reading(False)
    for body in bodies:
        reading = read(body, memory, **fields)
        assert reading.known, reading.why
        memory = reading.memory
        told = {(s.fingerprint, s.region): s.level for s in reading.signals}
        spoken = {fingerprint for fingerprint, _ in told}
        present = spoken | set(reading.present)
        held = {key: level for key, level in held.items() if key[0] not in spoken and key[0] not in reading.gone
                and (not reading.complete or key[0] in present)}
        held |= {key: level for key, level in told.items() if level is not Level.OK}
    return held, reading


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        pytest.param([message("A2", "Update", "11:55", "A1@11:50"), message("A1")], OPEN,
                     id="the update comes first: one trouble, and the late original changes nothing"),
        pytest.param([message("A2", "Cancel", "11:55", "A1@11:50"), message("A1")], {},
                     id="the cancellation comes first: the late original opens nothing"),
        pytest.param([message("A2", "Cancel", "11:55", "A1@11:50", info="-"), message("A1")], {},
                     id="so does one that says only what it cancels"),
        pytest.param([message("A2", "Cancel", "11:50", "A1@11:50", info="-"), message("A1")], {},
                     id="even in the same second"),
        pytest.param([message("A9", "Cancel", "11:55", "A8@11:50", info="-")], {},
                     id="a cancellation of what we never heard"),
        pytest.param([message("A1"), message("A3", "Cancel", "11:56", "A2@11:55", info="-")], OPEN,
                     id="a cancellation of something else"),
        pytest.param([message("A1"), message("A2", "Update", "11:55", "A1@11:50"),
                      message("A3", "Cancel", "11:58", "A2@11:55", info="-")], {},
                     id="a cancellation that names only the last of the chain"),
        pytest.param([message("A1"), message("A3", "Update", "11:58", "A2@11:55"),
                      message("A2", "Update", "11:55", "A1@11:50")],
                     {("alert:A2", "US-VT-007"): Level.MAJOR}, id="the middle of the chain comes last: two become one"),
        pytest.param([message("A1"), message("B1", area="Ontario"),
                      message("C1", "Update", "11:55", "A1@11:50 B1@11:50")],
                     OPEN, id="two are merged by one update"),
        pytest.param([message("A1"), message("A2", "Cancel", "11:55", "A1@11:50", info="-"), message("A1")], {},
                     id="the original is served again after its cancellation"),
        pytest.param([message("A1"), message("A2", "Update", "11:55", "A1@11:50", event="Repairs")], OPEN,
                     id="renamed by an update"),
        pytest.param([message("A1"), message("A2", "Update", "11:55", "A1@11:50", area="Ontario")],
                     {("alert:A1", "CA-ON"): Level.MAJOR}, id="moved by an update"),
        *(pytest.param([message("A1"), message("A2", "Cancel", "11:55", "A1@11:50", status=word)], OPEN,
                       id=f"a cancellation that is only {word}") for word in ("Test", "Exercise", "Draft", "System")),
        *(pytest.param([message("A1"), message("A2", kind, "11:55", "A1@11:50")], OPEN, id=f"{kind} says nothing")
          for kind in ("Ack", "Error")),
        pytest.param([message("A1", status="Exercise"), message("A1", status="Test")], {},
                     id="exercise and test open nothing"),
        pytest.param([message("A1", status="Pondering"), message("A1", "Pondering"),
                      message("A1", scope="Pondering")], {}, id="words from the future open nothing"),
    ],
)
def test_chains(bodies: list[str], expected: dict[tuple[str, str], Level]) -> None:
    assert after(*bodies)[0] == expected
    listed = [feed(*bodies[: n + 1]) for n in range(len(bodies))]
    assert after(*listed, lists_all_active=True)[0] == expected, "the same from a feed that keeps them all"


def test_an_update_whose_event_no_rule_names_is_not_the_end() -> None:
    rules = (EventRule(event="Power*"),)
    first, second = (message("A1").replace("Infra", "Met"),
                     message("A2", "Update", "11:55", "A1@11:50", event="Repairs").replace("Infra", "Met"))
    held, reading = after(feed(first), feed(second), events=rules, lists_all_active=True)
    assert reading.signals == ()
    assert held == OPEN
    clear = second.replace("<urgency>", "<responseType>AllClear</responseType><urgency>")
    assert after(feed(first), feed(clear), events=rules, lists_all_active=True)[0] == {}


@pytest.mark.parametrize("over", [{"status": "Pondering"}, {"scope": "Pondering"}, {"kind": "Pondering"}])
def test_words_from_the_future_keep_open_what_is_open(over: dict[str, str]) -> None:
    held, reading = after(feed(message("A1")), feed(message("A1", **over)), lists_all_active=True)
    assert reading.complete
    assert held == OPEN
    held, _ = after(feed(message("A1")), feed(message("A2", sent="11:55", refers_to="A1@11:50", **over)),
                    lists_all_active=True)
    assert held == OPEN


@pytest.mark.parametrize(("cancels", "goes_on"), [("A2", "A3"), ("A3", "A2")])
def test_a_warning_cancelled_for_one_county_goes_on_in_the_other(cancels: str, goes_on: str) -> None:
    """The weather service sends both in the same second, each with the same reference."""
    both = message("A1", info=infos(("Chittenden County", ""), ("Ontario", "")))
    part = message(cancels, "Cancel", "11:55", "A1@11:50", area="Chittenden County")
    rest = message(goes_on, "Update", "11:55", "A1@11:50", area="Ontario")
    expected = {("alert:A1", "CA-ON"): Level.MAJOR}
    assert after(feed(both), feed(part, rest), lists_all_active=True)[0] == expected
    assert after(feed(both), feed(rest, part), lists_all_active=True)[0] == expected


def test_memory_is_small_however_many_alerts_there_are() -> None:
    body = feed(*(message(f"A{n}", "Cancel" if n % 2 else "Alert", refers_to=f"B{n}@11:40") for n in range(1500)))
    reading = read(body)
    assert reading.known
    assert sum(map(len, reading.memory.values())) < 60_000
