"""Everything one file says of another: regions, services, channels, templates, zones, modes, words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from ..intake.merging import SOURCE as NODES
from ..intake.streams import client_missing
from ..model.notice import Stage, Template
from ..model.policy import Policy, Release
from ..model.settings import Settings
from ..model.signal import SignalClass
from ..model.times import parse_rfc3339
from ..notices.template import check_template
from .draft import Draft, Names
from .files import WorkaroundEntry
from .mistake import listed, nearest, shown
from .region_tree import is_zone, near_zone
from .registry import CHANNELS
from .standbys import check_named, check_standbys
from .yaml_file import Path_, YamlFile

YEARS = range(2000, 2101)
"""Years a date may lie in: beyond them it is a slip, and arithmetic on it may leave the calendar."""


def check_references(draft: Draft) -> None:
    """Note every mistake that shows only when the files are read together."""
    for part in (_company, _services, _policies, _sources, _mentions, _channels, check_standbys, _maintenance,
                 _workarounds, _templates, _detection, _intake):
        part(draft)


def _known(file: YamlFile, path: Path_, what: str, value: str, names: Names) -> None:
    """Note `value` where nothing of that id is configured."""
    if names.certain and value not in names.ids:
        file.mistake(path, f"unknown {what}", found=shown(value),
                     expected=listed(names.ids) if len(names.ids) <= 12 else f"the id of a {what} that is configured",
                     nearest=nearest(value, names.ids))


def _all_known(file: YamlFile, path: Path_, what: str, values: Iterable[str], names: Names) -> None:
    for number, value in enumerate(values):
        _known(file, (*path, number), what, value, names)


def _languages(draft: Draft) -> Names:
    return Names(set(draft.company.languages)) if draft.company else Names(certain=False)


def _company(draft: Draft) -> None:
    company, file = draft.company, draft.file("notifier.yaml")
    if company is None:
        return
    if not is_zone(company.timezone):
        file.mistake(("company", "timezone"), "unknown time zone", found=shown(company.timezone),
                     expected="an IANA zone such as America/New_York", nearest=near_zone(company.timezone))
    if company.public_url is not None and not company.public_url.startswith("https://"):
        file.mistake(("company", "public_url"), "is not an https URL", found=shown(company.public_url),
                     expected="https://…, since links in mail carry a proof of who may unsubscribe")
    if not company.languages:
        file.mistake(("company", "languages"), "is empty", expected="at least one language code, such as en")
    if draft.settings is not None:
        _known(file, ("people", "language"), "language", draft.settings.people.language, _languages(draft))
        for kind in draft.settings.delivery.lost:
            if kind not in CHANNELS:
                file.mistake(("delivery", "lost", kind), "unknown kind of channel", of_key=True, found=shown(kind),
                             expected=listed(CHANNELS), nearest=nearest(kind, CHANNELS))


def _services(draft: Draft) -> None:
    file = draft.file("services.yaml")
    for number, service in draft.service_list:
        _all_known(file, ("services", number, "carries"), "channel", service.carries, draft.channels)
        check_named(draft, file, ("services", number, "carries"), service.carries)


def _policies(draft: Draft) -> None:
    file = draft.file("policies.yaml")
    for number, policy in draft.policies:
        at = ("policies", number)
        _all_known(file, (*at, "services"), "service", policy.services, draft.services)
        _all_known(file, (*at, "regions"), "region", policy.regions, draft.regions)
        _all_known(file, (*at, "channels"), "channel", policy.channels, draft.channels)
        check_named(draft, file, (*at, "channels"), policy.channels)
        _releases(file, at, policy)


def _releases(file: YamlFile, at: Path_, policy: Policy) -> None:
    for stage, rule in policy.notices.items():
        where = (*at, "notices", stage.value)
        if not file.sound(where):
            continue
        if rule.release is Release.APPROVE_OR_AFTER and rule.after is None:
            file.mistake(where, "goes out by itself, but not when", expected="after: and a duration, such as 2m")
        if rule.release is not Release.APPROVE_OR_AFTER and rule.after is not None:
            file.mistake((*where, "after"), "has no meaning here", expected="release: approve_or_after")
        if rule.after is not None and rule.after >= rule.valid_for:
            file.mistake((*where, "after"), "is not shorter than valid_for: the notice would expire before it goes out",
                         expected="a shorter time")
        if stage is Stage.WORKAROUND and rule.release is not Release.APPROVE:
            file.mistake((*where, "release"), "would pass on a workaround without a person",
                         found=repr(rule.release.value), expected="approve")
    crowd_alone = any(set(alternative) == {SignalClass.CROWD} for alternative in policy.confirm)
    if crowd_alone and file.sound((*at, "confirm")) and policy.rule(Stage.ACKNOWLEDGE).release is not Release.APPROVE:
        file.mistake((*at, "confirm"), "posts alone would confirm an outage that is then announced without a person",
                     expected="crowd together with another class, or acknowledge: {release: approve}")


def _sources(draft: Draft) -> None:
    file = draft.file("sources.yaml")
    for number, settings in draft.entries.get("sources", ()):
        at = ("sources", number)
        _placing(draft, file, (*at, "placing"), getattr(settings, "placing", None))
        _all_known(file, (*at, "territory"), "region", getattr(settings, "territory", ()), draft.regions)
        _placeable(file, at, settings)
        for position, rule in enumerate(getattr(settings, "events", ())):
            if rule.service is not None:
                _known(file, (*at, "events", position, "service"), "service", rule.service, draft.services)
        _all_known(file, (*at, "own_regions"), "region", getattr(settings, "own_regions", ()), draft.regions)
        for position, agent in enumerate(getattr(settings, "agents", ())):
            _all_known(file, (*at, "agents", position, "regions"), "region", agent.regions, draft.regions)


def _mentions(draft: Draft) -> None:
    """A listener that hears an account of ours which the detector does not know would bring our replies as complaints.
    """
    file = draft.file("sources.yaml")
    ours = {account.casefold() for listed_ in draft.detection.own_accounts.values() for account in listed_}
    for number, settings in draft.entries.get("mentions", ()):
        network = getattr(settings, "kind", "")
        for position, account in enumerate(getattr(settings, "own_accounts", ())):
            if f"{network}:{account}".casefold() not in ours:
                file.mistake(("mentions", number, "own_accounts", position),
                             "is no account of ours to the detector: its replies would count as complaints",
                             found=shown(account), nearest=nearest(f"{network}:{account}", ours),
                             expected=f"{network}:{account} in detection.own_accounts of vocabulary.yaml")


def _placing(draft: Draft, file: YamlFile, at: Path_, placing: Any) -> None:
    if placing is None:
        return
    _all_known(file, (*at, "everywhere"), "region", placing.everywhere, draft.regions)
    rules = [(at, placing), *(((*at, "map", number), match) for number, match in enumerate(placing.map))]
    for where, rule in rules:
        if rule.service is not None:
            _known(file, (*where, "service"), "service", rule.service, draft.services)
        _all_known(file, (*where, "regions"), "region", rule.regions, draft.regions)


def _placeable(file: YamlFile, at: Path_, settings: Settings) -> None:
    """Note a source of which nothing could ever be placed. Labels of alerts, areas of warnings, the places of a probe
    and the points of outage maps place by themselves."""
    placing = getattr(settings, "placing", None)
    if placing is None or not file.sound((*at, "placing")) or not file.sound((*at, "events")):
        return
    events = getattr(settings, "events", None)
    rules = [placing, *(match for match in placing.map if not match.ignore), *(events or ())]
    lacks, expected = [], []
    if not hasattr(settings, "service_label") and not any(rule.service for rule in rules):
        lacks.append("service")
        expected.append("service" if events is None else "service (here, or in events)")
    by_itself = (hasattr(settings, "region_label") or hasattr(settings, "territory") or events is not None
                 or bool(getattr(settings, "regions_of_places", None)))
    if not by_itself and not placing.find_regions and not any(getattr(rule, "regions", ()) for rule in rules):
        lacks.append("region")
        expected.append("regions, or find_regions: true")
    if lacks:
        where = (*at, "placing") if (*at, "placing") in file.values else at
        file.mistake(where, f"names no {' and no '.join(lacks)}: nothing this source says could be placed",
                     expected=f"placing: with {' and '.join(expected)}")


def _channels(draft: Draft) -> None:
    file = draft.file("channels.yaml")
    for number, settings in draft.entries.get("channels", ()):
        at = ("channels", number)
        mode = getattr(settings, "mode", None)
        judged = draft.company is not None and mode is not None and file.sound((*at, "mode"))
        if draft.company is not None and judged and mode is not draft.company.mode:
            expected = draft.company.mode.value
            file.mistake((*at, "mode"), "is not the company's mode, so that nothing would ever be sent",
                         found=repr(str(mode)), expected=f"{expected!r}, as company.mode in notifier.yaml")
        _all_known(file, (*at, "languages"), "language", getattr(settings, "languages", ()), _languages(draft))
        _callbacks(draft, file, (*at, "status_callback_base"), getattr(settings, "status_callback_base", None))
    _bounces(draft)


def _bounces(draft: Draft) -> None:
    """Bounces that are handed in count only by their mark."""
    senders = [one for _, one in draft.entries.get("channels", ()) if getattr(one, "kind", None) == "email"]
    token = draft.settings.web.bounces_token if draft.settings is not None else None
    if token is not None and draft.channels.certain and not any(getattr(one, "bounce_key", None) for one in senders):
        draft.file("notifier.yaml").mistake(
            ("web", "bounces_token"), "takes bounces, of which none would be believed: anybody can make one up",
            expected="bounce_key in an e-mail channel of channels.yaml, or no token")


def _callbacks(draft: Draft, file: YamlFile, at: Path_, base: str | None) -> None:
    ours = draft.company.public_url if draft.company is not None else None
    if base is not None and ours is not None and base.rstrip("/") != ours.rstrip("/") and file.sound(at):
        file.mistake(at, "is not the company's public address, so that every callback would be taken for forged",
                     found=shown(base), expected=f"{ours!r}, as company.public_url in notifier.yaml, or nothing")


def _maintenance(draft: Draft) -> None:
    file = draft.file("maintenance.yaml")
    for number, window in draft.maintenance:
        at = ("maintenance", number)
        _known(file, (*at, "service"), "service", window.service, draft.services)
        _all_known(file, (*at, "regions"), "region", window.regions, draft.regions)
        if not window.regions:
            file.mistake((*at, "regions"), "is empty: nothing would be suppressed or announced")
        starts = _moment(file, (*at, "starts_at"), window.starts_at)
        ends = _moment(file, (*at, "ends_at"), window.ends_at)
        if starts is not None and ends is not None and ends <= starts:
            file.mistake((*at, "ends_at"), "does not lie after starts_at", found=shown(window.ends_at),
                         expected=f"a time after {window.starts_at}")


def _moment(file: YamlFile, path: Path_, text: str) -> datetime | None:
    try:
        moment = parse_rfc3339(text)
    except ValueError:
        file.mistake(path, "is not a time with a zone", found=shown(text), expected="such as 2026-01-15T02:00:00-05:00")
        return None
    if moment.year not in YEARS:
        file.mistake(path, "lies outside this century", found=shown(text), expected="a year from 2000 to 2100")
        return None
    return moment


def _workarounds(draft: Draft) -> None:
    file = draft.file("workarounds.yaml")
    for number, entry in draft.workarounds:
        at = ("workarounds", number)
        _known(file, (*at, "service"), "service", entry.service, draft.services)
        _all_known(file, (*at, "regions"), "region", entry.regions, draft.regions)
        _workaround_texts(draft, file, at, entry)
        try:
            known = datetime.strptime(entry.verified_on, "%Y-%m-%d").year in YEARS  # noqa: DTZ007 only its year
        except ValueError:
            known = False
        if not known:
            file.mistake((*at, "verified_on"), "is not a date", found=shown(entry.verified_on),
                         expected="such as 2026-01-31")


def _workaround_texts(draft: Draft, file: YamlFile, at: Path_, entry: WorkaroundEntry) -> None:
    languages = _languages(draft)
    for language in sorted(languages.ids - entry.texts.keys()):
        file.mistake((*at, "texts"), f"has no text in {language!r}, a language of the company")
    for language in entry.texts:
        _known(file, (*at, "texts", language), "language", language, languages)


def _templates(draft: Draft) -> None:
    spoken: dict[str, str] = {}
    for name, template in draft.templates:
        file = draft.file(name)
        _all_known(file, ("services",), "service", template.services, draft.services)
        for service in dict.fromkeys(template.services) or ("",):
            if service in spoken:
                whom = f"service {service!r}" if service else "every service without a template of its own"
                file.mistake(("services",), f"two templates speak of {whom}",
                             expected=f"one; the other is in {spoken[service]}")
            spoken.setdefault(service, name)
        _wordings(draft, file, template)
    if "" not in spoken and not draft.unreadable_templates:
        for number, one in draft.service_list:
            if one.id not in spoken:
                draft.file("services.yaml").mistake(
                    ("services", number, "id"), "no template speaks of this service", found=shown(one.id),
                    expected="its id in the services of a template, or a template without services for all the rest")


def _wordings(draft: Draft, file: YamlFile, template: Template) -> None:
    """What the notices' own rules say of the texts, with the values and limits of this deployment."""
    company, channels = draft.company, [settings for _, settings in draft.entries.get("channels", ())]
    spoken = {language for texts in template.wordings.values() for language in texts}
    limits = [int(most) for one in channels if (most := getattr(one, "max_characters", None)) is not None]
    longest: dict[str, str] = {"company": company.name} if company else {}
    if company is not None and company.status_url is not None:
        longest["status_url"] = company.status_url
    for mistake in check_template(
            template, languages=company.languages if company else sorted(spoken),
            kinds=sorted({str(getattr(one, "kind")) for one in channels}),  # noqa: B009 every kind's Settings has it
            limits={"mastodon": min(limits)} if limits else None, longest=longest):
        file.mistake(mistake.path, mistake.message, found=shown(mistake.found) if mistake.found else "",
                     expected=mistake.expected, nearest=mistake.nearest or "")


def _detection(draft: Draft) -> None:
    file = draft.file("vocabulary.yaml") if "vocabulary.yaml" in draft.files else YamlFile("vocabulary.yaml")
    for settings, part in ((draft.detection, "detection"), (draft.vocabulary, "vocabulary")):
        for path, what, value in _named_in(settings, (part,)):
            _known(file, path, what, value, draft.regions if what == "region" else draft.services)


def _intake(draft: Draft) -> None:
    """Counts of nodes are merged here: with which client, and under which name their silence shows."""
    if draft.settings is None or draft.settings.intake.nats is None:
        return
    if missing := client_missing():
        draft.file("notifier.yaml").mistake(("intake", "nats"), missing)
    for part in ("sources", "mentions"):
        for number, settings in draft.entries.get(part, ()):
            if getattr(settings, "id", None) == NODES:
                draft.file("sources.yaml").mistake((part, number, "id"), "is the name of all nodes together",
                                                   found=shown(NODES), expected="another name")


_NAMING: dict[str, str] = {"home_region": "region", "own_symptoms": "service", "operators": "service"}
"""Fields of the detector's settings that name something configured elsewhere."""


def _named_in(settings: Settings, at: Path_) -> Iterator[tuple[Path_, str, str]]:
    """(path, what, id) of each region and service a settings object names: as text, in a list, or as keys."""
    for name, what in _NAMING.items():
        value = getattr(settings, name, None)
        if isinstance(value, str):
            yield (*at, name), what, value
        elif isinstance(value, tuple):
            yield from (((*at, name, number), what, str(one)) for number, one in enumerate(value))
        elif isinstance(value, dict):
            yield from (((*at, name, key), what, str(key)) for key in value)
