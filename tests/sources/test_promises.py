"""Workarounds and restoration times in vendors' prose."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from notifier.sources.promises import restoration_in, workaround_in

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Summary: slow.\nWorkaround: Retry requests.", "Retry requests.", id="a labelled line"),
        pytest.param("Diagnosis: slow. Workaround: Use us-east4. Updates: soon", "Use us-east4.", id="on one line"),
        pytest.param("As a workaround, please restart the modem.", "please restart the modem.", id="in a sentence"),
        pytest.param("A workaround is to switch to 2G.", "switch to 2G.", id="a workaround is to"),
        pytest.param("Customers can work around this by using the app.", "by using the app.", id="work around"),
        pytest.param("Work-around: reboot", "reboot", id="spelt with a dash"),
        pytest.param("Workaround: None at this time.", "", id="none at this time"),
        pytest.param("Workaround: There is no workaround.", "", id="there is no workaround"),
        pytest.param("Workaround:", "", id="a label without words"),
        pytest.param("We are looking for a workaround.", "", id="looking for one"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_workarounds(text: str, expected: str) -> None:
    assert workaround_in(text) == expected


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("ETR: 2026-01-15 14:30 UTC", datetime(2026, 1, 15, 14, 30, tzinfo=UTC), id="date and zone"),
        pytest.param(
            "Estimated restoration time is Jan 15, 2:30 PM PST.", datetime(2026, 1, 15, 22, 30, tzinfo=UTC),
            id="a day without a year, a half of the day and a zone",
        ),
        pytest.param(
            "We expect to restore service by 2026-01-15 09:00 US/Pacific.", datetime(2026, 1, 15, 17, tzinfo=UTC),
            id="an IANA zone",
        ),
        pytest.param(
            "We expect service to be restored by December 31, 23:00 UTC", datetime(2025, 12, 31, 23, tzinfo=UTC),
            id="the nearest year",
        ),
        pytest.param("We expect the repair to take 3 hours.", None, id="a length of time has no moment"),
    ],
)
def test_restoration_times(text: str, at: datetime | None) -> None:
    found = restoration_in(text, NOW)
    assert found is not None
    assert found.at == at
    assert found.words.rstrip(".") in text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("We do not have an ETA for mitigation at this point.", id="no ETA"),
        pytest.param("No estimated time of restoration is known.", id="no estimate"),
        pytest.param("We will provide more information by Friday, 2026-01-16 13:00 US/Pacific.", id="the next update"),
        pytest.param("Service was restored at 10:15.", id="it is over"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_no_restoration_time(text: str) -> None:
    assert restoration_in(text, NOW) is None


@pytest.mark.parametrize("word", ["a ", "expect ", "workaround: ", "a work around ", "eta no time ", "\n"])
def test_prose_without_a_full_stop_takes_no_longer_for_it(word: str) -> None:
    """20,000 characters in which every start of a pattern leads nowhere; it took 112 seconds once."""
    began = time.process_time()
    restoration_in(word * (20_000 // len(word)), NOW)
    workaround_in(word * (20_000 // len(word)))
    assert time.process_time() - began < 2


def test_a_time_without_zone_is_in_the_given_one() -> None:
    found = restoration_in("ETR 2026-01-15 07:00", NOW, "America/New_York")
    assert found is not None
    assert found.at == datetime(2026, 1, 15, 12, tzinfo=UTC)
