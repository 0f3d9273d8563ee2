"""What every polled source owes, whatever is sent to it.

It never raises, and what it cannot vouch for opens nothing and closes nothing.
"""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.clock import VirtualClock
from notifier.ports import Reading, Source
from notifier.sources.poller import Poller
from notifier.sources.settings import PollingSettings
from notifier.sources.shapes import UNCHANGED

from .examples import EXAMPLES, Example
from .support import NOW, answer, memory_store, tree

TREE = tree()
each = pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)


def read(example: Example, body: bytes, status: int = 200) -> Reading:
    """What a fresh source makes of a body."""
    return example.make(TREE).read(answer(body, status=status), example.memory, NOW)


def says_nothing(reading: Reading) -> None:
    """Unknown, with a reason for people, and neither signals nor a claim to be complete."""
    assert not reading.known
    assert reading.signals == ()
    assert not reading.complete
    assert reading.why


@each
def test_the_example_reports_trouble_now_and_here(example: Example) -> None:
    source: Source = example.make(TREE)
    reading = read(example, example.body)
    assert reading.known, reading.why
    (signal,) = reading.signals
    assert signal.level.is_trouble
    assert signal.source == source.id
    assert signal.region in TREE
    assert signal.started_at <= signal.observed_at == NOW
    assert signal.why
    assert all(isinstance(value, str) for value in reading.memory.values())


@each
def test_reading_is_pure_and_repeats_itself(example: Example) -> None:
    source = example.make(TREE)
    assert source.read(answer(example.body), example.memory, NOW) == source.read(
        answer(example.body), example.memory, NOW
    )


@each
def test_the_same_answer_a_minute_later_is_the_same_trouble(example: Example) -> None:
    source = example.make(TREE)
    first = source.read(answer(example.body), example.memory, NOW)
    second = source.read(answer(example.body), first.memory, NOW + timedelta(minutes=1))
    assert [s.key for s in second.signals] == [s.key for s in first.signals]
    assert [s.started_at for s in second.signals] == [s.started_at for s in first.signals]


@each
def test_cut_off_anywhere_it_says_nothing(example: Example) -> None:
    source = example.make(TREE)
    for length in range(len(example.body.rstrip())):
        says_nothing(source.read(answer(example.body[:length]), example.memory, NOW))


@each
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n\t ", id="blank"),
        pytest.param(b"<!DOCTYPE html><html><body>Sign in to the hotel network</body></html>", id="HTML"),
        pytest.param(b"<html><head/><body><p>Maintenance</p></body></html>", id="HTML that is XML"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="an empty object"),
        pytest.param(b"[[]]", id="a list of lists"),
        pytest.param(b'"OK"', id="text"),
        pytest.param(b"1" * 5000, id="a number of 5,000 digits"),
        pytest.param(b"1e999999", id="an infinite number"),
        pytest.param(b"NaN", id="not a number"),
        pytest.param(b"[" * 200_000 + b"]" * 200_000, id="200,000 lists deep"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="100,000 objects deep"),
        pytest.param(b"[" * 900 + b'"\\ud800"' + b"]" * 900, id="900 lists deep, with half a character"),
        pytest.param(b"<a>" * 50_000 + b"</a>" * 50_000, id="50,000 elements deep"),
        pytest.param(b"\xff\xfe\x00", id="half a UTF-16 character"),
        pytest.param(bytes(range(256)) * 4, id="every byte"),
        pytest.param(gzip.compress(b"{}"), id="gzip nobody unpacked"),
        pytest.param(
            b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>'
            b"<rss><channel><title>&b;</title></channel></rss>",
            id="entities that multiply",
        ),
        pytest.param(b'<?xml version="1.0" encoding="klingon"?><rss/>', id="an encoding nobody knows"),
        pytest.param(b"<rss/>", id="a feed without channel"),
        pytest.param(b'{"error":"rate limited"}', id="an error as JSON"),
    ],
)
def test_rubbish_says_nothing(example: Example, body: bytes) -> None:
    says_nothing(read(example, body))


@each
@pytest.mark.parametrize("status", [301, 403, 404, 429, 500, 503])
def test_a_good_body_with_a_bad_status_says_nothing(example: Example, status: int) -> None:
    says_nothing(read(example, example.body, status))


@each
def test_not_modified_is_known_and_says_nothing_new(example: Example) -> None:
    reading = example.make(TREE).read(answer(b"", status=304), {"a": "b"}, NOW)
    assert reading == Reading(known=True, why=UNCHANGED, memory={"a": "b"})


@each
def test_in_the_wrong_encoding_it_says_nothing_or_the_same(example: Example) -> None:
    """UTF-16 with its mark is decoded, as AWS needs; UTF-7, UTF-32 and the like are not guessed at."""
    good = read(example, example.body)
    marked = example.body[:2] in (b"\xfe\xff", b"\xff\xfe")
    text = example.body.decode("utf-16" if marked else "utf-8")
    for encoding in ("utf-16", "utf-32", "utf-7", "cp037"):
        reading = read(example, text.encode(encoding))
        if reading.known:
            assert reading.signals == good.signals
        else:
            says_nothing(reading)


WRONG: tuple[Any, ...] = (None, True, -1, 10**400, 1.5, "", "x", [], {}, [1], {"x": [None]}, "9999-12-31T23:59:59Z")


def _mutations(value: Any) -> Any:
    """Every copy of `value` in which one node is another thing, or gone."""
    yield from WRONG
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for inner in _mutations(value[key]):
                yield {**value, key: inner}
    elif isinstance(value, list):
        for at in range(len(value)):
            for inner in _mutations(value[at]):
                yield [*value[:at], inner, *value[at + 1 :]]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.body[:1] in b"[{"], ids=lambda one: one.name)
def test_any_field_of_any_wrong_type_never_raises_and_never_lies(example: Example) -> None:
    """What is still known after a change may say less, but claims no place outside our tree and no time ahead."""
    source = example.make(TREE)
    for mutant in _mutations(json.loads(example.body)):
        reading = source.read(answer(json.dumps(mutant)), example.memory, NOW)
        if not reading.known:
            says_nothing(reading)
        for signal in reading.signals:
            assert signal.region in TREE
            assert signal.started_at <= NOW


def _tainted(value: Any) -> Any:
    """Every copy of `value` in which one text ends in what JSON can spell and no store can keep."""
    if isinstance(value, str):
        yield value + "\ud800\x00"
    elif isinstance(value, dict):
        for key in value:
            for inner in _tainted(value[key]):
                yield {**value, key: inner}
    elif isinstance(value, list):
        for at in range(len(value)):
            for inner in _tainted(value[at]):
                yield [*value[:at], inner, *value[at + 1 :]]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.body[:1] in b"[{"], ids=lambda one: one.name)
def test_text_no_store_can_keep_is_no_reason_to_fail(example: Example) -> None:
    """A lone surrogate or a NUL in a title must not stop the source from being heard."""
    source, store = example.make(TREE), memory_store()
    tainted = list(_tainted(json.loads(example.body)))
    if not tainted:
        pytest.skip("there is no text in it: it only counts")
    for mutant in tainted:
        Poller({source.id: source}, store, VirtualClock(NOW), PollingSettings()).accept(source.id, answer(mutant))
    with store.transaction() as tx:
        assert tx.source_state(source.id) is not None
    store.close()


@each
def test_a_clock_years_ahead_opens_nothing(example: Example) -> None:
    body = example.body.replace(b"2026", b"2086")
    reading = read(example, body)
    if body != example.body:  # some carry no year: seconds since 1970, or no clock but ours
        assert not any(signal.level.is_trouble for signal in reading.signals)


MEMORIES = ("open", "not_well", "groups", "runs", "streak", "roots")
"""What sources keep their memory under."""


@each
@given(memory=st.dictionaries(st.sampled_from(MEMORIES), st.text(max_size=40)))
@settings(max_examples=30, deadline=None)
def test_memory_that_was_damaged_never_raises(example: Example, memory: dict[str, str]) -> None:
    assert example.make(TREE).read(answer(example.body), memory, NOW).known


@each
@pytest.mark.parametrize("kept", ["[]", "1", "null", '{"a":[]}', '{"a":[1,2,3]}', '{"since":5,"failures":"x"}'])
def test_memory_of_another_shape_never_raises(example: Example, kept: str) -> None:
    memory = dict.fromkeys(MEMORIES, kept)
    assert example.make(TREE).read(answer(example.body), memory, NOW).known


@each
@given(junk=st.binary(max_size=200), at=st.integers(min_value=0, max_value=2000))
@settings(max_examples=60, deadline=None)
def test_bytes_thrown_into_a_good_answer_never_raise(example: Example, junk: bytes, at: int) -> None:
    at %= len(example.body)
    reading = read(example, example.body[:at] + junk + example.body[at:])
    if not reading.known:
        says_nothing(reading)
