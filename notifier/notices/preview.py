"""Every text of an incident as each channel would carry it, before anybody needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.model.channel import ChannelProfile
from notifier.model.company import Company
from notifier.model.incident import Incident, IncidentState
from notifier.model.notice import Notice, Text, Wording
from notifier.model.policy import Policy
from notifier.model.signal import Level
from notifier.model.times import rfc3339
from notifier.model.workaround import Workaround

from .compose import Speaker, text_for, voice
from .fit import measure
from .refusal import Refusal
from .rendering import template_for
from .urls import find_links

__all__ = ["PreviewRow", "preview", "preview_notice"]

_SAMPLE_NOTE = {
    "en": "Crews are on site and replacing a failed power unit.",
    "es": "Nuestro personal está en el lugar y cambia una fuente de alimentación.",
}
_SAMPLE_WORKAROUND = {
    "en": "For example: switch the device off, wait one minute and switch it on again.",
    "es": "Por ejemplo: apague el aparato, espere un minuto y vuelva a encenderlo.",
}


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One text on one channel in one language. `price` is for one recipient (SMS) or one post (X), in the company's
    currency. `problem` says why there is no text, or what is wrong with it; "" where all is well."""

    wording: str
    channel: str
    kind: str
    language: str
    text: str
    subject: str | None
    length: int
    limit: int
    fits: bool
    segments: int
    encoding: str
    price: float
    problem: str = ""


def preview(
    *,
    service: str,
    regions: Sequence[str],
    speaker: Speaker,
    now: datetime,
    workaround: Workaround | None = None,
    notes: Mapping[str, str] | None = None,
    wordings: Sequence[Wording] = tuple(Wording),
) -> tuple[PreviewRow, ...]:
    """Rows for an incident made up for the purpose: it began 47 minutes ago, 128 customers told us.

    `workaround` and `notes` (by language) replace the sample ones. Every wording × channel × language has its row; a
    missing translation is a row with a problem. Empty where no template serves the service.
    """
    template = template_for(service, speaker.templates)
    if template is None or service not in speaker.services:
        return ()
    incident = _sample_incident(service, tuple(regions), template, now)
    work = workaround or _sample_workaround(service, now)
    policy = _sample_policy()
    rows: list[PreviewRow] = []
    for wording in wordings:
        job = voice(
            incident,
            wording,
            speaker=speaker,
            policy=policy,
            now=now,
            workaround=work,
            notes=notes if notes is not None else _SAMPLE_NOTE,
        )
        for profile in speaker.channels.values():
            for language in profile.languages or speaker.company.languages:
                made = job if isinstance(job, Refusal) else text_for(job, profile, language)
                rows.append(_row(wording, profile, language, made, speaker.company))
    return tuple(rows)


def preview_notice(notice: Notice, *, speaker: Speaker) -> tuple[PreviewRow, ...]:
    """Rows for a notice that exists, word for word; texts of channels no longer configured are left out."""
    return tuple(_rows_of(notice, speaker))


def _rows_of(notice: Notice, speaker: Speaker) -> Iterator[PreviewRow]:
    for text in notice.texts:
        profile = speaker.channels.get(text.channel)
        if profile is not None:
            yield _row(notice.wording, profile, text.language, text, speaker.company)


def _row(
    wording: Wording, profile: ChannelProfile, language: str, made: Text | Refusal, company: Company
) -> PreviewRow:
    body = made.body if isinstance(made, Text) else ""
    size = measure(profile.kind, body, limit=profile.limit, link=profile.link_length)
    return PreviewRow(
        wording=wording.value,
        channel=profile.id,
        kind=profile.kind,
        language=language,
        text=body,
        subject=made.subject if isinstance(made, Text) else None,
        length=size.length,
        limit=size.limit,
        fits=size.fits,
        segments=size.segments if body else 0,
        encoding=size.encoding,
        price=price_of(profile, body, company) if body else 0.0,
        problem=made.reason if isinstance(made, Refusal) else "",
    )


def price_of(profile: ChannelProfile, text: str, company: Company) -> float:
    """What one sending costs: SMS by segment in the company's currency; a post by its channel's prices, dearer with a
    link."""
    if profile.kind == "sms":
        return company.sms_price * measure(profile.kind, text).segments
    return profile.price_with_link if find_links(text) else profile.price


def _sample_incident(service: str, regions: tuple[str, ...], template: str, now: datetime) -> Incident:
    return Incident(
        id=f"I{now:%y%m%d}-1",
        service=service,
        regions=regions,
        state=IncidentState.CONFIRMED,
        level=Level.MAJOR,
        started_at=now - timedelta(minutes=47),
        opened_at=now - timedelta(minutes=40),
        policy="preview",
        template=template,
        facts={
            "reported_count": "128",
            "maintenance_start": rfc3339(now + timedelta(days=2)),
            "maintenance_end": rfc3339(now + timedelta(days=2, hours=3)),
        },
    )


def _sample_workaround(service: str, now: datetime) -> Workaround:
    return Workaround("preview", service, _SAMPLE_WORKAROUND, "catalogue", verified_by="preview", verified_at=now)


def _sample_policy() -> Policy:
    return Policy(id="preview", suspect=(), confirm=(), update_every=timedelta(minutes=30))
