"""One source's reader under atheris, a coverage-guided fuzzer: `python -m tests.fuzz.sources NAME [libFuzzer options]`.

What holds for every answer: nothing is raised; what is not known says nothing; every signal names a region of the tree,
begins before it was seen and carries small text. Answers grow from the vendor's own (`tests/sources/vendors`): JSON is
changed as a tree, everything else byte by byte.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import timedelta
from typing import Any

import atheris

with atheris.instrument_imports(include=["notifier.sources", "notifier.net"]):
    from tests.sources.examples import EXAMPLES
    from tests.sources.support import NOW, answer, tree

TREE = tree()
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 1e308, "", "x", "global", "resolved", "major", "2026-01-15T11:59:00Z",
    "2086-01-01T00:00:00Z", "1768478400", 1768478400000, [], {}, [[]], {"a": []}, "\ud800", "<p>", "Workaround: a",
)


def check(example: Any, source: Any, body: bytes) -> None:
    """One answer, and again with the memory it left."""
    memory = example.memory
    for now in (NOW, NOW + timedelta(minutes=1)):
        reading = source.read(answer(body), memory, now)
        if not reading.known:
            assert not reading.signals, "unknown, yet it speaks"
            assert not reading.complete, "unknown, yet complete"
            assert reading.why, "unknown without a reason"
        for signal in reading.signals:
            assert signal.region in TREE, "a region nobody has"
            assert signal.started_at <= signal.observed_at, "it begins after it was seen"
            assert all(isinstance(text, str) for text in signal.facts.values()), "a fact that is no text"
        assert all(isinstance(text, str) for text in reading.memory.values()), "memory that is no text"
        assert sum(map(len, reading.memory.values())) < 1_000_000, "memory without bounds"
        memory = reading.memory


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Change a JSON document as a tree; anything else as bytes."""
    dice = random.Random(seed)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return bytes(atheris.Mutate(data, most))
    for _ in range(dice.choice((1, 1, 2, 4))):
        value = changed(value, dice)
    try:
        made = json.dumps(value).encode()
    except (ValueError, RecursionError):
        return data
    return made if len(made) <= most else data


def changed(value: Any, dice: random.Random) -> Any:
    """`value` with one node, picked at random, replaced, dropped, doubled or swapped for another's."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        key = dice.choice(list(value))
        if dice.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: changed(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.85:
        at = dice.randrange(len(value))
        if dice.random() < 0.2:
            return [*value, value[at]]
        return [*value[:at], changed(value[at], dice), *value[at + 1 :]]
    if isinstance(value, str) and value and dice.random() < 0.5:
        at = dice.randrange(len(value))
        return value[:at] + dice.choice(("", " ", "9", "-", "é", "\u0000", "Z", value)) + value[at + 1 :]
    if isinstance(value, int | float) and not isinstance(value, bool) and dice.random() < 0.5:
        return value + dice.choice((-1, 1, 10**6, -(10**12)))
    return dice.choice(VALUES)


def main(name: str) -> None:
    """Fuzz one example until libFuzzer stops."""
    example = next(one for one in EXAMPLES if one.name == name)
    source = example.make(TREE)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: check(example, source, bytes(data)), custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1])
