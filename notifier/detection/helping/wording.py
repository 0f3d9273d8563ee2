"""What staff see of advice: one sentence in a customer's words, without names, links, numbers to call."""

from __future__ import annotations

import re

from .advice import Advice, told

WORDING_MOST = 160
"""Characters of a sentence that is offered: about one text message."""
_HIDDEN = re.compile(r"https?:\S*|www\.\S*|\S*@\S+|[@＠][\w.-]+|(?<![\w.])\+?\(?\d(?:[\s().\-/]{0,2}\d){6,14}(?![\w.])")
_UNSEEN = re.compile(r"[^\S ]+|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff]+")
_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_PASSED_ON = re.compile(r"^\s*(?:RT|MT)\b\s*:?\s*")


def cleaned(text: str) -> str:
    """A post on one line without names, links, mail addresses, telephone numbers and control characters; the sign of a
    hashtag goes, its word stays."""
    shown = _PASSED_ON.sub("", _HIDDEN.sub(" ", text[:2_000])).replace("#", "")
    shown = _UNSEEN.sub(" ", shown)
    shown = re.sub(r"\s+([,.:;!?])", r"\1", " ".join(shown.split()))
    return shown.strip(" ,;:-–—")


def sentence_with(text: str, advice: Advice) -> str:
    """The sentence of a post that gives this advice, cleaned and cut to WORDING_MOST; the beginning of the post where
    no
    sentence gives it alone."""
    whole = cleaned(text)
    for sentence in _END.split(whole)[:12]:
        said = told(sentence)
        if said is not None and said.advice == advice:
            whole = sentence
            break
    return whole if len(whole) <= WORDING_MOST else whole[:WORDING_MOST - 1].rstrip() + "…"
