"""Named places on the send path where a test can end the process as a power cut would.

Dead weight of one dictionary look-up in production, where the environment variable is not set. The names are the
enumeration the crash tests walk through: a step without a name here is a step nobody has killed.
"""

from __future__ import annotations

import os
import signal

SEND_PATH = (
    "decide.before_commit",
    "decide.after_commit",
    "claim.after_commit",
    "begin.before_commit",
    "begin.after_commit",
    "channel.before_request",
    "channel.after_answer",
    "settle.before_commit",
    "settle.after_commit",
    "reconcile.before_find",
    "reconcile.after_find",
    "reconcile.after_commit",
)
"""Every durable or visible step between the decision and the settled delivery, in order."""

_armed = os.environ.get("NOTIFIER_FAILPOINT")
_countdown = int(os.environ.get("NOTIFIER_FAILPOINT_HIT", "1"))


def failpoint(name: str) -> None:
    """Kill this process with SIGKILL if `name` is the armed fail point and this is the hit that was asked for."""
    global _countdown
    if _armed is None or name != _armed:
        return
    _countdown -= 1
    if _countdown == 0:
        os.kill(os.getpid(), signal.SIGKILL)
