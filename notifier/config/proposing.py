"""An entry of sources.yaml for an address that was recognised, as text that staff go on editing.

What is certain is written; what is guessed (which service, which regions, what each component is here) is written as a
comment or says that it was guessed. A guess that a customer would be told is worse than a line somebody has to write.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from ..model.service import Service
from ..model.settings import spelt_duration
from ..sources.placing import finder_of, says, words_of
from .recognising import Recognised
from .tree import Config

RULES_MOST = 60
"""Components written out as rules; a page of thousands is placed by patterns, not by a line each."""
_NO_NAMES = frozenset({"www", "status", "api", "statuspage", "health", "stats", "uptime", "com", "org", "net", "io",
                       "gov", "co", "page", "app", "dev", "en", "feed", "rss", "atom", "index", "json"})
_COLUMN = 46
_WRITTEN = frozenset({"id", "kind", "url", "enabled", "every", "freshness", "placing"})
"""Settings every entry has, written by themselves."""
_GUESSED = {"statuses": "guessed: say what each of these words means here",
            "fields": "guessed by their names", "items": "guessed: the likeliest list",
            "well": "guessed: where it says that something is well", "prose": "guessed: its words say when it is over"}
"""Settings that are a guess where nobody gave them, and what to make of it."""

Listed = tuple[str, str, str]
"""(component, group, location)."""


@dataclass(frozen=True)
class Wish:
    """What the person who adds it said: "" and empty is for us to guess. `enabled` False: it is not polled until
    somebody has looked."""

    id: str = ""
    service: str = ""
    regions: tuple[str, ...] = ()
    enabled: bool = False


@dataclass(frozen=True)
class Proposal:
    """An entry: its id, the service it falls back to ("" where nobody can tell), and its lines, the first with a
    dash, without indentation."""

    id: str
    service: str
    lines: tuple[str, ...]

    def text(self, indent: int = 2) -> str:
        """The lines, indented."""
        return "".join(f"{' ' * indent}{line}".rstrip() + "\n" for line in self.lines)


def propose(found: Recognised, config: Config, wish: Wish) -> Proposal:
    """The entry for what was recognised. Pure."""
    name = wish.id or _free_id(found.url, {*config.sources, *config.mentions})
    listed = found.reading.listed
    spoken = [*listed, *((signal.facts.get("title", signal.why), "", "") for signal in found.reading.signals)]
    service = wish.service or _likely(spoken, config.services.values())
    settings: Any = found.settings
    lines = [f"- id: {name}", f"  kind: {found.kind}", f"  url: {_flow(found.url)}"]
    if not wish.enabled:
        lines.append(_noted("  enabled: false", "proposed by add-source: read it, then take this line away"))
    lines += [f"  every: {spelt_duration(settings.every)}", f"  freshness: {spelt_duration(settings.freshness)}"]
    lines += [f"  {line}" for line in _extra(found)]
    lines += [f"  {line}" for line in _placing(listed, spoken, service, config, wish)]
    return Proposal(name, service, tuple(lines))


def _extra(found: Recognised) -> Iterator[str]:
    """Settings the kind needs here, as block YAML."""
    for name, value in found.extra.items():
        if name in _WRITTEN:
            continue
        first, *rest = _dumped(name, value)
        note = "only you know what belongs here" if name in found.needs else _doubt(found, name)
        if note and len(first) > _COLUMN:
            yield f"# {note}"
            note = ""
        yield _below(first, note)
        yield from rest


def _doubt(found: Recognised, name: str) -> str:
    return "" if name in found.given else _GUESSED.get(name, "")


def guessed(found: Recognised) -> tuple[str, ...]:
    """Settings of the entry that are guesses a person has to look at."""
    return tuple(name for name in found.extra if _doubt(found, name))


def _dumped(name: str, value: Any) -> list[str]:
    """A setting as YAML: on one line where it is short."""
    line = f"{name}: {_flow(value)}"
    if not isinstance(value, dict | list) or len(line) <= 100:
        return [line]
    block = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None)
    if block[:1] in "[{":
        block = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False)
    return [f"{name}:", *(f"  {one}" for one in block.rstrip("\n").split("\n"))]


def _flow(value: Any) -> str:
    """A value on one line."""
    dumped = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return str(dumped).removesuffix("...\n").strip()


def _placing(
    listed: Iterable[Listed], spoken: list[Listed], service: str, config: Config, wish: Wish
) -> Iterator[str]:
    yield "placing:"
    if service:
        yield _below(f"  service: {service}", "" if wish.service else "guessed: where no rule below names one")
    else:
        yield _below("  # service:", f"its words do not say which: {', '.join(list(config.services)[:6])}")
    places = dict.fromkeys(region for one in spoken for region in _regions(one, config))
    yield _below("  find_regions: true", f"found by name: {', '.join(list(places)[:6])}" if places else
                 "none was found by name so far")
    if wish.regions:
        yield f"  regions: {_flow(list(wish.regions))}"
    else:
        roots = [region.id for region in config.regions if region.customers] or [region.id for region in config.regions]
        yield _below(f"  # regions: {_flow(roots[:1])}", "where none is found by name")
    rules = [_rule(one, config) for one in listed]
    if rules:
        yield _below("  # map:", "what it lists; the first rule that fits decides")
        yield from (f"  #   - {rule}" for rule in rules[:RULES_MOST])
    if len(rules) > RULES_MOST:
        yield f"  #   and {len(rules) - RULES_MOST:,} more"


def _rule(one: Listed, config: Config) -> str:
    """One component as a rule, with the service and the regions its own words name."""
    parts = {name: value for name, value in zip(("component", "group", "location"), one, strict=True) if value}
    rule: dict[str, Any] = {name: " ".join(value.replace("*", " ").replace("?", " ").split())
                            for name, value in parts.items()}
    if service := _likely([one], config.services.values(), alone=False):
        rule["service"] = service
    if regions := _regions(one, config):
        rule["regions"] = list(regions)
    return _flow(rule)


def _regions(one: Listed, config: Config) -> tuple[str, ...]:
    finder = finder_of(config.regions)
    code = finder.by_code(one[2].strip()) if one[2] else None
    return (code,) if code is not None else finder.find(" . ".join(part for part in one if part))


def _likely(spoken: Iterable[Listed], services: Iterable[Service], *, alone: bool = True) -> str:
    """The service most of `spoken` names, by the longest of its words each holds; `alone`: the only one there is where
    none is named."""
    known = list(services)
    votes: Counter[str] = Counter()
    for one in spoken:
        text = " . ".join(part for part in one if part)
        lengths = {service.id: max((len(words_of(word)) * 100 + len(word) for word in _words(service)
                                    if says(word, text)), default=0) for service in known}
        best = max(lengths, key=lambda service: lengths[service], default="")
        if best and lengths[best]:
            votes[best] += 1
    if votes:
        return votes.most_common(1)[0][0]
    return known[0].id if alone and len(known) == 1 else ""


def _words(service: Service) -> Iterator[str]:
    yield from (word for word in (*service.words, service.name, *service.names.values(), service.id.replace("-", " "))
                if word and not {"*", "?"} & set(word))


def _free_id(url: str, taken: Iterable[str]) -> str:
    """An id from what names the site: its host without the parts every host has, or else its path."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    labels = [] if re.fullmatch(r"[\d.:]+", host) else re.split(r"[.]", host)
    named = [one for one in labels[:-1] if one.lower() not in _NO_NAMES]
    below = [one for one in re.split(r"[^A-Za-z0-9]+", parts.path) if one and one.lower() not in _NO_NAMES]
    slug = re.sub(r"[^a-z0-9-]+", "-", "-".join(named[:2] or below[:2]).lower()).strip("-")[:50] or "source"
    used = set(taken)
    return next(name for name in (slug, *(f"{slug}-{n}" for n in range(2, 10_000))) if name not in used)


def _noted(line: str, note: str) -> str:
    return f"{line:<{_COLUMN}}  # {note}" if note else line


def _below(line: str, note: str) -> str:
    """A line of placing, which stands two spaces deeper."""
    return _noted(f"  {line}", note)[2:]


def wanted(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """{"placing.service": x} as {"placing": {"service": x}}. Raises ValueError where a key is both."""
    found: dict[str, Any] = {}
    for key, value in pairs.items():
        holder = found
        *above, last = key.split(".")
        for step in above:
            holder = holder.setdefault(step, {})
            if not isinstance(holder, dict):
                raise ValueError(f"{key}: {step} is already given a value")
        holder[last] = value
    return found
