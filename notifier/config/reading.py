"""Reading every file of a directory into a draft, each entry checked by itself, so that one mistake hides no other."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from ..detection.settings import DetectionSettings, Vocabulary
from ..model.company import Company
from ..model.notice import Template
from ..model.policy import MaintenanceWindow, Policy
from ..model.service import Service
from ..model.settings import Settings
from .directory import FILES_MOST, NEEDED, OPTIONAL, digest_of, name_of, yaml_files
from .draft import Draft, Names
from .files import Include, NotifierFile, RegionEntry, WorkaroundEntry
from .mistake import listed, nearest, shown
from .region_tree import build_tree
from .registry import CHANNELS, MENTION_SOURCES, SOURCES
from .validate import validate
from .yaml_file import Path_, YamlFile, read_yaml

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Entry = Callable[[YamlFile, Path_, Any], T | None]


def read_draft(directory: Path) -> Draft:
    """Read every file of a directory, each checked by itself."""
    draft = Draft(directory)
    if not os.path.isdir(directory):  # Path.is_dir raises where the way there is barred or its name too long
        draft.file(str(directory)).mistake((), "is not a directory", expected="a directory with notifier.yaml")
        return draft
    _read_files(draft)
    _read_notifier(draft)
    _read_regions(draft)
    _read_lists(draft)
    _read_kinds(draft)
    _read_vocabulary(draft)
    _read_templates(draft)
    return draft


def _read_files(draft: Draft) -> None:
    known = {*NEEDED, *OPTIONAL}
    contents = []
    paths = yaml_files(draft.directory)
    for path in paths[:FILES_MOST]:
        name = name_of(path, draft.directory)
        draft.files[name], raw = read_yaml(path, name)
        contents.append((name, raw))
        if "/" not in name and name not in known:
            draft.files[name].mistake_at((1, 1), "unknown file", found=shown(name), expected=listed(known),
                                         nearest=nearest(name, known))
    for name in NEEDED:
        if name not in draft.files:
            draft.file(name).mistake((), "is missing", expected=f"a file {name}")
    if len(paths) > FILES_MOST:
        draft.file(draft.directory.name).mistake((), "holds too many files", expected=f"at most {FILES_MOST:,}")
    draft.digest = digest_of(contents)


# ── one file, one settings class ─────────────────────────────────────────────────────────────────────────────────────


def _read_notifier(draft: Draft) -> None:
    file = draft.file("notifier.yaml")
    if _sound(file):
        draft.settings = validate(NotifierFile, _without_empty(file.value), file)
        company = draft.value(file.name).get("company")
        draft.company = draft.settings.company if draft.settings else _quietly(Company, company)


def _read_vocabulary(draft: Draft) -> None:
    file = draft.files.get("vocabulary.yaml")
    if file is None or not _sound(file):
        return
    value = _known_keys(file, {"vocabulary", "detection"})
    if value.get("vocabulary") is not None:
        draft.vocabulary = validate(Vocabulary, value["vocabulary"], file, ("vocabulary",)) or draft.vocabulary
        if draft.vocabulary.model is not None:
            path = str(draft.directory / draft.vocabulary.model)
            draft.vocabulary = draft.vocabulary.model_copy(update={"model": path})
    if value.get("detection") is not None:
        draft.detection = validate(DetectionSettings, value["detection"], file, ("detection",)) or draft.detection


def _read_templates(draft: Draft) -> None:
    first: dict[str, str] = {}
    for name in sorted(draft.files):
        if not name.startswith("templates/"):
            continue
        file = draft.files[name]
        template = validate(Template, file.value, file) if file.value is not None or not file.mistakes else None
        if template is None:
            draft.unreadable_templates = True
            continue
        if template.id in first:
            file.mistake(("id",), "a template of this id stands in another file", found=repr(template.id),
                         expected=f"an id of its own; the other is in {first[template.id]}")
        first.setdefault(template.id, name)
        draft.templates.append((name, template))


def _sound(file: YamlFile) -> bool:
    return file.value is not None or not file.mistakes


def _without_empty(value: Any) -> Any:
    """A key whose value is all commented out is as good as left out; so is everything in an empty file."""
    if value is None:
        return {}
    return {key: one for key, one in value.items() if one is not None} if isinstance(value, dict) else value


def _quietly(model: type[M], value: Any) -> M | None:
    """Part of a file that is wrong elsewhere; its own mistakes are told already."""
    return validate(model, value, YamlFile(""))


def _known_keys(file: YamlFile, known: set[str]) -> dict[str, Any]:
    """The mapping a file holds; unknown keys are noted."""
    value = _without_empty(file.value)
    if not isinstance(value, dict):
        file.mistake((), "is of the wrong kind", found=shown(value), expected=f"the keys {', '.join(sorted(known))}")
        return {}
    for key in file.value or ():
        if key not in known:
            file.mistake((key,), "unknown key", of_key=True, found=shown(key), expected=listed(known),
                         nearest=nearest(key, known))
    return value


# ── files of lists ───────────────────────────────────────────────────────────────────────────────────────────────────


def _as(model: type[M]) -> Entry[M]:
    def entry(file: YamlFile, path: Path_, value: Any) -> M | None:
        return validate(model, value, file, path)

    return entry


def _as_kind(kinds: Mapping[str, type[Settings]]) -> Entry[Settings]:
    def entry(file: YamlFile, path: Path_, value: Any) -> Settings | None:
        if not isinstance(value, dict):
            file.mistake(path, "is of the wrong kind", found=shown(value), expected="a mapping with id and kind")
            return None
        kind = value.get("kind")
        if kind is None:
            file.mistake(path, "the key 'kind' is missing", expected=listed(kinds))
        elif not isinstance(kind, str) or kind not in kinds:
            file.mistake((*path, "kind"), "unknown kind", found=shown(kind), expected=listed(kinds),
                         nearest=nearest(str(kind), kinds))
        else:
            return validate(kinds[kind], value, file, path)
        return None

    return entry


def _list(draft: Draft, name: str, key: str, entry: Entry[T], *, needed: bool = False) -> list[tuple[int, T]]:
    """The entries of the list `key` in the file `name`, with their numbers; those that make no sense are left out."""
    file = draft.files.get(name)
    if file is None or not _sound(file):
        return []
    values = draft.value(name).get(key)
    if values is None:
        if needed:
            file.mistake((key,) if key in draft.value(name) else (), f"the key {key!r} is missing or empty",
                         expected="a list of at least one entry")
        return []
    if not isinstance(values, list):
        file.mistake((key,), "is of the wrong kind", found=shown(values), expected="a list")
        return []
    if needed and not values:
        file.mistake((key,), "is empty", expected="at least one entry")
    read = ((number, entry(file, (key, number), value)) for number, value in enumerate(values))
    return [(number, one) for number, one in read if one is not None]


def _names(draft: Draft, name: str, key: str) -> Names:
    """Ids a list gives its entries, whatever else is wrong with them."""
    file = draft.files.get(name)
    values = draft.value(name).get(key)
    if file is not None and (not _sound(file) or not isinstance(file.value, dict | None)
                             or not isinstance(values, list | None)):
        return Names(certain=False)
    found = (value.get("id") for value in values or () if isinstance(value, dict))
    return Names({one for one in found if isinstance(one, str)})


def _read_regions(draft: Draft) -> None:
    file = draft.file("regions.yaml")
    draft.regions = _names(draft, file.name, "regions")
    if not _sound(file):
        return
    _known_keys(file, {"include", "regions"})
    includes = _list(draft, file.name, "include", _as(Include))
    regions = _list(draft, file.name, "regions", _as(RegionEntry))
    draft.regions.certain &= not any(path[:1] == ("include",) for path in file.wrong)
    draft.tree = build_tree(includes, regions, file)
    draft.regions.ids |= draft.tree.regions.keys()


def _read_lists(draft: Draft) -> None:
    for name, key in (("services.yaml", "services"), ("policies.yaml", "policies"), ("maintenance.yaml", "maintenance"),
                      ("workarounds.yaml", "workarounds")):
        if name in draft.files and _sound(draft.files[name]):
            _known_keys(draft.files[name], {key})
    draft.service_list = _list(draft, "services.yaml", "services", _as(Service), needed=True)
    draft.policies = _list(draft, "policies.yaml", "policies", _as(Policy), needed=True)
    draft.maintenance = _list(draft, "maintenance.yaml", "maintenance", _as(MaintenanceWindow))
    draft.workarounds = _list(draft, "workarounds.yaml", "workarounds", _as(WorkaroundEntry))
    draft.services = _names(draft, "services.yaml", "services")
    draft.services.certain &= bool(draft.services.ids)  # that there are none at all is told once
    for name, part, found in (("services.yaml", "services", draft.service_list),
                              ("policies.yaml", "policies", draft.policies),
                              ("maintenance.yaml", "maintenance", draft.maintenance),
                              ("workarounds.yaml", "workarounds", draft.workarounds)):
        _distinct(draft.file(name) if found else YamlFile(name), part, [(n, one.id) for n, one in found], {})


def _read_kinds(draft: Draft) -> None:
    """Sources, mentions and channels: each entry by its own kind."""
    for name, parts in (("sources.yaml", {"sources", "mentions"}), ("channels.yaml", {"channels"})):
        if name in draft.files and _sound(draft.files[name]):
            _known_keys(draft.files[name], parts)
    kinds: tuple[tuple[str, str, dict[str, type[Settings]]], ...] = (
        ("sources.yaml", "sources", {kind: one.settings for kind, one in SOURCES.items()}),
        ("sources.yaml", "mentions", {kind: one.settings for kind, one in MENTION_SOURCES.items()}),
        ("channels.yaml", "channels", {kind: one.settings for kind, one in CHANNELS.items()}))
    seen: dict[str, dict[str, str]] = {}
    for name, part, known in kinds:
        draft.entries[part] = found = _list(draft, name, part, _as_kind(known))
        ids = [(number, str(getattr(settings, "id"))) for number, settings in found]  # noqa: B009 every kind has one
        _distinct(draft.file(name) if found else YamlFile(name), part, ids, seen.setdefault(name, {}))
    draft.channels = _names(draft, "channels.yaml", "channels")


def _distinct(file: YamlFile, part: str, ids: list[tuple[int, str]], seen: dict[str, str]) -> None:
    """Note every id that an entry above has, in this list or another whose ids are in `seen`."""
    for number, entry_id in ids:
        if entry_id in seen:
            file.mistake((part, number, "id"), "this id is taken by an entry above", found=repr(entry_id),
                         expected=f"an id of its own; the first is {seen[entry_id]}")
        seen.setdefault(entry_id, f"{part}[{number}]")
