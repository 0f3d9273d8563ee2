"""X: posts through tweepy, and finds out from our own timeline what became of one whose answer was lost.

X takes no idempotency key. It refuses a doubled text with 403 and no id, and every other 403 means something else, so
the body is read and, for a double, the timeline (docs.x.com; xdevplatform/docs, August 2026). Every post stands alone
and carries the incident's reference: replies and quotes are not for everybody's keys, and a post that hangs on another
would be lost with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import requests
import tweepy
from pydantic import Field

from notifier import metrics
from notifier.clock import SystemClock
from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Message, Outcome, OutcomeKind, Reason
from notifier.model.limit import Limit
from notifier.model.notice import Mode
from notifier.model.people import AddressKind
from notifier.model.settings import Settings, Slug
from notifier.model.times import rfc3339
from notifier.notices.urls import find_links
from notifier.ports import CannotTell, Clock, Finding, Found, NotFound
from notifier.secret import Secret, SecretMissing

from .allowance import Allowance, limits_of, place, with_remaining
from .far_clock import CLOCKS_DIFFER, FarClock
from .own_posts import OwnPosts
from .wire import BaseUrl, HttpAnswer, Wire, failed, no_secret, rejected, sent, unknown
from .x_account import XPrices, app_token, credit, greeting, label, user_of
from .x_answers import judge
from .x_client import make_client
from .x_timeline import Likeness, Page, Post, likeness, read_page, read_versions

DOUBLES_BACK = timedelta(days=1)
"""How far back the other post with a doubled text is looked for; X does not say how far it looks itself."""
PAGE = 100
LEAST = 5
"""Posts a page has at the least: X takes no smaller number."""
PAGES = 5
LOOKING_MOST = timedelta(seconds=35)
"""How long after an attempt began our posts are asked for at the most: the last answer may take 23 seconds more
(connecting, its beginning, its body), and an attempt is to be over within its minute."""
_FIELDS = ["created_at", "entities"]


class XSettings(Settings):
    """Posting on X as one account."""

    id: Slug
    kind: Literal["x"]
    mode: Mode = Mode.TEST
    """What the account is for: test notices or live ones."""
    languages: tuple[str, ...] = ()
    """Languages posted; empty: all the company's."""
    per_minute: float = Field(default=6.0, gt=0, le=60)
    """Most posts a minute."""
    limits: tuple[Allowance, ...] = (
        Allowance(most=100, within=timedelta(minutes=15)), Allowance(most=300, within=timedelta(hours=3)))
    """Posts X allows the account, counted together for all channels with its access token: 100 in 15 minutes by one of
    its pages, 300 in 3 hours by another. Other tiers have other numbers."""
    consumer_key: Secret
    """API key of the app."""
    consumer_secret: Secret
    """API key secret of the app."""
    access_token: Secret
    """Access token of the account, with permission to write."""
    access_token_secret: Secret
    """Its secret."""
    prices: XPrices = XPrices()
    """What X bills for what we do, for previews and for the metric of costs."""
    least_credit: float = Field(default=5.0, ge=0)
    """US dollars of credit at or below which `doctor` finds fault."""
    labelled_automated: bool = False
    """Whether staff saw the label "Automated" on the profile; for accounts on which the API does not show it."""
    base_url: BaseUrl = "https://api.x.com"
    """Where X's API is; another only for stand-ins."""


class _TooSlow(Exception):
    """The time to look through our posts is over."""


class XChannel:
    """One account on X. Nothing is read or connected before the first send, find or check. `rate`: posts a second."""

    keyed_for = timedelta(0)
    reaches: AddressKind | None = None

    def __init__(self, settings: XSettings, *, timeout: tuple[float, float] | None = None) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.rate = settings.per_minute / 60
        self.limits = (Limit.flowing(f"channel/{self.id}", self.rate),
                       *limits_of(f"x/{place(settings.access_token)}", settings.limits))
        prices = settings.prices
        self.profile = ChannelProfile(self.id, self.kind, settings.mode, self.reaches, settings.languages,
                                      price=prices.post, price_with_link=prices.post_with_link)
        self._settings = settings
        self._wire = Wire(None, timeout) if timeout else Wire()
        self._clock: Clock = SystemClock()
        self._lock = threading.Lock()
        self._client_made: tweepy.Client | None = None
        self._user = ""
        self._own = OwnPosts()
        self._far = FarClock()

    def send(self, message: Message, now: datetime) -> Outcome:
        """Post it once. A text X calls a duplicate is adopted where our timeline shows that it is this one."""
        until = self._until()
        try:
            client = self._client()
            answer = self._wire.ask(
                lambda: client.create_tweet(text=message.body, user_auth=True), tweepy.TweepyException
            )
        except SecretMissing as error:
            return no_secret(error)
        except requests.RequestException as error:
            return failed(error)
        outcome = with_remaining(judge(self._far.heard(answer, now), now), answer.headers, "x-rate-limit-remaining")
        if outcome.reason is Reason.AUTHENTICATION:
            self._forget()
        if outcome.kind is OutcomeKind.SENT:
            self._note(str(outcome.provider_id), message)
        return self._double(message, now, until) if outcome.reason is Reason.DUPLICATE else outcome

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """Look through our own timeline from a minute before the message was made."""
        found = self._looked(message, timedelta(), now, self._until())
        if isinstance(found, CannotTell):
            return found
        return Found(found.id) if found is not None and self._may_be(found, message, now) else NotFound()

    def check(self) -> Sequence[Finding]:
        """Ask X who we are, how the account is labelled, what credit is left, and for our own posts."""
        subject = f"channel {self.id}"
        try:
            answer = self._ask_me()
            user = user_of(answer)
            if user is None:
                text = f"answered HTTP {answer.status}, which is not what it should say"
                return (Finding(subject, False, text),)
            seen = self._settings.labelled_automated
            told = (greeting(subject, user), label(f"{subject} label", user, seen_by_staff=seen), self._credit())
            return (*told, self._readable(str(user.get("id"))))
        except SecretMissing as error:
            return (Finding(subject, False, str(error)),)
        except requests.RequestException as error:
            return (Finding(subject, False, f"cannot be reached: {type(error).__name__}"),)

    def _credit(self) -> Finding:
        """What credit is left, as far as X tells. Raises SecretMissing."""
        own, subject = self._settings, f"channel {self.id} credit"
        try:
            ask = app_token(own.base_url, own.consumer_key.reveal(), own.consumer_secret.reveal(), self._wire)
            return credit(subject, ask, own.prices, own.least_credit)
        except requests.RequestException as error:
            return Finding(subject, False, f"cannot be asked for: {type(error).__name__}")

    def _readable(self, user: str) -> Finding:
        """Whether our timeline can be read, without which a lost answer is never settled. Raises
        requests.RequestException."""
        client = self._client()
        answer = self._wire.ask(lambda: client.get_users_tweets(
            user, max_results=LEAST, tweet_fields=_FIELDS, user_auth=True), tweepy.TweepyException)
        page = read_page(answer, SystemClock().now())
        self._bill("owned_read", len(page.posts) if page else 0)
        text = "our own posts can be read" if page else (
            f"our own posts cannot be read (HTTP {answer.status}): a lost answer could never be settled")
        return Finding(f"channel {self.id} own posts", page is not None, text)

    # ── our own posts ──

    def _until(self) -> float:
        """Until when (monotonic seconds) an attempt that begins now may ask for posts."""
        return self._clock.monotonic() + LOOKING_MOST.total_seconds()

    def _read(self, until: float, call: Callable[[], object]) -> HttpAnswer:
        if self._clock.monotonic() > until:
            raise _TooSlow
        return self._wire.ask(call, tweepy.TweepyException)

    def _double(self, message: Message, now: datetime, until: float) -> Outcome:
        """What a refusal as a duplicate comes to: X has this text, but as whose post?"""
        found = self._looked(message, DOUBLES_BACK, now, until)
        if isinstance(found, CannotTell):
            return unknown(Reason.DUPLICATE, f"X has this text; {found.why}")
        if found is None:  # younger than what the timeline shows yet, or older than was looked
            return unknown(Reason.DUPLICATE, "X has this text, but the timeline does not show it")
        if self._may_be(found, message, now):
            return replace(sent(found.id), reason=Reason.ADOPTED)
        return rejected(Reason.DUPLICATE, "HTTP 403: an earlier post says the same")

    def _may_be(self, post: Post, message: Message, now: datetime) -> bool:
        """Whether a post with the message's text can be this message's, and from now on is."""
        if post.at < self._far.earliest(message, now) or self._own.is_anothers(post.id, message.key):
            return False
        self._note(post.id, message)
        return True

    def _looked(self, message: Message, back: timedelta, now: datetime, until: float) -> Post | CannotTell | None:
        """Our post with this text: this message's own where there is one, else another's since then, `back` further
        than it may be this message's. None: none. What is not looked through by `until` cannot be told."""
        since = self._far.earliest(message, now) - back
        found = self._looked_once(message, since, now, until)
        further = self._far.earliest(message, now) - back
        if since - further < CLOCKS_DIFFER / 2:
            return found
        return self._looked_once(message, further, now, until)  # the answers told that our clock is ahead

    def _looked_once(self, message: Message, since: datetime, now: datetime, until: float) -> Post | CannotTell | None:
        anothers: Post | None = None
        try:
            for page in self._pages(since, now, until):
                if isinstance(page, CannotTell):
                    return page
                for post in page.posts:
                    same = self._is_same(message.body, post, now, until)
                    if isinstance(same, CannotTell):
                        return same
                    if same and self._may_be(post, message, now):
                        return post
                    anothers = post if same else anothers
        except SecretMissing as error:
            return CannotTell(str(error))
        except _TooSlow:
            return CannotTell("X answers too slowly for all of our timeline to be looked through")
        except requests.RequestException as error:
            return CannotTell(f"X cannot be read: {type(error).__name__}")
        return anothers

    def _pages(self, since: datetime, now: datetime, until: float) -> Iterator[Page | CannotTell]:
        """The timeline back to `since`, newest first; ends with why where it cannot be read so far."""
        user = self._whoami()
        if not user:
            yield CannotTell("X does not say which account this is")
            return
        client, token = self._client(), None
        for _ in range(PAGES):
            answer = self._read(until, lambda token=token: client.get_users_tweets(  # type: ignore[misc]
                user, max_results=PAGE, start_time=rfc3339(since.replace(microsecond=0)), tweet_fields=_FIELDS,
                exclude=["retweets"], pagination_token=token, user_auth=True,
            ))
            page = read_page(self._far.heard(answer, now), now)
            if answer.status == 401:
                self._forget()
            if page is None:
                yield CannotTell(f"X's timeline answered HTTP {answer.status}")
                return
            self._bill("owned_read", len(page.posts))
            yield page
            token = page.next
            if token is None:
                return
        yield CannotTell(f"the timeline is longer than {PAGE * PAGES} posts")

    def _is_same(self, text: str, post: Post, now: datetime, until: float) -> bool | CannotTell:
        """Whether a post says `text`, or said so before somebody edited it."""
        like = {likeness(text, post.raw)}
        if post.versions and Likeness.SAME not in like:
            client = self._client()
            answer = self._read(until, lambda: client.get_tweets(
                list(post.versions), tweet_fields=_FIELDS, user_auth=True))
            before = read_versions(answer, post.versions, now)
            if before is None:
                return CannotTell("a post of ours was edited, and what it said before cannot be read")
            self._bill("owned_read", len(before))
            like |= {likeness(text, version.raw) for version in before}
        if Likeness.SAME in like:
            return True
        return CannotTell("a post of ours holds a link X does not show whole") if Likeness.UNCLEAR in like else False

    def _note(self, post: str, message: Message) -> None:
        """Keep whose this post is, and that it was billed."""
        if self._own.take(post, message.key):
            self._bill("post_with_link" if find_links(message.body) else "post", 1)

    def _bill(self, item: Literal["post", "post_with_link", "owned_read", "user_read"], number: int) -> None:
        metrics.BILLED.labels(self.id, item).inc(number)
        metrics.COST.labels(self.id, item).inc(number * getattr(self._settings.prices, item))

    # ── asking ──

    def _whoami(self) -> str:
        if not self._user:
            user: Mapping[str, Any] = user_of(self._ask_me()) or {}
            id = user.get("id")
            self._user = id if isinstance(id, str) and id.isascii() and id.isdigit() else ""
        return self._user

    def _ask_me(self) -> HttpAnswer:
        client = self._client()
        answer = self._wire.ask(lambda: client.get_me(user_fields=["affiliation"], user_auth=True),
                                tweepy.TweepyException)
        self._bill("user_read", 1 if answer.status == 200 else 0)
        return answer

    def _forget(self) -> None:
        """Read the secrets anew next time: they may have been renewed since."""
        with self._lock:
            self._client_made = None

    def _client(self) -> tweepy.Client:
        with self._lock:
            if self._client_made is None:
                own = self._settings
                client = make_client(own.base_url, (own.consumer_key, own.consumer_secret),
                                     (own.access_token, own.access_token_secret), self._wire)
                self._client_made = client
            return self._client_made
