"""From an incident and a wording to the exact words, for every channel in every language it speaks.

Composing refuses rather than improvises: no region, no words. A single text that cannot be made to fit is left out
and named in `Notice.facts["left_out"]`, so that one short channel never silences the others.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from notifier.model.channel import ChannelProfile
from notifier.model.company import Company
from notifier.model.incident import Incident
from notifier.model.notice import Mode, Notice, NoticeState, Reach, Stage, Template, Text, Wording, Words
from notifier.model.policy import Policy
from notifier.model.region import RegionTree
from notifier.model.service import Service
from notifier.model.times import parse_rfc3339
from notifier.model.workaround import Workaround

from .fit import shorten
from .refusal import Refusal
from .rendering import render, sanitise, sentences
from .sms import plain_sms
from .template import ESSENTIAL, TEST_MARK
from .wording import clock_time, duration, number, promised, region_names, zone_of

__all__ = ["STAGE_OF", "Refusal", "Speaker", "compose"]

STAGE_OF: Mapping[Wording, Stage] = {
    Wording.ACKNOWLEDGE: Stage.ACKNOWLEDGE,
    Wording.ACKNOWLEDGE_SUSPECTED: Stage.ACKNOWLEDGE,
    Wording.WORKAROUND: Stage.WORKAROUND,
    Wording.UPDATE: Stage.UPDATE,
    Wording.RESOLVE: Stage.RESOLVE,
    Wording.CORRECT: Stage.CORRECT,
    Wording.MAINTENANCE: Stage.MAINTENANCE,
    Wording.MAINTENANCE_END: Stage.MAINTENANCE,
}
"""The stage each wording belongs to."""
_PROMISING = (Stage.ACKNOWLEDGE, Stage.WORKAROUND, Stage.UPDATE)
_CLOSING = (Stage.RESOLVE, Stage.CORRECT)
SUBJECT_CAP = 150
"""Characters of an e-mail's subject."""


@dataclass(frozen=True)
class Speaker:
    """All that words are made from besides the incident itself."""

    company: Company
    services: Mapping[str, Service]
    regions: RegionTree
    templates: Mapping[str, Template]
    channels: Mapping[str, ChannelProfile]


@dataclass(frozen=True)
class Voice:
    """One composing: its arguments, checked."""

    speaker: Speaker
    incident: Incident
    wording: Wording
    template: Template
    now: datetime
    next_update_by: datetime | None
    workaround: Workaround | None
    notes: Mapping[str, str]

    @property
    def stage(self) -> Stage:
        return STAGE_OF[self.wording]


def compose(
    incident: Incident,
    wording: Wording,
    *,
    sequence: int,
    speaker: Speaker,
    policy: Policy,
    now: datetime,
    reason: str,
    workaround: Workaround | None = None,
    notes: Mapping[str, str] | None = None,
    audience: int = 0,
    reach: Reach = Reach.EVERYONE,
) -> Notice | Refusal:
    """Compose one notice, WAITING, with its texts for every channel and language.

    `notes` is what staff wrote, by language; the key "" serves every language without one of its own.
    `incident.facts` may hold "reported_count" (digits), "maintenance_start" and "maintenance_end" (RFC 3339).
    The notice's `facts` are the values spoken in the company's first language, and "left_out" where a text was.
    Refusal, with a sentence for staff, where there is nothing true and fitting to say.
    """
    job = voice(incident, wording, speaker=speaker, policy=policy, now=now, workaround=workaround, notes=notes)
    if isinstance(job, Refusal):
        return job
    texts, left_out = _texts(job, policy, reach)
    if not texts:
        return Refusal("; ".join(left_out) or "no channel of this mode may carry it")
    facts = {key: value for key, value in values_for(job, speaker.company.languages[0]).items() if value is not None}
    if left_out:
        facts["left_out"] = "; ".join(left_out)
    return Notice(
        id=f"{incident.id}.{sequence}",
        incident=incident.id,
        stage=job.stage,
        wording=wording,
        sequence=sequence,
        mode=speaker.company.mode,
        regions=incident.regions,
        texts=tuple(texts),
        created_at=now,
        valid_until=now + policy.rule(job.stage).valid_for,
        state=NoticeState.WAITING,
        reach=reach,
        audience=audience,
        next_update_by=job.next_update_by,
        reason=reason,
        facts=facts,
    )


def _texts(job: Voice, policy: Policy, reach: Reach) -> tuple[list[Text], list[str]]:
    """The texts, and "channel language: why" of each that could not be made."""
    texts: list[Text] = []
    left_out: list[str] = []
    for profile in _channels(job, policy, reach):
        for language in profile.languages or job.speaker.company.languages:
            made = text_for(job, profile, language)
            if isinstance(made, Refusal):
                left_out.append(f"{profile.id} {language}: {made.reason}")
            else:
                texts.append(made)
    return texts, left_out


def voice(
    incident: Incident,
    wording: Wording,
    *,
    speaker: Speaker,
    policy: Policy,
    now: datetime,
    workaround: Workaround | None = None,
    notes: Mapping[str, str] | None = None,
) -> Voice | Refusal:
    """All that one wording needs, checked; hand it to `text_for`."""
    refused = _refused(incident, wording, speaker, workaround, now)
    if refused is not None:
        return Refusal(refused)
    every = policy.update_every if STAGE_OF[wording] in _PROMISING else None
    due = promised(now, every) if every else None
    template = speaker.templates[incident.template]
    return Voice(speaker, incident, wording, template, now, due, workaround, notes or {})


def _refused(
    incident: Incident, wording: Wording, speaker: Speaker, workaround: Workaround | None, now: datetime
) -> str | None:
    """Why nothing may be said, or None."""
    if not incident.regions:
        return "the incident has no region: a notice without one would reach everybody"
    unknown = [region for region in incident.regions if region not in speaker.regions]
    if unknown:
        return f"region {unknown[0]} is not in the region tree any more"
    if incident.service not in speaker.services:
        return f"service {incident.service} is not configured any more"
    template = speaker.templates.get(incident.template)
    if template is None:
        return f"template {incident.template} is not configured any more"
    if wording not in template.wordings:
        return f"template {incident.template} has no wording {wording}"
    if wording is Wording.WORKAROUND:
        return _workaround_refused(workaround, now)
    if wording is Wording.MAINTENANCE and _fact_time(incident, "maintenance_start") is None:
        return "the incident's facts do not say when maintenance starts"
    return None


def _workaround_refused(workaround: Workaround | None, now: datetime) -> str | None:
    if workaround is None:
        return "there is no workaround to pass on"
    if workaround.verified_by is None:
        return "nobody has verified the workaround"
    if workaround.withdrawn_at is not None:
        return "the workaround was withdrawn"
    if workaround.expires_at is not None and workaround.expires_at <= now:
        return "the workaround has expired"
    return None


def _channels(job: Voice, policy: Policy, reach: Reach) -> Iterator[ChannelProfile]:
    """The channels that may carry this notice: of the right mode, allowed by the policy, within reach, and not riding
    on the very service that failed, unless that may follow the others (all-clears and corrections go wherever people
    were told)."""
    company, service = job.speaker.company, job.speaker.services[job.incident.service]
    closing = job.stage in _CLOSING
    for profile in job.speaker.channels.values():
        if profile.mode != company.mode or (policy.channels and profile.id not in policy.channels):
            continue
        public = profile.reaches is None
        if not closing and reach is (Reach.SUBSCRIBERS if public else Reach.PUBLIC):
            continue
        if job.stage in _PROMISING and profile.id in service.carries and service.carried_after is None:
            continue
        yield profile


def text_for(job: Voice, profile: ChannelProfile, language: str) -> Text | Refusal:
    """The words for one channel in one language, fitted to it."""
    words = job.template.wordings[job.wording].get(language)
    if words is None:
        return Refusal(f"template {job.template.id} has no {job.wording} in {language}")
    values = values_for(job, language)
    essential = ESSENTIAL.get(job.wording)
    if essential is not None and not values.get(essential):
        return Refusal(f"{essential} has no value in {language}")
    mark = TEST_MARK if job.speaker.company.mode is Mode.TEST else ""
    body = _body(words.for_channel(profile.kind), values, profile, mark)
    if isinstance(body, Refusal) and values.get("note"):
        body = _body(words.for_channel(profile.kind), {**values, "note": None}, profile, mark)
    if isinstance(body, Refusal):
        return body
    if profile.kind != "email":
        return Text(profile.id, language, body)
    return Text(profile.id, language, body, _subject(words, values, body, mark), _html(words, values, body, mark))


def _body(text: str, values: Mapping[str, str | None], profile: ChannelProfile, mark: str) -> str | Refusal:
    """The text rendered, its first letter large since a service's name may open it, and fitted to its channel.

    Only the note and sentences that carry no value may be cut: half a region, or a time without the words that say
    what happens then, is worse than nothing.
    """
    spoken = sentences(text, values)
    opening = spoken[0][0] if spoken else ""
    spoken[:1] = [(opening[:1].upper() + opening[1:], spoken[0][1])] if spoken else []
    keep = [mark, *(part for made, names in spoken if names for part in _uncuttable(made, names, values))]
    body = (mark + "".join(made for made, _ in spoken)).strip()
    if profile.kind == "sms":
        body = plain_sms(body, fold_accents=True)
        keep = [plain_sms(part, fold_accents=fold) for part in keep for fold in (False, True)]
    return shorten(profile.kind, body, keep, profile.limit, profile.link_length)


def _uncuttable(made: str, names: frozenset[str], values: Mapping[str, str | None]) -> list[str]:
    note = values.get("note")
    parts = made.split(note) if "note" in names and note else [made]
    return [part.strip() for part in parts if part.strip(" .,;:!?\n")]


def _subject(words: Words, values: Mapping[str, str | None], body: str, mark: str) -> str:
    """One line, whatever the values hold: a line break in a subject would begin another header."""
    made = mark + render(words.subject, values) if words.subject else body.split("\n")[0].split(". ")[0]
    return " ".join(made.split())[:SUBJECT_CAP]


def _html(words: Words, values: Mapping[str, str | None], body: str, mark: str) -> str:
    if words.html:
        made = render(words.html, values, escape=html.escape)
        return f"<p><strong>{html.escape(mark.strip())}</strong></p>\n{made}" if mark else made
    paragraphs = [part.strip() for part in body.split("\n") if part.strip()]
    return "\n".join(f"<p>{html.escape(part)}</p>" for part in paragraphs)


# ── Values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def values_for(job: Voice, language: str) -> dict[str, str | None]:
    """Every placeholder's value in `language`, made safe to print; None where it is not known."""
    company, incident = job.speaker.company, job.incident
    hosts = _own_hosts(company)
    tz = zone_of(incident.regions, job.speaker.regions, company.timezone)
    plain = {
        "company": company.name,
        "service": job.speaker.services[incident.service].name_in(language),
        "regions": region_names(incident.regions, job.speaker.regions, language),
        "region_count": number(len(incident.regions), language),
        "reference": incident.id,
        "reported_count": _count(incident, language),
        "workaround": _in_language(job.workaround.texts, language, company) if job.workaround else None,
        "note": job.notes.get(language) or job.notes.get(language.split("-")[0]) or job.notes.get(""),
    }
    safe = {name: sanitise(value, own_hosts=hosts) if value else None for name, value in plain.items()}
    return {**safe, **_times(job, language, tz), "status_url": company.status_url}


def _times(job: Voice, language: str, tz: ZoneInfo) -> dict[str, str | None]:
    incident, now = job.incident, job.now
    # It was over when the calm began, not when we had waited long enough to believe it.
    ended = incident.calm_since or incident.resolved_at or now
    over = ended if job.wording in (Wording.RESOLVE, Wording.MAINTENANCE_END) or incident.resolved_at else None
    moments = {
        "since": incident.started_at,
        "now": now,
        "next_update": job.next_update_by,
        "resolved_at": over,
        "maintenance_start": _fact_time(incident, "maintenance_start"),
        "maintenance_end": _fact_time(incident, "maintenance_end"),
    }
    spoken: dict[str, str | None] = {
        name: clock_time(moment, language, tz, now) if moment else None for name, moment in moments.items()
    }
    length = over - incident.started_at if over else timedelta(0)
    spoken["duration"] = duration(length, language) if length > timedelta(0) else None
    return spoken


def _fact_time(incident: Incident, name: str) -> datetime | None:
    try:
        return parse_rfc3339(incident.facts[name])
    except (KeyError, ValueError):
        return None


def _count(incident: Incident, language: str) -> str | None:
    digits = incident.facts.get("reported_count", "")
    return number(int(digits), language) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def _in_language(texts: Mapping[str, str], language: str, company: Company) -> str | None:
    """The text in `language`; else in the company's first language, else any: help in another language beats none."""
    for wanted in (language, language.split("-")[0], "", *company.languages, *sorted(texts)):
        if texts.get(wanted):
            return texts[wanted]
    return None


def _own_hosts(company: Company) -> frozenset[str]:
    """Hosts a value may link to: the company's own."""
    found: set[str] = set()
    for url in (company.status_url, company.public_url):
        try:
            host = urlsplit(url or "").hostname
        except ValueError:
            host = None
        if host:
            found.add(host)
    return frozenset(found)
