"""What is a complaint, and about which service?"""

from __future__ import annotations

import pytest

from notifier.detection.complaint import Judge, Kind, Verdict

from .scene import post, services, vocabulary


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(vocabulary(), services())


def _verdict(judge: Judge, text: str) -> Verdict:
    return judge.judge(post(text))


@pytest.mark.parametrize(("text", "service"), [
    pytest.param("Mobile data is down in Burlington", "mobile-data", id="a service is down"),
    pytest.param("no 3G data in Rutland since this morning", "mobile-data", id="a word of the service is enough"),
    pytest.param("My phone has no internet in Barre", "mobile-data", id="the longer phrase wins over 'no internet'"),
    pytest.param("no internet at home since 6", "broadband", id="no internet without a phone is broadband"),
    pytest.param("what happened to 3G in Stowe, no service on data since 7:30", "mobile-data",
                 id="a symptom that names nothing belongs to the service near by"),
    pytest.param("The power is officially OUT :(", "power", id="fillers do not split a phrase"),
    pytest.param("My power's out", "power", id="an apostrophe does not matter"),
    pytest.param("#NoPower in Chelsea", "power", id="a hashtag is read as its words"),
    pytest.param("i still dont have power", "power", id="a denial inside the phrase is the symptom"),
    pytest.param("no signal at all here", "mobile-voice", id="no signal is mobile voice"),
    pytest.param("Se fue la luz en mi casa", "power", id="Spanish"),
    pytest.param("plus de courant chez nous depuis une heure", "power", id="French"),
    pytest.param("Panne d’électricité à Lyon", "power", id="French, with a typographic apostrophe"),
    pytest.param("Kein Netz in ganz Kassel", "mobile-voice", id="German"),
    pytest.param("ÉLECTRICITÉ EN PANNE", "power", id="capitals and accents do not matter"),
    pytest.param("texts not going through today", "sms", id="text messages"),
    pytest.param("cable is out again, missing the game", "tv", id="television"),
])
def test_complaints(judge: Judge, text: str, service: str) -> None:
    """A person without service is heard, and the service is the right one and the only one."""
    verdict = _verdict(judge, text)
    assert (verdict.kind, verdict.services) == (Kind.COMPLAINT, (service,))
    assert verdict.words


@pytest.mark.parametrize("text", [
    pytest.param("we still have power, thank god", id="it works"),
    pytest.param("never lost power during the storm", id="denied"),
    pytest.param("if we lose power I will cry", id="only feared"),
    pytest.param("I hope this hurricane doesn't knock my power out", id="hoped against"),
    pytest.param("hopefully no power outage tonight", id="hoped against in a word"),
    pytest.param("670,000 without power in New Jersey", id="a newspaper counts others"),
    pytest.param("More than 1.5 million already without power", id="millions are not a customer"),
    pytest.param("30,000 customers in Calgary remain without power", id="customers are spoken of"),
    pytest.param("According to Reuters power is out in Lower Manhattan", id="news names its source"),
    pytest.param("praying for those in NYC without power", id="sympathy"),
    pytest.param("Prep tip: how to cook w/o power", id="advice"),
    pytest.param("Great deal on mobile data today", id="a promotion"),
    pytest.param("jamming to Britney's blackout album", id="a record"),
    pytest.param("The data shows a clear trend", id="other data"),
    pytest.param("he never texts back, no texts no calls", id="other silence"),
    pytest.param("my bill is wrong again, second month", id="another complaint"),
    pytest.param("Cat Power cancels concert", id="a name"),
    pytest.param("", id="nothing"),
    pytest.param("@power @data #", id="names alone"),
])
def test_no_complaints(judge: Judge, text: str) -> None:
    """What a customer without service would not say does not count."""
    assert _verdict(judge, text).kind is Kind.NONE


@pytest.mark.parametrize(("text", "kind", "service"), [
    pytest.param("Data is back in Barre", Kind.RECOVERY, "mobile-data", id="back"),
    pytest.param("3G working again, finally", Kind.RECOVERY, "mobile-data", id="working again"),
    pytest.param("Yes! got electricity back", Kind.RECOVERY, "power", id="got it back"),
    pytest.param("volvió la luz", Kind.RECOVERY, "power", id="Spanish"),
    pytest.param("Strom ist wieder da", Kind.RECOVERY, "power", id="German"),
    pytest.param("turn off 3G, then Edge carries calls", Kind.WORKAROUND, "mobile-data", id="turn off"),
    pytest.param("Turned 3G off and I can make calls again. Data still dead.", Kind.WORKAROUND, "mobile-data",
                 id="what helps outweighs the complaint beside it"),
])
def test_other_kinds(judge: Judge, text: str, kind: Kind, service: str) -> None:
    """Relief and what helps are told from complaints."""
    verdict = _verdict(judge, text)
    assert (verdict.kind, verdict.services) == (kind, (service,))


def test_wish_is_no_recovery(judge: Judge) -> None:
    """Who wants the lights back does not have them."""
    assert _verdict(judge, "I want the lights back on").kind is not Kind.RECOVERY
