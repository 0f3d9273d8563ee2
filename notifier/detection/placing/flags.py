"""Flags in a profile → ISO codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FLAG = re.compile("[\U0001F1E6-\U0001F1FF]{2}|\U0001F3F4\U000E0067\U000E0062"
                   "([\U000E0065\U000E0073\U000E0077])[\U000E0061-\U000E007A]{2}\U000E007F")
_NATIONS = {"e": "GB-ENG", "s": "GB-SCT", "w": "GB-WLS"}


def flags(text: str) -> Iterator[tuple[str, str]]:
    """(flag, ISO code) of every flag in a text as written; England, Scotland and Wales have their own."""
    for match in _FLAG.finditer(text):
        if match[1]:
            yield match.group(), _NATIONS[chr(ord(match[1]) - 0xE0000)]
        else:
            yield match.group(), "".join(chr(ord(letter) - 0x1F1E6 + ord("A")) for letter in match.group())
