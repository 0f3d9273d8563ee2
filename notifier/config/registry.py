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
from ..model.company import Company
from ..model.settings import Settings
from ..ports import Channel, MentionSource, Source
from ..sources.alerts import alertmanager, grafana, prometheus
from ..sources.alerts.alertmanager import AlertmanagerSettings
from ..sources.alerts.grafana import GrafanaSettings
from ..sources.alerts.prometheus import PrometheusSettings
from ..sources.clouds import aws, aws_rss, azure, azure_devops, google
from ..sources.clouds.aws import AwsSettings
from ..sources.clouds.aws_rss import AwsRssSettings
from ..sources.clouds.azure import AzureSettings
from ..sources.clouds.azure_devops import AzureDevOpsSettings
from ..sources.clouds.google import GoogleSettings
from ..sources.generic import feed, html_page, json_answer
from ..sources.generic.feed import FeedSettings
from ..sources.generic.guessing import FEED_PATHS, guess_feed
from ..sources.generic.guessing_html import guess_html
from ..sources.generic.guessing_json import guess_json
from ..sources.generic.html_page import HtmlSettings
from ..sources.generic.json_answer import JsonSettings
from ..sources.pages import (
    betterstack,
    cachet,
    cstate,
    firehydrant,
    gatus,
    heroku,
    ilert,
    instatus,
    pagerduty,
    salesforce,
    slack,
    sorry,
    statushub,
    statusio,
    statuspage,
    upptime,
    uptime_kuma,
)
from ..sources.pages.betterstack import BetterstackSettings
from ..sources.pages.cachet import CachetSettings
from ..sources.pages.cstate import CStateSettings
from ..sources.pages.firehydrant import FireHydrantSettings
from ..sources.pages.gatus import GatusSettings
from ..sources.pages.heroku import HerokuSettings
from ..sources.pages.ilert import ILertSettings
from ..sources.pages.instatus import InstatusSettings
from ..sources.pages.pagerduty import PagerDutySettings
from ..sources.pages.salesforce import SalesforceSettings
from ..sources.pages.slack import SlackSettings
from ..sources.pages.sorry import SorrySettings
from ..sources.pages.statushub import StatusHubSettings
from ..sources.pages.statusio import StatusioSettings
from ..sources.pages.statuspage import StatuspageSettings
from ..sources.pages.upptime import UpptimeSettings
from ..sources.pages.uptime_kuma import UptimeKumaSettings
from ..sources.posts.bluesky import BlueskyMentions, BlueskySettings
from ..sources.posts.export import ExportMentions, ExportSettings
from ..sources.posts.mastodon import MastodonMentions, MastodonSettings
from ..sources.posts.x import XMentions, XSettings
from ..sources.probes.probe import ProbeSettings, ProbeSource
from ..sources.utilities import bchydro, entergy, kubra, pge
from ..sources.utilities.bchydro import BchydroSettings
from ..sources.utilities.entergy import EntergySettings
from ..sources.utilities.kubra import KubraSettings
from ..sources.utilities.pge import PgeSettings
from ..sources.warnings import cap, ioda, nws, radar
from ..sources.warnings.cap import CapSettings
from ..sources.warnings.ioda import IodaSettings
from ..sources.warnings.nws import NwsSettings
from ..sources.warnings.radar import RadarSettings


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
    """A kind of channel: its settings, and `make(settings)`. `fill` takes from the company what the settings leave to
    it."""

    settings: type[Settings]
    make: Callable[[Any], Channel]
    fill: Callable[[Any, Company], Settings] = lambda settings, company: settings


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
    "alertmanager": SourceKind(AlertmanagerSettings, alertmanager.make, paths=("/api/v2/alerts",)),
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
    "sms": ChannelKind(SmsSettings, SmsChannel, fill=SmsSettings.of_company),
    "email": ChannelKind(EmailSettings, EmailChannel),
    "webhook": ChannelKind(WebhookSettings, WebhookChannel),
}
