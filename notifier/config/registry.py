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
from ..sources import bchydro, entergy, kubra, pge, statuspage
from ..sources.alertmanager import AlertmanagerSettings, AlertmanagerSource
from ..sources.bchydro import BchydroSettings
from ..sources.bluesky import BlueskyMentions, BlueskySettings
from ..sources.cap import CapSettings, CapSource
from ..sources.entergy import EntergySettings
from ..sources.export import ExportMentions, ExportSettings
from ..sources.feed import FeedSettings, FeedSource
from ..sources.kubra import KubraSettings
from ..sources.mastodon import MastodonMentions, MastodonSettings
from ..sources.nws import NwsSettings, NwsSource
from ..sources.pge import PgeSettings
from ..sources.probe import ProbeSettings, ProbeSource
from ..sources.statuspage import StatuspageSettings
from ..sources.x import XMentions, XSettings


@dataclass(frozen=True)
class SourceKind:
    """A kind of polled source: its settings, and `make(settings, regions=tree)`."""

    settings: type[Settings]
    make: Callable[..., Source]


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
    "statuspage": SourceKind(StatuspageSettings, statuspage.make),
    # clouds
    # alerts
    "alertmanager": SourceKind(AlertmanagerSettings, AlertmanagerSource),
    # public warnings and measurement
    "cap": SourceKind(CapSettings, CapSource),
    "nws": SourceKind(NwsSettings, NwsSource),
    # utilities
    "pge": SourceKind(PgeSettings, pge.make),
    "bchydro": SourceKind(BchydroSettings, bchydro.make),
    "entergy": SourceKind(EntergySettings, entergy.make),
    "kubra": SourceKind(KubraSettings, kubra.make),
    # anything else
    "feed": SourceKind(FeedSettings, FeedSource),
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
