"""What is ruled out by a glance would have been ruled out by a full reading: laws over whatever strangers may send."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from notifier.detection.counted import Counts
from notifier.detection.report import Report
from notifier.detection.words import fold
from notifier.intake.counting import Collapse
from notifier.intake.folding import BREAK, fold_texts
from notifier.intake.glance import GLANCES, tidied
from notifier.intake.shapes import Feed, Shape, read
from notifier.intake.shares import (
    MESSAGE_BYTES,
    Handed,
    Ledger,
    Merge,
    Placed,
    encode,
    handed_of,
    message,
    messages,
    reports_of,
    shares,
)
from notifier.intake.triggers import Triggers
from notifier.model.mention import Mention

from . import scene
from .node_process import reader

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
WORDS = st.sampled_from((
    "no power", "No Pôwer!", "#NoPower", "kein Strom", "sin lu\u0301z", "Straße", "ＰＯＷＥＲ is out", "internet",
    "is", "down",
    "pow\u00ader", "wi-fi", "isn't", "’", "`", "…", "™", "한국", "\u0130", "ﬁ", "https://t.co/x", "power is back",
    "RT @ann:", "<p>", "&amp;", "\x00", "\ufeff"))
SOME = st.lists(WORDS, max_size=6)
TEXT = st.one_of(st.text(max_size=60), SOME.map(" ".join), SOME.map("".join))
ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.lists(TEXT, max_size=2),
                st.dictionaries(st.sampled_from(("text", "type", "id")), TEXT, max_size=2))
SOMETIMES_ODD = st.one_of(TEXT, TEXT, TEXT, ODD)
ID = st.one_of(st.just("1790000000000000001"), ODD)
WHEN = st.one_of(st.just("2026-01-15T11:58:00Z"), ODD)


def _maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


NOTE = st.one_of(_maybe(text=SOMETIMES_ODD), ODD)
WELL = st.fixed_dictionaries({"id": st.just("19"), "text": TEXT}, optional={
    "note_tweet": _maybe(text=SOMETIMES_ODD), "note_post": _maybe(text=TEXT),
    "referenced_tweets": st.just([{"type": "retweeted", "id": "1"}])})
X = st.one_of(st.fixed_dictionaries({"data": WELL}), _maybe(
    data=st.one_of(_maybe(id=ID, text=SOMETIMES_ODD, created_at=WHEN, author_id=ID, note_tweet=NOTE, note_post=NOTE,
                          referenced_tweets=ODD), ODD),
    includes=ODD, matching_rules=st.one_of(st.just([{"tag": "notifier:x"}]), ODD)))
BLUESKY = _maybe(
    did=ID, time_us=ODD, commit=st.one_of(_maybe(
        operation=st.one_of(st.just("create"), ODD), collection=st.one_of(st.just("app.bsky.feed.post"), ODD), rkey=ID,
        record=st.one_of(_maybe(text=SOMETIMES_ODD, createdAt=WHEN, langs=ODD), ODD)), ODD))
MASTODON = _maybe(id=ID, uri=ID, content=SOMETIMES_ODD, spoiler_text=SOMETIMES_ODD, created_at=WHEN, visibility=ODD,
                  reblog=st.one_of(_maybe(content=SOMETIMES_ODD), ODD), account=ODD)
EXPORT = _maybe(id=ID, text=SOMETIMES_ODD, created_at=WHEN, network=ODD, author=ODD, is_repost=ODD)
POSTS = {Shape.X: X, Shape.BLUESKY: BLUESKY, Shape.MASTODON: MASTODON, Shape.EXPORT: EXPORT}


def _bytes(record: Any, cut: int, escaped: bool) -> bytes:
    raw = json.dumps(record, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    return raw if cut < 0 else raw[:cut]


@pytest.mark.parametrize("shape", list(Shape))
def test_a_glance_tells_the_text_a_full_reading_gives(shape: Shape) -> None:
    """Whatever the bytes: where a full reading finds a post, the glance found the same text or said to look closely."""

    @settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    @given(POSTS[shape], st.one_of(st.just(-1), st.just(-1), st.integers(0, 300)), st.booleans())
    def law(record: Any, cut: int, escaped: bool) -> None:
        raw = _bytes(record, cut, escaped)
        found = read(Feed(shape, host="example.org"), raw, NOW)
        glanced = GLANCES[shape](raw)
        if isinstance(found, Mention) and glanced is not None:
            assert tidied(shape, glanced) == found.text

    law()


def test_a_note_of_nothing_is_looked_at_closely() -> None:
    """A control character is all its long text holds: the short text is the post's."""
    raw = _bytes({"data": {"id": "19", "text": "no signal", "note_tweet": {"text": "\x00"}}}, -1, False)
    assert GLANCES[Shape.X](raw) is None


@pytest.mark.parametrize("shape", list(Shape))
def test_the_sieve_drops_no_post_the_judge_would_count(shape: Shape) -> None:
    """A batch read past the sieves gives the reports of each post read in full by itself, in the same order."""

    @settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.tuples(POSTS[shape], st.one_of(st.just(-1), st.just(-1), st.integers(0, 300)), st.booleans()),
                    max_size=8))
    def law(records: list[tuple[Any, int, bool]]) -> None:
        feed = Feed(shape, host="example.org", tag="notifier:x" if shape is Shape.X else "")
        raws = [_bytes(*one) for one in records]
        exact: list[tuple[int, Report]] = []
        for at, raw in enumerate(raws):
            found = read(feed, raw, NOW)
            if isinstance(found, Mention):
                exact.extend((at, report) for report in reader()._reporter.reports(found, NOW))
        batch = reader().read(feed, raws, NOW)
        assert batch.reports == exact
        tally = batch.tally
        assert tally.posts == len(raws) == (tally.unreadable + tally.no_post + tally.no_trigger + tally.no_verdict
                                            + tally.late + tally.outside + tally.reported)

    law()


@settings(deadline=None)
@given(st.lists(TEXT.map(lambda text: text.replace(BREAK, "")), min_size=1, max_size=5))
@example(["straße…", "ﬁ", "plain", ""])
@example(["".join(map(chr, range(0xAC00, 0xAC40))), "plain", "é"])
@example(["\u0130stanbul", "\u1e9e", "\udfff"])
def test_texts_folded_together_are_as_folded_alone(texts: list[str]) -> None:
    """The table maps every character as `words.fold` does."""
    assert fold_texts(texts) == BREAK.join(map(fold, texts))


def test_every_character_folds_as_words_fold_does() -> None:
    """All of Unicode, a thousand characters at a time."""
    for first in range(1, 0x110000, 997):
        text = "".join(map(chr, range(first, min(first + 997, 0x110000))))
        assert fold_texts([text]) == fold.__wrapped__(text)


@settings(deadline=None)
@example(["", "ab"], {"ab"})
@given(st.lists(st.lists(st.sampled_from(("ab", "b", "ba", "x", "é", " ", "c")), max_size=6).map("".join), max_size=8),
       st.sets(st.sampled_from(("ab", "ba", "abba", "c", "bb")), max_size=4))
def test_the_automaton_finds_each_text_that_holds_a_word(texts: list[str], words: set[str]) -> None:
    """Whatever overlaps whatever, in whichever text of the batch."""
    assert Triggers(words).holding(texts) == [
        at for at, text in enumerate(texts) if any(word in fold(text) for word in words)]


REPORTS = st.lists(st.tuples(
    st.sampled_from(("no power since seven here in {}", "no power", "the lights went out in {} and all is dark, wow",
                     "no internet and no power in {}", "the power is back in {}")),
    st.sampled_from(("Burlington, VT", "Boston, MA", "town")), st.integers(0, 5), st.integers(-7200, 0), st.booleans()),
    max_size=25)


def _placed(drawn: Any) -> list[Placed]:
    found: list[Placed] = []
    for sequence, (text, where, who, at, repost) in enumerate(drawn, start=1):
        heard = NOW + timedelta(seconds=sequence * 30)
        post = Mention(id=str(sequence), created_at=heard + timedelta(seconds=at // 8), network="x",
                       text=text.format(where), author=f"u{who}", is_repost=repost)
        found += [Placed((sequence, 0, number), report)
                  for number, report in enumerate(reader()._reporter.reports(post, heard))]
    return found


@settings(deadline=None, max_examples=60)
@given(REPORTS, st.integers(1, 4), st.randoms(use_true_random=False), st.lists(st.integers(0, 25), max_size=4))
def test_counts_are_the_same_in_whatever_order_and_however_often_reports_come(
    drawn: Any, partitions: int, dice: Any, floors: list[int]) -> None:
    """Reports shuffled, repeated, counted in any steps by owners that come and go: the sum is that of one process."""
    placed = _placed(drawn)
    for partition, mine in shares(placed, partitions).items():
        expected = _sum(Collapse(scene.settings()).count(one.report for one in mine))
        ledger, merge, total = Ledger(partition, Collapse(scene.settings())), Merge(), Counter[Any]()
        heard = [*mine, *mine]
        dice.shuffle(heard)
        for position, floor in enumerate([*sorted(floors), len(drawn) + 1], start=1):
            ledger.take(reports_of(encode([one for one in heard if one.place[0] <= floor or dice.random() < 0.3])), 1)
            for step, handed in enumerate(ledger.count(floor, 0)):
                counts = merge.take(handed_of(encode(handed)), position * 1000 + step)
                assert counts is not None
                total += _sum(counts)
            window = ledger.window(1)
            collapse = Collapse(scene.settings())
            collapse.load(window.collapse)
            ledger = Ledger(partition, collapse, upto=window.upto)
            ledger.replay(window.upto)
            ledger.take(mine, 1)
        assert total == expected
        assert merge.gaps == 0


def _sum(counts: Any) -> Counter[Any]:
    found = Counter[Any]()
    for one in counts.counts:
        found[one.minute, one.service, one.region, one.kind, "people"] += one.people
        found[one.minute, one.service, one.region, one.kind, "copies"] += one.copies
    return +found


@pytest.mark.parametrize(("text", "reply_to"), [
    ("no power since seven here in Burlington, VT", None), ("no power", "post-7")])
def test_who_was_first_with_these_words_is_known_after_a_restart(text: str, reply_to: str | None) -> None:
    """The copy of a text, or the second bare answer to a post, stays one when the window went through bytes between."""
    reports = [report for who in "ab" for report in reader()._reporter.reports(Mention(
        id=who, created_at=NOW, network="x", text=text, author=who, reply_to=reply_to), NOW)]
    before, after = Collapse(scene.settings()), Collapse(scene.settings())
    first = before.count(reports[:1])
    after.load(before.dump())
    second = after.count(reports[1:])
    assert [(one.people, one.copies) for one in (*first.counts, *second.counts)] == [(1, 0), (0, 1)]


def test_a_merge_goes_on_where_it_was_and_knows_of_gaps() -> None:
    """Counts taken before a restart are none after it; a stretch that never came is told of, and the rest counts."""
    one, two, four = (Handed(0, after, upto, 0, Counts()) for after, upto in ((0, 3), (3, 9), (12, 20)))
    before, after = Merge(), Merge()
    assert before.take(one, 1) is not None
    after.load(before.dump())
    assert after.take(one, 1) is None
    assert after.take(one, 2) is None, "stored twice, at another place of the stream"
    assert after.take(two, 3) is not None
    assert after.gaps == 0
    assert after.take(four, 4) is not None
    assert (after.gaps, after.position, after.upto) == (1, 4, {0: 20})


def test_an_owner_with_nothing_to_count_says_how_far_it_is() -> None:
    """Silence could be a dead node; this is none, and the next stretch follows it."""
    ledger = Ledger(2, Collapse(scene.settings()), upto=5)
    assert list(ledger.count(9, 100)) == []
    assert ledger.nothing(100) == Handed(2, 5, 9, 100, Counts())


def test_reports_of_the_longest_posts_fit_into_messages() -> None:
    """Whoever writes thousands of emoji at us must not stop a node: a NATS server takes a mebibyte."""
    post = Mention(id="1", created_at=NOW, network="x", author="u", reply_to="2",
                   text="turn off 3G and it works, no power " + "😀 名 " * 3000)
    found = reader()._reporter.reports(post, NOW)
    assert {report.kind.value for report in found} >= {"workaround"}
    placed = [Placed((at, 0, number), report) for at in range(500) for number, report in enumerate(found)]
    sent = list(messages(placed))
    assert max(map(len, sent)) <= MESSAGE_BYTES
    assert [one for data in sent for one in reports_of(data)] == placed
    counts = Collapse(scene.settings()).count(report for _ in range(60) for report in found)
    assert len(message(Handed(0, 0, 1, 0, counts))) <= MESSAGE_BYTES
    many = Counts(counts.counts, counts.samples * 5_000, counts.said)
    assert handed_of(message(Handed(0, 0, 1, 0, many))) == Handed(0, 0, 1, 0, Counts(counts.counts))
