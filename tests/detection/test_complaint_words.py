"""What each list of the vocabulary is for, case by case, and the same in every language it knows."""

from __future__ import annotations

import pytest

from notifier.detection.complaint import Judge, Kind, Verdict

from .scene import post, services, vocabulary

OURS = {"operators": {"broadband": ("Vodafone", "@vodafone_help")},
        "namesakes": {**vocabulary().namesakes, "all": ("vodafone arena",)}}
C, R, W, N = Kind.COMPLAINT, Kind.RECOVERY, Kind.WORKAROUND, Kind.NONE


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(vocabulary().model_copy(update=OURS), services())


def _kinds(judge: Judge, text: str) -> dict[str, Kind]:
    return {service: verdict.kind for verdict in judge.verdicts(post(text)) for service in verdict.services}


@pytest.mark.parametrize(("text", "found"), [
    pytest.param("Power is back but the internet is down", {"power": R, "broadband": C}, id="one back, one down"),
    pytest.param("no power but at least the wifi is back", {"power": C, "broadband": R}, id="one down, one back"),
    pytest.param("Power's back after 3 days with no power", {"power": R}, id="back outweighs what is over"),
    pytest.param("Power is back! And now the power is out again", {"power": C}, id="what came again outweighs back"),
    pytest.param("no power or internet since noon", {"power": C, "broadband": C}, id="services that share a symptom"),
    pytest.param("internet and TV are down", {"broadband": C, "tv": C}, id="services that share what is said of them"),
    pytest.param("no power, internet is fine", {"power": C}, id="a comma shares nothing"),
    pytest.param("wifi/internet not working", {"broadband": C}, id="a stroke between words"),
    pytest.param("turn off 3G and it works", {"mobile-data": W}, id="what helps"),
    pytest.param("turn off the TV and go to bed", {}, id="advice that helps nothing"),
    pytest.param("turn off the lights when you leave", {}, id="an order"),
])
def test_one_verdict_a_service(judge: Judge, text: str, found: dict[str, Kind]) -> None:
    """A post may speak of several services, and each gets its own verdict."""
    assert _kinds(judge, text) == found


def test_judge_gives_the_weightiest(judge: Judge) -> None:
    """Where one verdict is asked for, a complaint outweighs a recovery of something else."""
    assert judge.judge(post("Power is back but the internet is down")) == Verdict(
        C, ("broadband",), ("internet is down",))


@pytest.mark.parametrize("text", [
    pytest.param("there is no data to support this", id="other data"),
    pytest.param("no data that vaccines cause it", id="other data again"),
    pytest.param("no power outages here, all good", id="an outage denied"),
    pytest.param("no internet issues in Boston so far", id="issues denied"),
    pytest.param("internet is not down for me", id="not down"),
    pytest.param("we are no longer without power", id="no longer"),
    pytest.param("No. Internet is fine", id="a sentence ends between the words"),
    pytest.param("watching Power Rangers, no power nap today", id="a series and a nap"),
    pytest.param("no data left until payday", id="an allowance used up"),
    pytest.param("a to-do app that works without internet, no internet needed", id="needs none"),
    pytest.param("Lights out at the Vodafone Arena, no power in Vodafone Arena", id="a hall of our name"),
])
def test_denials_and_namesakes(judge: Judge, text: str) -> None:
    """What only sounds like a symptom, and other things of the same name."""
    assert _kinds(judge, text) == {}


def test_a_namesake_of_a_service_hides_no_other(judge: Judge) -> None:
    """Power Rangers in a post say nothing against its internet being down."""
    assert _kinds(judge, "my internet is down and I can't watch Power Rangers") == {"broadband": C}


@pytest.mark.parametrize(("text", "kind"), [
    pytest.param("thanks a lot @vodafone_help, third day without internet, great service", C, id="no thanks"),
    pytest.param("love that my internet only goes out when I have a deadline", C, id="love that is none"),
    pytest.param("great job vodafone, router offline for two days in a row", C, id="praise that is none"),
    pytest.param("great, love how fast my internet is", N, id="praise"),
    pytest.param("thanks a lot @vodafone_help, internet is back", R, id="thanks for what is back"),
    pytest.param("congratulations vodafone on the award", N, id="congratulations"),
])
def test_sarcasm(judge: Judge, text: str, kind: Kind) -> None:
    """Praise is a complaint where something is wrong, and praise where nothing is."""
    assert judge.judge(post(text)).kind is kind


@pytest.mark.parametrize(("text", "kind"), [
    pytest.param("is anyone else's internet down?", C, id="a question to others"),
    pytest.param("anyone else without power in Quincy?", C, id="the same in other words"),
    pytest.param("@vodafone_help is there an outage in Kent?", C, id="a question to us"),
    pytest.param("is Vodafone down?", C, id="our name alone"),
    pytest.param("last week my internet was down", N, id="long past"),
    pytest.param("years ago we lost power for a week", N, id="years ago"),
    pytest.param("no internet since last week", C, id="long past, and lasting"),
    pytest.param("internet was down yesterday and is down again", C, id="past, and again"),
    pytest.param("my power still out, it went out yesterday", C, id="a filler says that it lasts"),
    pytest.param("my friend in Texas has no power", N, id="a friend elsewhere"),
    pytest.param("my mom and I have no power", C, id="her and me"),
    pytest.param("her power is out", N, id="hers"),
    pytest.param("they have no internet at my office", N, id="theirs"),
    pytest.param("power outage leaves 5,000 customers in the dark", N, id="a number of others after it"),
    pytest.param("been without internet for 36 hours", C, id="a number of hours"),
    pytest.param("paying hundreds of dollars for internet that never works", C, id="a number of dollars"),
    pytest.param("no internet? switch to us and save", N, id="an offer"),
    pytest.param("⚡ internet outage detected in Ohio, live map below", N, id="a machine"),
    pytest.param("We are aware that internet is down and our technicians are on it", N, id="an office"),
    pytest.param("if the storm comes. No power here already", C, id="a fear in another sentence"),
    pytest.param("I hope everyone is safe, we have no power", C, id="a wish in another clause"),
    pytest.param("Can't believe vodafone is still down", C, id="a denial that denies something else"),
    pytest.param("#nopower #boston", C, id="a hashtag without capitals"),
    pytest.param("no\u00a0power", C, id="a space that does not break"),
    pytest.param("n\u200bo po\u200bwer", C, id="invisible characters"),
    pytest.param("inter-net is d-o-w-n", C, id="hyphens"),
    pytest.param("NO POWER!!!!!", C, id="shouting"),
    pytest.param("ｎｏ ｐｏｗｅｒ", C, id="wide letters"),
    pytest.param("wi-fi is down &amp; so am I", C, id="as HTML"),
])
def test_who_when_and_what_for(judge: Judge, text: str, kind: Kind) -> None:
    """A complaint is of the one who writes, of now, and sells nothing."""
    assert judge.judge(post(text)).kind is kind


LANGUAGES = {
    "en": ("no internet in the whole street", "power is back", "turn off 4G, then it works",
           "I hope the power is not out", "last month the internet was down", "no internet? sign up now"),
    "es": ("otra vez sin internet en todo el barrio", "volvió la luz", "apaga LTE y funciona",
           "ojalá no haya corte de luz", "el mes pasado me quedé sin internet", "¿sin internet? contrata ya"),
    "fr": ("plus d'internet depuis ce matin", "courant est revenu", "désactivez la 4G, ça marche",
           "pourvu que pas de panne de courant", "la semaine dernière panne de courant",
           "pas d'internet ? abonnez-vous"),
    "de": ("kein Internet in der ganzen Straße", "Strom ist wieder da", "LTE ausschalten, dann geht es",
           "hoffentlich kein Stromausfall", "letzte Woche kein Strom", "kein Internet? Jetzt wechseln"),
    "it": ("siamo senza corrente da due ore", "è tornata la luce", "disattiva 4G e funziona",
           "speriamo di non restare senza corrente", "la settimana scorsa senza luce",
           "senza internet? Passa a noi, offerta"),
    "pt": ("estou sem internet desde cedo", "voltou a energia", "desative 4G e funciona",
           "tomara que não falte luz, talvez sem luz", "semana passada fiquei sem luz", "sem internet? assine já"),
    "tl": ("walang kuryente dito sa amin", "may kuryente na", "patayin ang data, gumagana",
           "sana hindi walang kuryente", "noong isang linggo walang kuryente", "walang internet? mag subscribe na"),
}
EXPECTED = (C, R, W, N, N, N)


def test_every_language_is_tested() -> None:
    """A language that staff find in the example has its cases here."""
    words = vocabulary()
    known = {language for listed in (words.symptoms, words.recovery, words.workaround, words.denials, words.namesakes,
                                     words.promotions, words.news, *words.own_symptoms.values()) for language in listed}
    assert known == LANGUAGES.keys()


@pytest.mark.parametrize(("text", "kind"), [
    pytest.param(text, kind, id=f"{language} {kind} {number}") for language, texts in LANGUAGES.items()
    for number, (text, kind) in enumerate(zip(texts, EXPECTED, strict=True))])
def test_languages(judge: Judge, text: str, kind: Kind) -> None:
    """A complaint, a recovery, a workaround, a fear, something old and an offer, in each language."""
    assert judge.judge(post(text)).kind is kind


def test_a_verdict_against_names_its_words(judge: Judge) -> None:
    """Staff see what turned a claim."""
    assert judge.judge(post("never lost power here")).words == ("never",)
    assert judge.judge(post("no internet? switch to us")).words == ("switch to us",)
