"""What one post counts as once it is judged, placed and told from others': the parts of the detector together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from babel import Locale
from structlog.testing import capture_logs

from notifier import metrics
from notifier.detection.detector import Detector
from notifier.detection.people import is_repost
from notifier.detection.placing.nicknames import EXONYM_LANGUAGES
from notifier.detection.series import KEEP, WORDS_MOST, Sample, Series
from notifier.detection.spikes.territory import NOWHERE
from notifier.model.mention import Mention
from notifier.model.region import Region, RegionTree

from .scene import HOME, START, TICK, detector, play, post, services, settings, vocabulary

MINUTE = timedelta(minutes=1)


def _heard(*posts: Mention, heard: Detector | None = None) -> Detector:
    """A detector that took these posts and looked at them."""
    heard = heard or detector()
    for one in posts:
        heard.take("test", one, one.created_at)
    heard.signals(START + MINUTE)
    return heard


def _people(heard: Detector, service: str, region: str) -> int:
    return int(sum(people for _, people, _ in heard.history(service, region, minutes=10, now=START + MINUTE)))


def _complaints(service: str) -> float:
    return metrics.COMPLAINTS.labels(service)._value.get()


# ── several things in one post ───────────────────────────────────────────────────────────────────────────────────────


def test_a_post_says_that_one_service_is_back_and_another_down() -> None:
    """Power's recovery ends power's alarm, and the complaint counts for the internet alone."""
    text = "power is back but the internet is down"
    before = _complaints("broadband"), _complaints("power")
    heard = _heard(*(post(f"{text} {n}", at=START, who=f"w{n}", where="Barre, VT") for n in range(3)))
    assert _people(heard, "broadband", "US-VT") == 3
    assert _people(heard, "power", "US-VT") == 0
    assert heard._board.series["power", "US-VT"].recovered_within(int(START.timestamp()), 600) == 3
    assert (_complaints("broadband"), _complaints("power")) == (before[0] + 3, before[1])
    assert (heard.counts.mentions, heard.counts.complaints, heard.counts.located) == (3, 3, 3)


def test_who_passes_on_a_complaint_and_says_that_the_other_is_back() -> None:
    """What stands in the quoted words is a copy, what stands before them is their own."""
    heard = _heard(post("power is back! RT @ann: no internet in all of Barre tonight", at=START, where="Barre, VT"))
    assert _people(heard, "broadband", "US-VT") == 0
    assert heard._board.series["broadband", "US-VT"].copies == {int(START.timestamp()) // 60: 1}
    assert heard._board.series["power", "US-VT"].recovered_within(int(START.timestamp()), 600) == 1
    assert heard.counts.complaints == 0


@pytest.mark.parametrize("own", ["power's out here too", "the power is still out in Barre"])
def test_own_words_may_be_spelt_another_way(own: str) -> None:
    """The judge's phrase is "power is out", whatever the apostrophes and fillers in the post were."""
    assert not is_repost(post(f"{own} RT @ann: power's out"), ("power is out",))


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_copies_and_reposts_are_counted_beside_people() -> None:
    """By minute, in the region and all above; they outlive a restart and go after three hours."""
    text = "no mobile data in all of Vermont since noon"
    heard = _heard(post(text, at=START, who="ann", where="Barre, VT"),
                   post(text, at=START + TICK, who="ben", where="Barre, VT"),
                   post(f"RT @ann: {text}", at=START + 2 * TICK, who="cat", where="Barre, VT"))
    minute = int(START.timestamp()) // 60
    again = detector()
    again.restore(heard.checkpoint())
    for one in (heard, again):
        assert _people(one, "mobile-data", "US-VT") == 1
        for region in ("US-VT", HOME):
            assert one._board.series["mobile-data", region].copies == {minute: 2}
    again.signals(START + timedelta(hours=3, minutes=2))
    assert again._board.series["mobile-data", "US-VT"].copies == {}


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unsure_place_is_none() -> None:
    """Of two places named either may be meant: it counts for the whole territory, as without a place."""
    assert (sure := detector()._reporter.places.find(post("no 3G", where="Seattle & London"))) is not None
    assert sure.certainty < 0.5
    heard = _heard(post("no 3G", at=START, who="a", where="Seattle & London"))
    assert ("mobile-data", sure.region) not in heard._board.series
    assert _people(heard, "mobile-data", HOME) == 1
    assert heard.counts.located == 0


def test_staff_see_by_what_posts_were_placed() -> None:
    """The most common reason of the posts shown, without names, short; it outlives a restart."""
    places = ["Barre, VT", "Barre, VT", *["Stowe, VT"] * 2, "@ann from Barre, VT"]
    posts = [post(f"no 3G here, {n}", at=START + n * TICK, who=f"p{n}", where=where) for n, where in enumerate(places)]
    heard = detector()
    told = play(heard, posts, until=START + MINUTE)
    reason = told[-1].facts["placed_by"]
    assert reason == "profile says 'Stowe, VT': named together with what it lies in"
    again = detector()
    again.restore(heard.checkpoint())
    assert [one.placed_by for one in again._board.series["mobile-data", "US-VT"].samples].count(reason) == 2


# ── what the parts must not do to others ─────────────────────────────────────────────────────────────────────────────


def test_reading_names_of_countries_leaves_the_languages_whole() -> None:
    """Notices write numbers with the same package."""
    detector()._reporter.places.find(post("no 3G", where="Deutschland"))
    for language in EXONYM_LANGUAGES:
        assert None in Locale.parse(language).decimal_formats, language


def test_a_territory_of_which_no_nickname_is_known() -> None:
    """A made-up one, as in a test deployment: its own names are found."""
    tree = RegionTree({"hills": Region("hills", "the Hills", "state")})
    heard = Detector(settings(home_region="hills"), vocabulary(), regions=tree, services=services())
    assert _people(_heard(post("no 3G", at=START, where="the Hills"), heard=heard), "mobile-data", "hills") == 1


def test_a_tree_too_wide_to_watch_is_told() -> None:
    """Of 5,001 districts below one country none is watched, and staff read which level and what to set."""
    tree = RegionTree({"land": Region("land", "the Land", "country"), **{
        f"d{n}": Region(f"d{n}", f"District {n}", "district", "land") for n in range(5_001)}})
    with capture_logs() as logs:
        narrow = Detector(settings(home_region="land"), vocabulary(), regions=tree, services=services())
        narrow.restore(narrow.checkpoint())
    assert narrow._board.territory_of("power").regions == ("land", NOWHERE)
    (said,) = logs  # once, whatever is restored into it
    assert (said["event"], said["log_level"]) == ("detector.regions_not_watched", "warning")
    assert (said["kinds"], said["regions"], said["watched"], said["needs"]) == (["district"], 5_001, 1, 50_020)
    with capture_logs() as logs:
        wide = Detector(settings(home_region="land", series_most=said["needs"]), vocabulary(), regions=tree,
                        services=services())
    assert (len(wide._board.territory_of("power")), logs) == (5_003, [])


# ── what helps ───────────────────────────────────────────────────────────────────────────────────────────────────────


ADVICE = "turn off 3G and mobile data works again in all of Vermont"


@pytest.mark.parametrize(("texts", "people"), [
    pytest.param([ADVICE] * 40, 1, id="one text is one person's"),
    pytest.param([ADVICE, *[f"RT @ann: {ADVICE}"] * 40], 1, id="reposts are nobody's"),
    pytest.param([f"{own}: turn off 3G, then mobile data works again" for own in (
        "Barre here", "hey from my kitchen in Stowe", "what my neighbour told me", "that did it at the farm")], 4,
        id="people with words of their own are people"),
])
def test_copies_of_advice_are_nobody(texts: list[str], people: int) -> None:
    """Staff read "N people say so": N are people as elsewhere, not posts."""
    heard = _heard(*(post(text, at=START, who=f"w{n}", where="Barre, VT") for n, text in enumerate(texts)))
    (cluster,) = heard._board.miner.clusters.values()
    assert len(cluster.people) == people


def test_new_accounts_alone_advise_nothing() -> None:
    """Forty accounts made today, each with other words, are as few people for advice as for complaints."""
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    born = (int(now.timestamp() * 1000) - 3_600_000 - 1_288_834_974_657) << 22
    heard = detector()
    for n in range(40):
        text = f"turn off 3G and mobile data works again, says number {n} of us who live in the valley"
        heard.take("test", post(text, at=now, who=str(born + n), where="Barre, VT"), now)
    heard.signals(now)
    (cluster,) = heard._board.miner.clusters.values()
    assert len(cluster.people) <= 4


def test_who_changes_their_mind_is_heard() -> None:
    """The same person's second word counts in place of the first."""
    said = post("turn off 3G, that helps, mobile data works again", at=START, who="ann", where="Barre, VT")
    heard = _heard(said)
    _heard(post("tried that again, didn't work", at=START + TICK, who="ann", reply_to=said.id), heard=heard)
    (cluster,) = heard._board.miner.clusters.values()
    assert [word.helps for word in cluster.people.values()] == [False]


# ── top words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _hours_of_one_trouble() -> list[Mention]:
    """Five hours of the same complaint, one a minute, then sixty people who say another thing within three minutes."""
    begun = START + timedelta(hours=5)
    return [*(post("no 3G", at=START + n * MINUTE, who=f"usual{n}", where="Barre, VT") for n in range(300)),
            *(post("mobile data is down", at=begun + n * MINUTE / 20, who=f"new{n}", where="Barre, VT")
              for n in range(60))]


def test_top_words_are_those_of_the_outage() -> None:
    """Not those of the hours before it; also after a restart."""
    heard = detector(prior_per_minute=1)
    told = play(heard, _hours_of_one_trouble(), until=START + timedelta(hours=5, minutes=4))
    assert told[-1].facts["words"].split(", ")[0] == "mobile data is down"
    again = detector(prior_per_minute=1)
    again.restore(heard.checkpoint())
    series, kept = (one._board.series["mobile-data", "US-VT"] for one in (heard, again))
    assert kept.words == series.words


def test_a_crowd_of_words_is_forgotten() -> None:
    """Fifty words fill what is kept of five minutes, and not what comes after; all go with the windows."""
    series = Series()
    for n in range(80):
        series.show([f"old {n}"], Sample(n, ""), 0)
    series.add(600, placed=True)
    series.show(["new"], Sample(600, ""), 0)
    assert len(series.said_since(0)) == WORDS_MOST + 1
    assert series.said_since(600) == ["new"]
    series.forget(600 + KEEP)
    assert series.said_since(0) == ["new"]
    series.forget(600 + 2 * KEEP)
    assert series.words == {}
