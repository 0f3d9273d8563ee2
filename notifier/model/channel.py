"""What composing and planning need to know of a channel without knowing how it sends."""

from __future__ import annotations

from dataclasses import dataclass

from .notice import Mode
from .people import AddressKind


@dataclass(frozen=True, slots=True)
class ChannelProfile:
    """One configured channel. `languages` empty: all the company's. `reaches` None: a public account or a webhook.

    `limit` is the longest text the far side takes, counted its own way (Mastodon: its instance's); None: the kind's.
    """

    id: str
    kind: str
    mode: Mode
    reaches: AddressKind | None = None
    languages: tuple[str, ...] = ()
    limit: int | None = None
