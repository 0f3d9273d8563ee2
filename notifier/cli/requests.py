"""Asking the daemon: a request is written to the store, the decider takes it and answers with a sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta

import click

from ..clock import SystemClock
from ..daemon import STATUS
from ..model.staff import StaffRequest, Verb
from ..model.times import parse_rfc3339
from ..ports import Store
from .output import Problem, print_json

ANSWER_WITHIN = 15.0
"""Seconds to wait for the decider, which turns every second."""


def daemon_runs(store: Store) -> bool:
    """Whether a daemon wrote its status to this store within the last half minute."""
    with store.transaction() as tx:
        kept = tx.checkpoint(STATUS)
    if kept is None:
        return False
    status = json.loads(kept)
    return bool(status.get("running")) and SystemClock().now() - parse_rfc3339(status["at"]) < timedelta(seconds=30)


def ask(store: Store, verb: Verb, actor: str, arguments: Mapping[str, str], *, as_json: bool = False) -> StaffRequest:
    """Put a request, wait for its answer, print it. Raises Problem when refused or when nobody answers."""
    clock = SystemClock()
    with store.transaction() as tx:
        number = tx.put_request(verb, actor, arguments, clock.now())
    if not daemon_runs(store):
        raise Problem(f"request {number} is kept, but no daemon runs on this store: it will be taken at its start")
    request = _answer(store, number)
    if request is None:
        raise Problem(f"request {number} is kept, but was not answered within {ANSWER_WITHIN:.0f} s: "
                      "see `notifier status`")
    if as_json:
        print_json({"request": number, "accepted": request.accepted, "answer": request.answer})
    elif request.accepted:
        click.echo(request.answer)
    if not request.accepted:
        raise Problem(f"refused: {request.answer}")
    return request


def _answer(store: Store, number: int) -> StaffRequest | None:
    until = time.monotonic() + ANSWER_WITHIN
    while time.monotonic() < until:
        with store.transaction() as tx:
            request = tx.request(number)
        if request is not None and request.accepted is not None:
            return request
        time.sleep(0.2)
    return None
