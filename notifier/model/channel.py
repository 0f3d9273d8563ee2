"""What composing and planning need to know of a channel without knowing how it sends."""

from __future__ import annotations

from dataclasses import dataclass

from .notice import Mode
from .people import AddressKind


@dataclass(frozen=True, slots=True)
class ChannelProfile:
    """One configured channel. `languages` empty: all the company's. `reaches` None: a public account or a webhook.

    `limit` is the longest text the far side takes, counted its own way (Mastodon: its instance's); None: the kind's.
    `link_length` is what every link counts as there (Mastodon); None: 23.
    `price` is what one post costs, `price_with_link` one with a link; SMS are priced by segment: see Company.
    """

    id: str
    kind: str
    mode: Mode
    reaches: AddressKind | None = None
    languages: tuple[str, ...] = ()
    limit: int | None = None
    link_length: int | None = None
    price: float = 0.0
    price_with_link: float = 0.0
