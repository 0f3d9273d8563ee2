"""Slack's status API: traps of the format, and answers as captured."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Failure, Reading, Source
from notifier.sources.pages import slack
from notifier.sources.pages.slack import SlackSettings
from notifier.sources.settings import Placing
from tests.shared_data import shared

from .support import NOW, answer, tree
from .vendors import vendor

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",), find_regions=True)
OPEN: dict[str, Any] = json.loads(vendor("slack").bodies["open"])


def source(placing: Placing = PLACING) -> Source:
    return slack.make(SlackSettings(id="slack", placing=placing), regions=TREE)


def body(*incidents: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {**OPEN, "active_incidents": list(incidents), **over}


def incident(**over: Any) -> dict[str, Any]:
    return {**OPEN["active_incidents"][0], **over}


def read(given: Any, memory: dict[str, str] | None = None) -> Reading:
    reading = source().read(answer(given), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(given: Any, memory: dict[str, str] | None = None) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in read(given, memory).signals}


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        pytest.param({"type": "outage"}, Level.CRITICAL, id="an outage is the worst Slack has a word for"),
        pytest.param({"type": "incident"}, Level.MINOR, id="an incident"),
        pytest.param({"type": "notice"}, Level.NOTICE, id="a notice is information"),
        pytest.param({"type": "maintenance"}, Level.MAINTENANCE, id="work in progress"),
        pytest.param({"type": "maintenance", "status": "scheduled"}, Level.NOTICE, id="work ahead"),
        pytest.param({"type": "maintenance", "status": "completed"}, Level.OK, id="work that is done"),
        pytest.param({"type": "maintenance", "status": "cancelled"}, Level.OK, id="work that is called off"),
        pytest.param({"status": "resolved"}, Level.OK, id="resolved"),
        pytest.param({"status": "pondering"}, Level.CRITICAL, id="an unknown status is not over"),
        pytest.param({"type": "apocalypse"}, Level.NOTICE, id="an unknown type opens nothing"),
        pytest.param({"type": None}, Level.NOTICE, id="no type"),
    ],
)
def test_levels(over: dict[str, Any], expected: Level) -> None:
    assert levels(body(incident(**over))) == {"incident:1601": expected}


def test_a_type_nobody_knows_yet_does_not_end_what_is_open() -> None:
    first = read(body(incident()))
    assert levels(body(incident(type="apocalypse")), dict(first.memory)) == {"incident:1601": Level.MINOR}


def test_an_incident_is_its_id_as_a_number_and_as_text_however_it_is_renamed() -> None:
    """The documentation writes ids as text, the answers as numbers."""
    again = incident(id="1601", title="All is slow", date_created="2026-01-15T02:00:00-08:00")
    assert levels(body(incident())).keys() == levels(body(again)).keys()


def test_ok_affirms_and_active_without_an_incident_is_trouble_of_all_of_slack() -> None:
    well = read(body(status="ok"))
    assert (well.signals, well.complete, well.affirmed) == ((), True, True)
    odd = read(body())
    assert [(s.fingerprint, s.level) for s in odd.signals] == [("page", Level.MINOR)]
    assert not odd.affirmed
    assert levels(body(status="pondering")) == {}
    assert levels(body(incident(type="notice"))) == {"incident:1601": Level.NOTICE}


def test_times_carry_an_offset_and_are_compared_as_moments() -> None:
    (signal,) = read(body(incident())).signals
    assert signal.started_at.isoformat() == "2026-01-15T11:30:00+00:00"


def test_the_newest_note_speaks_wherever_it_stands_and_the_workaround_is_kept() -> None:
    told = json.loads(vendor("slack").bodies["update"])
    notes = told["active_incidents"][0]["notes"]
    for order in (notes, notes[::-1]):
        (signal,) = read(body(incident(notes=order))).signals
        assert signal.facts["update"].startswith("The cause is known.")
        assert signal.facts["workaround"] == "reload with Cmd/Ctrl + Shift + R."
        assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"


def test_the_features_touched_say_what_fails_and_rubbish_among_them_is_left_out() -> None:
    placing = Placing.model_validate({"regions": ["US"], "map": [{"component": "Calls", "service": "voice"}]})
    odd = body(incident(services=["Calls", None, 7, "", {"name": "Files"}, "Files"]))
    reading = source(placing).read(answer(odd), {}, NOW)
    assert [(s.service, s.region) for s in reading.signals] == [("voice", "US")]
    assert len(reading.unplaced) == 1
    assert "Files" in reading.unplaced[0]


@pytest.mark.parametrize("missing", ["status", "date_updated", "active_incidents"])
def test_without_what_it_always_has_it_says_nothing(missing: str) -> None:
    reading = source().read(answer({k: v for k, v in OPEN.items() if k != missing}), {}, NOW)
    assert not reading.known
    assert missing in reading.why


def test_asks_for_what_is_current() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url)
        return answer(OPEN)

    slack.make(SlackSettings(id="slack"), regions=TREE, fetch=fetch).fetch({}, NOW)
    assert asked == ["https://slack-status.com/api/v2.0.0/current"]


def captured(name: str, at: str) -> Reading:
    moment = datetime.fromisoformat(at)
    given = shared(f"data/status/vendors/{name}").read_bytes()
    return source().read(Answer(moment, 200, {}, given), {}, moment)


def test_two_incidents_as_captured_in_2020() -> None:
    reading = captured("statuscheck/slack_incident.json", "2020-07-30T23:00:00Z")
    assert reading.complete
    assert {s.fingerprint: s.level for s in reading.signals} == {
        "incident:878": Level.MINOR, "incident:879": Level.MINOR,
    }


def test_well_as_captured_in_2026() -> None:
    reading = captured("devops-status-mcp/slack-current.json", "2026-06-26T12:00:00Z")
    assert (reading.known, reading.signals, reading.complete, reading.affirmed) == (True, (), True, True)


def test_history_as_captured_holds_a_workaround_and_what_is_over() -> None:
    history = json.loads(shared("data/status/vendors/devops-status-mcp/slack-history.json").read_bytes())
    moment = datetime.fromisoformat("2026-06-26T12:00:00Z")
    over = source().read(answer(body(*history, date_updated="2026-06-26T03:09:39-07:00"), at=moment), {}, moment)
    assert {signal.level for signal in over.signals} == {Level.OK}
    reopened = [{**one, "status": "active"} for one in history]
    again = source().read(answer(body(*reopened, date_updated="2026-06-26T03:09:39-07:00"), at=moment), {}, moment)
    facts = {signal.fingerprint: signal.facts for signal in again.signals}
    assert "Send us a Message" in facts["incident:1571"]["workaround"]
