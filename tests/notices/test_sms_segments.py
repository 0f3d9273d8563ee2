"""What a text is billed as: laws that hold for every text, beside Twilio's own cases in test_fit."""

from __future__ import annotations

from math import ceil

from hypothesis import example, given
from hypothesis import strategies as st

from notifier.notices.sms import GSM7, UCS2, encoding, plain_sms, segments, units

BASIC = "abcXYZ019 @£ñÜ\n?"
EXTENDED = "^{}\\[~]|€\f"
WIDE = "情報á’—"
PAIRS = "😀🏔"


@given(st.integers(1, 1600))
def test_basic_characters_go_160_to_a_text_and_153_to_each_of_a_chain(length: int) -> None:
    assert segments("a" * length) == (1 if length <= 160 else ceil(length / 153))


@given(st.integers(1, 1600))
def test_others_go_70_to_a_text_and_67_to_each_of_a_chain(length: int) -> None:
    assert segments("情" * length) == (1 if length <= 70 else ceil(length / 67))


@given(st.integers(1, 800))
def test_extended_characters_count_two_and_are_never_split(length: int) -> None:
    assert segments("€" * length) == (1 if length <= 80 else ceil(length / 76)), "153 holds 76 of them, and a gap"


@given(st.integers(1, 800))
def test_pairs_count_two_and_are_never_split(length: int) -> None:
    assert segments("😀" * length) == (1 if length <= 35 else ceil(length / 33)), "67 holds 33 of them, and a gap"


@given(st.text(BASIC + EXTENDED, max_size=500), st.sampled_from(WIDE + PAIRS))
def test_one_character_outside_the_alphabet_makes_the_whole_text_dearer(text: str, strange: str) -> None:
    assert encoding(text) == GSM7
    assert encoding(text + strange) == UCS2
    assert segments(text + strange) >= segments(text)


@given(st.text(BASIC + EXTENDED + WIDE + PAIRS, max_size=500), st.text(BASIC + EXTENDED + WIDE + PAIRS, max_size=20))
def test_more_words_never_cost_less(text: str, more: str) -> None:
    assert segments(text + more) >= segments(text)
    assert units(text + more) >= units(text) or encoding(text) != encoding(text + more)


@given(st.text(BASIC + EXTENDED + "‘’“”–—\u00a0\u2009", max_size=500))
@example("It’s " + "a" * 150)
def test_typography_that_has_a_plain_like_never_doubles_the_bill(text: str) -> None:
    plain = plain_sms(text)
    assert encoding(plain) == GSM7
    assert segments(plain) <= segments(text)
    assert len(plain) == len(text), "a sign for a sign: no word is lost"
