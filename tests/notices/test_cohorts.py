"""A cohort is planned as each of its members would be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.model.delivery import Delivery
from notifier.model.notice import Reach, Wording
from notifier.model.people import AddressKind, Cohort, Member, QuietHours, Subscriber
from notifier.notices.cohorts import own, plan_cohorts
from notifier.notices.plan import Carried, plan
from tests.notices.stage_props import NOW, channels, notice, person, tree

PEOPLE = st.lists(st.builds(
    lambda number, **more: replace(person(), id=f"s{number}", **more),
    st.integers(0, 10**6),
    kind=st.sampled_from(AddressKind),
    regions=st.sampled_from([("US-VT",), ("US-VT", "US-NY"), ("US-NY",), ("nowhere",)]),
    language=st.sampled_from(["en", "es", "es-MX", "fi"]),
    timezone=st.sampled_from(["America/New_York", "Asia/Kolkata", "UTC"]),
    consent_at=st.integers(-520, 22_000).map(lambda weeks: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(weeks=weeks)),
    quiet_hours=st.sampled_from([None, QuietHours(time(22), time(6)), QuietHours(time(0), time(23, 59))]),
), max_size=8)


def cohorts_of(people: list[Subscriber]) -> dict[Cohort, list[Member]]:
    """As the store groups them."""
    found: dict[Cohort, list[Member]] = {}
    for one in people:
        week = max((one.consent_at - datetime(1970, 1, 1, tzinfo=UTC)).days // 7, 0)
        cohort = Cohort(one.kind, one.regions, one.language, one.timezone, one.quiet_hours)
        found.setdefault(cohort, []).append((one.id, one.address, week))
    return found


@given(
    people=PEOPLE,
    stage=st.sampled_from([Wording.ACKNOWLEDGE, Wording.UPDATE, Wording.WORKAROUND]),
    cause=st.sampled_from([(), ("US-VT",)]),
    after=st.sampled_from([timedelta(0), timedelta(minutes=5), None]),
)
def test_the_rows_of_cohorts_are_those_of_their_members(
    people: list[Subscriber], stage: Wording, cause: tuple[str, ...], after: timedelta | None
) -> None:
    carried = Carried(frozenset({"sms"}), after)
    everybody = [replace(one, address=f"{one.kind}{number}") for number, one in enumerate(people)]
    made = replace(notice(stage), reach=Reach.SUBSCRIBERS)
    given_ = {"channels": channels(), "regions": tree(), "now": NOW, "cause": cause, "carried": carried}
    cohorts = cohorts_of(everybody)
    planned = plan_cohorts(made, tuple(cohorts), **given_)  # type: ignore[arg-type]
    rows: set[Delivery] = set()
    for cohort, like in planned.items():
        for id, address, subscriber, priority in own(like, cohorts[cohort]):
            rows.add(replace(like, id=id, address=address, subscriber=subscriber, priority=priority))
    assert rows == set(plan(made, audience=everybody, told=frozenset(), **given_))  # type: ignore[arg-type]
