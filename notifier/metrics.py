"""Every metric the daemon exports, in one place: names, units and labels by the Prometheus conventions.

Label sets are closed: every label's values come from configuration or from an enum, never from the outside world.
"""

from __future__ import annotations

import contextlib

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

_LATENCY = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_MINUTES = (15, 30, 60, 90, 120, 180, 300, 600, 900, 1800, 3600, 7200)

# hearing
POLLS = Counter("notifier_polls_total", "Polls of status sources by result", ["source", "result"])
POLL_SECONDS = Histogram("notifier_poll_duration_seconds", "Time one poll took", ["kind"], buckets=_LATENCY)
POLL_LATENESS = Histogram(
    "notifier_poll_lateness_seconds", "How much later than due a poll started", buckets=_LATENCY
)
POLLS_MISSED = Counter("notifier_polls_missed_total", "Polls the scheduler started too late to be worth it", ["source"])
POLLS_OVERRUN = Counter("notifier_polls_overrun_total", "Polls skipped because the one before still ran", ["source"])
PROBE_POSTS = Counter("notifier_probe_posts_total", "Posts of probe agents by result", ["source", "result"])
SOURCE_LAST_KNOWN = Gauge(
    "notifier_source_last_known_timestamp_seconds", "When a source last said something we could rely on", ["source"]
)
SOURCE_FRESHNESS = Gauge(
    "notifier_source_freshness", "1 for the freshness state a source is in; other states have no series",
    ["source", "state"],
)
SOURCE_INCIDENTS = Gauge(
    "notifier_source_incidents", "Ended incidents of the last year by what a source was worth in them",
    ["source", "verdict"],
)
SOURCE_LAG = Gauge(
    "notifier_source_lag_median_seconds", "From the first evidence of an incident to a source's first notice, median",
    ["source"],
)
SOURCE_LEAD = Gauge(
    "notifier_source_lead_median_seconds", "From a source's first notice to the next source's, where it led, median",
    ["source"],
)
SOURCE_WEIGHT = Gauge("notifier_source_weight", "How much a source's word counts in the evidence", ["source"])
MENTIONS = Counter("notifier_mentions_total", "Posts taken in", ["source"])
MENTIONS_DROPPED = Counter("notifier_mentions_dropped_total", "Posts not taken in", ["source", "reason"])
COMPLAINTS = Counter("notifier_complaints_total", "Posts found to be complaints, by service", ["service"])
COMPLAINTS_LOCATED = Counter("notifier_complaints_located_total", "Complaints a region was found for", ["service"])
OLD_QUEUE = Gauge(
    "notifier_old_queue_minutes",
    "How much older than an unacknowledged outage the posts are that our own accounts answer; no series: they do not",
    ["service", "region"],
)
LISTENER_CONNECTED = Gauge("notifier_listener_connected", "Whether a listener's connection is up", ["source"])
WORKERS_WANTED = Gauge("notifier_intake_workers_configured", "Processes that are to read posts")
WORKERS = Gauge("notifier_intake_workers", "Processes at work that read posts")
WORKER_DEATHS = Counter("notifier_intake_worker_deaths_total", "Processes that died while they read posts")
NODES_COUNTS = Counter("notifier_nodes_counts_total", "Messages of counts taken from nodes by result", ["result"])
NODES_GAPS = Counter("notifier_nodes_gaps_total", "Stretches of posts whose counts were dropped before we took them")

# deciding
SIGNALS = Counter("notifier_signals_total", "Signals recorded", ["class", "level"])
INCIDENTS = Gauge("notifier_incidents", "Incidents by state", ["state"])
EVIDENCE_OPEN = Gauge("notifier_evidence_signals", "Open signals by class", ["class"])
DECISIONS = Counter("notifier_decisions_total", "Moves of incidents by the state entered", ["state"])
ACKNOWLEDGE_SECONDS = Histogram(
    "notifier_acknowledge_delay_seconds", "From first evidence to the release of the acknowledgement", buckets=_MINUTES
)
FIRST_ACCEPTED_SECONDS = Histogram(
    "notifier_first_accepted_delay_seconds",
    "From first evidence to the first send a provider accepted",
    buckets=_MINUTES,
)
NOTICES = Counter("notifier_notices_total", "Notices by stage and what became of them", ["stage", "state"])
NOTICES_WAITING = Gauge("notifier_notices_waiting", "Notices waiting for a person")

# speaking
DELIVERIES = Counter(
    "notifier_delivery_outcomes_total", "Attempts by channel, outcome and reason", ["channel", "outcome", "reason"]
)
SMS_SEGMENTS = Counter(
    "notifier_sms_segments_total", "Segments of accepted SMS, by which they are billed", ["channel", "encoding"]
)
SPENT = Counter(
    "notifier_spent_total", "Price of what providers accepted, at the configured prices", ["channel", "currency"]
)
DELIVERY_SECONDS = Histogram(
    "notifier_delivery_attempt_duration_seconds", "Time one attempt took", ["channel"], buckets=_LATENCY
)
OUTBOX = Gauge(
    "notifier_outbox_deliveries", "Deliveries by channel and state, final ones left out", ["channel", "state"]
)
OUTBOX_OLDEST = Gauge(
    "notifier_outbox_oldest_timestamp_seconds", "Since when the delivery that is longest due has been due", ["channel"]
)
CHANNEL_STOPPED = Gauge(
    "notifier_channel_stopped", "1 while a channel is stopped by an account or content fault", ["channel"]
)
LIMIT_WAIT = Gauge(
    "notifier_limit_wait_seconds", "How long the next message waits for a limit, as last seen; 0 where it need not",
    ["channel", "limit"],
)
ROUTE_ACTIVE = Gauge(
    "notifier_route_active", "1 for the account a channel's messages go by, of the two it has; as this node sees it",
    ["channel", "route"],
)
ROUTE_TAKEOVERS = Counter(
    "notifier_route_takeovers_total", "Times an account took a channel over because the other failed",
    ["channel", "route"],
)
CLOCK_AHEAD = Gauge(
    "notifier_clock_ahead_seconds", "How far this node's clock is ahead of the clock of the database all nodes share"
)
KILL_SWITCH = Gauge("notifier_kill_switch", "1 while the kill switch is on")
BILLED = Counter(
    "notifier_channel_billed_total", "What a provider bills for, by channel and item (post, post_with_link, …)",
    ["channel", "item"],
)
COST = Counter(
    "notifier_channel_cost_total", "What that costs by the configured prices, in their currency", ["channel", "item"]
)
CALLBACKS = Counter("notifier_callbacks_total", "Provider callbacks by result", ["provider", "result"])
FATES = Counter(
    "notifier_delivery_fates_total", "Deliveries moved by a provider's later word", ["provider", "state", "reason"]
)
SECOND_ATTEMPTS = Counter(
    "notifier_second_attempts_total", "Messages queued anew after a provider gave one up", ["provider", "reason"]
)
BOUNCES_READ = Gauge(
    "notifier_bounces_read_timestamp_seconds", "When a channel's mailbox was last read for bounces", ["channel"]
)
OPT_OUTS = Counter("notifier_opt_outs_total", "People who asked to be told no more", ["how"])

CANARY_VERDICTS = Counter(
    "notifier_canary_verdicts_total", "Waves of large audiences by channel and the state entered", ["channel", "state"]
)
CANARY_STOPPED = Gauge(
    "notifier_canary_stopped", "Waves that a rule has stopped and that wait for a person", ["channel"]
)

# running
CONFIG_RELOADS = Counter("notifier_config_reloads_total", "Configuration reloads by result", ["result"])
CONFIG_GOOD = Gauge("notifier_config_last_reload_successful", "Whether the last reload was taken")
CONFIG_SINCE = Gauge("notifier_config_last_reload_success_timestamp_seconds", "When the running configuration was read")
CONFIG_INFO = Gauge("notifier_config_info", "Revision of the running configuration", ["revision"])
LOOP_TURNS = Counter("notifier_loop_turns_total", "Turns of each loop by result", ["loop", "result"])
LOOP_LAST = Gauge("notifier_loop_last_turn_timestamp_seconds", "When each loop last finished a turn", ["loop"])
STORE_ERRORS = Counter("notifier_store_errors_total", "Times the store could not keep something")
STORE_RESTORED = Counter(
    "notifier_store_restored_total", "Times the database was found to be older than what was sent from here"
)
MARK_WRITTEN = Gauge(
    "notifier_store_mark_written", "1 where the file that says how far sending has come could be written"
)
LEADS = Gauge("notifier_leads", "1 where this node listens and decides for the deployment; every node sends.")
BUILD_INFO = Gauge("notifier_build_info", "Version of the daemon", ["version"])



def clear(metric: Gauge | Counter, *labels: str) -> None:
    """Remove one series, where it is there."""
    with contextlib.suppress(KeyError):
        metric.remove(*labels)


_FRESHNESS = ("fresh", "stale", "suspect", "failing", "unproven")


def show_freshness(source: str, state: str, *, before: str | None = None) -> None:
    """Set the one series of a source's freshness: one, since there may be ten thousand sources. `before`: the state
    shown so far, where that is known."""
    for other in _FRESHNESS if before is None else (before,):
        if other != state:
            clear(SOURCE_FRESHNESS, source, other)
    SOURCE_FRESHNESS.labels(source, state).set(1)


def forget_source(source: str) -> None:
    """Remove the series of a source that is no longer configured: a gauge that never changes again tells lies."""
    clear(SOURCE_LAST_KNOWN, source)
    for state in _FRESHNESS:
        clear(SOURCE_FRESHNESS, source, state)


__all__ = ["REGISTRY"]
