"""What holds for every post, whatever it says."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from notifier.detection.placing.spelling import fold, plain, split, without_links

from .scene import places, post

PIECES = st.sampled_from((
    "Burlington", "VT", "no data", "in", "New", "York", ",", "#vtwx", "BT7", "1AA", "05401", "K1A 0B1", "NYC", "✈",
    "LDN", "🇨🇦", "東京", "서울에서", "Köln", "’s", "U.S.A.", "43.65,-79.38", "upstate", "@London", "Paris", "TX",
    "/", "-", "\u0301", "\u200b", "NW", "England", "Washington", "D.C.", "Springfield", "Georgia", "the", "of",
    "County", "\n", "''", "#", "#NoPower", "ONT", "or", "OK"))
TEXTS = st.one_of(st.text(max_size=120), st.lists(PIECES, max_size=14).map(" ".join),
                  st.lists(PIECES, max_size=14).map("".join))
LAWS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LAWS
@given(text=TEXTS, profile=TEXTS, place=TEXTS)
def test_never_raises(text: str, profile: str, place: str) -> None:
    """Any text gives a region of the tree with a certainty, or nothing; the words told stand in what was written."""
    finder = places()
    found = finder.find(post(text, where=profile, place=place))
    if found is not None:
        assert found.region in finder.regions
        assert 0 <= found.certainty <= 1
        assert found.how in ("place", "text", "profile")
        assert found.words
        assert found.reason


@LAWS
@given(text=TEXTS, profile=TEXTS)
def test_a_link_changes_nothing(text: str, profile: str) -> None:
    """Neither the post's address nor a link in its text says where it is."""
    finder = places()
    alone = finder.find(post(text, where=profile))
    assert finder.find(post(text, where=profile, url="https://example.org/London/VT")) == alone
    assert finder.find(post(f"{text} https://example.org/London,VT", where=profile)) == alone


@LAWS
@given(text=TEXTS)
def test_a_quick_look_misses_nothing(text: str) -> None:
    """A text that is not looked at closely holds no place: the quick look is a saving, not a rule."""
    finder = places()
    seen = finder.find(post(text))
    finder._text.cache_clear()
    looked, finder._may_name = finder._may_name, lambda text: True  # type: ignore[method-assign]
    try:
        assert finder.find(post(text)) == seen
    finally:
        finder._may_name = looked  # type: ignore[method-assign]
        finder._text.cache_clear()


@LAWS
@example(text="no power in Newport", profiles=["Newport, VT", "Newport, RI", "Leeds", ""])
@example(text="Springfield is dark", profiles=["Massachusetts", "Springfield, VT", "London"])
@given(text=TEXTS, profiles=st.lists(TEXTS, min_size=1, max_size=4))
def test_what_is_remembered_of_a_text_changes_no_answer(text: str, profiles: list[str]) -> None:
    """The same text by one author after another: each gets the place it would get were the text read for them alone."""
    finder, alone = places(), []
    for profile in profiles:
        finder._text.cache_clear()
        alone.append(finder.find(post(text, where=profile)))
    finder._text.cache_clear()
    assert [finder.find(post(text, where=profile)) for profile in [*profiles, *profiles]] == [*alone, *alone]


@LAWS
@given(text=TEXTS)
def test_words_are_those_of_the_text(text: str) -> None:
    """Words and what stands between them make the text again, and a name folds to the words a text has."""
    bare = plain(text)
    words = split(bare)
    assert "".join(gap + raw for gap, raw in zip(words.gaps, [*words.raw, ""], strict=True)) == bare
    assert len(words.folded) == len(words.written) == len(words.raw)
    assert without_links(without_links(text)) == without_links(text)
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("text", [
    pytest.param("New York St. " * 800, id="names all the way"),
    pytest.param("Springfield " * 900, id="a name of many places"),
    pytest.param("a" * 10_000, id="one long word"),
    pytest.param("\u0301" * 10_000, id="accents without letters"),
    pytest.param("東" * 10_000, id="letters that are words"),
    pytest.param("#" * 10_000, id="hash signs"),
    pytest.param("http://" * 1_400, id="links"),
    pytest.param("U." * 5_000, id="dotted letters"),
    pytest.param("1.1," * 2_500, id="numbers like coordinates"),
    pytest.param("\ufdfa" * 10_000, id="a letter that folds into eighteen"),
])
def test_bounded_time(text: str) -> None:
    """No text of 10,000 characters takes long, in any field (measured: 15 ms at most)."""
    finder = places()
    begun = process_time()
    for _ in range(3):
        finder.find(post(text, where=text[:500], place=text[1:501]))
    assert process_time() - begun < 1.0
