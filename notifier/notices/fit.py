"""Whether a text fits a channel by that channel's own rule, and making it fit without losing what matters.

Sources of the numbers: X: twitter-text configuration v3 and its conformance cases. Bluesky: lexicon
app.bsky.feed.post (300 graphemes, 3,000 bytes). Mastodon: 500 unless the instance says otherwise, every link counts
as 23. SMS: see `sms`. E-mail and webhook have no rule; a cap keeps a mistake from becoming a novel.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from .refusal import Refusal
from .sms import CHAINED, encoding, plain_sms, segments, units
from .urls import find_links

__all__ = ["KINDS", "LIMITS", "Size", "facets", "measure", "plain_sms", "segments", "shorten", "weighted_length"]

KINDS = ("x", "mastodon", "bluesky", "sms", "email", "webhook")
LIMITS = {"x": 280, "mastodon": 500, "bluesky": 300, "email": 20_000, "webhook": 20_000}
"""Longest text by kind of channel, counted its own way; SMS counts segments: see `SMS_SEGMENTS`."""
SMS_SEGMENTS = 4
"""Longest chain of SMS: our own rule, for the reader's sake and the bill's."""
BLUESKY_BYTES = 3_000
URL_LENGTH = 23
"""What a link counts on X, and on Mastodon unless the instance says otherwise."""
ELLIPSIS = "…"

_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points X counts as 1; any other counts 2 (v3.json, weight 100 and defaultWeight 200, scale 100)."""
_INVALID_ON_X = frozenset("\ufffe\ufeff\uffff")
_EMOJI_BASE = r"(?:[©®]\uFE0F|[\p{Emoji}--[0-9\#*©®\p{RI}]])(?:\uFE0F|\p{EMod})?[\U000E0020-\U000E007F]*"
_EMOJI: Any = regex.compile(rf"\p{{RI}}{{2}}|[0-9\#*]\uFE0F?\u20E3|{_EMOJI_BASE}(?:\u200D{_EMOJI_BASE})*", regex.V1)
_GRAPHEME: Any = regex.compile(r"\X")


@dataclass(frozen=True, slots=True)
class Size:
    """How long a text is, counted as its channel counts, and whether it fits. `segments` and `encoding` matter for
    SMS only."""

    length: int
    limit: int
    fits: bool
    segments: int = 1
    encoding: str = "UTF-8"


def measure(kind: str, text: str, *, limit: int | None = None, link: int | None = None) -> Size:
    """Measure `text` by the rule of a channel of `kind` (see `KINDS`); an empty text never fits.

    `limit` replaces the kind's own, in its own count (X: weighted, Bluesky: graphemes, SMS: septets or UTF-16 units).
    `link` is what a link counts on that Mastodon instance.
    """
    if kind == "sms":
        return _measure_sms(text, limit)
    most = LIMITS[kind] if limit is None else limit
    length = _length(kind, text, link or URL_LENGTH)
    fits = 0 < length <= most
    if kind == "x":
        fits = fits and _INVALID_ON_X.isdisjoint(text)
    if kind == "bluesky":
        fits = fits and len(text.encode("utf-8", "surrogatepass")) <= BLUESKY_BYTES
    return Size(length, most, fits)


def _measure_sms(text: str, limit: int | None) -> Size:
    alphabet = encoding(text)
    length, parts = units(text, alphabet), segments(text)
    most = CHAINED[alphabet] * SMS_SEGMENTS if limit is None else limit
    fits = 0 < length <= most and (limit is not None or parts <= SMS_SEGMENTS)
    return Size(length, most, fits, parts, alphabet)


def _length(kind: str, text: str, link: int) -> int:
    if kind == "x":
        return weighted_length(text)
    if kind == "bluesky":
        return len(_GRAPHEME.findall(text))
    if kind == "mastodon":
        return _mastodon_length(text, link)
    return len(text)


def _mastodon_length(text: str, link_length: int) -> int:
    """Characters, links with a scheme as `link_length`. Newer servers count graphemes, which are never more."""
    length = len(text)
    for link in find_links(text):
        if link.has_scheme:
            size = link.end - link.start
            length += (link_length if link.certain else max(link_length, size)) - size
    return length


def weighted_length(text: str, *, emoji: bool = True) -> int:
    """Length as X counts it: NFC, a link 23, an emoji 2 however long its sequence, else 1 or 2 by code point.

    Where it is uncertain whether X takes something for a link, the longer count is used. `emoji` False counts as
    before configuration v3, which the older conformance cases expect.
    """
    plain = unicodedata.normalize("NFC", text)
    total, at = 0, 0
    for link in find_links(plain):
        total += _weight(plain[at : link.start], emoji)
        total += URL_LENGTH if link.certain else max(URL_LENGTH, _weight(link.text, emoji))
        at = link.end
    return total + _weight(plain[at:], emoji)


def _weight(text: str, emoji: bool) -> int:
    total = 0
    if emoji:
        text, found = _EMOJI.subn("", text)
        total = 2 * found
    return total + sum(1 if any(low <= ord(c) <= high for low, high in _LIGHT) else 2 for c in text)


def facets(text: str) -> tuple[tuple[int, int, str], ...]:
    """(byte start, byte end, URL) of every link with a scheme: what Bluesky needs to show a link as one.

    Offsets count UTF-8 bytes, the end exclusive (app.bsky.richtext.facet).
    """
    found = []
    for link in find_links(text):
        if link.has_scheme:
            start = len(text[: link.start].encode("utf-8", "surrogatepass"))
            found.append((start, start + len(link.text.encode("utf-8", "surrogatepass")), link.text))
    return tuple(found)


# ── Shortening ───────────────────────────────────────────────────────────────────────────────────────────────────────


def shorten(
    kind: str, text: str, keep: Sequence[str], limit: int | None = None, link: int | None = None
) -> str | Refusal:
    """`text` made to fit a channel of `kind`: as it is where it fits, else with words left out and "…" in their place.

    No part in `keep` that stands in `text` is ever cut (reference, regions, times, the workaround). Words go from
    the end of the longest stretch that is not protected, then from the next longest. Refusal where even that is not
    enough.
    """
    def fits(tried: str) -> bool:
        return measure(kind, tried, limit=limit, link=link).fits

    if fits(text):
        return text
    mark = "..." if kind == "sms" else ELLIPSIS
    pieces = _pieces(text, keep)
    order = sorted((i for i, (_, fixed) in enumerate(pieces) if not fixed), key=lambda i: -len(pieces[i][0]))
    for index in order:
        words = _words(pieces[index][0])
        if not words:
            continue
        for left in _fewest_cuts(fits, pieces, index, words, mark):
            return left
        pieces[index] = (_cut(words, 0, mark, pieces[index][0]), False)
    return Refusal(f"the {kind} text is longer than {measure(kind, text, limit=limit).limit} even without its details")


def _fewest_cuts(
    fits: Callable[[str], bool], pieces: list[tuple[str, bool]], index: int, words: list[str], mark: str
) -> list[str]:
    """The text with the most of `words` left that fits, or nothing where even none is too long."""
    low, high, best = 0, len(words) - 1, None
    while low <= high:
        middle = (low + high) // 2
        tried = [*pieces]
        tried[index] = (_cut(words, middle, mark, pieces[index][0]), False)
        joined = _joined(tried)
        if fits(joined):
            best, low = joined, middle + 1
        else:
            high = middle - 1
    return [] if best is None else [best]


def _pieces(text: str, keep: Sequence[str]) -> list[tuple[str, bool]]:
    """`text` cut into (piece, protected); whole protected parts, wherever they stand, overlapping ones joined."""
    spans: list[tuple[int, int]] = []
    for part in sorted({part for part in keep if part.strip()}):
        at = text.find(part)
        while at >= 0:
            spans.append((at, at + len(part)))
            at = text.find(part, at + len(part))
    pieces: list[tuple[str, bool]] = []
    done = 0
    for start, end in _merged(spans):
        pieces += [(text[done:start], False), (text[start:end], True)]
        done = end
    return [piece for piece in [*pieces, (text[done:], False)] if piece[0]]


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _words(piece: str) -> list[str]:
    return [str(word) for word in regex.findall(r"\s*\S+", piece)]


def _cut(words: list[str], left: int, mark: str, whole: str) -> str:
    """The first `left` words with the mark, and the blank the piece began or ended with, so that neighbours part."""
    lead = "" if left or not whole[:1].isspace() else " "
    tail = " " if whole[-1:].isspace() else ""
    kept = "".join(words[:left]).rstrip(" ,;:-–—") if left else ""
    return f"{kept or lead}{mark}{tail}"


def _joined(pieces: list[tuple[str, bool]]) -> str:
    return "".join(piece for piece, _ in pieces).strip()
