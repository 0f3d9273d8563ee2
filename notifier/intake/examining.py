"""What `notifier doctor` says of the ways posts reach the detector: tried for real, nothing changed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..detection.report import Hearing
from ..ports import Finding
from .settings import IntakeSettings, NodeSettings
from .streams import Unreachable, client_missing
from .workers import CannotStart, Workers


def examine(settings: IntakeSettings, hearing: Hearing) -> Iterator[Finding]:
    """A line for each way that is configured; none where posts are read in the daemon alone."""
    if settings.workers:
        yield _workers(settings, hearing)
    if settings.nats is not None:
        yield _nats(settings.nats)


def _workers(settings: IntakeSettings, hearing: Hearing) -> Finding:
    subject = "intake.workers"
    try:
        Workers(hearing, {}, lambda source, batch: None, count=1).stop()
    except (CannotStart, OSError) as error:
        return Finding(subject, False, f"{error}; posts would be read in the daemon itself")
    return Finding(subject, True, f"a process can be started; {settings.workers} are to run")


def _nats(settings: NodeSettings) -> Finding:
    subject, url = "intake.nats", settings.url or os.environ.get("NOTIFIER_NATS", "")
    if missing := client_missing():
        return Finding(subject, False, missing)
    if not url:
        return Finding(subject, False, "no servers: set intake.nats.url in notifier.yaml, or $NOTIFIER_NATS")
    from .jetstream import Jetstream  # an extra

    try:
        jetstream = Jetstream(url, settings)
    except Unreachable as error:
        return Finding(subject, False, str(error))
    try:
        return Finding(subject, True, jetstream.told())
    except Unreachable as error:
        return Finding(subject, False, str(error))
    finally:
        jetstream.close()
