"""How a text travels by SMS: its alphabet, its segments, and how to keep it in the cheaper alphabet.

GSM-7 and its extension table: 3GPP TS 23.038, 6.2.1. A single message carries 160 septets or 70 UTF-16 units; in a
chain each part gives 6 bytes to the header, which leaves 153 or 67.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

GSM7 = "GSM-7"
UCS2 = "UCS-2"
SINGLE = {GSM7: 160, UCS2: 70}
CHAINED = {GSM7: 153, UCS2: 67}

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′ʼ´`", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\t", " "),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
        "…": "...",
        "•": "-",
        "·": ".",
        "™": "(TM)",
        "№": "No.",
    }
)


def encoding(text: str) -> str:
    """ "GSM-7" where every character is in that alphabet, else "UCS-2"."""
    return GSM7 if all(c in _BASIC or c in _EXTENDED for c in text) else UCS2


def units(text: str, alphabet: str | None = None) -> int:
    """Length in septets (GSM-7; extended characters count two) or UTF-16 units (UCS-2)."""
    return sum(_sizes(text, alphabet or encoding(text)))


def segments(text: str) -> int:
    """How many messages the text is billed as; at least 1. No character is split over two of them."""
    alphabet = encoding(text)
    sizes = list(_sizes(text, alphabet))
    if sum(sizes) <= SINGLE[alphabet]:
        return 1
    room = CHAINED[alphabet]
    count, used = 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return count


def _sizes(text: str, alphabet: str) -> Iterable[int]:
    if alphabet == GSM7:
        return (2 if c in _EXTENDED else 1 for c in text)
    return (2 if ord(c) > 0xFFFF else 1 for c in text)


def plain_sms(text: str, *, fold_accents: bool = False) -> str:
    """The text with typographic quotes, dashes and spaces as GSM-7 has them: one curly quote doubles the price.

    `fold_accents`: also write the accented letters GSM-7 lacks (á, í, ó, ú, ç …) without accent, if that alone brings
    the whole text into GSM-7. Otherwise they stay: half a loss of meaning for no gain helps nobody.
    """
    plain = text.translate(_TYPOGRAPHY)
    if not fold_accents or encoding(plain) == GSM7:
        return plain
    folded = "".join(
        c if c in _BASIC or c in _EXTENDED else _unaccented(c) for c in unicodedata.normalize("NFC", plain)
    )
    return folded if encoding(folded) == GSM7 else plain


def _unaccented(char: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", char) if not unicodedata.combining(c))
