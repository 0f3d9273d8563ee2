"""What a page may turn into on its worst day: the corpus every source is held to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

WRONG: tuple[Any, ...] = (None, True, -1, 10**400, 1.5, "", [[]], {"x": [None]}, [1])
"""Values of the wrong type for nearly every field."""
FUTURE = "pondering_the_orb"
"""A word no enum has yet."""
HTML = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Hotel network</body></html>",
    b"<html><body><h1>502 Bad Gateway</h1><center>nginx</center></body></html>",
    b"<html/>",
)
_SMALL = 4096
_KILOBYTE = 1024


def mutants(body: bytes) -> Iterator[tuple[str, bytes]]:
    """(what was done, the body) for every mutation."""
    yield from _cut(body)
    yield from _other_encodings(body)
    yield from _not_the_page(body)
    mark = body[:2] if body[:2] in (b"\xfe\xff", b"\xff\xfe") else b""
    encoding = {b"\xfe\xff": "utf-16-be", b"\xff\xfe": "utf-16-le"}.get(mark, "utf-8")
    if body[len(mark):].lstrip(b"\0")[:1] in (b"[", b"{"):
        for done, mutant in _of_json(json.loads(body[len(mark):].decode(encoding))):
            yield done, mark + mutant.encode(encoding)


def _cut(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Cut at every byte of a small answer, at every kilobyte of a large one."""
    step = 1 if len(body) <= _SMALL else _KILOBYTE
    whole = len(body.rstrip())
    for end in range(0, whole, step):
        yield f"cut after {end} bytes", body[:end]


def _other_encodings(body: bytes) -> Iterator[tuple[str, bytes]]:
    text = body.decode("utf-16" if body[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8", "replace")
    for encoding in ("utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037"):
        yield f"as {encoding}", text.encode(encoding)
    yield "twice encoded", body.decode("latin-1").encode("utf-8").replace(b'"', b"&quot;")
    for at in range(0, len(body), max(1, len(body) // 50)):
        yield f"a stray byte at {at}", body[:at] + b"\xc3\x28" + body[at + 1 :]


def _not_the_page(body: bytes) -> Iterator[tuple[str, bytes]]:
    for page in HTML:
        yield "HTML", page
        yield "HTML around it", page.replace(b"</body>", body + b"</body>")
    yield "empty", b""
    yield "blank", b" \r\n\t"
    yield "nothing but zeros", b"\0" * len(body)
    yield "twice", body + body
    yield "huge", b"[" + b'{"a":1},' * 100_000 + b"{}]"
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}"), (b"<a>", b"</a>")):
        yield "nested", opening * 20_000 + b"1" + closing * 20_000
    for value in (b"null", b"true", b"0", b'"ok"', b"[]x", b"{}", b"[[]]", b"[null]", b'{"error":"busy"}'):
        yield f"only {value!r}", value


def _of_json(value: Any) -> Iterator[tuple[str, str]]:
    for path, mutant in _changed(value, ""):
        yield path, json.dumps(mutant)


def _changed(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every copy in which one node is of the wrong type, or a word nobody knows yet in the place of a word."""
    for wrong in WRONG:
        if type(wrong) is not type(value) and not (wrong is None and path == ""):
            yield f"{path or 'all'} = {str(wrong)[:12]!r}", wrong
    if isinstance(value, dict):
        for key, inner in value.items():
            for at, mutant in _changed(inner, f"{path}.{key}"):
                yield at, {**value, key: mutant}
            if isinstance(inner, str) and _is_word(inner):
                yield f"{path}.{key} = {FUTURE}", {**value, key: FUTURE}
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            for at, mutant in _changed(inner, f"{path}[{number}]"):
                yield at, [*value[:number], mutant, *value[number + 1 :]]


def _is_word(text: str) -> bool:
    return text.replace("_", "").replace("-", "").isalpha() and len(text) < 40
