"""What holds of every verdict, whatever the post."""

from __future__ import annotations

from functools import cache
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.detection.complaint import Judge, Kind
from notifier.detection.words import folded, plain

from .scene import post, services, vocabulary


@cache
def _judge() -> Judge:
    return Judge(vocabulary(), services())


@cache
def _phrases() -> list[str]:
    """Everything the example's vocabulary looks for, with each service's words put in."""
    words = vocabulary()
    names = [name for one in services().values() for name in (one.name, *one.names.values(), *one.words)]
    listed = [phrase for by in (words.symptoms, words.recovery, words.workaround, *words.own_symptoms.values())
              for phrases in by.values() for phrase in phrases]
    return sorted({phrase.replace("{service}", name) for phrase in listed for name in names} | set(names))


SCRAPS = st.sampled_from([" ", "#", "@", "'", "’", ".", ", ", "\n", "still", "never", "if", "http://x.y/", "é",
                          "\u0301", "İ", "ß", "🙄"])
POSTS = st.lists(st.one_of(st.deferred(lambda: st.sampled_from(_phrases())), SCRAPS, st.text(max_size=8)),
                 max_size=8).flatmap(lambda parts: st.sampled_from([" ".join(parts), "".join(parts),
                                                                    " ".join(parts).upper(),
                                                                    " ".join(parts).title().replace(" ", "")]))


@settings(deadline=None)  # the first post waits for the vocabulary
@given(POSTS)
def test_no_verdict_without_a_trigger(text: str) -> None:
    """A filter that looks for the triggers in the folded text loses no post that means anything."""
    if _judge().verdicts(post(text)):
        seen = folded(text)
        assert any(trigger in seen for trigger in _judge().triggers())


@settings(deadline=None)
@given(POSTS)
def test_each_service_has_one_verdict(text: str) -> None:
    """No service is both down and back, and every verdict is of some service and names its words."""
    verdicts = _judge().verdicts(post(text))
    named = [service for verdict in verdicts for service in verdict.services]
    assert len(named) == len(set(named))
    assert all(verdict.services and verdict.words and verdict.kind is not Kind.NONE for verdict in verdicts)
    assert _judge().judge(post(text)).kind is (verdicts[0].kind if verdicts else Kind.NONE)


@settings(deadline=None)
@given(st.text())
def test_plain_text_is_folded_text_in_words(text: str) -> None:
    """Every word phrases are looked for in is a piece of the folded text, and nothing but words and marks is left."""
    seen = folded(text)
    words = plain(text).split()
    assert all(word in seen or word == "is" or word in ".,/&" for word in words)
    assert plain(text) == f" {' '.join(words)} "


@pytest.mark.parametrize("text", [
    "no power " * 500, "power is back but power is down again " * 60, "l'" * 2_000, "#NoPower" * 500, "'s " * 1_000,
    "http://" * 1_000, "if " * 1_500 + "no power", "\u0301" * 5_000, "power, " * 700, "🙄" * 3_000,
    "last week no internet. " * 100,
    "no power or internet or tv or " * 80, "vodafone " * 300, "a" * 10_000, "#" + "aA" * 3_000, "&amp;" * 2_000,
], ids=lambda text: text[:12].strip().encode("unicode_escape").decode())
def test_hostile_texts_take_bounded_time(text: str) -> None:
    """Whatever a post repeats, its verdict costs at most 100 ms of CPU time (measured: below 15 ms)."""
    judge = _judge()
    begun = process_time()
    judge.verdicts(post(text))
    assert process_time() - begun < 0.1
