"""When a message that was given up is followed by another: the settings decide, and the person's quiet hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from notifier.delivery.second import times, waits
from notifier.delivery.settings import DeliverySettings, LostAnswer
from notifier.model.people import QuietHours
from tests.store.making import a_subscriber

MINUTE = timedelta(minutes=1)
WAITS = (2 * MINUTE, 5 * MINUTE, 10 * MINUTE)
NIGHT = QuietHours(time(21), time(8))
VERMONT = a_subscriber(quiet_hours=NIGHT)
"""Five hours behind UTC in January."""


@pytest.mark.parametrize(("passes", "in_doubt", "rule", "expected"), [
    pytest.param(True, False, LostAnswer.HOLD, WAITS, id="what may pass is tried again"),
    pytest.param(False, False, LostAnswer.RESEND, (), id="what does not pass is not"),
    pytest.param(False, True, LostAnswer.HOLD, (), id="what may have arrived is held"),
    pytest.param(False, True, LostAnswer.RESEND, WAITS, id="or sent again where policy says so"),
])
def test_which_failures_are_followed(
    passes: bool, in_doubt: bool, rule: LostAnswer, expected: tuple[timedelta, ...]
) -> None:
    settings = DeliverySettings(second_in_doubt=rule)
    assert waits(settings, passes=passes, in_doubt=in_doubt, least=MINUTE) == expected


def test_none_where_the_settings_name_none() -> None:
    assert waits(DeliverySettings(second_waits=()), passes=True, in_doubt=False, least=MINUTE) == ()


def test_never_sooner_than_what_it_failed_for_passes() -> None:
    found = waits(DeliverySettings(), passes=True, in_doubt=False, least=6 * MINUTE)
    assert found == (6 * MINUTE, 6 * MINUTE, 10 * MINUTE)


@pytest.mark.parametrize(("hour", "minute", "people", "expected"), [
    pytest.param(20, 0, (VERMONT,), datetime(2026, 1, 15, 20, 2, tzinfo=UTC), id="by day"),
    pytest.param(1, 59, (VERMONT,), datetime(2026, 1, 15, 13, 0, tzinfo=UTC), id="the wait ends in the night"),
    pytest.param(12, 59, (VERMONT,), datetime(2026, 1, 15, 13, 1, tzinfo=UTC), id="the night ends in the wait"),
    pytest.param(3, 0, (replace(VERMONT, quiet_hours=None),), datetime(2026, 1, 15, 3, 2, tzinfo=UTC), id="no quiet"),
    pytest.param(3, 0, (), datetime(2026, 1, 15, 3, 2, tzinfo=UTC), id="nobody we know"),
])
def test_quiet_hours_are_kept(hour: int, minute: int, people: tuple[object, ...], expected: datetime) -> None:
    now = datetime(2026, 1, 15, hour, minute, tzinfo=UTC)
    assert times((2 * MINUTE,), people, now) == (expected,)  # type: ignore[arg-type]
