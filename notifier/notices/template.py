"""Every mistake in a template, found when configuration is read rather than on the morning it is needed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from notifier.model.notice import Template, Wording, Words

from .fit import measure
from .placeholders import PLACEHOLDERS
from .rendering import MalformedTemplate, fields_of, parse, render, sanitise, template_for
from .sms import plain_sms

__all__ = [
    "PLACEHOLDERS",
    "MalformedTemplate",
    "TemplateMistake",
    "check_template",
    "fields_of",
    "parse",
    "render",
    "sanitise",
    "template_for",
]

REQUIRED_WORDINGS = (
    Wording.ACKNOWLEDGE,
    Wording.ACKNOWLEDGE_SUSPECTED,
    Wording.WORKAROUND,
    Wording.UPDATE,
    Wording.RESOLVE,
    Wording.CORRECT,
)
"""Without any of these an incident could not be told to its end; maintenance may be left to another template."""
ESSENTIAL: Mapping[Wording, str] = {Wording.WORKAROUND: "workaround", Wording.MAINTENANCE: "maintenance_start"}
"""What a wording is pointless without."""
REFERENCE_KINDS = ("x", "mastodon", "bluesky", "sms")
"""Kinds on which notices are told apart by nothing but the reference in their text."""
VAGUE: Mapping[str, tuple[str, ...]] = {
    "en": ("shortly", "soon", "momentarily", "as soon as possible", "in the near future", "any minute"),
    "es": ("en breve", "pronto", "cuanto antes", "lo antes posible", "próximamente", "en cualquier momento"),
}
"""Words that promise without saying when: customers act on clock times."""
TEST_MARK = "TEST: "
"""Begins every text in test mode, so that a drill cannot be taken for the real thing."""
_TEXTS = ("text", "x", "mastodon", "bluesky", "sms", "email", "webhook", "subject", "html")


@dataclass(frozen=True, slots=True)
class TemplateMistake:
    """One mistake. `path` leads to it within the template: ("wordings", "acknowledge", "en", "x")."""

    path: tuple[str, ...]
    message: str
    found: str = ""
    expected: str = ""
    nearest: str | None = None


def check_template(
    template: Template,
    *,
    languages: Sequence[str],
    kinds: Sequence[str] = ("x", "mastodon", "bluesky", "sms", "email", "webhook"),
    limits: Mapping[str, int] | None = None,
    longest: Mapping[str, str] | None = None,
) -> list[TemplateMistake]:
    """Every mistake in `template`, in the order of its wordings.

    `kinds`: the kinds of the configured channels. `limits`: shorter limits by kind (a Mastodon instance's). `longest`:
    longest values by placeholder where the deployment's own are known (company name), else `PLACEHOLDERS`' are used.
    """
    values: dict[str, str | None] = {name: known.longest for name, known in PLACEHOLDERS.items()}
    values.update(longest or {})
    found = list(_missing(template, languages))
    for wording, by_language in template.wordings.items():
        for language, words in by_language.items():
            path = ("wordings", wording.value, language)
            broken = list(_broken(words, path))
            found += broken
            if not broken:
                found += _unsaid(words, wording, path, kinds)
                found += _too_long(words, path, kinds, values, limits or {})
            found += _vague(words, language, path)
    return found


def _missing(template: Template, languages: Sequence[str]) -> Iterator[TemplateMistake]:
    for wording in REQUIRED_WORDINGS:
        if wording not in template.wordings:
            must_correct = wording is Wording.CORRECT
            why = "what is acknowledged must be correctable" if must_correct else "no incident can do without it"
            yield TemplateMistake(("wordings",), f"wording {wording.value!r} is missing: {why}", expected=wording.value)
    for wording, by_language in template.wordings.items():
        for language in languages:
            if language not in by_language:
                yield TemplateMistake(
                    ("wordings", wording.value),
                    f"wording {wording.value!r} has no text in {language!r}",
                    expected=language,
                )
        for language in by_language:
            if language not in languages:
                near = difflib.get_close_matches(language, languages, n=1, cutoff=0.3)
                yield TemplateMistake(
                    ("wordings", wording.value, language),
                    f"{language!r} is not one of the company's languages",
                    language,
                    ", ".join(languages),
                    near[0] if near else None,
                )


def _texts(words: Words) -> Iterator[tuple[str, str]]:
    for name in _TEXTS:
        text = getattr(words, name)
        if isinstance(text, str):
            yield name, text


def _broken(words: Words, path: tuple[str, ...]) -> Iterator[TemplateMistake]:
    for name, text in _texts(words):
        try:
            asked = fields_of(text)
        except MalformedTemplate as mistake:
            shown = text[max(0, mistake.offset - 20) : mistake.offset + 20]
            yield TemplateMistake((*path, name), mistake.message, shown, "{placeholder}, {{ or }}")
            continue
        if not text.strip():
            yield TemplateMistake((*path, name), "the text is empty", expected="words")
        for field in sorted(asked - set(PLACEHOLDERS)):
            near = difflib.get_close_matches(field, PLACEHOLDERS, n=1)
            yield TemplateMistake(
                (*path, name),
                f"{{{field}}} is not a placeholder",
                field,
                "one of " + ", ".join(PLACEHOLDERS),
                near[0] if near else None,
            )


def _unsaid(words: Words, wording: Wording, path: tuple[str, ...], kinds: Sequence[str]) -> Iterator[TemplateMistake]:
    """What a channel's text must say and does not; told once a text, however many kinds share it."""
    told: set[tuple[str, str]] = set()
    for kind in kinds:
        name = kind if getattr(words, kind, None) is not None else "text"
        needed = {ESSENTIAL[wording]} if wording in ESSENTIAL else set()
        if kind in REFERENCE_KINDS:
            needed.add("reference")
        if kind == "x" and wording is Wording.UPDATE:
            needed.add("now")  # X refuses a post equal to an earlier one, and an update may have nothing new to say
        for field in sorted(needed - fields_of(words.for_channel(kind))):
            if (name, field) not in told:
                told.add((name, field))
                yield TemplateMistake(
                    (*path, name), f"the text sent by {kind} does not say {{{field}}}", expected=f"{{{field}}}"
                )


def _too_long(
    words: Words,
    path: tuple[str, ...],
    kinds: Sequence[str],
    values: Mapping[str, str | None],
    limits: Mapping[str, int],
) -> Iterator[TemplateMistake]:
    for kind in kinds:
        text = TEST_MARK + render(words.for_channel(kind), values)
        size = measure(kind, plain_sms(text, fold_accents=True) if kind == "sms" else text, limit=limits.get(kind))
        if not size.fits:
            name = kind if getattr(words, kind, None) is not None else "text"
            yield TemplateMistake(
                (*path, name),
                f"with long values the text sent by {kind} is {size.length} long, {size.limit} fit",
                str(size.length),
                f"at most {size.limit}; give {kind!r} a shorter text of its own",
            )


def _vague(words: Words, language: str, path: tuple[str, ...]) -> Iterator[TemplateMistake]:
    for name, text in _texts(words):
        for word in VAGUE.get(language.split("-")[0], ()):
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE):
                yield TemplateMistake(
                    (*path, name), f"{word!r} promises without saying when; give a time", word, "{next_update}"
                )
