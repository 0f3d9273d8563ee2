"""X: each answer has one meaning; our own post is recognised; the stand-in speaks as X's own description says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
import requests
from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature
from prometheus_client import Counter

from notifier import metrics
from notifier.channels.wire import TIMEOUT, HttpAnswer
from notifier.channels.x import LOOKING_MOST, XChannel
from notifier.channels.x_answers import judge
from notifier.channels.x_timeline import Likeness, likeness, read_page, read_versions
from notifier.clock import VirtualClock
from notifier.delivery.sender import KEY_MARGIN
from notifier.model.delivery import Message, OutcomeKind, Reason
from notifier.ports import CannotTell, Found, NotFound
from notifier.standins.speaking import Answer, Asked
from notifier.standins.x import X
from tests.channels.answers import GARBAGE, REJECTED, RETRY, SENT, UNKNOWN, answer
from tests.channels.far_sides import FIXED, SECRETS, message, now, x_channel
from tests.shared_data import shared

DUPLICATE = {
    "detail": "You are not allowed to create a Tweet with duplicate content.", "type": "about:blank",
    "title": "Forbidden", "status": 403,
}


@pytest.fixture
def far() -> Iterator[X]:
    with X() as standin:
        assert isinstance(standin, X)
        yield standin


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason", "stops"),
    [
        pytest.param(201, {"data": {"id": "1", "text": "a"}}, SENT, Reason.ACCEPTED, False, id="made"),
        pytest.param(200, {"data": {"id": "1"}}, SENT, Reason.ACCEPTED, False, id="made, said with 200"),
        pytest.param(201, {"data": {}}, UNKNOWN, Reason.BAD_ANSWER, False, id="made, but no id"),
        pytest.param(202, {}, UNKNOWN, Reason.BAD_ANSWER, False, id="accepted for later, which X does not document"),
        pytest.param(400, {"title": "Invalid Request"}, REJECTED, Reason.CONTENT_REFUSED, False, id="bad request"),
        pytest.param(401, {"title": "Unauthorized"}, RETRY, Reason.AUTHENTICATION, True, id="keys refused"),
        pytest.param(402, {"title": "CreditsDepleted"}, RETRY, Reason.OUT_OF_CREDIT, True, id="credits gone"),
        pytest.param(402, b"", RETRY, Reason.OUT_OF_CREDIT, True, id="credits gone, without a word"),
        pytest.param(403, {"title": "CreditsDepleted"}, RETRY, Reason.OUT_OF_CREDIT, True, id="credits gone, as 403"),
        pytest.param(402, {"detail": "credits depleted", "status": 402, "title": "Payment Required",
                           "type": "https://api.x.com/2/problems/credits-depleted"}, RETRY, Reason.OUT_OF_CREDIT, True,
                     id="credits gone, in later words"),
        pytest.param(403, {"title": "Client Forbidden", "reason": "client-not-enrolled", "required_enrollment":
                           "Appropriate Level of API Access", "type": "https://api.x.com/2/problems/client-forbidden"},
                     RETRY, Reason.OUT_OF_CREDIT, True, id="the app is in no paid package"),
        pytest.param(403, {"title": "SpendCapReached"}, RETRY, Reason.OUT_OF_CREDIT, True, id="our own spending limit"),
        pytest.param(403, {"title": "UsageCapExceeded"}, RETRY, Reason.OUT_OF_CREDIT, True, id="the cap, as 403"),
        pytest.param(403, {"title": "Client Forbidden", "type": "https://api.x.com/2/problems/client-forbidden"}, RETRY,
                     Reason.FORBIDDEN, True, id="the app lacks access"),
        pytest.param(403, {"errors": [{"code": 185, "message": "User is over daily status update limit."}]}, RETRY,
                     Reason.RATE_LIMITED, False, id="the day's posts are used up, by the old code"),
        pytest.param(403, {"errors": [{"code": 1870}]}, RETRY, Reason.FORBIDDEN, True, id="a code that begins alike"),
        pytest.param(403, DUPLICATE, REJECTED, Reason.DUPLICATE, False, id="a duplicate, in 2026's words"),
        pytest.param(403, {"errors": [{"code": 187, "message": "Status is a duplicate."}]}, REJECTED, Reason.DUPLICATE,
                     False, id="a duplicate, by the old code"),
        pytest.param(403, {"detail": "Your Tweet text is too long."}, REJECTED, Reason.TOO_LONG, False, id="too long"),
        pytest.param(403, {"errors": [{"code": 186}]}, REJECTED, Reason.TOO_LONG, False, id="too long, by old code"),
        pytest.param(403, {"title": "Forbidden", "type": "https://api.x.com/2/problems/oauth1-permissions"}, RETRY,
                     Reason.FORBIDDEN, True, id="the app may only read"),
        pytest.param(403, {"detail": "Your account is temporarily locked."}, RETRY, Reason.FORBIDDEN, True,
                     id="account locked"),
        pytest.param(403, {"detail": "You are not permitted to perform this action."}, RETRY, Reason.FORBIDDEN,
                     True, id="forbidden for another reason"),
        pytest.param(403, b"", RETRY, Reason.FORBIDDEN, True, id="forbidden without a word"),
        pytest.param(404, {}, RETRY, Reason.BAD_ANSWER, True, id="no such API here"),
        pytest.param(429, {"title": "Too Many Requests"}, RETRY, Reason.RATE_LIMITED, False, id="too many"),
        pytest.param(429, {"title": "UsageCapExceeded", "type": "https://api.x.com/2/problems/usage-capped"}, RETRY,
                     Reason.OUT_OF_CREDIT, True, id="the plan's cap"),
        *[pytest.param(status, {}, UNKNOWN, Reason.SERVER_ERROR, False, id=f"server error {status}")
          for status in (500, 502, 503, 504)],
        pytest.param(302, {}, RETRY, Reason.BAD_ANSWER, True, id="redirected"),
    ],
)
def test_each_answer_has_one_meaning(status: int, body: Any, kind: OutcomeKind, reason: Reason, stops: bool) -> None:
    outcome = judge(answer(status, body), FIXED)
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (kind, reason, stops)


@pytest.mark.parametrize("body", GARBAGE)
@pytest.mark.parametrize("status", [200, 201, 400, 403, 429, 500])
def test_garbage_is_never_a_success(status: int, body: bytes) -> None:
    assert judge(answer(status, body), FIXED).kind is not SENT
    assert read_page(answer(status, body), FIXED) is None or body == b'{"meta":{}}'
    assert read_versions(answer(status, body), ["1"], FIXED) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"x-rate-limit-reset": str(int(FIXED.timestamp()) + 300)}, 300, id="said"),
        pytest.param({}, 900, id="not said: a whole window"),
        pytest.param({"x-rate-limit-reset": "soon"}, 900, id="not a number"),
        pytest.param({"x-rate-limit-reset": "5"}, 0, id="long past"),
        pytest.param({"x-rate-limit-reset": "9" * 11}, 86_400, id="the far future is cut to a day"),
        pytest.param({"x-rate-limit-reset": str(int(FIXED.timestamp()) + 60), "x-app-limit-24hour-remaining": "0",
                      "x-app-limit-24hour-reset": str(int(FIXED.timestamp()) + 7200)}, 7200, id="the day's limit too"),
    ],
)
def test_a_limit_is_waited_out(headers: dict[str, str], seconds: int) -> None:
    assert judge(answer(429, {}, headers), FIXED).retry_at == FIXED + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("ours", "theirs", "entities", "like"),
    [
        pytest.param("a & b < c", "a &amp; b &lt; c", None, Likeness.SAME, id="X escapes"),
        pytest.param("cafe\u0301", "café", None, Likeness.SAME, id="X normalises"),
        pytest.param("see https://e.com/a now", "see https://t.co/x1 now",
                     {"urls": [{"url": "https://t.co/x1", "expanded_url": "https://e.com/a"}]}, Likeness.SAME,
                     id="a link"),
        pytest.param("see https://e.com/a now", "see https://t.co/x1 now",
                     {"urls": [{"url": "https://t.co/x1", "expanded_url": "https://e.com/b"}]}, Likeness.OTHER,
                     id="another"),
        pytest.param("see e.com now", "see https://t.co/x1 now",
                     {"urls": [{"url": "https://t.co/x1", "expanded_url": "http://e.com"}]}, Likeness.SAME, id="bare"),
        pytest.param("see https://e.com/a now", "see https://t.co/x1 now", None, Likeness.UNCLEAR,
                     id="a link X does not expand"),
        pytest.param("see https://e.com/a now", "see https://t.co/x1 then", None, Likeness.OTHER,
                     id="other words around it"),
        pytest.param("a", "b", {"urls": "x"}, Likeness.OTHER, id="other words"),
    ],
)
def test_our_own_post_is_recognised(ours: str, theirs: str, entities: Any, like: Likeness) -> None:
    assert likeness(ours, {"id": "1", "text": theirs, "entities": entities}) is like


def test_a_duplicate_that_is_ours_is_adopted(far: X, secrets: None) -> None:
    channel, ours = x_channel(far.url), message()
    first = channel.send(ours, now())
    again = channel.send(ours, now())
    assert (again.kind, again.reason, again.provider_id) == (SENT, Reason.ADOPTED, first.provider_id)
    assert len(far.ledger) == 1


def test_a_duplicate_of_older_words_is_rejected(far: X, secrets: None) -> None:
    channel = x_channel(far.url)
    far.now = lambda: now() - timedelta(hours=1)
    channel.send(message(created_at=far.now()), now())
    far.now = now
    outcome = channel.send(message(), now())
    assert (outcome.kind, outcome.reason) == (REJECTED, Reason.DUPLICATE)


def test_a_duplicate_nobody_can_look_up_is_unknown(far: X, secrets: None) -> None:
    channel = x_channel(far.url)
    channel.send(message(), now())
    far.fault("503", times=5, on="read")
    outcome = channel.send(message(), now())
    assert (outcome.kind, outcome.reason) == (UNKNOWN, Reason.DUPLICATE)


def test_a_duplicate_the_timeline_does_not_show_yet_is_unknown_not_failed(far: X, secrets: None) -> None:
    """Our own post of a moment ago, whose answer was lost: said to have failed, the all-clear would go astray."""
    channel, ours = x_channel(far.url), message()
    far.shown_after = timedelta(hours=1)
    channel.send(ours, now())
    again = channel.send(ours, now())
    assert (again.kind, again.reason) == (UNKNOWN, Reason.DUPLICATE)
    far.shown_after = timedelta()
    assert channel.find(ours, now()) == Found(far.ledger[0]["id"])
    assert len(far.ledger) == 1


@pytest.mark.parametrize("lost", [False, True])
def test_one_post_never_answers_for_two_notices(far: X, secrets: None, lost: bool) -> None:
    """Two notices that say the same, planned within the minute in which clocks may differ."""
    channel, first = x_channel(far.url), message()
    second = message(key="N2/main/1", created_at=first.created_at + timedelta(seconds=20))
    if lost:
        far.fault("accept_then_drop")
        channel.send(first, now())
        assert channel.find(first, now()) == Found(far.ledger[0]["id"])
    else:
        channel.send(first, now())
    outcome = channel.send(second, now())
    assert (outcome.kind, outcome.reason) == (REJECTED, Reason.DUPLICATE)
    assert channel.find(second, now()) == NotFound()
    assert channel.find(first, now()) == Found(far.ledger[0]["id"]), "it stays the first one's"


def test_our_post_is_found_after_somebody_edited_it(far: X, secrets: None) -> None:
    channel, ours = x_channel(far.url), message()
    far.fault("accept_then_drop")
    channel.send(ours, now())
    first = far.ledger[0]["id"]
    far.edit(first, "other words")
    far.edit(first, "words again")
    assert channel.find(ours, now()) == Found(first)
    assert channel.find(message(body="never sent", created_at=ours.created_at), now()) == NotFound()


def test_an_edited_post_whose_first_words_cannot_be_read_is_no_proof_of_absence(far: X, secrets: None) -> None:
    channel, ours = x_channel(far.url), message()
    channel.find(ours, now())
    channel.send(ours, now())
    far.edit(far.ledger[0]["id"], "other words")
    far.fault("503", times=2, on="read")
    assert isinstance(channel.find(ours, now()), CannotTell)
    far.faults.clear()
    hidden = {"data": [{"id": "1", "text": "a", "created_at": "2026-01-15T12:00:00Z"}]}
    assert read_versions(answer(200, hidden), ["1", "2"], FIXED) is None


def test_a_post_stands_alone(far: X, secrets: None) -> None:
    """No reply, no quote: the text, with the incident's reference in it, is all that is sent."""
    ours = message()
    x_channel(far.url).send(ours, now())
    assert far.ledger[0]["request"] == {"text": ours.body}
    assert ours.incident in ours.body


def test_what_x_bills_is_counted_once(far: X, secrets: None) -> None:
    channel = x_channel(far.url, prices={"post": 1.0, "post_with_link": 10.0, "owned_read": 0.5, "user_read": 0.25})

    def counted(metric: Counter) -> dict[str, float]:
        items = ("post", "post_with_link", "owned_read", "user_read")
        return {item: metric.labels("x-main", item)._value.get() for item in items}

    billed, cost = counted(metrics.BILLED), counted(metrics.COST)
    linked, plain = message(), message(key="k2", body="I261122-1: no link in this one")
    far.fault("accept_then_drop")
    channel.send(linked, now())
    for _ in range(3):
        channel.find(linked, now())
    channel.send(plain, now())
    after, spent = counted(metrics.BILLED), counted(metrics.COST)
    assert {item: after[item] - billed[item] for item in after} == {
        "post": 1, "post_with_link": 1, "owned_read": 3, "user_read": 1}
    assert sum(spent.values()) - sum(cost.values()) == pytest.approx(1.0 + 10.0 + 3 * 0.5 + 0.25)


def test_previews_go_by_the_channels_prices() -> None:
    profile = x_channel("https://api.x.com", prices={"post": 0.02, "post_with_link": 0.3}).profile
    assert (profile.price, profile.price_with_link) == (0.02, 0.3)


def test_an_empty_purse_stops_the_channel_and_nothing_is_lost(secrets: None) -> None:
    with X(credit=0.1) as far:
        channel, first, second = x_channel(far.url), message(), message(key="k2", body="I261122-1: the second")
        assert channel.send(first, now()).kind is SENT
        outcome = channel.send(second, now())
        assert (outcome.kind, outcome.reason, outcome.stops_channel) == (RETRY, Reason.OUT_OF_CREDIT, True)
        assert [finding.ok for finding in channel.check()] == [True, True, False, True]
        assert isinstance(far, X)
        far.credit = 20.0
        assert channel.send(second, now()).kind is SENT
        assert len(far.ledger) == 2


@pytest.mark.parametrize(
    ("credit", "label", "more", "bad", "words"),
    [
        pytest.param(30.0, "Automated", {}, [], "enough for 150 posts with a link", id="all well"),
        pytest.param(4.0, "Automated", {}, ["credit"], "buy some at console.x.com", id="little credit"),
        pytest.param(4.0, "Automated", {"least_credit": 1}, [], "$4.00", id="enough for us"),
        pytest.param(None, "Automated", {}, [], "120 of 3000000 posts read", id="balance not told"),
        pytest.param(30.0, None, {}, ["label"], "look at the profile", id="no label to be seen"),
        pytest.param(30.0, "Acme Inc", {}, ["label"], "look at the profile", id="affiliated with a company"),
        pytest.param(30.0, "Acme Inc", {"labelled_automated": True}, [], "staff saw it", id="seen"),
    ],
)
def test_doctor_tells_of_label_and_credit(
    secrets: None, credit: float | None, label: str | None, more: dict[str, Any], bad: list[str], words: str
) -> None:
    with X(credit=credit, label=label) as far:
        findings = x_channel(far.url, **more).check()
        assert [finding.subject for finding in findings if not finding.ok] == [f"channel x-main {what}" for what in bad]
        assert words in " ".join(finding.text for finding in findings)
        assert far.ledger == []


def test_doctor_says_who_must_look_where_x_gives_no_token(far: X, secrets: None) -> None:
    """The keys post all the same, so it is no fault."""
    real = far.answer
    far.answer = lambda asked: Answer(403, b"") if asked.path == "/oauth2/token" else real(asked)  # type: ignore[method-assign]
    assert [(f.ok, "a person must look" in f.text) for f in x_channel(far.url).check()][2] == (True, True)


def test_doctor_finds_fault_with_posts_that_cannot_be_read(far: X, secrets: None) -> None:
    real = far.answer
    far.answer = lambda asked: (  # type: ignore[method-assign]
        far.refusal(403) if asked.path.endswith("/tweets") and asked.method == "GET" else real(asked))
    assert [finding.ok for finding in x_channel(far.url).check()] == [True, True, True, False]


def test_it_is_found_behind_a_full_page(far: X, secrets: None) -> None:
    channel, ours = x_channel(far.url), message(body="the first of many")
    channel.send(ours, now())
    for number in range(120):
        far.book.add({**far.ledger[0], "id": str(int(far.ledger[0]["id"]) + number + 1), "body": f"other {number}"})
    found = channel.find(ours, now())
    assert getattr(found, "provider_id", None) == far.ledger[0]["id"]
    assert sum(path.endswith("/tweets") for method, path in far.asked if method == "GET") == 2


def slow_channel(far: X, monkeypatch: pytest.MonkeyPatch) -> tuple[XChannel, VirtualClock]:
    """A channel over which every answer takes nine seconds, within its time-out."""
    channel, clock = x_channel(far.url), VirtualClock(FIXED)
    real = channel._wire.ask

    def ask(*given: Any) -> HttpAnswer:
        clock.advance(timedelta(seconds=9))
        return real(*given)

    monkeypatch.setattr(channel._wire, "ask", ask)
    monkeypatch.setattr(channel, "_clock", clock)
    return channel, clock


def behind_four_pages(far: X) -> Message:
    """A message that was posted, and then four hundred others."""
    ours = message(body="the first of many")
    x_channel(far.url).send(ours, now())
    for number in range(420):
        far.book.add({**far.ledger[0], "id": str(int(far.ledger[0]["id"]) + number + 1), "body": f"other {number}"})
    return ours


def test_an_attempt_over_a_slow_timeline_is_over_within_its_minute(
        far: X, secrets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender's lease reckons with a minute an attempt: after it another node may begin the same."""
    ours, real = behind_four_pages(far), far.answer
    double = Answer(403, json.dumps(DUPLICATE).encode())
    monkeypatch.setattr(far, "answer", lambda asked: double if asked.method == "POST" else real(asked))
    channel, clock = slow_channel(far, monkeypatch)
    outcome = channel.send(ours, now())
    assert (outcome.kind, outcome.reason) == (UNKNOWN, Reason.DUPLICATE)
    assert "too slowly" in outcome.detail
    assert clock.now() - FIXED <= LOOKING_MOST + timedelta(seconds=9)
    assert LOOKING_MOST + timedelta(seconds=TIMEOUT[0] + 2 * TIMEOUT[1]) < KEY_MARGIN


def test_what_was_not_looked_through_in_time_cannot_be_told(
        far: X, secrets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = behind_four_pages(far)
    with monkeypatch.context() as patched:
        found = slow_channel(far, patched)[0].find(ours, now())
    assert isinstance(found, CannotTell)
    assert "too slowly" in found.why
    assert isinstance(x_channel(far.url).find(ours, now()), Found), "the same timeline, read in time"


def test_requests_without_a_signature_are_refused(far: X) -> None:
    answered = requests.post(f"{far.url}/2/tweets", json={"text": "a"}, timeout=5)
    assert answered.status_code == 401
    assert far.ledger == []


# ── X's own description ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    with gzip.open(shared("data/api/x_openapi.json.gz"), "rt", encoding="utf-8") as file:
        read: dict[str, Any] = json.load(file)
    return read


def _fits(description: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    whole = {**schema, "components": description["components"]}
    jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)


def _answer_schema(description: dict[str, Any], path: str, method: str, status: str) -> dict[str, Any]:
    schema: dict[str, Any] = description["paths"][path][method]["responses"][status]["content"]["application/json"]
    return dict(schema["schema"])


def test_request_and_answers_fit_the_description(
    far: X, secrets: None, description: dict[str, Any]
) -> None:
    channel, ours = x_channel(far.url), message()
    assert channel.send(ours, now()).kind is SENT
    asked = description["paths"]["/2/tweets"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    _fits(description, asked, far.ledger[0]["request"])
    signed = {"Authorization": 'OAuth oauth_signature="s", oauth_token="t"'}
    made = requests.post(f"{far.url}/2/tweets", json={"text": "another"}, headers=signed, timeout=5)
    _fits(description, _answer_schema(description, "/2/tweets", "post", "201"), made.json())
    me = requests.get(f"{far.url}/2/users/me", headers=signed, timeout=5).json()
    _fits(description, _answer_schema(description, "/2/users/me", "get", "200"), me)
    posts = requests.get(
        f"{far.url}/2/users/{me['data']['id']}/tweets", headers=signed, timeout=5,
        params={"max_results": "100", "tweet.fields": "created_at,entities"},
    ).json()
    assert posts["meta"]["result_count"] == 2
    _fits(description, _answer_schema(description, "/2/users/{id}/tweets", "get", "200"), posts)


def test_the_description_refuses_what_is_wrong(description: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        _fits(description, _answer_schema(description, "/2/tweets", "post", "201"), {"data": {"id": "not a number"}})


class _SigningX(X):
    """Checks each signature as X does: over the method, the URL at the host that was asked, and every parameter."""

    signed: list[bool]

    def answer(self, asked: Asked) -> Answer:
        parameters = signature.collect_parameters(
            uri_query="&".join(f"{k}={requests.utils.quote(v, safe='')}" for k, v in asked.query.items()),
            headers={"Authorization": asked.headers["authorization"]}, exclude_oauth_signature=False, with_realm=False,
        )
        request = Request(f"http://{asked.headers['host']}{asked.path}", asked.method)
        request.params = [(name, value) for name, value in parameters if name != "oauth_signature"]
        request.signature = dict(parameters)["oauth_signature"]
        self.signed.append(signature.verify_hmac_sha1(
            request, SECRETS["T_CONSUMER_SECRET"], SECRETS["T_ACCESS_SECRET"]))
        return super().answer(asked)


def test_every_request_is_signed_for_the_host_it_goes_to(secrets: None) -> None:
    far = _SigningX()
    far.signed = []
    with far:
        channel = x_channel(far.url)
        one = message()
        assert channel.send(one, now()).kind is SENT
        channel.find(one, now())
    assert far.signed == [True, True, True]
