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
    bchydro,
    betterstack,
    cachet,
    cap,
    cstate,
    entergy,
    feed,
    firehydrant,
    gatus,
    google,
    grafana,
    heroku,
    html_page,
    ilert,
    instatus,
    ioda,
    json_answer,
    kubra,
    nws,
    pagerduty,
    pge,
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
from ..sources.bchydro import BchydroSettings
from ..sources.betterstack import BetterstackSettings
from ..sources.bluesky import BlueskyMentions, BlueskySettings
from ..sources.cachet import CachetSettings
from ..sources.cap import CapSettings
from ..sources.cstate import CStateSettings
from ..sources.entergy import EntergySettings
from ..sources.export import ExportMentions, ExportSettings
from ..sources.feed import FeedSettings
from ..sources.firehydrant import FireHydrantSettings
from ..sources.gatus import GatusSettings
from ..sources.google import GoogleSettings
from ..sources.grafana import GrafanaSettings
from ..sources.guessing import FEED_PATHS, guess_feed
from ..sources.guessing_html import guess_html
from ..sources.guessing_json import guess_json
from ..sources.heroku import HerokuSettings
from ..sources.html_page import HtmlSettings
from ..sources.ilert import ILertSettings
from ..sources.instatus import InstatusSettings
from ..sources.ioda import IodaSettings
from ..sources.json_answer import JsonSettings
from ..sources.kubra import KubraSettings
from ..sources.mastodon import MastodonMentions, MastodonSettings
from ..sources.nws import NwsSettings
from ..sources.pagerduty import PagerDutySettings
from ..sources.pge import PgeSettings
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
    """A kind of polled source: its settings, and `make(settings, regions=tree)`.

    The rest helps `notifier add-source` to recognise it at an address (recognising.py), and may be left out: then what
    its reader accepts, at the address and where its own requests go, is taken for it. `hosts` are patterns of hosts
    only it answers at ("*.instatus.com"), beside that of its settings' default url; `paths` lie below a site's address
    where its settings' url has to name the page itself ("/history.rss"); `variants` are settings to try one after the
    other, beside every choice its settings spell out (Literal); `guess(url, body)` finds settings that the address or
    an answer gives away (b"": none yet), None where it is surely not this kind; `shape(body)` is a cheap test for a
    reader that lets more pass than its own. `breadth`: 0 reads one vendor's answers, 1 a format many use, 2 anything;
    the narrower reading is believed.
    """

    settings: type[Settings]
    make: Callable[..., Source]
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    variants: tuple[Mapping[str, Any], ...] = ()
    guess: Callable[[str, bytes], Mapping[str, Any] | None] | None = None
    shape: Callable[[bytes], bool] | None = None
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
    "statuspage": SourceKind(StatuspageSettings, statuspage.make, hosts=("*.statuspage.io",), variants=(
        {"path": "/api/v2/incidents.json"}, {"path": "/api/v1/status.json"})),
    "statushub": SourceKind(StatusHubSettings, statushub.make),
    "sorry": SourceKind(SorrySettings, sorry.make, hosts=("api.sorryapp.com",)),
    "firehydrant": SourceKind(FireHydrantSettings, firehydrant.make),
    "pagerduty": SourceKind(PagerDutySettings, pagerduty.make),
    "ilert": SourceKind(ILertSettings, ilert.make),
    "slack": SourceKind(SlackSettings, slack.make),
    "heroku": SourceKind(HerokuSettings, heroku.make),
    "salesforce": SourceKind(SalesforceSettings, salesforce.make),
    "instatus": SourceKind(InstatusSettings, instatus.make, shape=instatus.looks_like),
    "cachet": SourceKind(CachetSettings, cachet.make),
    "statusio": SourceKind(StatusioSettings, statusio.make, hosts=("api.status.io",)),
    "betterstack": SourceKind(BetterstackSettings, betterstack.make),
    "uptime-kuma": SourceKind(UptimeKumaSettings, uptime_kuma.make, guess=uptime_kuma.slug_in),
    "gatus": SourceKind(GatusSettings, gatus.make),
    "cstate": SourceKind(CStateSettings, cstate.make),
    "upptime": SourceKind(UpptimeSettings, upptime.make),
    # clouds
    "aws": SourceKind(AwsSettings, aws.make),
    "aws-rss": SourceKind(AwsRssSettings, aws_rss.make),
    "azure": SourceKind(AzureSettings, azure.make),
    "azure-devops": SourceKind(AzureDevOpsSettings, azure_devops.make),
    "google": SourceKind(GoogleSettings, google.make, hosts=("www.google.com",)),
    # alerts
    "alertmanager": SourceKind(AlertmanagerSettings, alertmanager.make),
    "prometheus": SourceKind(PrometheusSettings, prometheus.make),
    "grafana": SourceKind(GrafanaSettings, grafana.make),
    # public warnings and measurement
    "cap": SourceKind(CapSettings, cap.make, shape=lambda body: cap.NAMESPACE.encode() in body),
    "nws": SourceKind(NwsSettings, nws.make),
    "ioda": SourceKind(IodaSettings, ioda.make),
    "cloudflare-radar": SourceKind(RadarSettings, radar.make),
    # utilities
    "pge": SourceKind(PgeSettings, pge.make),
    "bchydro": SourceKind(BchydroSettings, bchydro.make),
    "entergy": SourceKind(EntergySettings, entergy.make),
    "kubra": SourceKind(KubraSettings, kubra.make),
    # anything else
    "feed": SourceKind(FeedSettings, feed.make, paths=FEED_PATHS, guess=guess_feed, breadth=1),
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
