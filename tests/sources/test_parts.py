"""Answers that travel in parts (several addresses, one poll): each part spoilt by itself says nothing wrong either."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from .mutations import mutants
from .support import NOW, answer, tree
from .test_mutations import lies
from .vendors import Vendor, vendors

TREE = tree()
IN_PARTS = [vendor for vendor in vendors() if b'"parts"' in vendor.bodies["open"][:20]]
each = pytest.mark.parametrize("vendor", IN_PARTS, ids=lambda one: one.name)


def spoilt_parts(body: bytes) -> Iterator[tuple[str, bytes]]:
    """(what was done, the whole answer) for every mutation of every part."""
    parts = json.loads(body)["parts"]
    for name, text in parts.items():
        for done, mutant in mutants(json.dumps(json.loads(text)).encode()):
            mutated = {**parts, name: mutant.decode("utf-8", "surrogateescape")}
            if mutated != parts:
                yield f"{name}: {done}", json.dumps({"parts": mutated}).encode()
        yield f"{name}: missing", json.dumps({"parts": {k: v for k, v in parts.items() if k != name}}).encode()


@pytest.mark.slow
@each
def test_no_spoilt_part_raises_opens_or_closes(vendor: Vendor) -> None:
    source = vendor.make(TREE)
    good = source.read(answer(vendor.bodies["open"]), {}, NOW)
    wrong: Counter[str] = Counter()
    for done, body in spoilt_parts(vendor.bodies["open"]):
        found = lies(good, source.read(answer(body), good.memory, NOW + timedelta(minutes=1)))
        if found and done not in vendor.about.get("may", ()):
            wrong[f"{done}: {found}"] += 1
    assert not wrong, f"{len(wrong)} of them, such as {wrong.most_common(5)}"


@each
def test_a_part_that_is_another_page_says_nothing(vendor: Vendor) -> None:
    """The gateway's own page, or an error of the API, in the place of one part. `one_part_is_enough: true` where the
    parts say the same (peers of a cluster): then what is left speaks, and opens and closes nothing."""
    parts = json.loads(vendor.bodies["open"])["parts"]
    good = vendor.make(TREE).read(answer(vendor.bodies["open"]), {}, NOW)
    for name in parts:
        for page in ("<html>Bad gateway</html>", '{"message":"API rate limit exceeded"}', "[]x", ""):
            body = json.dumps({"parts": {**parts, name: page}})
            reading = vendor.make(TREE).read(answer(body), {}, NOW)
            if vendor.about.get("one_part_is_enough"):
                assert not lies(good, reading), f"{name} = {page}"
            else:
                assert not reading.known, f"{name} = {page}"
