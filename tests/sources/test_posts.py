"""Terms: what a post must contain, in the languages people complain in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.sources.posts.posts import clean, in_languages, matcher, read_object, words


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        pytest.param("outage", "OUTAGES everywhere", True, id="case and endings"),
        pytest.param("outage", "nooutage", False, id="not in the middle of a word"),
        pytest.param("outage", "#VTelOutage now", True, id="but within a hashtag"),
        pytest.param("att", "pay attention", False, id="short terms are whole words"),
        pytest.param("att", "@ATT is down", True, id="short terms as handles"),
        pytest.param("at&t", "thanks AT&T!", True, id="signs"),
        pytest.param("no signal", "No\n  signal", True, id="spacing"),
        pytest.param("outage", "ｏｕｔａｇｅ", True, id="width"),
        pytest.param("圏外", "ずっと圏外です", True, id="scripts without spaces"),
        pytest.param("störung", "STÖRUNG im Netz", True, id="accents"),
        pytest.param("a.b", "axb a.b", True, id="signs mean themselves"),
        pytest.param(".*..", "anything", False, id="no patterns"),
    ],
)
def test_terms(term: str, text: str, found: bool) -> None:
    assert matcher((term,))(text) is found


def test_without_terms_everything_passes() -> None:
    assert matcher(())("anything")
    assert matcher((" ",))("anything")


@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=200))
def test_no_term_and_no_text_raises(terms: list[str], text: str) -> None:
    assert matcher(terms)(text) in (True, False)


@given(st.lists(st.text("abcdef ", min_size=4, max_size=20).filter(str.strip), min_size=1), st.text("xyz ", max_size=9))
def test_a_text_that_begins_with_a_term_contains_it(terms: list[str], rest: str) -> None:
    assert all(matcher(terms)(f"{term} {rest}") for term in terms)


@pytest.mark.parametrize(
    ("lang", "wanted", "kept"),
    [
        ("en", (), True),
        (None, ("en",), True),
        ("en-GB", ("en",), True),
        ("EN", ("en-US",), True),
        ("fr", ("en",), False),
    ],
)
def test_languages(lang: str | None, wanted: tuple[str, ...], kept: bool) -> None:
    assert in_languages(lang, wanted) is kept


@given(st.text(st.characters()))
def test_clean_text_can_always_be_stored(text: str) -> None:
    assert "\x00" not in clean(text).encode("utf-8").decode()
    assert words(10**5000) is None


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.integers(2**62, 2**90), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4), st.booleans(), st.one_of(st.none(), st.integers(0, 40)))
def test_a_quick_decoder_changes_no_post(record: dict[str, object], escaped: bool, cut: int | None) -> None:
    """Whatever the bytes: what is read is what the standard library reads, half surrogate pairs and NaN included."""
    raw = json.dumps(record, ensure_ascii=escaped).encode("utf-8", "surrogatepass")[:cut]
    try:
        expected = json.loads(raw)
    except ValueError:
        expected = None
    assert repr(read_object(raw)) == repr(expected if isinstance(expected, dict) else None)
