"""Templates can only say what the list allows, and every mistake in one is found before it speaks."""

from __future__ import annotations

import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.model.notice import Template, Wording
from notifier.notices.rendering import FIELD_CAP, TEXT_CAP, VALUE_CAP, MalformedTemplate
from notifier.notices.template import (
    PLACEHOLDERS,
    TemplateMistake,
    check_template,
    fields_of,
    render,
    sanitise,
    template_for,
)
from notifier.notices.urls import find_links
from tests.notices.stage_props import example_templates

VALUES = {"service": "mobile data", "regions": "Vermont", "reference": "I1", "since": "7:30 AM EST"}


def test_values_go_where_their_names_stand() -> None:
    assert render("{service} is out in {regions}. Ref {reference}", VALUES) == "mobile data is out in Vermont. Ref I1"


def test_doubled_braces_are_braces() -> None:
    assert render("{{{service}}} {{reference}}", VALUES) == "{mobile data} {reference}"


def test_a_sentence_without_its_value_is_left_out_whole() -> None:
    text = (
        "{service} is out. Next update by {next_update}. {note}\n{reported_count} customers told us.\nRef {reference}"
    )
    assert render(text, VALUES) == "mobile data is out. Ref I1"
    filled = {**VALUES, "next_update": "8:20 AM EST", "note": "Crews are on it.", "reported_count": "12"}
    expected = "mobile data is out. Next update by 8:20 AM EST. Crews are on it.\n12 customers told us.\nRef I1"
    assert render(text, filled) == expected


def test_a_value_cannot_ask_for_another_value() -> None:
    assert render("{note}", {"note": "{company} {{x}}", "company": "secret"}) == "{company} {{x}}"


def test_a_value_cannot_end_the_sentence_it_stands_in() -> None:
    assert render("{note} and {workaround}", {"note": "One. Two.\nThree.", "workaround": None}) == ""


def test_values_are_escaped_in_html() -> None:
    assert render("<p>{note}</p>", {"note": "<b>&"}, escape=html.escape) == "<p>&lt;b&gt;&amp;</p>"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{service.__class__}", id="an attribute"),
        pytest.param("{service[0]}", id="an index"),
        pytest.param("{service!r}", id="a conversion"),
        pytest.param("{service:>100000000}", id="a format that makes a huge text"),
        pytest.param("{}", id="no name"),
        pytest.param("{0}", id="a number"),
        pytest.param("{service", id="never closed"),
        pytest.param("service}", id="never opened"),
        pytest.param("{ service }", id="blanks in the braces"),
        pytest.param("{{service}", id="a brace too many"),
        pytest.param("{unknown}", id="a name that is not in the list"),
        pytest.param("x" * (TEXT_CAP + 1), id="a text too long"),
        pytest.param("{service}" * (FIELD_CAP + 1), id="too many placeholders"),
    ],
)
def test_anything_but_a_known_name_is_refused(text: str) -> None:
    with pytest.raises(MalformedTemplate):
        render(text, VALUES)


@given(st.text(st.sampled_from("{}a_.:![]0 servic\n"), max_size=60), st.text(max_size=2000))
def test_rendering_is_bounded_and_only_ever_inserts_values(text: str, value: str) -> None:
    try:
        made = render(text, dict.fromkeys(PLACEHOLDERS, value))
    except MalformedTemplate:
        return
    assert len(made) <= TEXT_CAP + FIELD_CAP * VALUE_CAP


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        pytest.param("a\r\nBcc: all@example.com", "a Bcc: all@example.com", id="line breaks cannot start a header"),
        pytest.param("a\x00\x1b[31mb", "a [31mb", id="control characters go"),
        pytest.param("ab\u202eevil\u202c\u2066x\u2069", "abevilx", id="no character may turn the text round"),
        pytest.param("a\u200bb\ufeffc", "abc", id="invisible characters go"),
        pytest.param("👨‍👩‍👧", "👨‍👩‍👧", id="emoji stay whole"),
        pytest.param("go to http://evil.io/x now", "go to now", id="links of others go"),
        pytest.param("see https://gmw.example/a", "see https://gmw.example/a", id="our own links stay"),
        pytest.param("thanks @someone, mail a@b.example", "thanks someone, mail a@b.example", id="nobody is mentioned"),
        pytest.param("lone \ud800 half", "lone half", id="half a character goes"),
        pytest.param("e\u0301", "é", id="composed"),
    ],
)
def test_values_are_made_safe(value: str, safe: str) -> None:
    assert sanitise(value, own_hosts=frozenset({"gmw.example"})) == safe


@given(st.text(max_size=3000))
def test_a_safe_value_is_one_bounded_line_and_stays_as_it_is(value: str) -> None:
    safe = sanitise(value)
    assert len(safe) <= VALUE_CAP
    assert len(safe.splitlines()) <= 1
    assert not any(c in safe for c in "\r\n\u202e\u2066\x00")
    assert find_links(safe) == ()
    safe.encode("utf-8")


# ── Checking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def template(**wordings: Any) -> Template:
    """The shipped generic template with some wordings replaced; None takes one away."""
    spoken: dict[str, Any] = {w.value: dict(t) for w, t in example_templates()["generic"].wordings.items()}
    for name, texts in wordings.items():
        if texts is None:
            del spoken[name]
        else:
            spoken[name] = {**spoken[name], **texts}
    return Template.model_validate({"id": "t", "wordings": spoken})


def found(checked: Template, **settings: Any) -> list[TemplateMistake]:
    """The mistakes of a template in a company that speaks English and Spanish."""
    return check_template(checked, languages=["en", "es"], **settings)


@pytest.mark.parametrize("name", ["generic", "mobile-data", "mobile-voice", "broadband", "power"])
def test_the_shipped_templates_have_no_mistake(name: str) -> None:
    shipped = example_templates()[name]
    assert found(shipped) == []
    assert set(shipped.wordings) == set(Wording)


def test_an_unknown_placeholder_is_named_with_its_nearest() -> None:
    (mistake,) = found(template(resolve={"en": {"text": "Fixed in {regoins}. Ref {reference}"}}))
    assert mistake.path == ("wordings", "resolve", "en", "text")
    assert mistake.message == "{regoins} is not a placeholder"
    assert mistake.nearest == "regions"


def test_a_broken_brace_is_shown_in_its_place() -> None:
    (mistake,) = found(
        template(resolve={"en": {"text": "Fixed. Ref {reference}", "sms": "Fixed {regions Ref {reference}"}})
    )
    assert mistake.path == ("wordings", "resolve", "en", "sms")
    assert "single '{'" in mistake.message


def test_a_wording_without_a_language_is_a_mistake() -> None:
    checked = template()
    wordings = {w: dict(t) for w, t in checked.wordings.items()}
    del wordings[Wording.CORRECT]["es"]
    (mistake,) = found(checked.model_copy(update={"wordings": wordings}))
    assert mistake.path == ("wordings", "correct")
    assert mistake.message == "wording 'correct' has no text in 'es'"


def test_an_acknowledgement_without_its_correction_is_a_mistake() -> None:
    (mistake,) = found(template(correct=None))
    assert mistake.message == "wording 'correct' is missing: what is acknowledged must be correctable"


def test_a_template_may_leave_maintenance_to_others() -> None:
    assert found(template(maintenance=None, maintenance_end=None)) == []


def test_a_language_nobody_speaks_is_a_mistake() -> None:
    (mistake,) = found(template(resolve={"ens": {"text": "Fixed. Ref {reference}"}}))
    assert mistake.nearest in ("en", "es")


def test_a_text_too_long_for_its_channel_says_by_how_much() -> None:
    long = "Fixed in {regions}. " + "We are very sorry. " * 15 + "Ref {reference}"
    (mistake,) = found(template(resolve={"en": {"text": long}}), kinds=("x", "email"))
    assert mistake.path == ("wordings", "resolve", "en", "text")
    assert mistake.message.startswith("with long values the text sent by x is ")
    assert "280 fit" in mistake.message


def test_an_instance_with_a_shorter_limit_is_obeyed() -> None:
    assert found(template(), kinds=("mastodon",), limits={"mastodon": 100}) != []


def test_a_text_without_reference_is_a_mistake_where_nothing_else_carries_it() -> None:
    mistakes = found(template(resolve={"en": {"text": "Fixed in {regions}.", "email": "Fixed."}}))
    assert [(m.path[-1], m.expected) for m in mistakes] == [("text", "{reference}")]


def test_a_workaround_without_the_workaround_is_a_mistake() -> None:
    mistakes = found(template(workaround={"en": {"text": "There is a workaround. Ref {reference}"}}))
    assert ("text", "{workaround}") in [(m.path[-1], m.expected) for m in mistakes]


def test_an_update_on_x_needs_a_time_of_its_own() -> None:
    mistakes = found(template(update={"en": {"text": "Still out. Ref {reference}"}}))
    assert ("text", "{now}") in [(m.path[-1], m.expected) for m in mistakes]


def test_words_that_promise_without_a_time_are_mistakes() -> None:
    mistakes = found(template(resolve={"en": {"text": "It will be fixed shortly. Ref {reference}"}}))
    assert [m.found for m in mistakes] == ["shortly"]


def test_an_empty_text_is_a_mistake() -> None:
    mistakes = found(template(resolve={"en": {"text": "Fixed. Ref {reference}", "x": "  "}}))
    assert "the text is empty" in [m.message for m in mistakes]


def test_every_mistake_is_told_at_once() -> None:
    checked = template(resolve={"en": {"text": "{oops} {"}}, update={"en": {"text": "{nope}"}}, correct=None)
    assert len(found(checked)) >= 3


def test_the_template_of_a_service_is_its_own_or_the_one_for_all() -> None:
    templates = example_templates()
    assert template_for("power", templates) == "power"
    assert template_for("checkout", templates) == "generic"
    assert template_for("checkout", {"power": templates["power"]}) is None


def test_every_placeholder_is_explained_and_has_a_long_value() -> None:
    for name, placeholder in PLACEHOLDERS.items():
        assert placeholder.meaning, name
        assert placeholder.longest, name
        assert fields_of(f"{{{name}}}") == {name}
