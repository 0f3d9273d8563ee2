"""Files are hostile until read: nothing raises, nothing takes long, and every mistake has its place."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier.config.yaml_file import BYTES_MOST, MISTAKES_MOST, YamlFile, parse_yaml, read_yaml


def parsed(text: str | bytes) -> YamlFile:
    return parse_yaml(text.encode() if isinstance(text, str) else text, YamlFile("t.yaml"))


def told(file: YamlFile) -> list[str]:
    return [str(mistake) for mistake in file.mistakes]


def laughs(levels: int, width: int) -> str:
    lines = ["l0: &l0 [" + ", ".join(["lol"] * width) + "]"]
    lines += [f"l{n}: &l{n} [" + ", ".join([f"*l{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(("text", "value"), [
    pytest.param("a: no", {"a": "no"}, id="Norway is a word"),
    pytest.param("a: 22:30", {"a": "22:30"}, id="a time of day is no number of base 60"),
    pytest.param("a: 05401", {"a": "05401"}, id="a postcode is no octal number"),
    pytest.param("a: 1_000", {"a": "1_000"}, id="underscores make no number"),
    pytest.param("a: 0x1F", {"a": "0x1F"}, id="no hexadecimal numbers"),
    pytest.param("a: 2026-01-31", {"a": "2026-01-31"}, id="a date stays text"),
    pytest.param("a: [1, -2, 0.5, 1e3]", {"a": [1, -2, 0.5, 1000.0]}, id="numbers are numbers"),
    pytest.param("a: 1e999", {"a": "1e999"}, id="infinity is none"),
    pytest.param("a: [true, False]", {"a": [True, False]}, id="true and false"),
    pytest.param("a: [~, null, '', \"~\"]", {"a": [None, None, "", "~"]}, id="nothing, and quoted text that looks so"),
    pytest.param("\ufeffa: b", {"a": "b"}, id="a byte order mark at the start"),
    pytest.param("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}, id="lines of Windows"),
    pytest.param("a: \U0001f44d", {"a": "\U0001f44d"}, id="an emoji"),
    pytest.param("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}, id="an alias for a whole value"),
    pytest.param("", None, id="an empty file"),
    pytest.param("# only words\n", None, id="only a comment"),
])
def test_values_are_what_they_look_like(text: str, value: object) -> None:
    file = parsed(text)
    assert told(file) == []
    assert file.value == value


@pytest.mark.parametrize(("text", "mistake"), [
    pytest.param("a: 1\nb:\n  c: 1\n  c: 2\n", "t.yaml:4:3: b.c: is given twice; found 'c'; expected each key once; "
                 "the first stands at line 3, column 3", id="a key given twice"),
    pytest.param("a: !!python/object/apply:os.system ['true']", "t.yaml:1:4: a: has a tag; found 'tag:yaml.org,2002:"
                 "python/object/apply:os.system'; expected plain values without ! tags", id="a tag that runs code"),
    pytest.param("a: !!str 5", "t.yaml:1:4: a: has a tag; found 'tag:yaml.org,2002:str'; expected plain values without "
                 "! tags", id="a harmless tag is one too"),
    pytest.param("a: ! 5", "t.yaml:1:4: a: has a tag; found '!'; expected plain values without ! tags",
                 id="a lone exclamation mark"),
    pytest.param("!!str a: 5", "t.yaml:1:1: has a key that is not plain text", id="a tag before a key"),
    pytest.param("? [a]\n: b", "t.yaml:1:3: has a key that is not plain text", id="a list as a key"),
    pytest.param("x: &x {a: 1}\ny:\n  <<: *x", "t.yaml:3:3: y: merges another mapping (<<); expected its keys written "
                 "out; an alias may stand for a whole value", id="a merge key"),
    pytest.param("a: *nobody", "t.yaml:1:4: not YAML: found undefined alias", id="an alias of nothing"),
    pytest.param(b"a: \xff\xfe", "t.yaml:1:4: is not UTF-8 text; found byte 0xff", id="bytes that are no text"),
    pytest.param("a: b".encode("utf-16"), "t.yaml:1:1: is not UTF-8 text; found byte 0xff", id="UTF-16"),
    pytest.param("a: b\nc: \x00", "t.yaml:2:4: holds a character that text does not have; found U+0000", id="NUL"),
    pytest.param("a: \x1b[31m", "t.yaml:1:4: holds a character that text does not have; found U+001B", id="an escape"),
    pytest.param("a: b\ufeff", "t.yaml:1:5: holds a character that text does not have; found U+FEFF",
                 id="a byte order mark in the middle"),
    pytest.param("a: " + "[" * 5000, "t.yaml:1:43: is nested deeper than 40", id="brackets without end"),
    pytest.param("- " * 100 + "a", "t.yaml:1:81: is nested deeper than 40", id="dashes without end"),
    pytest.param("a: &a [*a]", "grows too large or too deep through aliases", id="a list inside itself"),
    pytest.param("a: &a {b: *a, c: *a}", "grows too large or too deep through aliases", id="a mapping inside itself"),
    pytest.param(laughs(9, 10), "grows too large or too deep through aliases", id="a thousand million laughs"),
    pytest.param("a: \"\\x1b[31m\": b", "t.yaml:1:14: not YAML: mapping values are not allowed in this context",
                 id="two colons"),
])
def test_what_is_wrong_is_told_where_it_stands(text: str | bytes, mistake: str) -> None:
    assert mistake in "\n".join(told(parsed(text)))


@pytest.mark.parametrize("text", [
    pytest.param(laughs(30, 100), id="laughs of hundreds at thirty levels"),
    pytest.param("a: &a [" + "x, " * 3000 + "]\nb: [" + "*a, " * 50_000 + "]", id="a long list many times"),
    pytest.param("a: &a {b: 1, b: 2}\nc: [" + "*a, " * 90_000 + "]", id="a mistake many times"),
    pytest.param("{a: 1, " * 30 + "}" * 30, id="braces that do not fit"),
    pytest.param("a: [" + "x," * 400_000 + "]", id="too many values"),
    pytest.param("\n".join(["k: v"] * 60_000), id="the same key again and again"),
    pytest.param("k" * 1_000_000 + ": 1\n" + "k" * 1_000_000 + ": 2\n", id="a key of a million letters"),
])
def test_hostile_files_cost_little_time(text: str) -> None:
    started = time.process_time()
    file = parsed(text)
    took = time.process_time() - started
    assert 1 <= len(file.mistakes) <= MISTAKES_MOST
    assert sum(len(str(mistake)) for mistake in file.mistakes) < 400 * MISTAKES_MOST
    assert took < 5.0


def test_a_thousand_million_laughs_take_less_than_a_second_and_little_memory() -> None:
    text = laughs(9, 10).encode()
    started = time.process_time()
    file = parsed(text)
    assert time.process_time() - started < 1.0
    assert file.value is None
    tracemalloc.start()
    try:
        parsed(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 20_000_000


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as opened:
        opened.truncate(5 * 2**30)  # sparse: 5 GB that take no room
    file, raw = read_yaml(path, "large.yaml")
    assert told(file) == ["large.yaml:1:1: is too large; expected at most 4,000,000 bytes"]
    assert len(raw) == BYTES_MOST + 1


@given(st.binary(max_size=400))
@example(b"%YAML 1.1\n---\n&a !b {? *a : *a}")
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise(raw: bytes) -> None:
    file = parsed(raw)
    assert all(mistake.line >= 1 and mistake.column >= 1 for mistake in file.mistakes)


@given(st.text(alphabet="ab:-[]{}&*!|>?#'\"\n\t ,<0~", max_size=60))
@settings(max_examples=500, deadline=None)
def test_no_yaml_like_text_raises(text: str) -> None:
    file = parsed(text)
    assert file.mistakes or file.value is None or isinstance(file.value, dict | list | str | int | float)
