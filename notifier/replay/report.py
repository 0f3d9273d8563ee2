"""What a replay prints: the firm format of DESIGN, made from the store and the books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..app import App
from ..model.incident import Incident
from ..model.notice import Notice
from ..model.signal import Signal
from ..model.times import rfc3339
from ..ports import Transaction
from .engine import Player


def report(player: Player) -> dict[str, Any]:
    """The one JSON object of a replay: incidents, notices as sent, counts. Times are virtual, RFC 3339."""
    app = player.app
    with app.store.transaction() as tx:
        incidents = [_incident(tx, incident, player) for incident in tx.incidents()]
        notices = [row for incident in tx.incidents() for row in _notices(tx, incident.id)]
        signals = int(tx.gauges(player.clock.now()).get("signals", 0))
    return {"incidents": incidents, "notices": notices, "counts": _counts(app, player, signals)}


def _counts(app: App, player: Player, signals: int) -> Mapping[str, int]:
    heard = app.detector.counts
    return {"mentions": player.mentions, "complaints": heard.complaints, "located": heard.located,
            "polls": player.polls, "signals": signals}


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _incident(tx: Transaction, incident: Incident, player: Player) -> dict[str, Any]:
    return {
        "id": incident.id, "service": incident.service, "regions": list(incident.regions),
        "opened_at": _at(incident.opened_at), "confirmed_at": _at(incident.confirmed_at),
        "acknowledged_at": _at(incident.acknowledged_at), "workaround_at": _at(incident.workaround_at),
        "resolved_at": _at(incident.resolved_at), "state": incident.state.value,
        "evidence": [_evidence(player.first_told.get((incident.id, *signal.key), signal))
                     for signal in tx.evidence_of(incident.id)],
    }


def _evidence(signal: Signal) -> dict[str, Any]:
    return {"class": signal.klass.value, "source": signal.source, "region": signal.region,
            "observed_at": _at(signal.observed_at), "score": round(signal.score, 4), "why": signal.why}


def _notices(tx: Transaction, incident: str) -> list[dict[str, Any]]:
    return [row for notice in tx.notices(incident=incident) if notice.released_at is not None
            for row in _texts(tx, notice)]


def _texts(tx: Transaction, notice: Notice) -> list[dict[str, Any]]:
    told = Counter((d.channel, d.language) for d in tx.deliveries(notice=notice.id)
                   if d.state.value in ("sent", "delivered"))
    return [{"incident": notice.incident, "stage": notice.stage.value, "at": _at(notice.released_at),
             "regions": list(notice.regions), "channel": text.channel, "language": text.language, "text": text.body,
             "audience": told[text.channel, text.language]}
            for text in notice.texts if told[text.channel, text.language]]
