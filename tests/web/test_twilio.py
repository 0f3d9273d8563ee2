"""Twilio's callbacks: only Twilio's own count, each moves its delivery once, and none changes what is final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from twilio.request_validator import RequestValidator

from notifier.channels.twilio_codes import CODES
from notifier.clock import VirtualClock
from notifier.delivery.order import LATER, read_stop
from notifier.model.delivery import Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.people import AddressKind
from notifier.secret import Secret
from notifier.web.twilio import BODY_MOST, Fate, fate_of, signed_by
from tests.store.making import a_delivery, a_notice, queue, the

from .conftest import BASE, SUBSCRIBER, Site

S = DeliveryState
TOKEN = "twilio-secret-" + "x" * 32
STATUS = "/hooks/twilio/status/sms/d1"
LEASE = timedelta(minutes=2)


def post(site: Site, path: str, form: Mapping[str, str], *, token: str = TOKEN, base: str = BASE) -> int:
    signature = RequestValidator(token).compute_signature(base + path, dict(form))
    return site.client.post(path, data=form, headers={"X-Twilio-Signature": signature}).status_code


def status(site: Site, word: str, code: str = "", *, sid: str = "SM1", path: str = STATUS) -> int:
    form = {"MessageSid": sid, "MessageStatus": word, "To": SUBSCRIBER.address, "AccountSid": "AC1"}
    return post(site, path, form | ({"ErrorCode": code} if code else {}))


def begun(site: Site, clock: VirtualClock, id: str = "d1") -> Delivery:
    """A delivery whose request has just left."""
    now = clock.now()
    notice = a_notice(f"n-{id}", created_at=now, valid_until=now + timedelta(hours=1))
    queue(site.store, notice, replace(a_delivery(notice, address=SUBSCRIBER.address), id=id))
    (delivery, _), = site.store.claim("sms", 1, LEASE, now)
    assert site.store.begin(delivery.id, delivery.token, now) is None
    return delivery


def settled(site: Site, clock: VirtualClock, kind: OutcomeKind, sid: str | None = None) -> Delivery:
    """A delivery whose answer came, or was lost."""
    delivery = begun(site, clock)
    outcome = Outcome(kind, Reason.ACCEPTED if kind is OutcomeKind.SENT else Reason.LOST_ANSWER, sid)
    assert site.store.settle(delivery.id, delivery.token, outcome, clock.now())
    return delivery


def opted_out(site: Site) -> bool:
    with site.store.transaction() as tx:
        return tx.is_opted_out(AddressKind.PHONE, SUBSCRIBER.address)


def stop(site: Site) -> str | None:
    with site.store.transaction() as tx:
        return tx.switch("stop:sms")


# ── what became of a message ──


@pytest.mark.parametrize(
    ("word", "code", "state", "reason"),
    [
        pytest.param("queued", "", S.SENT, Reason.ACCEPTED, id="queued is not delivered"),
        pytest.param("sending", "", S.SENT, Reason.ACCEPTED, id="sending is not delivered"),
        pytest.param("sent", "", S.SENT, Reason.ACCEPTED, id="sent is not delivered"),
        pytest.param("delivered", "", S.DELIVERED, Reason.ACCEPTED, id="delivered"),
        pytest.param("undelivered", "30003", S.PENDING, Reason.UNREACHABLE, id="the handset is off: again later"),
        pytest.param("failed", "30001", S.PENDING, Reason.RATE_LIMITED, id="a queue is full: again later"),
        pytest.param("undelivered", "30005", S.FAILED, Reason.RECIPIENT_GONE, id="the number is no more"),
        pytest.param("undelivered", "30008", S.FAILED, Reason.LOST_ANSWER, id="nobody knows what became of it"),
        pytest.param("undelivered", "30007", S.FAILED, Reason.FILTERED, id="filtered"),
        pytest.param("failed", "30036", S.PENDING, Reason.TOO_LATE, id="it waited too long: again"),
        pytest.param("failed", "30610", S.FAILED, Reason.QUIET_HOURS, id="Twilio keeps quiet for hours: not again"),
        pytest.param("failed", "30034", S.FAILED, Reason.NOT_PERMITTED, id="the sender is not registered"),
        pytest.param("failed", "99999", S.FAILED, Reason.BAD_ANSWER, id="a code nobody knows"),
        pytest.param("failed", "", S.FAILED, Reason.BAD_ANSWER, id="no code"),
        pytest.param("failed", "30007; DROP", S.FAILED, Reason.BAD_ANSWER, id="no number"),
        pytest.param("canceled", "", S.FAILED, Reason.WITHDRAWN, id="somebody cancelled it at Twilio"),
    ],
)
def test_each_word_has_one_meaning(
    site: Site, clock: VirtualClock, word: str, code: str, state: DeliveryState, reason: Reason
) -> None:
    settled(site, clock, OutcomeKind.SENT, "SM1")
    assert status(site, word, code) == 200
    delivery = the(site.store, "d1")
    assert (delivery.state, delivery.reason) == (state, reason)


@pytest.mark.parametrize("word", ["", "received", "receiving", "partially_delivered", "DELIVERED", "x" * 1000])
def test_a_word_we_do_not_know_changes_nothing(site: Site, clock: VirtualClock, word: str) -> None:
    settled(site, clock, OutcomeKind.SENT, "SM1")
    assert status(site, word) == 200
    assert the(site.store, "d1").state is S.SENT


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_of_the_table_may_come_by_callback(code: int) -> None:
    assert fate_of({"MessageStatus": "failed", "ErrorCode": str(code)}) == Fate(
        S.FAILED, CODES[code].reason, code, CODES[code])


@given(st.dictionaries(st.sampled_from(["MessageStatus", "ErrorCode", "MessageSid"]), st.text(max_size=12)))
def test_no_form_is_too_strange_to_be_read(form: dict[str, str]) -> None:
    assert fate_of(form) is None or isinstance(fate_of(form), Fate)


@pytest.mark.parametrize(("word", "state"), [("queued", S.SENT), ("sent", S.SENT), ("delivered", S.DELIVERED)])
def test_a_callback_settles_a_lost_answer(site: Site, clock: VirtualClock, word: str, state: DeliveryState) -> None:
    """That a message is on its way is proof that it exists: it need not be looked for, and is never sent again."""
    settled(site, clock, OutcomeKind.UNKNOWN)
    status(site, word)
    delivery = the(site.store, "d1")
    assert (delivery.state, delivery.provider_id, delivery.doubt_since) == (state, "SM1", None)
    assert site.store.unknowns(10, timedelta(minutes=2), clock.now() + timedelta(hours=1)) == ()


def test_a_callback_may_be_faster_than_the_answer(site: Site, clock: VirtualClock) -> None:
    delivery = begun(site, clock)
    status(site, "delivered")
    site.store.settle(delivery.id, delivery.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED, "SM1"), clock.now())
    assert the(site.store, "d1").state is S.DELIVERED


def test_a_callback_for_another_message_of_the_same_delivery_changes_nothing(site: Site, clock: VirtualClock) -> None:
    settled(site, clock, OutcomeKind.SENT, "SM2")
    status(site, "failed", "30005", sid="SM1")
    assert the(site.store, "d1").state is S.SENT


def test_a_callback_for_a_message_nobody_sent_is_taken_quietly(site: Site) -> None:
    assert status(site, "delivered", path="/hooks/twilio/status/sms/unknown") == 200


WORDS = st.sampled_from([
    ("queued", ""), ("sending", ""), ("sent", ""), ("delivered", ""), ("undelivered", "30003"),
    ("undelivered", "30008"), ("failed", "30007"), ("", ""),
])
FINAL = {S.DELIVERED, S.FAILED}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(words=st.lists(WORDS, max_size=8), number=st.integers(0, 10**12), lost=st.booleans())
def test_late_doubled_and_reordered_callbacks_change_nothing_final(
    site: Site, clock: VirtualClock, words: list[tuple[str, str]], number: int, lost: bool
) -> None:
    """Whatever comes in whatever order: the first final word stands, with its reason, and no other. Only where another
    message is to follow, because the handset was off, does a `delivered` that comes after all still count."""
    id = f"d{number}"
    now = clock.now()
    notice = a_notice(f"n{number}", incident=f"I{number}", created_at=now, valid_until=now + timedelta(hours=1))
    queue(site.store, notice, replace(a_delivery(notice), id=id))
    claimed = {delivery.id: delivery for delivery, _ in site.store.claim("sms", 100, LEASE, now)}
    if id not in claimed:  # this example was played before
        return
    site.store.begin(id, claimed[id].token, now)
    kind, sid = (OutcomeKind.UNKNOWN, None) if lost else (OutcomeKind.SENT, f"SM{id}")
    site.store.settle(id, claimed[id].token, Outcome(kind, Reason.LOST_ANSWER if lost else Reason.ACCEPTED, sid), now)
    for word, code in words:
        status(site, word, code, sid=f"SM{id}", path=f"/hooks/twilio/status/sms/{id}")
    fates = [fate for word, code in words if (fate := fate_of({"MessageStatus": word, "ErrorCode": code}))]
    final = next((fate for fate in fates if fate.state in FINAL), None)
    delivery = the(site.store, id)
    if final is not None and final.code == 30003:
        after = any(fate.state is S.DELIVERED for fate in fates)
        assert delivery.state is (S.DELIVERED if after else S.PENDING)
    elif final is not None:
        assert (delivery.state, delivery.reason) == (final.state, final.reason)
    else:
        assert delivery.state is (S.UNKNOWN if lost and not fates else S.SENT)


# ── what it means for others ──


def test_a_callback_that_says_opted_out_opts_out(site: Site) -> None:
    assert status(site, "failed", "21610") == 200
    assert opted_out(site)


@pytest.mark.parametrize("code", ["30002", "30034", "30032", "21703"])
def test_a_fault_of_account_or_sender_stops_the_channel(site: Site, clock: VirtualClock, code: str) -> None:
    settled(site, clock, OutcomeKind.SENT, "SM1")
    status(site, "failed", code)
    found = read_stop(stop(site))
    assert found is not None
    assert (found.until, found.why) == (clock.now() + timedelta(minutes=30), f"{LATER} not_permitted")
    assert REGISTRY.get_sample_value("notifier_channel_stopped", {"channel": "sms"}) == 1


@pytest.mark.parametrize("code", ["30003", "30005", "30006", "30007", "30008", "30036", "21610", "99999"])
def test_what_one_message_met_does_not_stop_the_others(site: Site, clock: VirtualClock, code: str) -> None:
    """Carriers filter some texts of every large sending: their share decides, not the first."""
    settled(site, clock, OutcomeKind.SENT, "SM1")
    status(site, "failed", code)
    assert stop(site) is None


def test_a_repeated_callback_does_not_stop_the_channel_again(site: Site, clock: VirtualClock) -> None:
    settled(site, clock, OutcomeKind.SENT, "SM1")
    status(site, "failed", "30034")
    with site.store.transaction() as tx:
        tx.set_switch("stop:sms", "off", "ann", clock.now())
    status(site, "failed", "30034")
    assert stop(site) == "off"


def test_a_persons_stop_is_left_as_it_is(site: Site, clock: VirtualClock) -> None:
    settled(site, clock, OutcomeKind.SENT, "SM1")
    with site.store.transaction() as tx:
        tx.set_switch("stop:sms", "on the number is being moved", "ann", clock.now())
    status(site, "failed", "30034")
    assert stop(site) == "on the number is being moved"


# ── what people text us ──


@pytest.mark.parametrize("form", [
    pytest.param({"Body": "STOP"}, id="the word"),
    pytest.param({"Body": "stop"}, id="in small letters"),
    pytest.param({"Body": " Stop \n"}, id="with blanks around it"),
    pytest.param({"Body": "Unsubscribe"}, id="another word for it"),
    pytest.param({"Body": "genug jetzt", "OptOutType": "STOP"}, id="a word of the Messaging Service's own"),
])
def test_stop_is_honoured_whatever_its_case(site: Site, form: dict[str, str]) -> None:
    assert post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, **form}) == 200
    assert opted_out(site)


def test_stop_within_a_sentence_is_for_people_to_read(site: Site) -> None:
    post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, "Body": "stop telling me it works"})
    assert not opted_out(site)


def test_start_brings_a_person_back_and_its_repeat_does_not(site: Site) -> None:
    def say(word: str, sid: str) -> None:
        post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, "Body": word, "MessageSid": sid})

    say("STOP", "SM1")
    say("START", "SM2")
    assert not opted_out(site)
    say("STOP", "SM3")
    say("START", "SM2")
    assert opted_out(site), "the START was said before the STOP, and is only repeated"
    say("START", "SM4")
    assert not opted_out(site)


# ── who may speak ──


def test_a_forged_stop_changes_nothing(site: Site) -> None:
    assert post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, "Body": "STOP"}, token="guess") == 403
    assert not opted_out(site)


FORM = {"MessageSid": "SM1", "MessageStatus": "delivered"}
GOOD = RequestValidator(TOKEN).compute_signature(BASE + STATUS, FORM)


@pytest.mark.parametrize(
    ("path", "form", "signature"),
    [
        pytest.param(STATUS, FORM, "", id="none"),
        pytest.param(STATUS, FORM, "x", id="too short"),
        pytest.param(STATUS, FORM, "é" * 28, id="not even ASCII"),
        pytest.param(STATUS, FORM, GOOD[:-1], id="cut short"),
        pytest.param(STATUS, FORM, GOOD.swapcase(), id="of other letters"),
        pytest.param(STATUS, {**FORM, "MessageStatus": "failed"}, GOOD, id="of another status"),
        pytest.param(STATUS, {**FORM, "ErrorCode": "30007"}, GOOD, id="of fewer fields"),
        pytest.param(STATUS, {"MessageSid": "SM1"}, GOOD, id="of more fields"),
        pytest.param("/hooks/twilio/status/sms/d2", FORM, GOOD, id="of another delivery"),
        pytest.param("/hooks/twilio/status/other/d1", FORM, GOOD, id="of another channel"),
        pytest.param(STATUS + "?a=b", FORM, GOOD, id="of another query"),
        pytest.param("/hooks/twilio/sms", FORM, GOOD, id="of another route"),
    ],
)
def test_a_signature_is_for_one_address_and_one_form(
    site: Site, clock: VirtualClock, path: str, form: dict[str, str], signature: str
) -> None:
    settled(site, clock, OutcomeKind.SENT, "SM1")
    headers = {"X-Twilio-Signature": signature.encode().decode("latin-1")}
    assert site.client.post(path, data=form, headers=headers).status_code == 403
    assert the(site.store, "d1").state is S.SENT
    assert site.client.post(STATUS, data=FORM, headers={"X-Twilio-Signature": GOOD}).status_code == 200
    assert the(site.store, "d1").state is S.DELIVERED


@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        pytest.param(BASE, BASE + ":443", id="with the port that goes without saying"),
        pytest.param(BASE + ":8443", BASE + ":8443", id="with a port of its own"),
        pytest.param(BASE + "/", BASE, id="a slash at the end of ours"),
        pytest.param(BASE + "/outage", BASE + "/outage", id="a path that the proxy takes off"),
    ],
)
def test_the_address_is_the_one_twilio_saw(site: Site, configured: str, signed: str) -> None:
    site.now.public_url = configured
    assert post(site, STATUS, FORM, base=signed) == 200


def test_a_reload_of_the_public_url_changes_what_twilio_must_have_signed(site: Site) -> None:
    site.now.public_url = "https://other.example.net"
    assert post(site, STATUS, FORM) == 403


def test_either_token_is_taken_while_they_are_being_changed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    new = "new-secret-" + "x" * 32
    monkeypatch.setenv("TEST_NEW", new)
    assert post(site, STATUS, FORM, token=new) == 403
    both = {"twilio_token_secondary": Secret(env="TEST_NEW")}
    site.now.settings = site.now.settings.model_copy(update=both)
    assert [post(site, STATUS, FORM, token=token) for token in (TOKEN, new)] == [200, 200]
    only = {"twilio_token": Secret(env="TEST_NEW"), "twilio_token_secondary": None}
    site.now.settings = site.now.settings.model_copy(update=only)
    assert [post(site, STATUS, FORM, token=token) for token in (TOKEN, new)] == [403, 200]


def test_of_two_accounts_each_signs_for_its_own_channel(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployment's token is the default of those that name none; a person's text may come over any of them."""
    other = "other-secret-" + "x" * 32
    monkeypatch.setenv("TEST_OTHER", other)
    site.now.own_tokens["sms-two"] = [Secret(env="TEST_OTHER")]
    paths = {channel: f"/hooks/twilio/status/{channel}/d1" for channel in ("sms", "sms-two")}
    answers = {(channel, name): post(site, path, FORM, token=token) for channel, path in paths.items()
               for name, token in (("web", TOKEN), ("own", other))}
    assert answers == {("sms", "web"): 200, ("sms", "own"): 403, ("sms-two", "web"): 403, ("sms-two", "own"): 200}
    text = {"From": "+18025550999", "Body": "hello"}
    assert [post(site, "/hooks/twilio/sms", text, token=token) for token in (TOKEN, other, "guess")] == [200, 200, 403]


def test_a_callback_of_the_other_account_settles_what_it_was_asked(site: Site, clock: VirtualClock) -> None:
    """What the channel's own account did not take was given to the one that stands in: that one's word counts."""
    first = begun(site, clock)
    again = Outcome(OutcomeKind.RETRY, Reason.SERVER_ERROR, retry_at=clock.now())
    assert site.store.settle(first.id, first.token, again, clock.now())
    (second, _), = site.store.claim("sms", 1, LEASE, clock.now())
    assert site.store.begin(second.id, second.token, clock.now(), "sms-two") is None
    assert status(site, "failed", "30003", sid="SM-of-sms") == 200
    assert the(site.store, "d1").state is S.CLAIMED, "the first attempt's failure says nothing of the second"
    assert status(site, "delivered", sid="SM-of-two", path="/hooks/twilio/status/sms-two/d1") == 200
    assert (the(site.store, "d1").state, the(site.store, "d1").provider_id) == (S.DELIVERED, "SM-of-two")


def test_an_account_at_fault_stops_its_own_route_only(site: Site, clock: VirtualClock) -> None:
    one = begun(site, clock)
    assert site.store.settle(one.id, one.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED, "SM1"), clock.now())
    assert status(site, "undelivered", "30034", path="/hooks/twilio/status/sms-two/d1") == 200
    with site.store.transaction() as tx:
        assert (tx.switch("stop:sms"), (tx.switch("stop:sms-two") or "").split()[-1]) == (None, "not_permitted")


def test_without_a_token_nobody_is_believed(site: Site) -> None:
    site.now.settings = site.now.settings.model_copy(update={"twilio_token": None})
    assert post(site, STATUS, FORM) == 403
    assert post(site, STATUS, FORM, token="") == 403


def test_a_body_over_the_limit_is_refused_unread(site: Site) -> None:
    site.now.settings = site.now.settings.model_copy(update={"body_limit": 10 * BODY_MOST})
    assert post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, "Body": "x" * BODY_MOST}) == 413


@given(form=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8),
                            st.text(st.characters(codec="utf-8"), max_size=12), max_size=4))
def test_what_twilio_signs_is_believed_whatever_its_fields(form: dict[str, str]) -> None:
    """Twilio adds fields without notice; every one of them is part of the signature."""
    url = BASE + STATUS
    signature = RequestValidator(TOKEN).compute_signature(url, form)
    assert signed_by(TOKEN, url, form, signature)
    assert not signed_by(TOKEN, url, {**form, "More": "x"}, signature)
    assert not signed_by("guess", url, form, signature)
