"""A preview shows every text as it would go out, what it costs, and what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.model.channel import ChannelProfile
from notifier.model.notice import Mode, Wording
from notifier.notices.fit import measure
from notifier.notices.preview import preview, preview_notice, price_of
from tests.notices.stage_props import NOW, channels, notice, speaker


def test_there_is_a_row_for_every_wording_channel_and_language() -> None:
    rows = preview(service="mobile-data", regions=("US-VT",), speaker=speaker(), now=NOW)
    spoken = {(row.wording, row.channel, row.language) for row in rows}
    assert len(rows) == len(spoken) == len(Wording) * (2 * len(channels()) - 1)
    assert [row for row in rows if row.problem or not row.fits] == []


def test_a_row_measures_its_own_text() -> None:
    rows = preview(service="mobile-data", regions=("US-VT",), speaker=speaker(), now=NOW)
    for row in rows:
        size = measure(row.kind, row.text, limit=channels()[row.channel].limit)
        assert (row.length, row.limit, row.segments) == (size.length, size.limit, size.segments)


def test_a_missing_translation_is_a_row_with_a_problem() -> None:
    french = speaker()
    french = replace(french, company=french.company.model_copy(update={"languages": ("en", "fr")}))
    rows = preview(service="mobile-data", regions=("US-VT",), speaker=french, now=NOW, wordings=[Wording.RESOLVE])
    problems = {row.problem for row in rows if row.language == "fr"}
    assert problems == {"template mobile-data has no resolve in fr"}
    assert all(not row.fits and row.text == "" for row in rows if row.language == "fr")


@pytest.mark.parametrize(
    ("kind", "text", "price"),
    [
        pytest.param("x", "Outage in Vermont", 0.015, id="a post"),
        pytest.param("x", "Outage, see https://a.example.com", 0.2, id="a post with a link"),
        pytest.param("sms", "a" * 161, 0.0158, id="two segments"),
        pytest.param("email", "a", 0.0, id="mail"),
    ],
)
def test_prices(kind: str, text: str, price: float) -> None:
    post, with_link = (0.015, 0.2) if kind == "x" else (0.0, 0.0)
    profile = ChannelProfile(kind, kind, Mode.TEST, price=post, price_with_link=with_link)
    assert price_of(profile, text, speaker().company) == pytest.approx(price)


def test_the_shipped_texts_cost_no_link_on_x() -> None:
    rows = preview(service="mobile-data", regions=("US-VT",), speaker=speaker(), now=NOW)
    assert {row.price for row in rows if row.kind == "x"} == {0.015}


def test_a_notice_is_shown_word_for_word() -> None:
    made = notice()
    assert [row.text for row in preview_notice(made, speaker=speaker())] == [text.body for text in made.texts]


def test_a_service_without_template_has_no_rows() -> None:
    assert preview(service="fax", regions=("US-VT",), speaker=speaker(), now=NOW) == ()
