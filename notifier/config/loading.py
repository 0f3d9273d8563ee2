"""A directory of YAML → one frozen `Config`, or every mistake in it at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..model.settings import Settings
from ..model.workaround import Workaround
from .draft import Draft
from .files import WorkaroundEntry
from .mistake import ConfigMistakes, Mistake
from .reading import read_draft
from .references import check_references
from .tree import Config


def load(directory: Path) -> Config:
    """Read, check and freeze a configuration. Raises ConfigMistakes with every mistake at once."""
    draft = _checked(directory)
    if draft.mistakes:
        raise ConfigMistakes(draft.mistakes)
    return _freeze(draft)


def check(directory: Path) -> tuple[Mistake, ...]:
    """Every mistake in a configuration, in the order of files and lines; empty where there is none."""
    return _checked(directory).mistakes


def _checked(directory: Path) -> Draft:
    draft = read_draft(directory)
    if draft.settings is not None or draft.files:
        check_references(draft)
    return draft


def _freeze(draft: Draft) -> Config:
    settings = draft.settings
    assert settings is not None  # a draft without mistakes has every part
    return Config(
        directory=draft.directory, revision=draft.digest[:12], company=settings.company, regions=draft.tree,
        services={service.id: service for _, service in draft.service_list},
        sources=_by_id(draft, "sources"), mentions=_by_id(draft, "mentions"), channels=_by_id(draft, "channels"),
        policies=tuple(policy for _, policy in draft.policies),
        templates={template.id: template for _, template in draft.templates},
        workarounds=tuple(_workaround(entry) for _, entry in draft.workarounds),
        maintenance=tuple(window for _, window in draft.maintenance),
        vocabulary=draft.vocabulary, detection=draft.detection, polling=settings.polling,
        delivery=settings.delivery, canary=settings.canary, intake=settings.intake,
        people=settings.people, web=settings.web, store=settings.store)


def _by_id(draft: Draft, part: str) -> Mapping[str, Settings]:
    return {str(getattr(settings, "id")): settings  # noqa: B009 each kind's Settings has one
            for _, settings in draft.entries.get(part, ())}


def _workaround(entry: WorkaroundEntry) -> Workaround:
    verified = datetime.strptime(entry.verified_on, "%Y-%m-%d").replace(tzinfo=UTC)
    return Workaround(id=entry.id, service=entry.service, texts=dict(entry.texts), origin="catalogue",
                      regions=entry.regions, verified_by=entry.verified_by, verified_at=verified,
                      expires_at=verified + entry.valid_for)
