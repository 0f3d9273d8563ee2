"""PagerDuty status pages: JSON inside HTML, and its traps."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading, Source
from notifier.sources.pages import pagerduty
from notifier.sources.pages.pagerduty import PagerDutySettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree
from .vendors import vendor

TREE = tree()
PLACING = Placing(service="data", regions=("US",), find_regions=True)
PAGE = vendor("pagerduty").bodies["open"].decode()
_SCRIPT = re.compile(r'(<script id="data"[^>]*>)(.*?)(</script>)', re.DOTALL)


def data_of(page: str) -> dict[str, Any]:
    found = _SCRIPT.search(page)
    assert found is not None
    data = json.loads(found[2])
    assert isinstance(data, dict)
    return data


DATA = data_of(PAGE)
FIRST: dict[str, Any] = DATA["summary"]["open_incidents"][0]
UPDATE: dict[str, Any] = FIRST["updates"][0]


def source(placing: Placing = PLACING) -> Source:
    return pagerduty.make(PagerDutySettings(id="pd", url="https://status.example", placing=placing), regions=TREE)


def page_of(data: Any) -> str:
    text = json.dumps(data)
    return _SCRIPT.sub(lambda found: found[1] + text + found[3], PAGE)


def page(*incidents: dict[str, Any], **over: Any) -> str:
    return page_of({**DATA, "summary": {**DATA["summary"], "open_incidents": list(incidents), **over}})


def incident(*updates: dict[str, Any]) -> dict[str, Any]:
    return {**FIRST, "updates": list(updates)}


def update(severity: Any = "minor", status: str = "investigating", minute: int = 40, **over: Any) -> dict[str, Any]:
    at = f"2026-01-15T11:{minute}:00Z"
    return {**UPDATE, "severity": severity, "status": status, "reported_at": at, "created_at": at, **over}


def read(given: str, memory: dict[str, str] | None = None) -> Reading:
    reading = source().read(answer(given), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(given: str, memory: dict[str, str] | None = None) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in read(given, memory).signals}


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        pytest.param([update("minor")], Level.MINOR, id="minor"),
        pytest.param([update("major")], Level.MAJOR, id="major"),
        pytest.param([update("outage")], Level.CRITICAL, id="outage, as pages of 2023 have it"),
        pytest.param([update("maintenance")], Level.MAINTENANCE, id="work"),
        pytest.param([update("all_good")], Level.NOTICE, id="open though all is good: information"),
        pytest.param([update("all_good", "resolved")], Level.OK, id="resolved"),
        pytest.param([update("minor", "resolved")], Level.OK, id="resolved counts before the severity"),
        pytest.param([update("minor", "detected")], Level.MINOR, id="detected"),
        pytest.param([update("cosmic")], Level.MAJOR, id="an unknown severity: the services touched say"),
        pytest.param([update("cosmic", impacted_business_services=[])], Level.NOTICE, id="nothing says: opens nothing"),
        pytest.param([update("minor", "pondering")], Level.MINOR, id="an unknown status is not over"),
        pytest.param([update("major", minute=30), update("minor", minute=40)], Level.MINOR, id="the newest says"),
        pytest.param([update("minor", minute=40), update("major", minute=30)], Level.MINOR,
                     id="the newest says wherever it stands"),
        pytest.param([], Level.NOTICE, id="no update yet"),
    ],
)
def test_levels(updates: list[dict[str, Any]], expected: Level) -> None:
    assert levels(page(incident(*updates))) == {"incident:PINC001": expected}


def test_all_good_before_it_is_resolved_stays_minor_trouble() -> None:
    first = read(page(incident(update("major"))))
    assert levels(page(incident(update("all_good"))), dict(first.memory)) == {"incident:PINC001": Level.MINOR}
    assert levels(page(incident(update("cosmic", impacted_business_services=[]))), dict(first.memory)) == {
        "incident:PINC001": Level.MINOR
    }


def test_begun_with_the_first_update_and_told_by_the_newest() -> None:
    (signal,) = read(PAGE).signals
    assert signal.started_at.isoformat() == "2026-01-15T11:30:00+00:00"
    assert signal.region == "US-VT"
    later = NOW + timedelta(minutes=15)
    (signal,) = source().read(answer(vendor("pagerduty").bodies["update"]), {}, later).signals
    assert signal.facts["workaround"] == "switch 3G off, calls work over Edge."
    assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"


def test_services_come_from_the_newest_update_that_names_any_and_groups_from_the_layout() -> None:
    """The first word of an incident ("detected") names none."""
    placing = Placing.model_validate({"regions": ["US"], "map": [{"group": "Mobile", "service": "sms"}]})
    given = page(incident(update(minute=50, impacted_business_services=[]), update(minute=40)))
    assert [s.service for s in source(placing).read(answer(given), {}, NOW).signals] == ["sms"]
    for layout in (None, [], {"layout_settings": {"business_services": [{"child_business_services": [7]}, None]}}):
        assert source().read(answer(page_of({**DATA, "layout": layout})), {}, NOW).known


def test_an_empty_page_is_complete_and_affirms_nothing() -> None:
    reading = read(vendor("pagerduty").bodies["empty"].decode())
    assert (reading.signals, reading.complete, reading.affirmed) == ((), True, False)


def test_posts_nobody_can_read_keep_the_page_from_ending_anything_by_silence() -> None:
    """What is listed as resolved ends all the same."""
    first = read(page(incident(update("major"))))
    silent = read(page(posts=[{"id": "P1"}]), dict(first.memory))
    assert (silent.complete, silent.signals, silent.gone) == (False, (), ())
    over = page(posts=[{"id": "P1"}], resolved_incidents=[incident(update("all_good", "resolved"))])
    assert levels(over, dict(silent.memory)) == {"incident:PINC001": Level.OK}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(PAGE.replace("</html>", ""), id="without its last tag"),
        pytest.param(PAGE[: PAGE.index("</body>")], id="cut behind the data"),
        pytest.param(PAGE[: PAGE.index("</script>")] + "</body></html>", id="the data does not end"),
        pytest.param(PAGE.replace('id="data"', 'id="other"'), id="no data"),
        pytest.param(page_of({"layout": DATA["layout"]}), id="a layout without a summary"),
        pytest.param(page_of({**DATA, "summary": {"open_incidents": []}}), id="half a summary"),
        pytest.param(page_of([]), id="data that is a list"),
        pytest.param(page_of({**DATA, "summary": None}), id="no summary"),
    ],
)
def test_half_a_page_says_nothing(given: str) -> None:
    reading = source().read(answer(given), {}, NOW)
    assert not reading.known
    assert reading.why


def test_html_around_the_data_may_be_spelt_otherwise() -> None:
    other = PAGE.replace('<script id="data" type="application/json">', "<SCRIPT type='application/json' id='data'>")
    assert levels(other + "\n  \n") == levels(PAGE)
