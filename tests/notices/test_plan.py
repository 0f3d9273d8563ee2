"""Who hears what, where and when: nobody outside, nobody twice, nobody opted out, the end for exactly those told."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Delivery, DeliveryState, Reason
from notifier.model.notice import Mode, Notice, Reach, Stage, Text, Wording
from notifier.model.people import QuietHours, Subscriber
from notifier.notices.audience import expand
from notifier.notices.plan import Carried, plan, quiet_until
from tests.notices.stage_props import NOW, channels, incident, notice, person, policy, tree

NIGHT = QuietHours(time(21), time(8))
TOLD = frozenset({("x", ""), ("x", "lang:es"), ("sms", "+18025550101"), ("email", "moved@example.com")})


def planned(
    made: Notice, *people: Subscriber, told: frozenset[tuple[str, str]] = frozenset(), now: datetime = NOW
) -> tuple[Delivery, ...]:
    """The plan over one channel of every kind."""
    return plan(made, audience=people, told=told, channels=channels(), regions=tree(), now=now)


def who(rows: tuple[Delivery, ...]) -> set[tuple[str, str]]:
    """(channel, address) of rows that would be sent."""
    return {(row.channel, row.address) for row in rows if row.state is DeliveryState.PENDING}


PUBLIC = {
    ("x", ""),
    ("x", "lang:es"),
    ("mastodon", ""),
    ("mastodon", "lang:es"),
    ("bluesky", ""),
    ("hook", ""),
    ("hook", "lang:es"),
}


def test_an_acknowledgement_goes_to_every_account_in_every_language_and_to_the_audience() -> None:
    rows = planned(notice(), person(), person("ann@example.com"))
    assert who(rows) == PUBLIC | {("sms", "+18025550101"), ("email", "ann@example.com")}


def test_public_accounts_go_first_then_phones_then_mail() -> None:
    rows = planned(notice(), person("ann@example.com"), person())
    assert [row.channel for row in rows][-2:] == ["sms", "email"]
    assert [row.priority for row in rows] == sorted(row.priority for row in rows)


@pytest.mark.parametrize("urgent", [Wording.ACKNOWLEDGE, Wording.RESOLVE, Wording.CORRECT])
@pytest.mark.parametrize("can_wait", [Stage.UPDATE, Stage.WORKAROUND, Stage.MAINTENANCE])
def test_the_last_to_hear_of_an_outage_hear_before_the_first_to_hear_more_of_another(
    urgent: Wording, can_wait: Stage
) -> None:
    """On every channel: a million updates that wait for a limit keep no acknowledgement and no all-clear waiting."""
    first = planned(replace(notice(Wording.UPDATE), stage=can_wait), person(), person("ann@example.com"))
    last = planned(notice(urgent), person(), person("ann@example.com"), told=TOLD)
    for row in last:
        assert all(row.priority < other.priority < 2 ** 31 for other in first if other.channel == row.channel)


@pytest.mark.parametrize(("stage", "after", "waits", "sentence"), [
    (Wording.ACKNOWLEDGE, 10, 10, "others lead; who is told there is told after them"),
    (Wording.UPDATE, 10, 10, "as long as the service fails"),
    (Wording.ACKNOWLEDGE, None, None, "held, where it reaches nobody"),
    (Wording.ACKNOWLEDGE, 60 * 24, None, "it would be worthless by then"),
    (Wording.RESOLVE, None, 0, "the service is back: the all-clear does not wait"),
    (Wording.CORRECT, 10, 0, "it never failed: the correction does not wait"),
])
def test_what_goes_out_on_a_channel_that_fails_with_the_service(
        stage: Wording, after: int | None, waits: int | None, sentence: str) -> None:
    carried = Carried(frozenset({"sms"}), None if after is None else timedelta(minutes=after))
    rows = plan(notice(stage), audience=[person(), person("ann@example.com")],
                told=TOLD if stage in (Wording.RESOLVE, Wording.CORRECT) else frozenset(), channels=channels(),
                regions=tree(), now=NOW, carried=carried)
    ridden = [row for row in rows if row.channel == "sms"]
    assert ridden
    for row in ridden:
        if waits is None:
            assert (row.state, row.reason) == (DeliveryState.SUPPRESSED, Reason.CHANNEL_FAILS), sentence
        else:
            assert (row.state, row.not_before) == (DeliveryState.PENDING, NOW + timedelta(minutes=waits)), sentence
    assert {row.not_before for row in rows if row.channel != "sms"} == {NOW}


def test_quiet_hours_and_a_failing_channel_both_put_a_message_off() -> None:
    """The later of the two counts."""
    asleep = person(quiet_hours=QuietHours(time(0), time(23, 59)), timezone="UTC")
    long = replace(notice(), valid_until=NOW + timedelta(days=2))
    (row,) = [row for row in plan(long, audience=[asleep], told=frozenset(), channels=channels(), regions=tree(),
                                  now=NOW, carried=Carried(frozenset({"sms"}), timedelta(minutes=10)))
              if row.channel == "sms"]
    assert row.not_before == quiet_until(asleep.quiet_hours or NIGHT, "UTC", NOW) > NOW + timedelta(minutes=10)


def test_everybody_hears_it_in_their_language() -> None:
    people = [person(f"{lang}@example.com", language=lang) for lang in ("en", "es", "es-MX", "fr")]
    rows = {row.address: row.language for row in planned(notice(), *people) if row.channel == "email"}
    assert rows == {"en@example.com": "en", "es@example.com": "es", "es-MX@example.com": "es", "fr@example.com": "en"}


def test_nobody_outside_the_notice_s_regions_hears_it() -> None:
    people = [
        person("+18025550101", regions=("US-VT",)),
        person("+18025550102", regions=("US-VT-C",)),
        person("+18025550103", regions=("US-NY",)),
        person("+18025550104", regions=("US",)),
    ]
    rows = planned(notice(), *people)
    assert {row.address for row in rows if row.channel == "sms"} == {"+18025550101", "+18025550102"}


def test_nobody_who_opted_out_hears_it() -> None:
    assert who(planned(notice(), person(opted_out_at=NOW))) == PUBLIC


def test_a_notice_without_regions_reaches_nobody() -> None:
    assert planned(replace(notice(), regions=()), person()) == ()
    assert planned(replace(notice(), regions=("gone",)), person()) == ()


def test_reach_public_leaves_people_alone_and_reach_subscribers_the_accounts() -> None:
    assert who(planned(notice(reach=Reach.PUBLIC), person())) == PUBLIC
    assert who(planned(notice(reach=Reach.SUBSCRIBERS), person())) == {("sms", "+18025550101")}


def test_an_update_also_reaches_whoever_was_told() -> None:
    made = notice(Wording.UPDATE)
    rows = planned(made, person("new@example.com"), told=TOLD)
    assert who(rows) == PUBLIC | {("email", "new@example.com"), ("sms", "+18025550101"), ("email", "moved@example.com")}


def test_an_acknowledgement_does_not_follow_those_told_before() -> None:
    assert ("email", "moved@example.com") not in who(planned(notice(), told=TOLD))


@pytest.mark.parametrize("wording", [Wording.RESOLVE, Wording.CORRECT])
@pytest.mark.parametrize("reach", list(Reach))
def test_the_end_goes_to_exactly_those_told(wording: Wording, reach: Reach) -> None:
    rows = planned(notice(wording, reach=reach), person(), person("new@example.com"), told=TOLD)
    assert who(rows) == TOLD
    assert {(r.channel, r.address): r.language for r in rows}["x", "lang:es"] == "es"


def test_the_end_for_a_channel_that_is_gone_is_on_record() -> None:
    (row,) = planned(notice(Wording.RESOLVE), told=frozenset({("pager", "1")}))
    assert (row.state, row.reason, row.settled_at) == (DeliveryState.SUPPRESSED, Reason.CHANNEL_REMOVED, NOW)


def test_a_channel_whose_mode_is_another_is_suppressed() -> None:
    testing = {**channels(), "x": ChannelProfile("x", "x", Mode.TEST)}
    rows = plan(notice(), audience=(), told=frozenset(), channels=testing, regions=tree(), now=NOW)
    assert {row.reason for row in rows if row.channel == "x"} == {Reason.MODE_MISMATCH}
    assert {row.reason for row in rows if row.channel != "x"} == {Reason.NONE}


def test_one_person_is_told_once_on_the_channel_they_know() -> None:
    made = notice(Wording.UPDATE)
    more = [replace(text, channel="sms2") for text in made.texts if text.channel == "sms"]
    made = replace(made, texts=(*made.texts, *more))
    both = {**channels(), "sms2": replace(channels()["sms"], id="sms2")}
    for told, expected in ((frozenset(), "sms"), (frozenset({("sms2", "+18025550101")}), "sms2")):
        rows = plan(made, audience=[person()], told=told, channels=both, regions=tree(), now=NOW)
        assert [row.channel for row in rows if row.address == "+18025550101"] == [expected]


def test_a_subscriber_listed_twice_gets_one_row() -> None:
    rows = planned(notice(), person(), person())
    assert sum(row.address == "+18025550101" for row in rows) == 1


def test_ids_at_public_accounts_are_the_same_whoever_plans_and_differ_between_rows() -> None:
    """They are keys at the far side, which must know them again even where an old backup planned them."""
    first, second = planned(notice(), person()), planned(notice(), person(), now=NOW + timedelta(minutes=5))
    public = [row.id for row in first if row.subscriber is None]
    assert public
    assert public == [row.id for row in second if row.subscriber is None]
    assert len({row.id for row in first}) == len(first)
    assert {row.id for row in first}.isdisjoint(row.id for row in planned(notice(sequence=2), person()))


def test_ids_of_people_are_uuids_that_go_by_the_time_of_planning() -> None:
    ids = [next(row.id for row in planned(notice(), person(), now=NOW + timedelta(milliseconds=ms)) if row.subscriber)
           for ms in (0, 1, 300_000)]
    assert ids == sorted(ids)
    assert [(uuid.UUID(id).version, str(uuid.UUID(id))) for id in ids] == [(8, id) for id in ids]


def test_rows_expire_with_the_notice() -> None:
    assert {row.expires_at for row in planned(notice(), person())} == {notice().valid_until}


# ── Quiet hours ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_quiet_hours_put_it_off_to_their_end() -> None:
    rows = planned(notice(), person(quiet_hours=NIGHT))  # 07:47 local, notice worth an hour
    (row,) = [row for row in rows if row.channel == "sms"]
    assert (row.state, row.not_before) == (DeliveryState.PENDING, datetime(2013, 11, 14, 13, 0, tzinfo=UTC))
    assert {row.not_before for row in rows if row.channel != "sms"} == {NOW}


def test_what_would_be_worthless_by_then_is_suppressed_and_on_record() -> None:
    made = notice(now=NOW - timedelta(hours=4))
    (row,) = [r for r in planned(made, person(quiet_hours=NIGHT), now=NOW - timedelta(hours=4)) if r.channel == "sms"]
    assert (row.state, row.reason) == (DeliveryState.SUPPRESSED, Reason.QUIET_HOURS)


@pytest.mark.parametrize(
    ("quiet", "local", "end"),
    [
        pytest.param(NIGHT, "2026-01-15T22:00-05:00", "2026-01-16T08:00-05:00", id="before midnight"),
        pytest.param(NIGHT, "2026-01-15T07:59-05:00", "2026-01-15T08:00-05:00", id="after midnight"),
        pytest.param(NIGHT, "2026-01-15T08:00-05:00", None, id="at its end"),
        pytest.param(NIGHT, "2026-01-15T20:59-05:00", None, id="just before it"),
        pytest.param(QuietHours(time(12), time(14)), "2026-01-15T13:00-05:00", "2026-01-15T14:00-05:00", id="by day"),
        pytest.param(QuietHours(time(9), time(9)), "2026-01-15T09:00-05:00", None, id="empty"),
        pytest.param(NIGHT, "2026-03-07T22:00-05:00", "2026-03-08T08:00-04:00", id="the night the clock goes forward"),
        pytest.param(NIGHT, "2026-10-31T22:00-04:00", "2026-11-01T08:00-05:00", id="the night the clock goes back"),
        pytest.param(
            QuietHours(time(22), time(2, 30)),
            "2026-03-08T01:30-05:00",
            "2026-03-08T03:30-04:00",
            id="its end is skipped",
        ),
        pytest.param(
            QuietHours(time(22), time(1, 30)),
            "2026-11-01T01:10-04:00",
            "2026-11-01T01:30-04:00",
            id="its end comes twice, first",
        ),
        pytest.param(
            QuietHours(time(22), time(1, 30)),
            "2026-11-01T01:10-05:00",
            "2026-11-01T01:30-05:00",
            id="its end comes twice, second",
        ),
    ],
)
def test_quiet_hours_by_the_wall_clock(quiet: QuietHours, local: str, end: str | None) -> None:
    now = datetime.fromisoformat(local).astimezone(UTC)
    expected = datetime.fromisoformat(end) if end else now
    assert quiet_until(quiet, "America/New_York", now) == expected


_times = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(
    _times,
    _times,
    st.integers(0, 3 * 365 * 24 * 60).map(
        lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.sampled_from(["America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"]),
)
def test_after_quiet_hours_it_is_not_quiet_and_no_wait_is_longer_than_a_day(
    start: time, end: time, now: datetime, tz: str
) -> None:
    until = quiet_until(QuietHours(start, end), tz, now)
    assert now <= until <= now + timedelta(hours=25)
    assert quiet_until(QuietHours(start, end), tz, until) == until
    wall = until.astimezone(ZoneInfo(tz)).time()
    inside = start <= wall < end if start <= end else wall >= start or wall < end
    assert not inside


# ── Laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

_places = st.lists(st.sampled_from(sorted(tree().regions)), min_size=1, max_size=4, unique=True).map(tuple)
_people = st.lists(
    st.builds(lambda n, r: person(f"+1802555{n:04}", regions=r), st.integers(0, 9999), _places), max_size=8
)


@given(_places, _people, st.sampled_from([Wording.ACKNOWLEDGE, Wording.UPDATE, Wording.RESOLVE]), st.booleans())
def test_nobody_is_planned_for_who_neither_lives_there_nor_was_told(
    regions: tuple[str, ...], people: list[Subscriber], wording: Wording, told_some: bool
) -> None:
    made = replace(_NOTICES[wording], regions=regions)
    told = frozenset({("sms", "+18025550000")}) if told_some else frozenset()
    rows = planned(made, *people, told=told)
    inside = {p.address for p in people if any(tree().covers(r, own) for r in regions for own in p.regions)}
    reached = {row.address for row in rows if row.channel == "sms"}
    allowed = {address for _, address in told} | (set() if wording is Wording.RESOLVE else inside)
    assert reached <= allowed
    assert len({(row.channel, row.address) for row in rows}) == len(rows)


_NOTICES = {wording: notice(wording) for wording in (Wording.ACKNOWLEDGE, Wording.UPDATE, Wording.RESOLVE)}


def test_expand_goes_down_and_never_up() -> None:
    assert expand(("US-VT",), tree()) == ("US-VT", "US-VT-C", "US-VT-W")
    assert expand(("US-VT-C", "gone"), tree()) == ("US-VT-C",)
    assert expand((), tree()) == ()


def test_a_channel_without_a_text_is_passed_over() -> None:
    made = replace(notice(), texts=(Text("x", "en", "Outage"),))
    assert who(planned(made, person())) == {("x", "")}


def test_ten_thousand_people_are_planned_quickly() -> None:
    people = [person(f"+1802{n:07}") for n in range(10_000)]
    assert len(planned(notice(policy=policy(), incident=incident()), *people)) == 10_000 + len(PUBLIC)
