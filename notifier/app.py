"""The composition root: the only place that picks classes and hands each stage what it uses.

The same parts serve the daemon, replay and the demo; they differ in the clock, the store and the channels they are
given, and in who turns the loops.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from .channels.mail.bounces import Bounces
from .channels.mail.settings import EmailSettings
from .config.registry import CHANNELS, MENTION_SOURCES, SOURCES
from .config.standbys import primary_of
from .config.tree import Config
from .delivery.housekeeper import Housekeeper
from .delivery.reconciler import Reconciler
from .delivery.routes import Route, Routes
from .delivery.sender import Sender
from .detection.detector import Detector
from .detection.detector_loop import DetectorLoop
from .detection.old_queue_loop import OldQueueLoop
from .detection.report import Hearing
from .incidents.decider import Decider
from .intake.intake import Intake
from .model.channel import ChannelProfile
from .model.mention import Mention
from .model.settings import Settings
from .notices.compose import Speaker
from .people.links import unsubscribe_url
from .ports import Answer, Channel, Clock, Failure, MentionSource, Source, Store
from .secret import SecretMissing
from .sources.listener import Listener
from .sources.poller import Poller

log = structlog.get_logger(__name__)

PollTap = Callable[[str, "Answer | Failure"], None]
MentionTap = Callable[[str, Mention], None]


def make_channels(config: Config) -> dict[str, Channel]:
    """Every configured channel, by id."""
    kinds = {id: CHANNELS[_kind(settings)] for id, settings in config.channels.items()}
    return {id: kind.make(kind.fill(config.channels[id], config.company)) for id, kind in kinds.items()}


def standbys(config: Config) -> dict[str, str]:
    """The channels that stand in for another, by id: for which."""
    found = {id: primary_of(settings) for id, settings in config.channels.items()}
    return {id: primary for id, primary in found.items() if primary is not None}


def make_sources(config: Config) -> dict[str, Source]:
    """Every polled source that is switched on, by id."""
    return {id: SOURCES[_kind(settings)].make(settings, regions=config.regions)
            for id, settings in config.sources.items() if _enabled(settings)}


def make_mention_sources(config: Config) -> dict[str, MentionSource]:
    """Every mention source that is switched on, by id."""
    return {id: MENTION_SOURCES[_kind(settings)].make(settings)
            for id, settings in config.mentions.items() if _enabled(settings)}


def _kind(settings: Settings) -> str:
    return str(getattr(settings, "kind"))  # noqa: B009 every kind's Settings has it; the registry checked


def _enabled(settings: Settings) -> bool:
    return bool(getattr(settings, "enabled", True))


def make_speaker(config: Config, channels: Mapping[str, Channel]) -> Speaker:
    """What composing a notice needs to know of this deployment. What stands in for another is no channel of its own:
    nothing is written or planned for it."""
    return Speaker(company=config.company, services=config.services, regions=config.regions,
                   templates=config.templates, channels=Profiles(
                       {id: channel for id, channel in channels.items() if id not in standbys(config)}))


class Profiles(Mapping[str, ChannelProfile]):
    """The channels' profiles as they are now: a server may tell its limits after the start, and composing goes by
    them from then on."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels

    def __getitem__(self, id: str) -> ChannelProfile:
        profile: ChannelProfile = getattr(self._channels[id], "profile")  # noqa: B009 every channel has it; Protocols none
        return profile

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __len__(self) -> int:
        return len(self._channels)


def learn(channels: Mapping[str, Channel], clock: Clock) -> None:
    """Let every channel that wishes ask its far side what composing needs to know, in the background and each in a
    thread of its own: a server that is down must not hold up the start."""
    for id, channel in channels.items():
        ask = getattr(channel, "learn", None)
        if ask is not None:
            threading.Thread(target=ask, args=(clock.now(),), name=f"learn:{id}", daemon=True).start()


def make_detector(config: Config) -> Detector:
    """A detector with this configuration and nothing learnt."""
    return Detector(config.detection, config.vocabulary, regions=config.regions, services=config.services)


def make_hearing(config: Config) -> Hearing:
    """What is needed to read a post, here or elsewhere."""
    return Hearing(config.detection, config.vocabulary, config.regions, config.services)


@dataclass
class App:
    """All stages of one deployment, wired. Fields are replaced on reload; what is under way stays as it was."""

    config: Config
    store: Store
    """For every node's steps; listening and deciding go through `Store.leading`."""
    clock: Clock
    channels: dict[str, Channel]
    poller: Poller
    listener: Listener
    detector: Detector
    detecting: DetectorLoop
    intake: Intake
    old_queue: OldQueueLoop
    decider: Decider
    senders: dict[str, Sender]
    reconciler: Reconciler
    housekeeper: Housekeeper
    routes: dict[str, Routes] = field(default_factory=dict)
    """By channel that has a standby: what is known of both."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def take(self, source: str, mention: Mention) -> None:
        """Hand one post to the detector in force."""
        self.intake.take(source, mention, self.clock.now())

    def unsubscribe_url(self, subscriber: str | None) -> str | None:
        """The one-click link of a subscriber; None where the deployment has no public address or key."""
        key, base = self.config.web.unsubscribe_key, self.config.company.public_url
        if subscriber is None or key is None or base is None:
            return None
        try:
            return unsubscribe_url(key.reveal(), base, subscriber)
        except SecretMissing as error:
            # Silence would be worse than a mail without the header; `doctor` and this line say what is missing.
            log.error("unsubscribe.no_key", problem=str(error))
            return None

    def turn(self) -> bool:
        """One turn of every loop in the order the data walks; True if any found work. For replay, demo and tests."""
        loops = (self.poller.run_once, self.detecting.run_once, self.decider.run_once, self.old_queue.run_once,
                 *(sender.run_once for sender in self.senders.values()),
                 self.reconciler.run_once, self.housekeeper.run_once)
        return any([run_once() for run_once in loops])


def build(config: Config, *, store: Store, clock: Clock, channels: dict[str, Channel] | None = None,
          tap_poll: PollTap | None = None, tap_mention: MentionTap | None = None,
          listen: bool = True) -> App:
    """Wire every stage over this store and clock. `channels` replaces the configured ones (replay, demo, tests);
    `listen` False: nothing is fetched or listened to, posts and answers are handed in."""
    channels = make_channels(config) if channels is None else channels
    sources = make_sources(config)
    detector = make_detector(config)
    leading = store.leading()
    detecting = DetectorLoop(detector, leading, clock, config.detection)
    app: App

    def take(source: str, mention: Mention) -> None:
        app.take(source, mention)

    app = App(
        config=config, store=store, clock=clock, channels=channels,
        poller=Poller(sources, leading, clock, config.polling, tap=tap_poll, regions=config.regions),
        listener=Listener(make_mention_sources(config) if listen else {}, take, clock, tap=tap_mention),
        detector=detector,
        detecting=detecting, intake=Intake(clock, lambda: app.detector, detecting),
        old_queue=OldQueueLoop(detector.own, leading, clock, config.regions, config.services),
        decider=Decider(leading, clock, make_speaker(config, channels), config.policies, config.maintenance,
                        config.workarounds, canary=config.canary),
        senders={}, reconciler=Reconciler(channels, store, clock, config.delivery, stop=lambda: app.stopping.is_set()),
        housekeeper=Housekeeper(store, clock))
    app.routes = make_routes(app)
    app.senders = {id: make_sender(app, channel) for id, channel in channels.items()}
    return app


def make_bounces(app: App) -> dict[str, Bounces]:
    """A reader for every mailbox that bounces arrive in, by channel."""
    return {id: Bounces(settings, settings.bounces, app.store, app.clock)
            for id, settings in app.config.channels.items()
            if isinstance(settings, EmailSettings) and settings.bounces is not None}


def make_routes(app: App) -> dict[str, Routes]:
    """Both routes of every channel that has a standby. What is known of a pair outlives a reload."""
    found: dict[str, Routes] = {}
    for pair in app.routes.values():
        pair.forget()
    for standby, primary in standbys(app.config).items():
        if standby in app.channels and primary in app.channels:
            known = app.routes.get(primary)
            limits = app.config.delivery.failover
            if known is not None and standby in known.ids.values():
                known.replace(limits)
            else:
                known = Routes(primary, standby, app.clock, limits)
            found[primary] = known
    return found


def make_sender(app: App, channel: Channel) -> Sender:
    """The sender of one channel; `app.stopping` makes it hand the rest of a batch back at once."""
    pair = app.routes.get(standbys(app.config).get(channel.id, channel.id))
    route: Route | None = None if pair is None else pair.of(channel.id)
    return Sender(channel, app.store, app.clock, app.config.delivery, app.unsubscribe_url, stop=app.stopping.is_set,
                  route=route)


def apply(app: App, config: Config, *, listen: bool = True) -> None:
    """Put a new configuration in force without touching what is under way: incidents keep their policy and template,
    notices their texts, deliveries their channel. The detector keeps what it learnt. Everything is made before anything
    is swapped, so that one part that cannot be made leaves the old configuration whole."""
    channels, sources = make_channels(config), make_sources(config)
    listeners = make_mention_sources(config) if listen else {}
    speaker = make_speaker(config, channels)
    detector = make_detector(config)
    app.detecting.replace(detector, config.detection)
    app.config, app.channels, app.detector = config, channels, detector
    app.intake.replace(config.intake, make_hearing(config))
    app.old_queue.replace(detector.own, config.regions, config.services)
    app.poller.replace(sources, config.regions)
    app.listener.replace(listeners)
    app.decider.replace(speaker, config.policies, config.maintenance, config.workarounds, config.canary)
    app.reconciler.replace(channels, config.delivery)
    app.routes = make_routes(app)
    app.senders = {id: make_sender(app, channel) for id, channel in channels.items()}
