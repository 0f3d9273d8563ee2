"""What customers say helps is found, counted and cleaned; what a hostile crowd pushes is not offered."""

from __future__ import annotations

import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.demo.vermont import COMPLAINTS, ORDINARY, STRAYS, mentions
from notifier.detection.helping.advice import Advice, told
from notifier.detection.helping.miner import (
    CLUSTERS_MOST,
    KEEP,
    PEOPLE_MOST,
    WORDINGS_MOST,
    Miner,
    Offer,
    Said,
    facts_of,
    wilson,
)
from notifier.detection.helping.scams import why_not
from notifier.detection.helping.wording import cleaned, sentence_with
from notifier.detection.people import number, person_of

T = 1_350_000_000
_people = count(1)


def _said(text: str, *, at: int = T, person: int | None = None, region: str = "US-VT", **more: int) -> Said:
    return Said(at, person or next(_people), "mobile-data", region, text, **more)


def _offers(miner: Miner, *, most: int = 3) -> tuple[Offer, ...]:
    return miner.offers("mobile-data", lambda region: True, most)


def _mined(*texts: str) -> Miner:
    miner = Miner()
    for text in texts:
        miner.hear(_said(text))
    return miner


# ── reading one post ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "action", "thing"), [
    ("turn off 3G, then Edge carries calls", "off", "3g"),
    ("Turned your 3G off and calls work again?", "off", "3g"),
    ("works for calls if you disable 3G", "off", "3g"),
    ("apaga el 3G y vuelve a funcionar", "off", "3g"),
    ("désactivez la 3G, ça remarche", "off", "3g"),
    ("3G ausschalten hilft", "off", "3g"),
    ("schaltet 3G aus, dann geht es wieder", "off", "3g"),
    ("Restarting the router fixed it", "restart", "router"),
    ("reiniciar el router y funciona", "restart", "router"),
    ("redémarrez la box et ça marche", "restart", "router"),
    ("Router neu starten hat geholfen", "restart", "router"),
    ("switch to 4G only and it works", "switch to", "4g"),
    ("passez en 4G, ça fonctionne", "switch to", "4g"),
    ("change DNS to 8.8.8.8 works for me", "change", "dns"),
    ("cambia el DNS a 1.1.1.1 y funciona", "change", "dns"),
    ("wifi calling works for me", "use", "wifi calling"),
    ("the app is dead but the website works", "use", "website"),
    ("@carrier tip: toggle airplane mode", "toggle", "airplane mode"),
])
def test_advice_is_one_in_all_its_words(text: str, action: str, thing: str) -> None:
    """The same action to the same thing is the same advice, in four languages."""
    found = told(text)
    assert found is not None
    assert (found.advice, found.helps) == (Advice(action, thing), True)


@pytest.mark.parametrize("text", [
    "turned off 3G, still nothing", "I restarted my phone twice and it didn't help", "reinicié el router y nada",
    "j'ai redémarré la box, toujours rien", "Router neu gestartet, bringt nichts", "tried that, didn't work",
])
def test_failure_is_told(text: str) -> None:
    """What did not help is told as that."""
    found = told(text)
    assert found is not None
    assert not found.helps


@pytest.mark.parametrize("text", [
    *COMPLAINTS, *ORDINARY, *STRAYS, "why did they turn off 3G", "don't turn off your router", "the power is off",
    "my phone is off", "data working on 4G again", "I used my phone to read about it", "", "3G 3G 3G", "restart",
])
def test_what_is_no_advice(text: str) -> None:
    """Complaints, questions, denials and chatter advise nothing that helps."""
    found = told(text.format(brand="@carrier", town="Barre", place="Barre"))
    assert found is None or not found.helps


@pytest.mark.parametrize(("text", "wants"), [
    ("turn off 3G and call 0900-SCAM to fix it", "call"), ("turn off 3G, then call +1 (802) 555-0100", "call"),
    ("restart your router here https://fix.example", "link"), ("restart your router, see best-fix.xyz", "link"),
    ("change DNS to 6.6.6.6 and it works", "address"), ("restart your phone and DM me", "write"),
    ("reset your phone, send your password to us", "secrets"), ("use the app, promo code SAVE", "advertises"),
    ("use wifi calling, mail help@fix.example", "link"), ("reinicia el móvil y escríbeme", "write"),
    ("turn off 3G", ""), ("change DNS to 8.8.8.8", ""), ("turn off 3G, worked at 7:30 for 12 people", ""),
])
def test_scams(text: str, wants: str) -> None:
    """Whoever wants customers to call, click, pay, write or tell secrets is not offered, however helpful the rest."""
    assert (wants in why_not(text)) if wants else why_not(text) == ""


def test_words_shown_are_clean() -> None:
    """No names, links, numbers to call, or characters that move a terminal's cursor; one sentence, not too long."""
    text = ("RT @ann: No 3G in Barre!\nTurn off #3G, @carrier, then calls work \x1b[31mred\u202e. See "
            "https://x.example/a or call 802-555-0100 " + "and wait " * 60)
    assert sentence_with(text, Advice("off", "3g")) == "Turn off 3G, then calls work [31mred."
    assert "ann" not in cleaned(text)
    assert "555" not in cleaned(text)
    assert len(sentence_with("turn off 3G " + "and wait " * 60, Advice("off", "3g"))) <= 160


# ── clusters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_vermont_morning() -> None:
    """From the posts of that morning one thing is offered: 3G off; said by all who said it, and by nobody else."""
    miner = Miner()
    knowing = set()
    for one in mentions():
        region = "US-VT" if one.author_location else ""
        miner.hear(Said(int(one.created_at.timestamp()), person_of(one), "mobile-data", region, one.text))
        if any(word in one.text for word in ("turn off 3G", "switch off 3G", "Turned 3G off", "disable 3G")):
            knowing.add(person_of(one))
    (offer,) = _offers(miner)
    assert offer.advice == Advice("off", "3g")
    assert (offer.people, offer.failed) == (len(knowing), 0)
    assert offer.regions == ("US-VT",)
    assert "@" not in offer.wording
    assert "3G" in offer.wording
    assert len(set(offer.samples)) == 3


def test_a_hostile_crowd_offers_nothing() -> None:
    """A hundred accounts that push a number to call, a link, a trap of a DNS server: nothing; and what three customers
    found beside them is offered all the same."""
    miner = _mined(*(f"{n} no 3G? turn it off and on again and call 0900-SCAM{n}" for n in range(100)),
                   *(f"restart your router via http://fix.example/{n} works" for n in range(100)),
                   *(f"change DNS to 66.66.66.{n} works great" for n in range(100)))
    assert _offers(miner) == ()
    for text in ("turn off 3G, calls work", "turned 3G off, works", "switch off 3G, that helped"):
        miner.hear(_said(text))
    assert [offer.advice for offer in _offers(miner)] == [Advice("off", "3g")]


def test_people_are_counted_not_posts() -> None:
    """One customer who says it ten times is one, and one alone is not offered; who later says that it failed moves."""
    miner = Miner()
    for n in range(10):
        miner.hear(_said("turn off 3G, works", person=7, at=T + n))
    assert _offers(miner) == ()
    miner.hear(_said("turned 3G off, works", person=8))
    miner.hear(_said("turned 3G off, works", person=9))
    miner.hear(_said("turned 3G off again, still nothing", person=9, at=T + 60))
    (offer,) = _offers(miner)
    assert (offer.people, offer.failed) == (2, 1)


def test_what_fails_for_most_is_not_offered_and_what_helps_more_is_first() -> None:
    """Two who say so do not stand before twenty of whom one failed; more failures than help are no offer."""
    miner = _mined(*["restart the router, works"] * 2, *["switch to 4G only, works"] * 20,
                   "switched to 4G, still nothing", *["toggle airplane mode, works"] * 3,
                   *["toggled airplane mode, didn't work"] * 4)
    assert [offer.advice.thing for offer in _offers(miner)] == ["4g", "router"]
    assert [offer.advice.thing for offer in _offers(miner, most=1)] == ["4g"]


def test_tried_that() -> None:
    """An answer to a post that advised says of that advice that it failed; an answer to another post nothing."""
    miner = Miner()
    miner.hear(_said("turn off 3G, works", post=number("p1")))
    miner.hear(_said("turn off 3G, works"))
    assert miner.hear(_said("tried that, didn't work", region="", answers=number("p1"))._replace(service=""))
    assert not miner.hear(_said("tried that, didn't work", answers=number("p2")))
    (offer,) = _offers(miner)
    assert (offer.people, offer.failed) == (2, 1)


def test_only_of_the_region_asked_for() -> None:
    """What helps in Maine is not offered for Vermont; what has no place is."""
    miner = Miner()
    for region in ("US-ME", "US-ME", "US-VT", ""):
        miner.hear(_said("turn off 3G, works", region=region))
    found = {asked: miner.offers("mobile-data", asked.__eq__) for asked in ("US-VT", "US-ME", "US-NH")}
    assert {asked: [one.people for one in offers] for asked, offers in found.items()} == {
        "US-VT": [2], "US-ME": [3], "US-NH": []}
    assert miner.offers("power", lambda region: True) == ()


def test_facts_are_small_and_plain() -> None:
    """What a signal carries: the best wording under the name staff know, and the rest as JSON."""
    facts = facts_of(_offers(_mined(*["turn off 3G, works"] * 4, *["restart the phone, works"] * 2)))
    assert list(facts) == ["workaround", "workaround_said", "workaround_2", "workaround_2_said"]
    assert facts["workaround"] == "turn off 3G, works"
    said = json.loads(facts["workaround_said"])
    assert (said["advice"], said["people"], said["failed"]) == ("off 3g", 4, 0)


@pytest.mark.parametrize(("hits", "of", "bound"),
                         [(0, 0, 0.0), (2, 2, 0.342), (9, 10, 0.596), (40, 50, 0.670), (0, 9, 0)])
def test_wilson(hits: int, of: int, bound: float) -> None:
    """The lower end of the interval, to three figures, as tables give it."""
    assert wilson(hits, of) == pytest.approx(bound, abs=0.0006)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_memory_is_bounded_and_forgets() -> None:
    """However many say so, the memory stays small; after KEEP seconds nothing is left."""
    miner = Miner()
    for n in range(3 * PEOPLE_MOST):
        miner.hear(_said("turn off 3G, works", at=T + n, post=n + 1)._replace(service=f"s{n % (2 * CLUSTERS_MOST)}"))
        miner.hear(_said("turn off 3G, works", at=T + n))
    assert len(miner.clusters) <= CLUSTERS_MOST
    assert max(len(one.people) for one in miner.clusters.values()) == PEOPLE_MOST
    assert max(len(one.wordings) for one in miner.clusters.values()) == WORDINGS_MOST
    miner.forget(T + KEEP + 3 * PEOPLE_MOST)
    assert not miner.clusters
    assert not miner.posts


def test_a_restart_changes_nothing() -> None:
    """As JSON and back: the same offers, and "tried that" still finds what it answers."""
    miner, after = _mined("turn off 3G, works", "turned off 3G, works"), Miner()
    miner.hear(_said("turn off 3G, works", post=5))
    after.load(json.loads(json.dumps(miner.dump())))
    assert _offers(after) == _offers(miner)
    assert after.dump() == miner.dump()
    assert after.hear(_said("tried that, no luck", answers=5))


@pytest.mark.parametrize("broken", [{"clusters": [[1]], "posts": []}, {"clusters": [], "posts": [["a"]]}, {}])
def test_a_broken_dump_is_refused(broken: object) -> None:
    """By one of the errors a checkpoint's reader expects."""
    with pytest.raises((ValueError, TypeError, KeyError)):
        Miner().load(broken)


_PIECES = ("turn", "off", "3G", "works", ",", "the", "router", "not", ".")


@given(st.text(max_size=400) | st.lists(st.sampled_from(_PIECES), max_size=60).map(" ".join))
def test_any_text_is_read(text: str) -> None:
    """Whatever is written is read without raising, and what is shown of it is one clean line."""
    miner = Miner()
    for _ in range(2):
        miner.hear(_said(text))
    for offer in _offers(miner):
        assert offer.wording.isprintable()
        assert 0 < len(offer.wording) <= 160


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40))
def test_never_more_people_than_said_so(words: list[tuple[int, bool]]) -> None:
    """Law: who helps and who fails are together the people who spoke, each once, by their last word."""
    miner = Miner()
    last: dict[int, bool] = {}
    for n, (person, helps) in enumerate(words):
        text = "turn off 3G, works" if helps else "turned off 3G, still nothing"
        if miner.hear(_said(text, person=person + 1, at=T + n)):
            last[person] = helps
    helped, failed = sum(last.values()), len(last) - sum(last.values())
    assert [(one.people, one.failed) for one in _offers(miner)] == (
        [(helped, failed)] if helped >= 2 and helped > failed else [])
