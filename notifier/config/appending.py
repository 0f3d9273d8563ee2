"""Adding an entry to a list in a YAML file that people keep by hand: as text, so that comments and order stay.

Pure up to `write`, which replaces the file in one step, and only where the whole configuration with it still checks.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from .directory import name_of, yaml_files
from .loading import check
from .mistake import Mistake

Entry = Callable[[int], str]
"""The entry's lines, with a line break after each, for an indentation of so many spaces."""


class CannotAppend(Exception):
    """The file is not written in a way that an entry can be added to; the text says how, for people."""


def appended(text: str, key: str, entry: Entry) -> str:
    """`text` with an entry at the end of the list `key`. Raises CannotAppend."""
    mark, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    ends = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    try:
        root = yaml.compose("\n".join(lines) + "\n", Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise CannotAppend("the file is not YAML") from error
    if root is not None and (not isinstance(root, yaml.MappingNode) or root.flow_style):
        raise CannotAppend(f"the file is no list of keys; write {key}: on a line of its own")
    found = next(((k, v) for k, v in root.value if k.value == key), None) if root is not None else None
    at, indent = _end_of(lines, *found) if found is not None else (len(lines), 2)
    heading = [] if found is not None else [*([""] if lines else []), f"{key}:"]
    added = entry(indent).rstrip("\n").split("\n")
    return mark + ends.join([*lines[:at], *heading, *added, *lines[at:]]) + ends


def _end_of(lines: list[str], key: yaml.Node, value: yaml.Node) -> tuple[int, int]:
    """(number of the line before which an entry goes, spaces before its dash); empties `[]` in `lines`."""
    key_line, column = _line(key.start_mark), key.start_mark.column if key.start_mark is not None else 0
    if isinstance(value, yaml.ScalarNode) and value.value == "" and not value.style:
        return _past_comments(lines, key_line + 1, column), column + 2
    if not isinstance(value, yaml.SequenceNode):
        raise CannotAppend(f"{key.value} is not a list")
    if _line(value.start_mark) < key_line or (_line(value.start_mark) == key_line and not value.flow_style):
        raise CannotAppend(f"{key.value} is an alias of another list, or has an anchor; give it a list of its own")
    if value.flow_style:
        if value.value or _line(value.end_mark) != key_line:
            raise CannotAppend(f"{key.value} is written as [ … ]; write each entry on a line of its own, after a dash")
        line = lines[key_line]
        assert value.start_mark is not None
        assert value.end_mark is not None
        lines[key_line] = (line[:value.start_mark.column].rstrip() + line[value.end_mark.column:]).rstrip()
        return key_line + 1, column + 2
    dash = value.start_mark.column if value.start_mark is not None else 2
    return _past_comments(lines, _last_line(value) + 1, dash), dash


def _line(mark: yaml.Mark | None) -> int:
    return mark.line if mark is not None else 0


def _last_line(node: yaml.Node) -> int:
    """The last line a node's own text stands on: a block's end mark lies after the blank lines and comments below."""
    waiting, last = [node], 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, yaml.CollectionNode) and not one.flow_style and one.value:
            waiting += [part for item in one.value for part in (item if isinstance(item, tuple) else (item,))]
            last = max(last, _line(one.start_mark))
        elif one.end_mark is not None:
            at_start_of_next = one.end_mark.column == 0 and _line(one.start_mark) < one.end_mark.line
            last = max(last, one.end_mark.line - at_start_of_next)
    return last


def _past_comments(lines: list[str], at: int, dash: int) -> int:
    """Past the comments below `at` that stand deeper than the dash: they belong to the entry above."""
    end = at
    for number in range(at, len(lines)):
        stripped = lines[number].lstrip()
        if stripped.startswith("#") and len(lines[number]) - len(stripped) > dash:
            end = number + 1
        elif stripped:
            break
    return end


def checked_with(directory: Path, name: str, text: str) -> tuple[Mistake, ...]:
    """Every mistake the configuration in `directory` would have if its file `name` held `text`."""
    with tempfile.TemporaryDirectory(prefix="notifier-check-") as folder:
        copy = Path(folder)
        for path in yaml_files(directory):
            target = copy / name_of(path, directory)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target)
        (copy / name).write_bytes(text.encode("utf-8"))
        return check(copy)


def write(path: Path, before: bytes | None, text: str) -> None:
    """Put `text` in place of the file at `path`, in one step, its rights kept. Raises CannotAppend where it no longer
    holds `before` (None: was not there), and OSError."""
    real = path.resolve()
    if (real.read_bytes() if real.exists() else None) != before:
        raise CannotAppend(f"{path} was changed meanwhile; try again")
    handle, temporary = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if before is not None:
            shutil.copymode(real, temporary)
        else:
            os.chmod(temporary, 0o644)
        os.replace(temporary, real)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
