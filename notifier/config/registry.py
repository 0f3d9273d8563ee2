"""Every kind of source and channel there is: a new one is one line here, and checking, schema, metrics, `doctor` and
the contract suites follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..channels.bluesky import BlueskyChannel
from ..channels.bluesky import BlueskySettings as BlueskyChannelSettings
from ..channels.email import EmailChannel, EmailSettings
from ..channels.mastodon import MastodonChannel
from ..channels.mastodon import MastodonSettings as MastodonChannelSettings
from ..channels.sms import SmsChannel, SmsSettings
from ..channels.webhook import WebhookChannel, WebhookSettings
from ..channels.x import XChannel
from ..channels.x import XSettings as XChannelSettings
from ..model.settings import Settings
from ..ports import Channel, MentionSource, Source
from ..sources import cap, html_page, json_answer, statuspage
from ..sources.alertmanager import AlertmanagerSettings, AlertmanagerSource
from ..sources.bluesky import BlueskyMentions, BlueskySettings
from ..sources.cap import CapSettings, CapSource
from ..sources.export import ExportMentions, ExportSettings
from ..sources.feed import FeedSettings, FeedSource
from ..sources.guessing import FEED_PATHS, guess_feed
from ..sources.guessing_html import guess_html
from ..sources.guessing_json import guess_json
from ..sources.html_page import HtmlSettings
from ..sources.json_answer import JsonSettings
from ..sources.mastodon import MastodonMentions, MastodonSettings
from ..sources.nws import NwsSettings, NwsSource
from ..sources.probe import ProbeSettings, ProbeSource
from ..sources.statuspage import StatuspageSettings
from ..sources.x import XMentions, XSettings


@dataclass(frozen=True)
class SourceKind:
    """A kind of polled source: its settings, and `make(settings, regions=tree)`.

    The rest helps `notifier add-source` to recognise it at an address (recognising.py), and may be left out: then what
    its reader accepts, at the address and where its own requests go, is taken for it. `hosts` are patterns of hosts
    only it answers at ("*.instatus.com"), beside that of its settings' default url; `paths` lie below a site's address
    where its settings' url has to name the page itself ("/history.rss"); `variants` are settings to try one after the
    other, beside every choice its settings spell out (Literal); `guess(url, body)` finds settings that the address or
    an answer gives away (b"": none yet), None where it is surely not this kind. `breadth`: 0 reads one vendor's
    answers, 1 a format many use, 2 anything; the narrower reading is believed.
    """

    settings: type[Settings]
    make: Callable[..., Source]
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    variants: tuple[Mapping[str, Any], ...] = ()
    guess: Callable[[str, bytes], Mapping[str, Any] | None] | None = None
    breadth: int = 0


@dataclass(frozen=True)
class MentionKind:
    """A kind of mention source: its settings, and `make(settings)`."""

    settings: type[Settings]
    make: Callable[[Any], MentionSource]


@dataclass(frozen=True)
class ChannelKind:
    """A kind of channel: its settings, and `make(settings)`."""

    settings: type[Settings]
    make: Callable[[Any], Channel]


SOURCES: Mapping[str, SourceKind] = {
    # status pages
    "statuspage": SourceKind(StatuspageSettings, statuspage.make, variants=({"path": "/api/v2/incidents.json"},)),
    # clouds
    # alerts
    "alertmanager": SourceKind(AlertmanagerSettings, AlertmanagerSource),
    # public warnings and measurement
    "cap": SourceKind(CapSettings, CapSource, guess=lambda url, body: {} if cap.NAMESPACE.encode() in body else None),
    "nws": SourceKind(NwsSettings, NwsSource),
    # utilities
    # anything else
    "feed": SourceKind(FeedSettings, FeedSource, paths=FEED_PATHS, guess=guess_feed, breadth=1),
    "json": SourceKind(JsonSettings, json_answer.make, guess=guess_json, breadth=2),
    "html": SourceKind(HtmlSettings, html_page.make, guess=guess_html, breadth=2),
    # probes
    "probe": SourceKind(ProbeSettings, ProbeSource),
}

MENTION_SOURCES: Mapping[str, MentionKind] = {
    "x": MentionKind(XSettings, XMentions),
    "mastodon": MentionKind(MastodonSettings, MastodonMentions),
    "bluesky": MentionKind(BlueskySettings, BlueskyMentions),
    "export": MentionKind(ExportSettings, ExportMentions),
}

CHANNELS: Mapping[str, ChannelKind] = {
    "x": ChannelKind(XChannelSettings, XChannel),
    "mastodon": ChannelKind(MastodonChannelSettings, MastodonChannel),
    "bluesky": ChannelKind(BlueskyChannelSettings, BlueskyChannel),
    "sms": ChannelKind(SmsSettings, SmsChannel),
    "email": ChannelKind(EmailSettings, EmailChannel),
    "webhook": ChannelKind(WebhookSettings, WebhookChannel),
}
