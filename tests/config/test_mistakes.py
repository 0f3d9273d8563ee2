"""Each mistake staff can make in YAML, with the words they are told: tests/config/mistakes/<what>/ holds the files
laid over the base and expected.txt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from notifier.config import ConfigMistakes, Mistake, check, load
from notifier.config.registry import MENTION_SOURCES, SOURCES

from .support import EXAMPLE, MISTAKES, laid_over

NAMES = sorted(path.name for path in MISTAKES.iterdir())


def test_the_base_has_no_mistake(tmp_path: Path) -> None:
    assert check(laid_over(tmp_path / "config")) == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_is_told_with_its_place_and_what_was_expected(name: str, tmp_path: Path) -> None:
    expected = (MISTAKES / name / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert expected, "a mistake without words proves nothing"
    directory = laid_over(tmp_path / "config", MISTAKES / name)
    assert [str(mistake) for mistake in check(directory)] == expected
    with pytest.raises(ConfigMistakes) as caught:
        load(directory)
    assert [str(mistake) for mistake in caught.value.mistakes] == expected


def test_what_a_mistake_shows_never_holds_a_secret(tmp_path: Path) -> None:
    for name in ("password-in-url", "secret-in-the-open", "secret-in-two-places"):
        told = "\n".join(map(str, check(laid_over(tmp_path / name, MISTAKES / name))))
        assert told
        assert "hunter2" not in told
        assert "0123456789abcdef" not in told


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    (mistake,) = check(tmp_path / "nowhere")
    assert mistake.message == "is not a directory"


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"], ids=["a name too long for any file system", "NUL in the name"])
def test_a_directory_that_cannot_be_asked_for(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigMistakes) as caught:
        load(tmp_path / name)
    (mistake,) = caught.value.mistakes
    assert mistake.message == "is not a directory"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    directory = laid_over(tmp_path / "config")
    (directory / "notifier.yaml").unlink()
    (directory / "notifier.yaml").symlink_to(directory / "notifier.yaml")
    assert "notifier.yaml:1:1: is missing; expected a file notifier.yaml" in map(str, check(directory))


def test_hidden_files_belong_to_editors(tmp_path: Path) -> None:
    directory = laid_over(tmp_path / "config")
    (directory / ".notifier.yaml").write_text("][", encoding="utf-8")
    (directory / "templates" / ".#generic.yaml").write_text("][", encoding="utf-8")
    assert check(directory) == ()


def test_keys_whose_values_are_commented_out_count_as_left_out(tmp_path: Path) -> None:
    directory = laid_over(tmp_path / "config")
    (directory / "maintenance.yaml").write_text("maintenance:\n#  - id: upgrade\n", encoding="utf-8")
    (directory / "sources.yaml").write_text("sources:\nmentions:\n", encoding="utf-8")
    config = load(directory)
    assert config.maintenance == ()
    assert dict(config.sources) == {}


def test_the_example_has_no_mistakes() -> None:
    assert [str(mistake) for mistake in check(EXAMPLE)] == []


def test_the_example_is_whole() -> None:
    config = load(EXAMPLE)
    kinds = {getattr(settings, "kind", "") for settings in (*config.sources.values(), *config.mentions.values())}
    assert {*SOURCES, *MENTION_SOURCES} - kinds == set(), "every kind has an example"
    assert {str(channel.kind) for channel in config.channels.values()} == {  # type: ignore[attr-defined]
        "x", "mastodon", "bluesky", "sms", "email", "webhook"}
    assert len(config.revision) == 12
    assert config.regions["US-VT"].parent == "us-northeast"
    assert config.regions["US-VT"].customers == 310_000
    assert config.workarounds[0].origin == "catalogue"


def test_the_revision_changes_with_any_byte_and_only_then(tmp_path: Path) -> None:
    directory = laid_over(tmp_path / "config")
    before = load(directory).revision
    assert load(directory).revision == before
    (directory / "templates" / "generic.yaml").open("a", encoding="utf-8").close()
    assert load(directory).revision == before
    with (directory / "templates" / "generic.yaml").open("a", encoding="utf-8") as file:
        file.write("# a word more\n")
    assert load(directory).revision != before


@pytest.mark.parametrize("field", ["file", "path", "message", "found", "expected", "nearest"])
def test_a_mistake_is_printable_whatever_ids_hold(field: str) -> None:
    """Ids and keys are what somebody wrote: what a terminal hides or obeys is shown escaped."""
    made = replace(Mistake("a.yaml", 1, 1, "p", "m", "f", "e", "n"), **{field: "sms\x1b[2J\U00011d99\nx"})
    assert str(made).isprintable()
    assert "sms\\x1b[2J\\U00011d99\\nx" in str(made).replace("\\\\", "\\")
