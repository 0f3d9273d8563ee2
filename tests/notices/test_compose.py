"""The exact words: true, complete, in the reader's language and time, or a refusal with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from notifier.model.channel import ChannelProfile
from notifier.model.notice import Mode, NoticeState, Reach, Stage, Template, Wording, Words
from notifier.model.people import AddressKind
from notifier.notices.compose import Refusal
from notifier.notices.fit import measure
from notifier.notices.wording import clock_time, duration, promised, region_names, zone
from tests.notices.stage_props import (
    NOW,
    body,
    channels,
    composed,
    incident,
    notice,
    policy,
    speaker,
    tree,
    workaround,
)


def test_an_acknowledgement_says_what_where_since_when_and_when_next() -> None:
    assert body(notice(), "x") == (
        "Outage: mobile data in Vermont since 7:30 AM EST. We know about it and are working on it. "
        "There is no need to reset your phone.\nNext update by 8:20 AM EST. Ref I131114-1"
    )


def test_each_channel_has_a_text_in_each_of_its_languages() -> None:
    made = notice()
    spoken = {(text.channel, text.language) for text in made.texts}
    assert spoken == {(c, lang) for c in channels() for lang in ("en", "es")} - {("bluesky", "es")}
    for text in made.texts:
        assert measure(channels()[text.channel].kind, text.body).fits, text


def test_another_language_has_its_own_words_names_and_clock() -> None:
    made = notice(incident=incident(regions=("US-NY", "US-VT")))
    assert body(made, "x", "es").startswith("Avería: datos móviles en Nueva York y Vermont desde 7:30 EST.")


def test_a_notice_is_bound_to_its_incident_stage_and_life() -> None:
    made = notice(Wording.ACKNOWLEDGE_SUSPECTED, sequence=3, audience=12)
    assert (made.id, made.incident, made.stage, made.sequence) == ("I131114-1.3", "I131114-1", Stage.ACKNOWLEDGE, 3)
    assert made.valid_until == NOW + policy().rule(Stage.ACKNOWLEDGE).valid_for
    assert made.next_update_by == datetime(2013, 11, 14, 13, 20, tzinfo=UTC)
    assert (made.state, made.mode, made.regions, made.audience) == (NoticeState.WAITING, Mode.LIVE, ("US-VT",), 12)
    assert made.facts["since"] == "7:30 AM EST"


def test_the_same_arguments_give_the_same_words() -> None:
    assert notice().digest == notice().digest


def test_nothing_is_promised_where_the_policy_promises_nothing() -> None:
    made = notice(policy=policy().model_copy(update={"update_every": None}))
    assert made.next_update_by is None
    assert "Next update" not in body(made, "x")
    assert body(made, "x").endswith("\nRef I131114-1")


def test_an_all_clear_says_since_when_and_how_long_it_was() -> None:
    over = incident(resolved_at=datetime(2013, 11, 14, 14, 25, tzinfo=UTC))
    made = notice(Wording.RESOLVE, incident=over, now=datetime(2013, 11, 14, 14, 40, tzinfo=UTC))
    assert body(made, "x") == (
        "All clear: no more trouble with mobile data in Vermont since 9:25 AM EST.\n"
        "It lasted 1 hour and 55 minutes. We are sorry.\nRef I131114-1"
    )
    calm = replace(over, calm_since=datetime(2013, 11, 14, 14, 15, tzinfo=UTC))
    earlier = notice(Wording.RESOLVE, incident=calm, now=datetime(2013, 11, 14, 14, 40, tzinfo=UTC))
    assert "since 9:15 AM EST" in body(earlier, "x"), "it was over when calm began, not when we believed it"
    assert made.next_update_by is None


def test_regions_in_several_zones_are_told_in_the_company_s_zone() -> None:
    made = notice(incident=incident(regions=("US-VT", "US-CA")))
    assert "since 6:30 AM CST" in body(made, "x")


def test_counties_of_one_name_are_told_apart() -> None:
    made = notice(incident=incident(regions=("US-VT-W",)))
    assert "in Washington County (Vermont)" in body(made, "x")


def test_test_mode_says_so_first_in_every_text() -> None:
    testing = speaker(channels=channels(Mode.TEST))
    testing = replace(testing, company=testing.company.model_copy(update={"mode": Mode.TEST}))
    made = notice(speaker=testing)
    assert made.texts
    assert all(text.body.startswith("TEST: ") for text in made.texts)
    assert all((text.subject or "TEST: ").startswith("TEST: ") for text in made.texts)
    assert all("TEST:" in (text.html or "TEST:") for text in made.texts)


def test_a_channel_of_the_other_mode_gets_no_text() -> None:
    mixed = {**channels(), "x": ChannelProfile("x", "x", Mode.TEST)}
    assert "x" not in {text.channel for text in notice(speaker=speaker(channels=mixed)).texts}


def test_where_no_channel_has_the_company_s_mode_nothing_is_said() -> None:
    made = composed(speaker=speaker(channels=channels(Mode.TEST)))
    assert made == Refusal("no channel of this mode may carry it")


def test_a_channel_that_rides_on_the_failed_service_is_not_used_but_hears_the_end() -> None:
    voice = incident(service="mobile-voice", template="mobile-voice")
    assert "sms" not in {text.channel for text in notice(incident=voice).texts}
    assert "sms" in {text.channel for text in notice(Wording.RESOLVE, incident=voice).texts}


@pytest.mark.parametrize(
    ("reach", "spoken"),
    [
        pytest.param(Reach.PUBLIC, {"x", "mastodon", "bluesky", "hook"}, id="public accounts only"),
        pytest.param(Reach.SUBSCRIBERS, {"sms", "email"}, id="people only"),
    ],
)
def test_reach_limits_the_channels(reach: Reach, spoken: set[str]) -> None:
    assert {text.channel for text in notice(reach=reach).texts} == spoken
    assert {text.channel for text in notice(Wording.RESOLVE, reach=reach).texts} == set(channels())


def test_the_policy_limits_the_channels() -> None:
    assert {text.channel for text in notice(policy=policy(channels=("x", "sms"))).texts} == {"x", "sms"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"regions": ()}, "no region", id="an empty region would reach everybody"),
        pytest.param({"regions": ("US-XX",)}, "US-XX is not in the region tree", id="a region that is gone"),
        pytest.param({"service": "fax"}, "fax is not configured", id="a service that is gone"),
        pytest.param({"template": "gone"}, "gone is not configured", id="a template that is gone"),
    ],
)
def test_an_incident_we_cannot_speak_truly_of_is_refused(changes: dict[str, object], reason: str) -> None:
    made = composed(incident=incident(**changes))
    assert isinstance(made, Refusal)
    assert reason in made.reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(None, "no workaround", id="none"),
        pytest.param(workaround(verified_by=None), "nobody has verified", id="a candidate is never published"),
        pytest.param(workaround(withdrawn_at=NOW), "withdrawn", id="withdrawn"),
        pytest.param(workaround(expires_at=NOW), "expired", id="expired"),
    ],
)
def test_only_a_verified_workaround_is_passed_on(given: object, reason: str) -> None:
    made = composed(Wording.WORKAROUND, workaround=given)
    assert isinstance(made, Refusal)
    assert reason in made.reason


def test_a_workaround_is_passed_on_word_for_word_in_each_language() -> None:
    made = notice(Wording.WORKAROUND)
    assert "Switch off 3G; calls then go over Edge." in body(made, "sms")
    assert "Desactive el 3G; las llamadas irán por Edge." in body(made, "x", "es")


def test_a_workaround_known_in_one_language_helps_in_the_others() -> None:
    made = notice(Wording.WORKAROUND, workaround=workaround(texts={"en": "Switch off 3G."}))
    assert "Switch off 3G." in body(made, "x", "es")


def test_a_workaround_is_never_cut() -> None:
    steps = "Open settings, mobile network and then preferred network type, " * 5
    made = notice(Wording.WORKAROUND, workaround=workaround(texts={"en": steps, "es": steps}))
    assert "x" not in {text.channel for text in made.texts}
    assert "x en: the x text is longer than 280 even without its details" in made.facts["left_out"]
    assert steps.strip() in body(made, "email")


def test_a_long_note_is_cut_and_the_rest_is_not() -> None:
    made = notice(Wording.UPDATE, notes={"": "We are replacing a failed power unit. " * 12})
    text = body(made, "x")
    assert measure("x", text).fits
    assert "…" in text
    assert text.endswith("Next update by 8:20 AM EST. Ref I131114-1")
    assert "Vermont" in text


def test_what_mentions_and_staff_wrote_cannot_bring_links_or_headers() -> None:
    hostile = "free data at http://evil.io/x\r\nBcc: a@b.c @everyone \u202egnp"
    made = notice(Wording.WORKAROUND, workaround=workaround(texts={"": hostile}), notes={"": hostile})
    for text in made.texts:
        assert "evil.io" not in text.body
        assert "\r" not in text.body
        assert "\u202e" not in text.body
        assert "@everyone" not in text.body
        assert "\n" not in (text.subject or "")


def test_mail_has_a_subject_and_escaped_html() -> None:
    angry = speaker()
    angry = replace(angry, company=angry.company.model_copy(update={"name": "A<b>&Co"}))
    (mail,) = [t for t in notice(speaker=angry).texts if (t.channel, t.language) == ("email", "en")]
    assert mail.subject == "Outage: mobile data in Vermont"
    assert mail.html is not None
    assert "A&lt;b&gt;&amp;Co" in mail.html
    assert "<b>" not in mail.html


def test_a_template_s_own_html_is_used_with_escaped_values() -> None:
    words = Words(text="{note} Ref {reference}", subject="{service}\nBcc: x", html="<h1>{note}</h1>")
    own = Template(id="own", wordings={Wording.UPDATE: {"en": words, "es": words}})
    made = notice(
        Wording.UPDATE, speaker=speaker(templates={"own": own}), incident=incident(template="own"), notes={"": "a < b"}
    )
    (mail,) = [t for t in made.texts if (t.channel, t.language) == ("email", "en")]
    assert mail.html == "<h1>a &lt; b</h1>"
    assert mail.subject == "mobile data Bcc: x"


def test_maintenance_without_a_time_is_refused() -> None:
    assert isinstance(composed(Wording.MAINTENANCE), Refusal)
    facts = {"maintenance_start": "2013-11-16T07:00:00Z", "maintenance_end": "2013-11-16T09:00:00Z"}
    made = notice(Wording.MAINTENANCE, incident=incident(facts=facts))
    assert "from Nov 16, 2:00 AM EST to Nov 16, 4:00 AM EST" in body(made, "x")


def test_sms_stays_in_the_cheap_alphabet() -> None:
    for language in ("en", "es"):
        assert measure("sms", body(notice(), "sms", language)).encoding == "GSM-7"


def test_a_channel_s_own_limit_is_obeyed() -> None:
    short = {"mastodon": ChannelProfile("mastodon", "mastodon", Mode.LIVE, languages=("en",), limit=60)}
    assert isinstance(composed(speaker=speaker(channels=short)), Refusal)


def test_a_language_without_words_is_left_out_and_named() -> None:
    french = {**channels(), "x": ChannelProfile("x", "x", Mode.LIVE, languages=("fr",))}
    made = notice(speaker=speaker(channels=french))
    assert "x" not in {text.channel for text in made.texts}
    assert made.facts["left_out"] == "x fr: template mobile-data has no acknowledge in fr"


def test_a_person_s_channel_is_known_by_what_it_reaches() -> None:
    assert channels()["sms"].reaches is AddressKind.PHONE


# ── Names, lists and times ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_long_list_of_regions_says_how_many_more_there_are() -> None:
    names = region_names(["US-VT", "US-NY", "US-CA"], tree(), "en")
    assert names == "New York, California, and Vermont", "most customers first"
    many = tree()
    more = {f"US-{n:02}": replace(many["US-VT"], id=f"US-{n:02}", name=f"State {n}") for n in range(9)}
    many = type(many)({**many.regions, **more})
    assert region_names(list(more), many, "en") == "State 0, State 1, State 2, State 3, and 5 more"
    assert region_names(list(more), many, "es") == "State 0, State 1, State 2, State 3 y 5 más"


@pytest.mark.parametrize(
    ("language", "zone_name", "spoken"),
    [
        pytest.param("en", "America/New_York", "7:30 AM EST", id="United States"),
        pytest.param("en-GB", "Europe/London", "12:30 GMT", id="Great Britain"),
        pytest.param("de", "Europe/Berlin", "13:30 CET", id="Germany"),
        pytest.param("es", "America/Sao_Paulo", "10:30 UTC-02", id="a zone without a name of its own"),
        pytest.param("xx", "No/Where", "12:30 PM UTC", id="neither language nor zone is known"),
    ],
)
def test_times_are_on_the_reader_s_clock(language: str, zone_name: str, spoken: str) -> None:
    moment = datetime(2013, 11, 14, 12, 30, tzinfo=UTC)
    assert clock_time(moment, language, zone(zone_name), moment) == spoken


def test_a_time_of_another_day_has_its_date() -> None:
    moment = datetime(2013, 11, 14, 3, 30, tzinfo=UTC)
    assert clock_time(moment, "en", zone("America/New_York"), NOW) == "Nov 13, 10:30 PM EST"
    assert clock_time(moment, "es", zone("America/New_York"), NOW) == "13 nov, 22:30 EST"


@pytest.mark.parametrize(
    ("minutes", "spoken"),
    [(0, "1 minute"), (17, "17 minutes"), (60, "1 hour"), (115, "1 hour and 55 minutes"), (1500, "1 day and 1 hour")],
)
def test_durations_are_exact_enough(minutes: int, spoken: str) -> None:
    assert duration(timedelta(minutes=minutes), "en") == spoken


def test_promises_fall_on_round_times_and_never_early() -> None:
    for seconds in range(0, 3600, 37):
        due = NOW + timedelta(seconds=seconds)
        made = promised(due, timedelta(minutes=30))
        assert timedelta(0) <= made - due - timedelta(minutes=30) < timedelta(minutes=5)
        assert made.minute % 5 == 0
        assert made.second == 0
