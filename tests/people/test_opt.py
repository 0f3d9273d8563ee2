"""STOP stops, in any case and with blanks around it; a sentence with the word in it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.people.opt import Wish, classify


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        *[(word, Wish.STOP) for word in ("STOP", "stop", " Stop ", "STOPALL", "unsubscribe", "Cancel", "END", "quit")],
        *[(word, Wish.STOP) for word in ("OPTOUT", "opt-out", "revoke", "Stop.", "stop!", "\tstop\n", "ALTO", "Baja")],
        *[(word, Wish.START) for word in ("START", "yes", " unstop ")],
        *[(word, Wish.HELP) for word in ("HELP", "info", "Ayuda")],
        *[(word, Wish.NONE) for word in ("", "STOP PLEASE", "please stop", "stop telling me it works", "no", "st op")],
        pytest.param("ＳＴＯＰ", Wish.STOP, id="full-width letters, as some keyboards send them"),
        pytest.param("stop" + " " * 500, Wish.NONE, id="absurdly long"),
    ],
)  # fmt: skip
def test_wishes(text: str, wish: Wish) -> None:
    assert classify(text) is wish


@given(
    st.sampled_from(["stop", "unsubscribe", "quit"]),
    st.sampled_from(["upper", "lower", "title"]),
    st.text(" \t\r\n", max_size=9),
    st.text(" \n.", max_size=9),
)
def test_neither_case_nor_blanks_matter(word: str, case: str, before: str, after: str) -> None:
    assert classify(before + getattr(word, case)() + after) is Wish.STOP


@given(st.text(max_size=400))
def test_any_text_has_an_answer(text: str) -> None:
    assert classify(text) in Wish
