"""What each of Twilio's error codes means for us, in one table: for answers at creation and for status callbacks.

The same code may come either way (a Messaging Service finds out after it has accepted), so the channel and the web part
read the same line. Meanings are those of Twilio's error dictionary, twilio.com/docs/api/errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from notifier.model.delivery import Reason

BLOCKED_FOR = timedelta(minutes=30)
"""How long Twilio keeps a number blocked that its pumping protection took offence at: 15 to 30 minutes, it says."""


class CodeClass(StrEnum):
    """What a code is about, and with it what follows. At creation: RECIPIENT and CONTENT end the delivery, STOP stops
    the channel and keeps the delivery, WAIT tries again later, UNKNOWN is looked for. By callback the message has
    failed in any case: STOP stops the channel for those that come after it, WAIT is followed by a second message, and
    UNKNOWN where the settings say so."""

    RECIPIENT = "recipient"
    """This number cannot be reached by us, whatever we say to it."""
    STOP = "stop"
    """The account, the sender or our configuration is at fault: the next message would fare no better."""
    WAIT = "wait"
    """It may pass of itself."""
    UNKNOWN = "unknown"
    """Nobody knows what became of it."""
    CONTENT = "content"
    """These words are not carried."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One line of the table. `again` False: this message must not be sent again even once the channel goes on.
    `wait`: how long, where Twilio names no time. `stops` by callback: one such message speaks for all; where it is
    False, only their share does (a carrier filters some texts of every large sending). `second` False by callback: what
    passes of itself takes hours, so that another message would meet the same."""

    klass: CodeClass
    reason: Reason
    again: bool = True
    wait: timedelta = timedelta(seconds=60)
    stops: bool = False
    second: bool = True


_C, _R = CodeClass, Reason
LINES: tuple[tuple[tuple[int, ...], Meaning], ...] = (
    # this number
    ((21211, 21217, 21265, 21266, 21268, 21604, 21614, 21635, 30006), Meaning(_C.RECIPIENT, _R.INVALID_ADDRESS)),
    ((30004, 30005), Meaning(_C.RECIPIENT, _R.RECIPIENT_GONE)),
    ((21610,), Meaning(_C.RECIPIENT, _R.OPTED_OUT)),
    # this number's country or network, or a trial account's list; others may well be reached
    ((21408, 21608, 21612, 30018, 30024), Meaning(_C.RECIPIENT, _R.NOT_PERMITTED)),
    # the account
    ((20003, 20006, 20404), Meaning(_C.STOP, _R.AUTHENTICATION, stops=True)),
    ((10001, 20005, 20008, 30002, 90010), Meaning(_C.STOP, _R.NOT_PERMITTED, stops=True)),
    ((63038,), Meaning(_C.STOP, _R.RATE_LIMITED, stops=True)),
    # the sender: not ours, cannot do it, not registered, suspended
    ((21212, 21601, 21603, 21606, 21607, 21616, 21657, 21659, 21660), Meaning(_C.STOP, _R.NOT_PERMITTED, stops=True)),
    ((21701, 21702, 21703, 21704, 21705, 30124), Meaning(_C.STOP, _R.NOT_PERMITTED, stops=True)),
    ((30032, 30033, 30034, 30035, 30042), Meaning(_C.STOP, _R.NOT_PERMITTED, stops=True)),
    # our request: StatusCallback, ValidityPeriod
    ((21609, 21624, 90007), Meaning(_C.STOP, _R.BAD_ANSWER, stops=True)),
    # the carriers' filter: look at the words before they are sent to anybody else
    ((30007,), Meaning(_C.STOP, _R.FILTERED, again=False)),
    # congestion, limits and failures that pass
    ((14107, 20429, 21611, 30001, 30017, 30022, 30023, 30027), Meaning(_C.WAIT, _R.RATE_LIMITED)),
    ((21730, 30020, 30021, 30047), Meaning(_C.WAIT, _R.SERVER_ERROR)),
    ((30450, 30453), Meaning(_C.WAIT, _R.FILTERED, wait=BLOCKED_FOR)),
    ((30003,), Meaning(_C.WAIT, _R.UNREACHABLE)),
    ((30036,), Meaning(_C.WAIT, _R.TOO_LATE)),
    ((30610,), Meaning(_C.WAIT, _R.QUIET_HOURS, second=False)),
    # nobody knows
    ((30008,), Meaning(_C.UNKNOWN, _R.LOST_ANSWER)),
    # the words
    ((21602, 21618, 21619, 30110), Meaning(_C.CONTENT, _R.CONTENT_REFUSED)),
    ((21605, 21617, 21658, 30019), Meaning(_C.CONTENT, _R.TOO_LONG)),
)
CODES: Mapping[int, Meaning] = {code: meaning for codes, meaning in LINES for code in codes}
"""By code. One that is not here ends its own delivery (at creation by the HTTP status) and stops nothing."""
