"""Reading one YAML file into plain values with the place of each, and nothing that YAML 1.1 makes up.

`no` stays text, `22:30` stays text, `05401` stays text; only true and false are booleans. A key given twice is a
mistake, not a last word. Files are hostile until read: size, depth, number of values and what aliases repeat are
bounded, tags and merge keys are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .mistake import Mistake, shown

BYTES_MOST = 4_000_000
DEPTH_MOST = 40
VALUES_MOST = 300_000
"""Limits of one file; the largest regions file we know (3,300 regions written out) has 40,000 values."""
ALIASED_MOST = 10_000
"""Values that aliases may repeat; a few shared lists are convenient, a thousand millions of them are an attack."""
MISTAKES_MOST = 1000
"""Mistakes kept of one file: nobody reads more, and a hostile file has one for every byte."""

Path_ = tuple[str | int, ...]
Place = tuple[int, int]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: ten times as fast."""
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_PLAIN_KEY = re.compile(r"[\w.-]{1,64}")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.1 (5.1) does not let a file hold, and byte order marks within it."""


class _TooLarge(Exception):
    """A file repeats too much through aliases; reading it further would only cost time."""

    def __init__(self, path: Path_) -> None:
        self.path = path


@dataclass
class YamlFile:
    """A file as read. `values` and `keys` give line and column (from 1) of each value and each key, by path."""

    name: str
    value: Any = None
    values: dict[Path_, Place] = field(default_factory=dict)
    keys: dict[Path_, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    wrong: set[Path_] = field(default_factory=set)
    """Paths with a mistake: what hangs on one of them is not judged again."""
    tags: dict[Place, str] = field(default_factory=dict)
    """Tags as written, by the place of what they stand before."""

    def place(self, path: Path_, *, of_key: bool = False) -> Place:
        """Where `path` stands, or the nearest thing around it that does."""
        if of_key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return (1, 1)

    def sound(self, path: Path_) -> bool:
        """Whether nothing at `path` or below it is wrong."""
        return not any(wrong[:len(path)] == path for wrong in self.wrong)

    def mistake(self, path: Path_, message: str, *, of_key: bool = False, found: str = "", expected: str = "",
                nearest: str = "") -> None:
        """Note a mistake at `path`."""
        self.wrong.add(path)
        self.mistake_at(self.place(path, of_key=of_key), message, path=path, found=found, expected=expected,
                        nearest=nearest)

    def mistake_at(self, place: Place, message: str, *, path: Path_ = (), found: str = "", expected: str = "",
                   nearest: str = "") -> None:
        """Note a mistake at a line and column; none beyond MISTAKES_MOST is kept."""
        if len(self.mistakes) < MISTAKES_MOST:
            self.mistakes.append(Mistake(self.name, *place, spelt(path), message, found, expected, nearest))


def spelt(path: Path_) -> str:
    """A path as people write it: sources[0].freshness. Odd keys are quoted and cut."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{shown(step)}]"
    return text


def read_yaml(path: Path, name: str) -> tuple[YamlFile, bytes]:
    """Read a file: what it says, and its bytes. Whatever is wrong with it is in `mistakes`; then `value` is None or
    what could be read."""
    file = YamlFile(name)
    try:
        with path.open("rb") as opened:
            raw = opened.read(BYTES_MOST + 1)
    except OSError as error:
        file.mistake((), "cannot be read", found=error.strerror or type(error).__name__)
        return file, b""
    if len(raw) > BYTES_MOST:
        file.mistake((), "is too large", expected=f"at most {BYTES_MOST:,} bytes")
        return file, raw
    return parse_yaml(raw, file), raw


def parse_yaml(raw: bytes, file: YamlFile) -> YamlFile:
    """Parse the bytes of a file into `file`."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_start = raw.rfind(b"\n", 0, error.start) + 1
        column = len(raw[line_start:error.start].decode("utf-8", "replace")) + 1
        file.mistake_at((raw.count(b"\n", 0, error.start) + 1, column), "is not UTF-8 text",
                        found=f"byte 0x{raw[error.start]:02x}")
        return file
    if _printable(text, file):
        _compose(text, file)
    return file


def _printable(text: str, file: YamlFile) -> bool:
    found = _UNPRINTABLE.search(text)
    if found is None:
        return True
    at = found.start()
    place = (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
    file.mistake_at(place, "holds a character that text does not have", found=f"U+{ord(found.group()):04X}")
    return False


def _compose(text: str, file: YamlFile) -> None:
    try:
        _bounded(text, file)
        node = None if file.mistakes else yaml.compose(text, Loader=_LOADER)
        if node is not None:
            file.value = _Reading(file).value(node, (), 0)
    except yaml.YAMLError as error:
        _unreadable(file, error)
    except _TooLarge as error:
        file.value = None
        file.mistake(error.path, "grows too large or too deep through aliases (* and &)",
                     expected=f"at most {ALIASED_MOST:,} repeated values, {DEPTH_MOST} deep")


def _unreadable(file: YamlFile, error: yaml.YAMLError) -> None:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or "cannot be understood")
    context = getattr(error, "context", None)
    place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    hint = "spaces, not a tab, before it" if "'\\t'" in problem or "tab" in problem else ""
    file.mistake_at(place, f"not YAML: {problem}{f' ({context})' if context else ''}"[:300], expected=hint)


def _bounded(text: str, file: YamlFile) -> None:
    """Count events before anything recursive touches them, and note the tags that composing would swallow."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        mark = event.start_mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent) and event.tag is not None:
            file.tags[place] = event.tag
        if depth > DEPTH_MOST or number > VALUES_MOST:
            file.mistake_at(place, f"is nested deeper than {DEPTH_MOST}" if depth > DEPTH_MOST
                            else f"has over {VALUES_MOST:,} values")
            return


class _Reading:
    """Turns the nodes of one file into plain values, remembering which it has seen: what comes again came by alias."""

    def __init__(self, file: YamlFile) -> None:
        self.file = file
        self.seen: set[int] = set()
        self.repeated = 0

    def value(self, node: yaml.Node, path: Path_, depth: int) -> Any:
        """A node and everything below it. Raises _TooLarge where aliases repeat too much."""
        place = _place(node)
        self.file.values[path] = place
        first = id(node) not in self.seen
        self.seen.add(id(node))
        self.repeated += not first
        if depth > DEPTH_MOST or self.repeated > ALIASED_MOST:
            raise _TooLarge(path)
        if place in self.file.tags and first:
            self.file.mistake(path, "has a tag", found=shown(self.file.tags[place]),
                              expected="plain values without ! tags")
        if isinstance(node, yaml.MappingNode):
            return dict(self.pairs(node, path, depth))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, number), depth + 1) for number, item in enumerate(node.value)]
        return _scalar(node)

    def pairs(self, node: yaml.MappingNode, path: Path_, depth: int) -> Iterator[tuple[str, Any]]:
        """Keys and values of a mapping, each key once."""
        first: dict[str, Place] = {}
        for key_node, value_node in node.value:
            place = _place(key_node)
            key = self.key(key_node, path)
            if key is None:
                continue
            if key in first:
                self.file.mistake_at(place, "is given twice", path=(*path, key), found=shown(key), expected="each key "
                                     f"once; the first stands at line {first[key][0]}, column {first[key][1]}")
                continue
            first[key] = place
            self.file.keys[*path, key] = place
            yield key, self.value(value_node, (*path, key), depth + 1)

    def key(self, node: yaml.Node, path: Path_) -> str | None:
        """The text of a key; None, with the mistake noted, where it is no text or a merge key."""
        if not isinstance(node, yaml.ScalarNode) or _place(node) in self.file.tags:
            self.file.mistake_at(_place(node), "has a key that is not plain text", path=path)
            return None
        if node.value == "<<" and not node.style:
            self.file.mistake_at(_place(node), "merges another mapping (<<)", path=path,
                                 expected="its keys written out; an alias may stand for a whole value")
            return None
        return str(node.value)


def _place(node: yaml.Node) -> Place:
    assert node.start_mark is not None  # composed from text, so it has one
    return (node.start_mark.line + 1, node.start_mark.column + 1)


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    if getattr(node, "style", None) in ("'", '"', "|", ">"):
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) <= 30 and _INT.fullmatch(text):
        return int(text)
    if len(text) <= 30 and _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
