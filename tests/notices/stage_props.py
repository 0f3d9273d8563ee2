"""A small company that speaks, for the tests of this room: one morning in Vermont."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from notifier.model.channel import ChannelProfile
from notifier.model.company import Company
from notifier.model.incident import Incident, IncidentState
from notifier.model.notice import Mode, Notice, Template, Wording
from notifier.model.people import AddressKind, Subscriber
from notifier.model.policy import Policy
from notifier.model.region import Region, RegionTree
from notifier.model.service import Service
from notifier.model.signal import Level
from notifier.model.workaround import Workaround
from notifier.notices.compose import Refusal, Speaker, compose

NOW = datetime(2013, 11, 14, 12, 47, tzinfo=UTC)  # 07:47 in Vermont
CONFIG = Path(__file__).resolve().parents[2] / "config"


def tree() -> RegionTree:
    """United States > Vermont (two counties), New York (a county of the same name), California."""
    east, west = "America/New_York", "America/Los_Angeles"
    regions = [
        Region("US", "United States", "country", timezone=east, names={"es": "Estados Unidos"}),
        Region("US-VT", "Vermont", "state", "US", east, customers=300_000),
        Region("US-NY", "New York", "state", "US", east, customers=900_000, names={"es": "Nueva York"}),
        Region("US-CA", "California", "state", "US", west, customers=500_000),
        Region("US-VT-W", "Washington County", "county", "US-VT", east),
        Region("US-VT-C", "Chittenden County", "county", "US-VT", east),
        Region("US-NY-W", "Washington County", "county", "US-NY", east),
    ]
    return RegionTree({region.id: region for region in regions})


@cache
def example_templates() -> dict[str, Template]:
    """The templates shipped in config/."""
    files = sorted((CONFIG / "templates").glob("*.yaml"))
    found = [Template.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files]
    return {template.id: template for template in found}


def channels(mode: Mode = Mode.LIVE) -> dict[str, ChannelProfile]:
    """One channel of every kind."""
    profiles = [
        ChannelProfile("x", "x", mode, price=0.015, price_with_link=0.2),
        ChannelProfile("mastodon", "mastodon", mode, limit=500),
        ChannelProfile("bluesky", "bluesky", mode, languages=("en",)),
        ChannelProfile("sms", "sms", mode, AddressKind.PHONE),
        ChannelProfile("email", "email", mode, AddressKind.EMAIL),
        ChannelProfile("hook", "webhook", mode),
    ]
    return {profile.id: profile for profile in profiles}


def speaker(**changes: Any) -> Speaker:
    """A speaker with everything; `changes` replace its fields."""
    company = Company(
        name="Green Mountain Wireless",
        timezone="America/Chicago",
        languages=("en", "es"),
        mode=Mode.LIVE,
        status_url="https://status.gmw.example/",
        sms_price=0.0079,
    )
    services = {
        "mobile-data": Service(id="mobile-data", name="mobile data", names={"es": "datos móviles"}),
        "mobile-voice": Service(id="mobile-voice", name="mobile calls", carries=("sms",)),
    }
    made = Speaker(company, services, tree(), example_templates(), channels())
    return replace(made, **changes)


def incident(**changes: Any) -> Incident:
    """Mobile data, Vermont, since 07:30."""
    made = Incident(
        id="I131114-1",
        service="mobile-data",
        regions=("US-VT",),
        state=IncidentState.CONFIRMED,
        level=Level.MAJOR,
        started_at=datetime(2013, 11, 14, 12, 30, tzinfo=UTC),
        opened_at=datetime(2013, 11, 14, 12, 41, tzinfo=UTC),
        policy="default",
        template="mobile-data",
    )
    return replace(made, **changes)


def policy(**changes: Any) -> Policy:
    """Updates every half hour."""
    return Policy(id="default", suspect=(), confirm=(), update_every=timedelta(minutes=30), **changes)


def workaround(**changes: Any) -> Workaround:
    """Switch off 3G, verified."""
    texts = {"en": "Switch off 3G; calls then go over Edge.", "es": "Desactive el 3G; las llamadas irán por Edge."}
    made = Workaround("w1", "mobile-data", texts, "mentions", verified_by="ann", verified_at=NOW)
    return replace(made, **changes)


def composed(wording: Wording = Wording.ACKNOWLEDGE, **changes: Any) -> Notice | Refusal:
    """A notice on the Vermont incident; `changes` replace compose's arguments."""
    arguments: dict[str, Any] = {
        "sequence": 1, "speaker": speaker(), "policy": policy(), "now": NOW, "reason": "test",
        "workaround": workaround() if wording is Wording.WORKAROUND else None,
    }  # fmt: skip
    arguments.update(changes)
    return compose(arguments.pop("incident", incident()), wording, **arguments)


def notice(wording: Wording = Wording.ACKNOWLEDGE, **changes: Any) -> Notice:
    """The same, where it must not be refused."""
    made = composed(wording, **changes)
    assert isinstance(made, Notice), made
    return made


def body(made: Notice, channel: str, language: str = "en") -> str:
    """The one text of a channel in a language."""
    (found,) = [text for text in made.texts if (text.channel, text.language) == (channel, language)]
    return found.body


def person(address: str = "+18025550101", **changes: Any) -> Subscriber:
    """Somebody in Vermont who asked to be told by phone."""
    made = Subscriber(
        id=f"s-{address}",
        kind=AddressKind.EMAIL if "@" in address else AddressKind.PHONE,
        address=address,
        regions=("US-VT",),
        language="en",
        timezone="America/New_York",
        consent_at=datetime(2013, 1, 1, tzinfo=UTC),
        consent_by="form",
    )
    return replace(made, **changes)
