"""Leading incidents by hand, with no daemon running: what is asked is kept, and said to be."""

from __future__ import annotations

import pytest

from notifier.model.staff import Verb

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
     {"service": "mobile-data", "regions": "hills,north-shore", "note": ""}),
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


def test_workarounds_are_listed(desk: Desk) -> None:
    done = desk.type("workaround", "list")
    assert done.exit_code == 0, done.output
    assert desk.json("workaround", "list") == {"workarounds": []}


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


@pytest.mark.parametrize("words", [("--help",), ("incidents", "--help"), ("subscribers", "--help"), ("--version",)])
def test_help(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.type(*words).exit_code == 0
