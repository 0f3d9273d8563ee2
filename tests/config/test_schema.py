"""The JSON Schemas that editors use are current, and say of the example what the daemon says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from notifier.config.schema import json_schema
from notifier.config.yaml_file import YamlFile, parse_yaml

from .support import BASE, EXAMPLE, MISTAKES

FILES = sorted([*EXAMPLE.glob("*.yaml"), *EXAMPLE.glob("templates/*.yaml"), *BASE.glob("*.yaml"),
                *BASE.glob("templates/*.yaml")])


def schema_of(path: Path) -> dict[str, Any]:
    return json_schema()["template" if path.parent.name == "templates" else path.stem]


def value_of(path: Path) -> Any:
    file = parse_yaml(path.read_bytes(), YamlFile(path.name))
    return {} if file.value is None else file.value


def test_the_schemas_beside_the_example_are_current() -> None:
    kept = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in EXAMPLE.glob("schema/*.json")}
    assert kept == {f"{name}.schema.json": schema for name, schema in json_schema().items()}, \
        "run: notifier schema --write config/schema"


@pytest.mark.parametrize("name", sorted(json_schema()))
def test_a_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema()[name])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_good_files_are_good_by_the_schema(path: Path) -> None:
    jsonschema.Draft202012Validator(schema_of(path)).validate(value_of(path))


@pytest.mark.parametrize("path", sorted([*EXAMPLE.glob("*.yaml"), *EXAMPLE.glob("templates/*.yaml")]),
                         ids=lambda path: path.name)
def test_each_file_of_the_example_names_its_schema_in_its_first_line(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve().is_file()


@pytest.mark.parametrize("mistake", [
    "unknown-key", "unknown-key-nested", "unknown-top-key", "unknown-kind-of-source", "unknown-kind-of-channel",
    "kind-missing", "key-missing", "bad-enum", "bad-mode", "bad-level", "bad-score", "bad-duration", "bad-quiet-hours",
    "bad-id", "number-where-text-belongs", "text-where-list-belongs", "secret-in-the-open", "unknown-wording",
    "boolean-of-older-yaml", "truth-where-a-number-belongs",
])
def test_the_schema_sees_what_needs_no_other_file(mistake: str) -> None:
    (path,) = (MISTAKES / mistake).rglob("*.yaml")
    assert list(jsonschema.Draft202012Validator(schema_of(path)).iter_errors(value_of(path)))
