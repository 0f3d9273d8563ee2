"""Apprise's part of `benchmarks.fanout`, run by the Python of a venv of its own: it is no dependency of the project.

    python benchmarks/fanout_apprise.py sms|mail PORT MESSAGES GROUP

GROUP addresses a notification: 100 where all get the same bytes, 1 where each is to get a message of their own, with a
link to unsubscribe as ours have. Its pause between two messages (0.2 s for Twilio) is taken out, and Twilio's address
is the stand-in's. Prints seconds and CPU seconds.
"""

import json
import sys
import time

import apprise
from apprise.plugins.twilio import NotifyTwilio

ACCOUNT = "AC" + "0a" * 16
TEXT = "I261122-1: Mobile data is failing in Vermont. We are on it. https://status.example.com/vt"


def addresses(kind, port, first, last):
    """Apprise's URL for some of the addresses."""
    if kind == "sms":
        numbers = "/".join(f"1802{number:07}" for number in range(first, last))
        return f"twilio://{ACCOUNT}:{'0b' * 16}@18025550000/{numbers}"
    people = ",".join(f"c{number}@example.com" for number in range(first, last))
    return f"mailto://127.0.0.1:{port}/?smtp=127.0.0.1&from=status@example.org&to={people}&format=text"


def main(kind, port, messages, group):
    """Send, and tell what it took."""
    NotifyTwilio.notify_sms_url = f"http://127.0.0.1:{port}/2010-04-01/Accounts/{{sid}}/Messages.json"
    NotifyTwilio.request_rate_per_sec = 0
    began, cpu = time.perf_counter(), time.process_time()
    for first in range(0, messages, group):
        some = apprise.Apprise()
        assert some.add(addresses(kind, port, first, min(first + group, messages)))
        assert some.notify(title="Mobile data in Vermont", body=TEXT), "Apprise says it failed"
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
