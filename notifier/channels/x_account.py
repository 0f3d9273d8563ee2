"""What `doctor` says of an account on X: who it is, whether it is labelled as automated, what credit is left.

The label shows as the account's affiliation (docs.x.com, X Activity API, example of a labelled author, August 2026).
The credit is read with an app-only token; X documents it since August 2026 and does not give it to everybody yet
(xdevplatform/docs#395), so that it cannot be read says nothing of the account.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import requests

from notifier.model.settings import Settings
from notifier.ports import Finding

from .wire import HttpAnswer, Wire, mounted


class XPrices(Settings):
    """What X bills, in US dollars, as docs.x.com listed it on 22 August 2026. Current prices: console.x.com."""

    post: float = 0.015
    """A post without a link."""
    post_with_link: float = 0.200
    """A post with a link in it, of whatever kind."""
    owned_read: float = 0.001
    """One of our own posts read."""
    user_read: float = 0.010
    """Asking which account it is."""


def greeting(subject: str, user: Mapping[str, Any]) -> Finding:
    """That X told whose the keys are."""
    return Finding(subject, True, f"posts as @{user.get('username')}")


def label(subject: str, user: Mapping[str, Any], *, seen_by_staff: bool) -> Finding:
    """Whether the account is labelled as automated, which X's rules ask of one that a program writes."""
    affiliation = user.get("affiliation")
    words = affiliation.get("description") if isinstance(affiliation, dict) else None
    if isinstance(words, str) and words.strip().lower().startswith("automated"):
        return Finding(subject, True, "carries the label Automated")
    if seen_by_staff:
        return Finding(subject, True, "X shows no label here; labelled_automated says that staff saw it")
    return Finding(subject, False, "X shows no label Automated: look at the profile; it is set in Settings, Your "
                   "account, Automation. Where the profile shows it, set labelled_automated: true")


def user_of(answer: HttpAnswer) -> Mapping[str, Any] | None:
    """The account of an answer to users/me; None where it is none."""
    data = answer.fields().get("data") if answer.status == 200 else None
    good = isinstance(data, dict) and isinstance(data.get("username"), str)
    return data if good and isinstance(data, dict) else None


def app_token(base: str, key: str, secret: str, wire: Wire) -> Callable[[str], HttpAnswer] | None:
    """A way to ask as the app itself; None where X gives no token. Raises requests.RequestException."""
    session = mounted(requests.Session(), wire)
    pair = base64.b64encode(f"{quote(key, safe='')}:{quote(secret, safe='')}".encode()).decode()
    given = wire.ask(lambda: session.post(
        f"{base}/oauth2/token", data={"grant_type": "client_credentials"}, allow_redirects=False,
        headers={"Authorization": f"Basic {pair}"}))
    token = given.fields().get("access_token") if given.status == 200 else None
    if not isinstance(token, str) or not (token.isascii() and token.isprintable()):
        return None
    bearer = {"Authorization": f"Bearer {token}"}
    return lambda path: wire.ask(lambda: session.get(base + path, headers=bearer, allow_redirects=False))


def credit(subject: str, ask: Callable[[str], HttpAnswer] | None, prices: XPrices, least: float) -> Finding:
    """What credit is left, by the balance or, where X does not tell it, by what was read of the month's cap. Raises
    requests.RequestException."""
    unread = "a person must look at console.x.com"
    if ask is None:
        return Finding(subject, True, f"X gives no token to read the credit with: {unread}")
    balance = _number(ask("/2/usage/credits"), "total_balance")
    if balance is not None:
        posts = int(balance / prices.post_with_link) if prices.post_with_link else 0
        text = f"${balance:.2f} of credit left, enough for {posts} posts with a link"
        return Finding(subject, balance > least, text if balance > least else f"{text}: buy some at console.x.com")
    usage = ask("/2/usage/tweets")
    used, cap = _number(usage, "project_usage"), _number(usage, "project_cap")
    if used is None or cap is None:
        return Finding(subject, True, f"X does not tell the credit left: {unread}")
    text = f"{used:.0f} of {cap:.0f} posts read this month; X does not tell the credit left: {unread}"
    return Finding(subject, used < cap, text)


def _number(answer: HttpAnswer, name: str) -> float | None:
    data = answer.fields().get("data") if answer.status == 200 else None
    value = data.get(name) if isinstance(data, dict) else None
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and -1e12 < number < 1e12 else None
