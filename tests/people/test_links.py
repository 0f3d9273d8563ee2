"""Only we can make a link that unsubscribes somebody, and it says nothing about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.people.links import unsubscribe_token, unsubscribe_url, verify

KEY = "a key of this deployment"
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def test_a_token_names_its_subscriber() -> None:
    assert verify(KEY, unsubscribe_token(KEY, ID)) == ID


def test_a_link_stands_below_the_public_address() -> None:
    for base in ("https://notices.example.com", "https://notices.example.com/"):
        url = unsubscribe_url(KEY, base, ID)
        assert url == f"https://notices.example.com/u/{unsubscribe_token(KEY, ID)}"


@given(st.text(max_size=60))
def test_every_token_is_safe_in_a_path_and_reads_back(subscriber: str) -> None:
    token = unsubscribe_token(KEY, subscriber)
    assert all(c.isascii() and (c.isalnum() or c in "-_") for c in token)
    assert verify(KEY, token) == (subscriber if subscriber and len(token) <= 200 else None)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a" * 10_000,
        "é",
        "====",
        unsubscribe_token("another key", ID),
        unsubscribe_token(KEY, ID) + "=",
        unsubscribe_token(KEY, ""),
    ],
)
def test_no_other_token_is_believed(token: str) -> None:
    assert verify(KEY, token) is None


def test_no_changed_character_is_believed() -> None:
    token = unsubscribe_token(KEY, ID)
    for at in range(len(token)):
        for char in "AZaz09-_":
            changed = token[:at] + char + token[at + 1 :]
            assert changed == token or verify(KEY, changed) is None


@given(st.text(max_size=300))
def test_no_text_whatever_makes_verifying_fail(token: str) -> None:
    assert verify(KEY, token) is None
