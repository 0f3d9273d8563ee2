"""At least 50,000 spoilt answers across the sources: none raises, none opens an incident, none closes one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest

from notifier.model.signal import Signal
from notifier.ports import Reading

from .examples import EXAMPLES, Example
from .mutations import mutants
from .support import NOW, answer, tree

TREE = tree()


Place = tuple[str, str]


def troubled(signals: Iterable[Signal]) -> dict[tuple[str, Place], Signal]:
    """Open troubles by fingerprint and place."""
    return {(s.fingerprint, (s.service, s.region)): s for s in signals if s.level.is_trouble}


def after(good: Reading, spoilt: Reading) -> set[Place]:
    """Where there is trouble once the spoilt answer has been kept on top of the good one, as Poller.keep would."""
    told = {(s.fingerprint, (s.service, s.region)) for s in spoilt.signals}
    heard = {s.fingerprint for s in spoilt.signals}
    present = heard | set(spoilt.present)
    held = {
        key for key in troubled(good.signals)
        if key not in told and key[0] not in heard and key[0] not in spoilt.gone
        and not (spoilt.complete and key[0] not in present)
    }
    return {place for _, place in (*held, *troubled(spoilt.signals))}


def lies(good: Reading, spoilt: Reading) -> str:
    """How a spoilt answer would change where there is trouble, and so open or close an incident; "" where it does
    not."""
    if not spoilt.known:
        return "" if not spoilt.signals and not spoilt.complete and not spoilt.gone else "unknown, yet it speaks"
    before, now = {place for _, place in troubled(good.signals)}, after(good, spoilt)
    opened, closed = sorted(now - before), sorted(before - now)
    return (f"opens {opened}" if opened else "") + (f"closes {closed}" if closed else "")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_no_spoilt_answer_raises_opens_or_closes(example: Example) -> None:
    source = example.make(TREE)
    good = source.read(answer(example.body), example.memory, NOW)
    wrong: Counter[str] = Counter()
    for done, body in mutants(example.body):
        if body == example.body:
            continue
        found = lies(good, source.read(answer(body), good.memory, NOW + timedelta(minutes=1)))
        if found and f"{example.name}: {done}" not in example.may:
            wrong[f"{done}: {found}"] += 1
    assert not wrong, f"{len(wrong)} of them, such as {wrong.most_common(5)}"


def test_the_corpus_is_large_enough() -> None:
    assert sum(1 for example in EXAMPLES for _ in mutants(example.body)) >= 50_000
