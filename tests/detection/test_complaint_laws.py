"""What holds of every verdict, whatever the post."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.detection.complaint import Judge
from notifier.detection.words import folded

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
