"""Named places on the send path where a test can end the process as a power cut would.

Dead weight of one comparison in production, where the environment variable is not set. The names are the enumeration
the crash tests walk through: a step without a name here is a step nobody has killed.
"""

from __future__ import annotations

import os
import signal
import threading

SEND_PATH = (
    "decide.before_commit",
    "decide.after_commit",
    "claim.before_commit",
    "claim.after_commit",
    "mark.before_commit",
    "mark.after_commit",
    "mark.after_kept",
    "begin.before_commit",
    "begin.after_commit",
    "channel.before_request",
    "channel.after_answer",
    "hand_over.before_commit",
    "hand_over.after_commit",
    "settle.before_commit",
    "settle.after_commit",
    "expired_leases.before_commit",
    "expired_leases.after_commit",
    "reconcile.before_find",
    "reconcile.after_find",
    "reconcile.before_commit",
    "reconcile.after_commit",
)
"""Every durable or visible step between the decision and the settled delivery, in order; then those of the way back
from a crash or a lost answer."""
CALLBACK_PATH = ("callback.before_commit", "callback.after_commit")
"""A provider's later word: it is acknowledged only after the second, and told once."""
BESIDE = ("transaction", "unknowns", "unheld", "expire", "give_back", "tighten", "restored")
"""Transactions that are no step of their own: `transaction` is whoever opens it (the decider names its own), `unheld`
reads, `unknowns` takes what is to be looked for until its lease has passed, and `expire` says what the clock says again
after a restart. `give_back` and `tighten` move limits only: what is lost is allowance that nobody used, or a provider's
word that it repeats; `restored` is found anew until it was kept (tests/store/test_mark.py)."""
FANOUT_PATH = ("fanout.before_commit", "fanout.after_commit")
"""The steps a large audience is planned in after the decision; only a large one meets them (tests/incidents)."""
CANARY_PATH = ("canary.before_commit", "canary.after_commit")
"""The steps in which it is decided what its first people tell of the rest (tests/incidents/test_wave.py)."""

_armed = os.environ.get("NOTIFIER_FAILPOINT")
_countdown = int(os.environ.get("NOTIFIER_FAILPOINT_HIT", "1"))
_signal = signal.Signals[os.environ.get("NOTIFIER_FAILPOINT_SIGNAL", "SIGKILL")]


def failpoint(name: str) -> None:
    """Kill this process if `name` is the armed fail point and this is the hit that was asked for: with SIGKILL, or as
    NOTIFIER_FAILPOINT_SIGNAL says (SIGTERM: ask it to end here)."""
    global _countdown
    if _armed is None or name != _armed:
        return
    _countdown -= 1
    if _countdown == 0:
        signal.pthread_kill(threading.get_ident(), _signal)  # of several threads, this one at once
