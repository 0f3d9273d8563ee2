"""Prometheus Alertmanager: its webhook (version 4), pushed to us, and its list of alerts (`/api/v2/alerts`), polled.

The list holds no alert that has ended by Alertmanager's own clock, so that whatever it lists is not over. Several peers
of a cluster may deliver, late and out of order, and may be polled together: what one of them lists is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import field_validator

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..page import Context, PageSource, get_any
from ..settings import checked_url, request_of
from ..shapes import Unreadable, json_of, kind_of, labels_of, moment, one_line, optional, record, records, required
from .firing import FiringAlert, FiringSettings, State, ask_or_wait, fingerprint_of, labels_in, read_firing, told_of


class AlertmanagerSettings(FiringSettings):
    """An Alertmanager, polled at url, or pushing to our webhook, or both."""

    kind: Literal["alertmanager"] = "alertmanager"
    url: str = ""
    """Address of its list, such as http://alertmanager:9093/api/v2/alerts; empty: it only pushes."""
    peers: tuple[str, ...] = ()
    """Addresses of the lists of its other peers: polled with it, and one that does not answer is done without."""

    @field_validator("peers")
    @classmethod
    def _peers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked_url(one) for one in value)


def make(
    settings: AlertmanagerSettings, *, regions: RegionTree, fetch: Get = get
) -> PageSource[AlertmanagerSettings]:
    """One Alertmanager, or one cluster of them."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch, takes_pushes=True)


def ask(settings: AlertmanagerSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the list, or those of all peers as one answer."""
    if not settings.url or not settings.peers:
        return ask_or_wait(settings, fetch, memory, now)
    requests = {_name(url): request_of(settings, url) for url in (settings.url, *settings.peers)}
    return get_any(requests, fetch, now)


def _name(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()


def read(body: bytes, context: Context[AlertmanagerSettings]) -> Reading:
    """What a list, several peers' lists or a pushed message say. A message speaks only of its own group."""
    value = json_of(body)
    if isinstance(value, list):
        return read_firing(listed(value, context.now), context, whole=True)
    if "parts" in record(value, "the answer"):
        return _read_peers(value, context)
    return read_firing(alerts_pushed(value, "4", context.now), context, whole=False, why=cut_off(value))


def _read_peers(value: Mapping[str, Any], context: Context[AlertmanagerSettings]) -> Reading:
    """Alerts of all peers that said something readable, united."""
    alerts: list[FiringAlert] = []
    silent = [f"{name}: {why}" for name, why in labels_of(value.get("missing")).items()]
    heard = 0
    for name, text in record(value.get("parts"), "the answer's parts").items():
        try:
            if not isinstance(text, str):
                raise Unreadable(f"its list is {kind_of(text)}")
            alerts += listed(json_of(text.encode("utf-8", "surrogateescape")), context.now)
            heard += 1
        except (Unreadable, UnicodeEncodeError) as error:
            silent.append(f"{one_line(name)}: {error}")
    if not heard:
        raise Unreadable("; ".join(silent) or "no peer answered")
    why = f"without {'; '.join(silent)}" if silent else ""
    return read_firing(alerts, context, whole=True, sure=not silent, why=why)


# ── Its list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def listed(value: Any, now: datetime) -> list[FiringAlert]:
    """The alerts of a list. Raises Unreadable."""
    return [_listed(one, now) for one in records(value, "the list")]


def _listed(given: Mapping[str, Any], now: datetime) -> FiringAlert:
    state = required(record(given.get("status"), "an alert's status"), "state", "an alert")
    return _alert(given, State.FIRING if state == "active" else State.HELD, now)


# ── Its messages ─────────────────────────────────────────────────────────────────────────────────────────────────────


def alerts_pushed(message: Mapping[str, Any], version: str, now: datetime) -> list[FiringAlert]:
    """The alerts of a pushed message of that version. Raises Unreadable."""
    if message.get("version") != version:
        found = one_line(str(message.get("version"))[:100], 20)
        raise Unreadable(f"webhook version {found!r}, expected {version!r}")
    return [_pushed(one, now) for one in records(message.get("alerts"), "alerts")]


def _pushed(given: Mapping[str, Any], now: datetime) -> FiringAlert:
    states = {"firing": State.FIRING, "resolved": State.OVER}
    return _alert(given, states.get(required(given, "status", "an alert"), State.HELD), now)


def cut_off(message: Mapping[str, Any]) -> str:
    """That some alerts of its group were left out of a message (max_alerts), in words; "" where none was."""
    number = message.get("truncatedAlerts")
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        return ""
    group = one_line(optional(message, "groupKey"), 100)
    return f"{min(number, 10**6)} more alerts of the group {group or 'without a key'} were cut off its message"


def _alert(given: Mapping[str, Any], state: State, now: datetime) -> FiringAlert:
    labels = labels_in(given)
    why, facts = told_of(labels, labels_of(given.get("annotations")))
    return FiringAlert(
        fingerprint=optional(given, "fingerprint", 64) or fingerprint_of(labels),
        labels=labels,
        began=moment(given.get("startsAt"), now) or now,
        state=state,
        why=why,
        facts={**facts, "url": optional(given, "generatorURL")},
    )
