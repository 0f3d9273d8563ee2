"""The closed list of what a template may ask for. Nothing else can be named, and nothing can be done to a value:
no code, no attributes, no formats, so there is nothing to inject into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One thing a template may ask for.

    `longest`: a long but plausible value, for checking that texts fit. `always`: it has a value in every notice; where
    one without a value stands, its whole sentence is left out.
    """

    meaning: str
    longest: str
    always: bool = False


PLACEHOLDERS: Mapping[str, Placeholder] = {
    "company": Placeholder("the company's name", "Northeast Telephone", True),
    "service": Placeholder("the service, in the text's language", "mobile internet and data", True),
    "regions": Placeholder(
        "the regions, in the text's language; a long list ends in how many more",
        "Massachusetts, New Hampshire, Connecticut and 14 more",
        True,
    ),
    "region_count": Placeholder("how many regions there are", "17", True),
    "reference": Placeholder("the incident's reference", "I261130-12", True),
    "since": Placeholder("when it began, local time with zone", "Nov 30, 11:30 PM AKST", True),
    "now": Placeholder("when the notice was written, local time with zone", "Nov 30, 11:30 PM AKST", True),
    "reported_count": Placeholder("how many customers told us", "12,345"),
    "workaround": Placeholder(
        "what customers can do meanwhile, as it was verified",
        "Switch off 3G in your phone's settings; calls and texts then go over the older network.",
    ),
    "next_update": Placeholder("by when we speak again, local time with zone", "11:55 PM AKST"),
    "resolved_at": Placeholder("when it was over, local time with zone", "Nov 30, 11:30 PM AKST"),
    "duration": Placeholder("how long it lasted", "11 hours, 59 minutes"),
    "status_url": Placeholder("the public status page", "https://status.northeast-telephone.example/"),
    "note": Placeholder("what staff wrote for this notice", "Crews are on site and replacing a failed power unit."),
    "maintenance_start": Placeholder("when planned work begins", "Nov 30, 11:30 PM AKST"),
    "maintenance_end": Placeholder("when planned work ends", "Nov 30, 11:30 PM AKST"),
}
"""Every placeholder a template may use, by name."""
