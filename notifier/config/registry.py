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
from ..sources import (
    alertmanager,
    aws,
    aws_rss,
    azure,
    azure_devops,
    betterstack,
    cachet,
    cap,
    cstate,
    firehydrant,
    gatus,
    google,
    grafana,
    heroku,
    ilert,
    instatus,
    ioda,
    nws,
    pagerduty,
    prometheus,
    radar,
    salesforce,
    slack,
    sorry,
    statushub,
    statusio,
    statuspage,
    upptime,
    uptime_kuma,
)
from ..sources.alertmanager import AlertmanagerSettings
from ..sources.aws import AwsSettings
from ..sources.aws_rss import AwsRssSettings
from ..sources.azure import AzureSettings
from ..sources.azure_devops import AzureDevOpsSettings
from ..sources.betterstack import BetterstackSettings
from ..sources.bluesky import BlueskyMentions, BlueskySettings
from ..sources.cachet import CachetSettings
from ..sources.cap import CapSettings
from ..sources.cstate import CStateSettings
from ..sources.export import ExportMentions, ExportSettings
from ..sources.feed import FeedSettings, FeedSource
from ..sources.firehydrant import FireHydrantSettings
from ..sources.gatus import GatusSettings
from ..sources.google import GoogleSettings
from ..sources.grafana import GrafanaSettings
from ..sources.heroku import HerokuSettings
from ..sources.ilert import ILertSettings
from ..sources.instatus import InstatusSettings
from ..sources.ioda import IodaSettings
from ..sources.mastodon import MastodonMentions, MastodonSettings
from ..sources.nws import NwsSettings
from ..sources.pagerduty import PagerDutySettings
from ..sources.probe import ProbeSettings, ProbeSource
from ..sources.prometheus import PrometheusSettings
from ..sources.radar import RadarSettings
from ..sources.salesforce import SalesforceSettings
from ..sources.slack import SlackSettings
from ..sources.sorry import SorrySettings
from ..sources.statushub import StatusHubSettings
from ..sources.statusio import StatusioSettings
from ..sources.statuspage import StatuspageSettings
from ..sources.upptime import UpptimeSettings
from ..sources.uptime_kuma import UptimeKumaSettings
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
    "statushub": SourceKind(StatusHubSettings, statushub.make),
    "sorry": SourceKind(SorrySettings, sorry.make),
    "firehydrant": SourceKind(FireHydrantSettings, firehydrant.make),
    "pagerduty": SourceKind(PagerDutySettings, pagerduty.make),
    "ilert": SourceKind(ILertSettings, ilert.make),
    "slack": SourceKind(SlackSettings, slack.make),
    "heroku": SourceKind(HerokuSettings, heroku.make),
    "salesforce": SourceKind(SalesforceSettings, salesforce.make),
    "instatus": SourceKind(InstatusSettings, instatus.make),
    "cachet": SourceKind(CachetSettings, cachet.make),
    "statusio": SourceKind(StatusioSettings, statusio.make),
    "betterstack": SourceKind(BetterstackSettings, betterstack.make),
    "uptime-kuma": SourceKind(UptimeKumaSettings, uptime_kuma.make),
    "gatus": SourceKind(GatusSettings, gatus.make),
    "cstate": SourceKind(CStateSettings, cstate.make),
    "upptime": SourceKind(UpptimeSettings, upptime.make),
    # clouds
    "aws": SourceKind(AwsSettings, aws.make),
    "aws-rss": SourceKind(AwsRssSettings, aws_rss.make),
    "azure": SourceKind(AzureSettings, azure.make),
    "azure-devops": SourceKind(AzureDevOpsSettings, azure_devops.make),
    "google": SourceKind(GoogleSettings, google.make),
    # alerts
    "alertmanager": SourceKind(AlertmanagerSettings, alertmanager.make),
    "prometheus": SourceKind(PrometheusSettings, prometheus.make),
    "grafana": SourceKind(GrafanaSettings, grafana.make),
    # public warnings and measurement
    "cap": SourceKind(CapSettings, cap.make),
    "nws": SourceKind(NwsSettings, nws.make),
    "ioda": SourceKind(IodaSettings, ioda.make),
    "cloudflare-radar": SourceKind(RadarSettings, radar.make),
    # utilities
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
