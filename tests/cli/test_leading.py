"""Leading incidents by hand, with no daemon running: what is asked is kept, and said to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.clock import SystemClock
from notifier.model.canary import Canary, CanaryState
from notifier.model.delivery import DeliveryState
from notifier.model.incident import Incident, Move
from notifier.model.notice import Stage
from notifier.model.signal import SignalClass
from notifier.model.staff import Verb

from ..store.making import a_delivery
from .conftest import Desk


def test_incidents_are_listed_with_what_waits(busy: Desk) -> None:
    done = busy.type("incidents", "list")
    assert done.exit_code == 0, done.output
    assert "I1" in done.stdout
    assert "north-shore" in done.stdout
    assert "I1-1" in done.stdout
    whole = busy.json("incidents", "list")
    assert [incident["id"] for incident in whole["incidents"]] == ["I1"]
    assert [notice["id"] for notice in whole["waiting"]] == ["I1-1"]


def test_a_notice_is_shown_with_what_it_measures_and_costs(busy: Desk) -> None:
    (busy.directory / "notifier.yaml").write_text(
        (busy.directory / "notifier.yaml").read_text("utf-8").replace(
            "  mode: test\n", "  mode: test\n  sms_price: 0.01\n  currency: EUR\n", 1), "utf-8")
    for words in (("incidents", "show", "I1"), ("incidents", "approve", "I1-1", "--yes")):
        shown = busy.type(*words).stdout
        assert "1 segment of GSM-7 · 0.010 EUR · at most 0.12 EUR where all 12 people get it" in shown


def test_a_broken_edit_of_yaml_keeps_nobody_from_reading_a_notice(busy: Desk) -> None:
    (busy.directory / "notifier.yaml").write_text("company: [", "utf-8")
    shown = busy.type("incidents", "show", "I1").stdout
    assert "[sms/en] TEST: Customers in North Shore" in shown
    assert "segment" not in shown


def test_no_incident_is_said_so(desk: Desk) -> None:
    assert "No incident is open." in desk.type("incidents", "list").stdout
    assert desk.json("incidents", "list", "--all") == {"incidents": [], "waiting": []}


def test_one_incident_is_shown_whole(busy: Desk) -> None:
    done = busy.type("incidents", "show", "I1")
    for words in ("mobile-data in north-shore", "the vendor says so", "[sms/en] TEST: Customers in North Shore",
                  "Nothing was queued."):
        assert words in done.stdout
    whole = busy.json("incidents", "show", "I1")
    assert whole["incident"]["state"] == "suspected"
    assert whole["incident"]["level"] == "major"
    assert [signal["source"] for signal in whole["evidence"]] == ["vendor"]
    assert [move["after"] for move in whole["moves"]] == ["suspected"]
    assert whole["notices"][0]["texts"][0]["body"].startswith("TEST: ")


def test_an_incident_tells_which_deliveries_went_by_the_standby(busy: Desk) -> None:
    with busy.store() as store, store.transaction() as tx:
        (notice,) = tx.notices(incident="I1")
        own, other, waiting = (a_delivery(notice, "sms", f"+1802555000{n}") for n in range(3))
        tx.add_deliveries([replace(own, state=DeliveryState.SENT, route="sms"),
                           replace(other, state=DeliveryState.SENT, route="sms-two"), waiting])
    shown = [line.replace("│", " ").split() for line in busy.type("incidents", "show", "I1").stdout.splitlines()]
    assert ["sms", "sent", "none", "1"] in shown
    assert ["sms", "sms-two", "sent", "none", "1"] in shown
    assert {row["route"] for row in busy.json("incidents", "show", "I1")["deliveries"]} == {"sms", "sms-two", None}


def test_what_sources_say_is_shown_in_their_words_and_cannot_play_tricks(busy: Desk) -> None:
    hostile = "Use the app.\x1b[2J [red]All clear[/red]"
    with busy.store() as store, store.transaction() as tx:
        (kept,) = tx.evidence_of("I1")
        facts = {"workaround": hostile, "restoration": "by 14:30 UTC"}
        tx.link_evidence("I1", [replace(kept, facts=facts)])
    shown = busy.type("incidents", "show", "I1").stdout
    assert "helps meanwhile" in shown
    assert "by 14:30 UTC" in shown
    assert "\x1b[2J" not in shown
    assert "[red]All clear[/red]" in shown


NIGHT = {"COLUMNS": "80"}
"""A terminal as it is opened."""
LONG = ("30 people report mobile data failing in North Shore since 07:30, 23 within 5 minutes where 1.2 are usual at "
        "this hour")
UNUSUAL = {"people": "30", "usual_per_minute": "0.24", "window_minutes": "5", "window_people": "23",
           "window_expected": "1.2", "unusual": "23 within 5 minutes where 1.2 are usual at this hour",
           "by_chance": "at most once a year in all regions together", "words": "no 3g, no signal",
           "sample_1": "no 3G in Salem since this morning, what is going on over there at your place, tell us please",
           "placed_by": "profile says 'Salem'", "url": "https://status.example.net/" + "incidents/" * 8}


def _crowd(busy: Desk, facts: dict[str, str]) -> None:
    with busy.store() as store, store.transaction() as tx:
        (kept,) = tx.evidence_of("I1")
        tx.link_evidence("I1", [replace(kept, source="crowd", klass=SignalClass.CROWD, why=LONG, facts=facts)])


@pytest.mark.parametrize("command", [("incidents", "list"), ("incidents", "show", "I1"), ("status",)])
def test_incidents_fit_a_terminal_of_80_columns(busy: Desk, command: tuple[str, ...]) -> None:
    """Only what must not be cut is wider: an address, and the exact text of a notice."""
    _crowd(busy, UNUSUAL)
    lines = busy.type(*command, **NIGHT).stdout.splitlines()
    assert [line for line in lines if len(line) > 80 and "https://" not in line and "[sms/en]" not in line] == []
    assert any("I1: mobile-data in north-shore – suspected, major, since" in line for line in lines)


def test_how_unusual_it_is_stands_with_the_evidence(busy: Desk) -> None:
    """What is usual, over which window so many were heard, how likely that is, in which words, and the posts."""
    _crowd(busy, UNUSUAL)
    shown = " ".join(busy.type("incidents", "show", "I1", **NIGHT).stdout.split())
    for words in (LONG, "usual at this hour, people a minute: 0.24", "by chance: at most once a year",
                  "top words: no 3g, no signal", "post: “no 3G in Salem since this morning", "placed by: profile says"):
        assert words in shown
    (signal,) = [one for one in busy.json("incidents", "show", "I1")["evidence"] if one["klass"] == "crowd"]
    assert signal["facts"] == UNUSUAL
    status = " ".join(busy.type("status", **NIGHT).stdout.split())
    assert f"{LONG}; by chance at most once a year in all regions together" in status
    assert busy.json("status")["crowd"]["I1"][0]["facts"]["window_people"] == "23"


def test_evidence_of_an_earlier_release_is_shown_as_far_as_it_goes(busy: Desk) -> None:
    """It was stored without what is usual: its sentence, words and posts still show."""
    _crowd(busy, {"people": "30", "words": "no 3g", "sample_1": "no 3G here"})
    shown = " ".join(busy.type("incidents", "show", "I1", **NIGHT).stdout.split())
    assert "top words: no 3g post: “no 3G here”" in shown
    assert "by chance" not in shown
    assert LONG in " ".join(busy.type("status", **NIGHT).stdout.split())


def test_regions_told_of_alike_stand_in_one_line(busy: Desk) -> None:
    """A vendor's one sentence about five regions is read once."""
    with busy.store() as store, store.transaction() as tx:
        (kept,) = tx.evidence_of("I1")
        tx.link_evidence("I1", [replace(kept, region="harbour")])
    shown = busy.type("incidents", "show", "I1", **NIGHT).stdout
    assert "official source vendor: mobile-data in harbour, north-shore, major" in " ".join(shown.split())
    assert shown.split("History")[0].count("the vendor says so") == 2, "once as the incident's reason, once as evidence"


def test_an_incident_that_is_not_there(desk: Desk) -> None:
    done = desk.type("incidents", "show", "I9")
    assert done.exit_code == 1
    assert "there is no incident I9" in done.stderr


def kept(desk: Desk) -> list[tuple[Verb, str, dict[str, str]]]:
    with desk.store() as store, store.transaction() as tx:
        return [(one.verb, one.actor, dict(one.arguments)) for one in tx.waiting_requests()]


@pytest.mark.parametrize("named", ["I1-1", "I1"])
def test_an_approval_is_kept_for_the_daemon_with_the_digest_that_was_seen(busy: Desk, named: str) -> None:
    digest = busy.json("incidents", "show", "I1")["notices"][0]["digest"]
    done = busy.type("incidents", "approve", named, stdin="y\n")
    assert done.exit_code == 1
    assert "TEST: Customers in North Shore" in done.stdout
    assert "is kept, but no daemon runs" in done.stderr
    assert kept(busy) == [(Verb.APPROVE, "ann", {"notice": "I1-1", "digest": digest})]


def test_nothing_is_approved_without_a_yes(busy: Desk) -> None:
    assert busy.type("incidents", "approve", "I1-1", stdin="n\n").exit_code == 1
    assert kept(busy) == []


def test_an_approval_of_another_text_is_refused(busy: Desk) -> None:
    done = busy.type("incidents", "approve", "I1-1", "--yes", "--digest", "0123456789ab")
    assert done.exit_code == 1
    assert "the notice has changed since you saw it" in done.stderr
    assert kept(busy) == []


def test_an_approval_by_the_digest_that_was_seen(busy: Desk) -> None:
    digest = busy.json("incidents", "show", "I1")["notices"][0]["digest"]
    busy.type("incidents", "approve", "I1-1", "--yes", "--digest", digest[:12])
    assert [verb for verb, _, _ in kept(busy)] == [Verb.APPROVE]


@pytest.mark.parametrize(("words", "verb", "arguments"), [
    (("incidents", "refuse", "I1", "--note", "no"), Verb.REFUSE, {"notice": "I1-1", "note": "no"}),
    (("incidents", "open", "--service", "mobile-data", "--region", "hills", "--region", "north-shore"), Verb.OPEN,
     {"service": "mobile-data", "regions": "hills,north-shore", "level": "major", "note": ""}),
    (("incidents", "open", "--service", "mobile-data", "--region", "hills", "--level", "critical"), Verb.OPEN,
     {"service": "mobile-data", "regions": "hills", "level": "critical", "note": ""}),
    (("incidents", "confirm", "I1", "--note", "seen"), Verb.CONFIRM, {"incident": "I1", "note": "seen"}),
    (("incidents", "hold", "I1"), Verb.HOLD, {"incident": "I1", "on": "yes"}),
    (("incidents", "hold", "I1", "--off"), Verb.HOLD, {"incident": "I1", "on": "no"}),
    (("incidents", "update", "I1", "--note", "a=b", "--note-in", "es=c=d"), Verb.UPDATE,
     {"incident": "I1", "note": "a=b", "note.es": "c=d"}),
    (("incidents", "resolve", "I1"), Verb.RESOLVE, {"incident": "I1", "note": ""}),
    (("incidents", "withdraw", "I1"), Verb.WITHDRAW, {"incident": "I1", "note": ""}),
    (("incidents", "widen", "I1", "--region", "hills"), Verb.WIDEN, {"incident": "I1", "regions": "hills"}),
    (("workaround", "pass-on", "I1", "--text", "Switch 3G off.", "--text-in", "es=Apague."), Verb.WORKAROUND,
     {"incident": "I1", "text": "Switch 3G off.", "text.es": "Apague."}),
    (("workaround", "pass-on", "I1", "--id", "no-3g"), Verb.WORKAROUND, {"incident": "I1", "workaround": "no-3g"}),
], ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "")
def test_each_command_asks_for_what_it_says(busy: Desk, words: tuple[str, ...], verb: Verb,
                                            arguments: dict[str, str]) -> None:
    done = busy.type(*words)
    assert "is kept, but no daemon runs" in done.stderr, done.output
    ((kept_verb, actor, kept_arguments),) = kept(busy)
    assert (kept_verb, actor) == (verb, "ann")
    assert arguments.items() <= kept_arguments.items()


# ── waves ──


def waves(busy: Desk, *channels: str) -> None:
    """The incident's notice, released, with a canary on each of these channels: one stopped, the others holding."""
    now = SystemClock().now()
    with busy.store() as store, store.transaction() as tx:
        for number, channel in enumerate(channels):
            state = CanaryState.HOLDS if number else CanaryState.STOPPED
            tx.put_canary(Canary("I1-1", channel, "I1", state, 40_000, 400, now, now,
                                 "" if number else "40 of 400 filtered, where 2.0% is in order"))


def test_a_stopped_wave_is_shown_with_its_numbers(busy: Desk) -> None:
    waves(busy, "sms")
    for command in (("status",), ("incidents", "show", "I1")):
        shown = busy.type(*command).stdout
        assert "40 of 400 filtered" in shown  # how the rest is folded goes by the width of the screen
        assert "40000" in shown
        assert busy.json(*command)["waves"][0]["state"] == "stopped"


def test_without_waves_nothing_is_said_of_them(busy: Desk) -> None:
    assert "Waves" not in busy.type("status").stdout
    assert busy.json("incidents", "show", "I1")["waves"] == []


@pytest.mark.parametrize(("words", "verb"), [("go-on", Verb.GO_ON), ("drop", Verb.DROP)])
@pytest.mark.parametrize("named", [["I1"], ["I1-1"], ["I1", "--channel", "sms"]])
def test_the_one_wave_there_is_needs_no_name(busy: Desk, words: str, verb: Verb, named: list[str]) -> None:
    waves(busy, "sms")
    assert "is kept, but no daemon runs" in busy.type("incidents", words, *named).stderr
    assert kept(busy) == [(verb, "ann", {"notice": "I1-1", "channel": "sms"})]


def test_of_two_waves_one_has_to_be_named(busy: Desk) -> None:
    waves(busy, "sms", "email")
    done = busy.type("incidents", "drop", "I1")
    assert done.exit_code == 1
    assert "2 waves of I1 are open" in done.stderr
    assert "I1-1 --channel email: holds" in done.stderr
    assert kept(busy) == []
    busy.type("incidents", "drop", "I1", "--channel", "email")
    assert kept(busy) == [(Verb.DROP, "ann", {"notice": "I1-1", "channel": "email"})]


def test_a_notice_without_a_wave_is_told_so(busy: Desk) -> None:
    assert "I1 has no wave that is held or on its way" in busy.type("incidents", "go-on", "I1").stderr


@pytest.mark.parametrize(("people", "stage", "said"), [
    (12, Stage.ACKNOWLEDGE, False), (40_000, Stage.ACKNOWLEDGE, True), (40_000, Stage.RESOLVE, False)])
def test_who_approves_is_told_that_some_are_told_first(busy: Desk, people: int, stage: Stage, said: bool) -> None:
    with busy.store() as store, store.transaction() as tx:
        notice = tx.notice("I1-1")
        assert notice is not None
        tx.put_notice(replace(notice, audience=people, stage=stage))
    shown = busy.type("incidents", "approve", "I1-1", stdin="n\n").stdout
    words = ("on each channel with more than 1000 of them: 1% of it first, at least 50 and at most 1000 people, "
             "then the rest")
    assert (words in shown) is said


def test_workarounds_are_listed(desk: Desk) -> None:
    done = desk.type("workaround", "list")
    assert done.exit_code == 0, done.output
    (one,) = desk.json("workaround", "list")["workarounds"]
    assert (one["id"], one["origin"]) == ("no-3g", "catalogue")
    assert "no-3g" in done.stdout
    assert "catalogue" in done.stdout


def test_workarounds_of_an_incident_are_its_own_and_the_catalogues_for_its_service(busy: Desk) -> None:
    assert [one["id"] for one in busy.json("workaround", "list", "--incident", "I1")["workarounds"]] == ["no-3g"]
    with busy.store() as store, store.transaction() as tx:
        first = tx.incident("I1")
        assert isinstance(first, Incident)
        other = replace(first, id="I2", service="mobile-voice")
        tx.put_incident(other, Move("I2", other.opened_at, None, other.state, "for the test"))
    assert busy.json("workaround", "list", "--incident", "I2") == {"workarounds": []}
    assert "there is no incident I9" in busy.type("workaround", "list", "--incident", "I9").stderr


def test_workarounds_are_listed_without_the_catalogue_while_the_configuration_has_mistakes(desk: Desk) -> None:
    (desk.directory / "policies.yaml").write_text("policies: [", encoding="utf-8")
    done = desk.type("workaround", "list")
    assert done.exit_code == 0, done.output
    assert "its catalogue is left out" in done.stderr


def test_a_workaround_needs_one_text(desk: Desk) -> None:
    assert desk.type("workaround", "pass-on", "I1").exit_code == 2
    assert desk.type("workaround", "pass-on", "I1", "--text", "a", "--id", "b").exit_code == 2


def test_the_kill_switch(desk: Desk) -> None:
    assert "nothing is sent" in desk.type("kill-switch", "on").stdout
    assert desk.json("status")["kill_switch"] == "on"
    assert "sending is allowed again" in desk.type("kill-switch", "off").stdout
    assert desk.json("status")["kill_switch"] == "off"
    assert desk.type("kill-switch", "maybe").exit_code == 2


def test_the_kill_switch_works_while_the_configuration_has_mistakes(desk: Desk) -> None:
    (desk.directory / "policies.yaml").write_text("policies: [", encoding="utf-8")
    assert desk.type("kill-switch", "on").exit_code == 0


def switch_of(desk: Desk, channel: str) -> str | None:
    with desk.store() as store, store.transaction() as tx:
        return tx.switch(f"stop:{channel}")


def test_a_channel_is_stopped_and_resumed_by_its_id(desk: Desk) -> None:
    assert "sends nothing until" in desk.type("channel-switch", "sms", "stop", "--why", "test").stdout
    assert switch_of(desk, "sms") == "on test"
    assert desk.type("channel-switch", "sms", "resume").exit_code == 0
    assert switch_of(desk, "sms") == "off"


def test_a_misspelt_channel_is_not_said_to_have_stopped(desk: Desk) -> None:
    done = desk.type("channel-switch", "smss", "stop")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there is no channel smss: did you mean sms?" in done.stderr
    assert switch_of(desk, "smss") is None


def test_a_channel_can_be_stopped_while_the_configuration_has_mistakes(desk: Desk) -> None:
    (desk.directory / "policies.yaml").write_text("policies: [", encoding="utf-8")
    assert desk.type("channel-switch", "sms", "stop").exit_code == 0
    assert switch_of(desk, "sms") is not None


@pytest.fixture
def torn(busy: Desk) -> Desk:
    """The same incident with a second notice waiting."""
    with busy.store() as store, store.transaction() as tx:
        (first,) = tx.notices(incident="I1")
        tx.put_notice(replace(first, id="I1-2", sequence=2, stage=Stage.UPDATE, audience=34))
    return busy


@pytest.mark.parametrize("words", [("approve", "I1", "--yes"), ("refuse", "I1")], ids=["approve", "refuse"])
def test_an_incident_with_several_notices_waiting_does_not_say_which(torn: Desk, words: tuple[str, ...]) -> None:
    done = torn.type("incidents", *words)
    assert done.exit_code == 1
    assert "2 notices of I1 wait: name one of them" in done.stderr
    assert "I1-1: acknowledge, north-shore, 12 people" in done.stderr
    assert "I1-2: update, north-shore, 34 people" in done.stderr
    assert kept(torn) == []


def test_one_of_several_notices_is_refused_by_its_own_id(torn: Desk) -> None:
    torn.type("incidents", "refuse", "I1-1")
    assert kept(torn) == [(Verb.REFUSE, "ann", {"notice": "I1-1", "note": ""})]


def test_an_unknown_level_is_refused_at_the_desk(desk: Desk) -> None:
    words = ("incidents", "open", "--service", "mobile-data", "--region", "hills", "--level", "awful")
    assert desk.type(*words).exit_code == 2
    assert kept(desk) == []


def test_the_note_of_a_confirmation_is_said_to_be_evidence(desk: Desk) -> None:
    assert "kept as evidence" in desk.type("incidents", "confirm", "--help").stdout
    assert "Text for customers" in desk.type("incidents", "resolve", "--help").stdout


@pytest.mark.parametrize("words", [("--help",), ("incidents", "--help"), ("subscribers", "--help"), ("--version",)])
def test_help(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.type(*words).exit_code == 0
