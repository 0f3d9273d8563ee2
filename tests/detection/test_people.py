"""People are counted, not posts."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.detection.copies import BUCKET, COPY_WORDS, Copies, own_part, read_text, same, words_of
from notifier.detection.people import (
    NEW_FREE,
    WHATS_MOST,
    Counted,
    Crowd,
    Tally,
    Why,
    is_new_account,
    is_repost,
    person_of,
    voice_of,
)
from notifier.model.mention import Mention

from .scene import START, post

T = 1_350_000_000
LONG = "no power at all on our street in Chelsea since seven this morning"


def _crowd(most: int = 1000) -> Crowd:
    return Crowd(once=3600, copies=1800, most=most)


def _count(crowd: Crowd, text: str, *, who: str, at: int = T, what: str = "power", **more: object) -> str:
    return crowd.count(voice_of(post(text, who=who, **more), ("no power",)), what, at).counted.value  # type: ignore[arg-type]


# ── one person ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_person_counts_once_within_the_hour() -> None:
    """Twenty angry posts are one customer; an hour later the same customer counts again."""
    crowd = _crowd()
    assert [_count(crowd, f"no power, hour {minute}", who="ann", at=T + minute * 60) for minute in (0, 1, 59, 60, 61)] \
        == ["person", "nothing", "nothing", "person", "nothing"]


def test_services_are_counted_apart_but_not_without_end() -> None:
    """Who has neither power nor internet counts for both; an account that says of everything that it is down is a
    robot, and its list ends."""
    crowd = _crowd()
    found = [_count(crowd, "all down", who="ann", what=f"service {n}") for n in range(WHATS_MOST + 2)]
    assert found == ["person"] * WHATS_MOST + ["nothing"] * 2


def test_nameless_posts_are_people_of_their_own() -> None:
    """Without an author every post is a person; the same name on two networks is two: nothing says they are one."""
    one, other = (Mention(id=id, created_at=START, network="x", text="no power") for id in ("1", "2"))
    assert person_of(one) != person_of(other)
    named = [Mention(id="1", created_at=START, network=network, text="", author="ann") for network in ("x", "mastodon")]
    assert person_of(named[0]) != person_of(named[1])


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("changed", "why"), [
    (LONG, "the same words"),
    (LONG.upper() + "!!!", "louder"),
    ("@coned " + LONG + " https://t.co/abc", "with a name and a link"),
    (LONG.replace("power", "#power"), "with a hashtag within"),
    ("#Sandy " + LONG + " #NoPower #NYC", "between hashtags"),
    ("omg " + LONG + " lol \U0001f631", "with noises"),
    (LONG + " (via @ann)", "with its source named"),
    ("So scary, everybody: " + LONG, "after words of another"),
    (LONG + " stay safe everyone please", "before words of another"),
    (LONG[:52] + "…", "cut off"),
    ("This is worth sharing " + LONG[:52] + "...", "cut off, after words of another"),
])
def test_copies_are_seen_through(changed: str, why: str) -> None:
    """A copy is a copy, however it was passed on; and the one passed on counts as a copy, not as nothing."""
    crowd = _crowd()
    assert _count(crowd, LONG, who="ann") == "person"
    assert _count(crowd, changed, who="bob") == "copy", why


@pytest.mark.parametrize(("one", "other", "why"), [
    (LONG, LONG.replace("Chelsea", "Harlem"), "another place, told in the same words, is another statement"),
    ("no power here", "No power here!", "short texts are alike by chance"),
    ("power is out again", "power is out again", "so are these"),
    ("no power in all of Brooklyn", "no power in all of Brooklyn and now the water is gone, what do we do",
     "more is said"),
    (LONG, "my grandmother has had no heat and no water for two days, please help us", "nothing in common"),
    ("停電です", "停電です", "too short in any script"),
])
def test_what_is_no_copy(one: str, other: str, why: str) -> None:
    """Two people who say alike things are two people."""
    crowd = _crowd()
    assert [_count(crowd, one, who="ann"), _count(crowd, other, who="bob")] == ["person", "person"], why


def test_a_text_is_one_as_long_as_it_is_passed_on() -> None:
    """What goes round all day is one voice all day; half an hour after it was last heard it may be news again."""
    crowd = _crowd()
    assert [_count(crowd, LONG, who=f"p{minute}", at=T + minute * 60) for minute in (0, 20, 49, 78, 108)] == [
        "person", "copy", "copy", "copy", "person"]


def test_who_passed_on_may_yet_speak() -> None:
    """Somebody passes a text on, then says that they have no power themselves: a copy, and a person; nothing more."""
    crowd = _crowd()
    _count(crowd, LONG, who="ann")
    said = (LONG, "and now we have no power in Queens either, great", "still no power in Queens I swear", LONG)
    assert [_count(crowd, text, who="bob", at=T + n) for n, text in enumerate(said)] == [
        "copy", "person", "nothing", "nothing"]


def test_scripts_without_spaces_have_copies_too() -> None:
    """Six characters of Japanese are as good as six words."""
    crowd = _crowd()
    assert [_count(crowd, "渋谷で停電しています", who=who) for who in ("ann", "bob")] == ["person", "copy"]


# ── passed on, answered ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "own", "by_hand"), [
    ("RT @ann: no power", "", True),
    ("So true! RT @ann: no power", "So true!", True),
    ("“@ann: no power” me too", "me too", True),
    ('"@ann: no power', "", True),
    ("MT @ann no power in Queens", "", True),
    ("ARTS @ the museum", "ARTS @ the museum", False),
    ("@ann no power here either", "@ann no power here either", False),
])
def test_own_words(text: str, own: str, by_hand: bool) -> None:
    """What somebody wrote, apart from what they pass on."""
    assert own_part(text) == (own, by_hand)


def test_reposts_are_told() -> None:
    """By the network's mark, or by the old custom of writing RT; who adds that the same holds for them speaks."""
    assert is_repost(post("hello", is_repost=True))
    assert is_repost(post("RT @someone: no power"))
    assert is_repost(post("omg this! RT @someone: no power"), ("no power",))
    assert not is_repost(post("no power in Queens either RT @someone: no power"), ("no power",))
    assert not is_repost(post("ARTS @ the museum"))


def test_a_repost_is_a_copy_even_of_what_was_never_heard() -> None:
    """And the one whose words they are still counts when they are heard late."""
    crowd = _crowd()
    assert _count(crowd, "RT @ann: " + LONG, who="bob") == "copy"
    assert _count(crowd, LONG, who="ann") == "person"


def test_answers_with_nothing_of_their_own() -> None:
    """Thousands answer a celebrity "same, no power": one. Who names a street, or answers a friend, counts."""
    crowd = _crowd()
    told = [_count(crowd, text, who=f"p{n}", reply_to=root) for n, (text, root) in enumerate((
        ("same, no power", "star"), ("No power here also!", "star"), ("no power here", "friend"),
        ("no power in Queens", "star"), ("no power lol", "star")))]
    assert told == ["person", "copy", "person", "person", "copy"]


# ── brigades ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _account(days: float, number: int) -> str:
    """The number X gives an account made so many days before START in another year."""
    made = (LATER - timedelta(days=days)).timestamp() * 1000
    return str((int(made) - 1_288_834_974_657 << 22) + number)


LATER = START.replace(year=2024)


@pytest.mark.parametrize(("author", "network", "new"), [
    (_account(1, 0), "x", True), (_account(8, 0), "x", False), (_account(-1, 0), "x", False),
    ("4923106354", "x", False), ("ann", "x", False), (_account(1, 0), "mastodon", False), ("9" * 30, "x", False),
    ("１２３" * 6, "x", False),
])
def test_new_accounts(author: str, network: str, new: bool) -> None:
    """X's numbers of accounts tell when they were made; no other network's do."""
    made = Mention(id="1", created_at=LATER, network=network, text="no power", author=author)
    assert is_new_account(made) is new


def test_a_brigade_of_new_accounts_is_no_crowd() -> None:
    """Accounts made this week make up no spike by themselves, whatever they write; the same words count once. Among
    many others they count."""
    at = int(LATER.timestamp())
    alike, other, among = _crowd(), _crowd(), _crowd()

    def told(crowd: Crowd, text: str, n: int) -> Tally:
        made = Mention(id=f"n{n}", created_at=LATER, network="x", text=text, author=_account(2, n))
        return crowd.count(voice_of(made), "power", at)

    assert [told(alike, "no power here", n).counted for n in range(5)] == [Counted.PERSON, *[Counted.COPY] * 4]
    tallies = [told(other, f"no power in {n}", n) for n in range(50)]
    assert [one.counted for one in tallies].count(Counted.PERSON) == NEW_FREE
    assert tallies[-1].why is Why.NEW_ACCOUNT
    for n in range(100):
        _count(among, f"no power in street {n}", who=f"p{n}", at=at)
    assert all(told(among, f"no power in {n}", n).counted is Counted.PERSON for n in range(40))


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_memory_is_bounded_and_forgets() -> None:
    """However many people post, no more are remembered than were asked for; old ones go by themselves."""
    crowd = _crowd(most=100)
    for n in range(5_000):
        _count(crowd, f"no power at number {n} of a street of {n * 7} names", who=f"p{n}", reply_to=str(n))
    assert len(crowd.people.authors.seen) <= 100
    assert len(crowd.people.services.seen) <= 100
    assert sum(map(len, crowd.copies.held.values())) <= 100 * BUCKET
    crowd.forget(T + 14 * 3600)
    assert not crowd.people.authors.seen
    assert not crowd.copies.held
    assert not crowd.people.lately.counts


def test_a_restart_keeps_who_was_counted_and_tells_no_text() -> None:
    """After a dump as JSON and back the same copies and the same people are known; the dump holds no word."""
    crowd, after = _crowd(), _crowd()
    _count(crowd, LONG, who="ann")
    kept = json.dumps(crowd.dump())
    assert "chelsea" not in kept.lower()
    assert "ann" not in kept
    after.load(json.loads(kept))
    assert after.dump() == crowd.dump()
    assert _count(after, "omg " + LONG + " stay safe everyone", who="bob", at=T + 60) == "copy"
    assert _count(after, "still no power", who="ann", at=T + 60) == "nothing"


def test_two_machines_become_one() -> None:
    """What two machines counted meets: nobody counts again on the one that takes over."""
    here, there = _crowd(), _crowd()
    _count(here, LONG, who="ann")
    _count(there, "no power in the whole of Jersey City tonight", who="bob")
    here.load(there.dump())
    assert [_count(here, "no power, still", who=who, at=T + 9) for who in ("ann", "bob", "cem")] == [
        "nothing", "nothing", "person"]
    assert _count(here, "no power in the whole of Jersey City tonight", who="dee", at=T + 9) == "copy"


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

Drawn = list[tuple[int, int]]
_TEXTS = ("no power", "no power here", LONG, LONG.replace("Chelsea", "Harlem"), "RT @ann: " + LONG,
          "the lights went out in all of Hoboken at nine tonight", "omg " + LONG + " stay safe")
drawn_posts = st.lists(st.tuples(st.integers(0, 5), st.integers(0, len(_TEXTS) - 1)), max_size=30)


def _tallies(posts: list[tuple[int, str]], crowd: Crowd) -> list[Counted]:
    return [crowd.count(voice_of(post(text, who=f"p{who}"), ("no power",)), "power", T).counted for who, text in posts]


@given(drawn_posts)
def test_never_more_people_than_authors(drawn: Drawn) -> None:
    """Law: within the hour the people counted are at most the authors, and so are the copies."""
    found = _tallies([(who, _TEXTS[text]) for who, text in drawn], _crowd())
    authors = {who for who, _ in drawn}
    assert found.count(Counted.PERSON) <= len(authors)
    assert found.count(Counted.COPY) <= len(authors)


@given(drawn_posts)
def test_a_post_handed_in_again_counts_nothing(drawn: Drawn) -> None:
    """Law: whatever was counted, the same posts again, in the same order, add nobody."""
    crowd = _crowd()
    posts = [(who, _TEXTS[text]) for who, text in drawn]
    _tallies(posts, crowd)
    again = _tallies(posts, crowd)
    assert set(again) <= {Counted.NOTHING}


@given(st.permutations(range(6)), st.lists(st.integers(0, len(_TEXTS) - 1), min_size=6, max_size=6))
def test_where_everybody_writes_once_the_order_changes_no_number(order: list[int], texts: list[int]) -> None:
    """Law: as long as each author writes once and a text's copies are equal, how many people and how many copies are
    counted does not depend on the order of arrival within the window (who of them is the person does)."""
    equal = [text % 4 for text in texts]
    posts = [(who, _TEXTS[text]) for who, text in enumerate(equal)]
    one, other = _tallies(posts, _crowd()), _tallies([posts[n] for n in order], _crowd())
    assert sorted(one) == sorted(other)


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    """Whatever is written is read without raising, and is a copy of itself where it is long enough."""
    words, cut = words_of(text)
    read = read_text(words, cut)
    assert (read is None) == (len(words) < COPY_WORDS)
    if read is not None:
        assert same(read.words, read.cut, read.words, read.cut)
        copies = Copies(within=60, most=10)
        assert [copies.holder(read, person, T) for person in (1, 2)] == [1, 1]
    voice_of(Mention(id="1", created_at=START, network="x", text=text, reply_to="9"), ("no power",))


@given(st.lists(st.sampled_from(["no", "power", "queens", "tonight"]), max_size=14),
       st.lists(st.sampled_from(["no", "power", "queens", "tonight"]), max_size=14), st.booleans(), st.booleans())
def test_being_a_copy_is_mutual(one: list[str], other: list[str], one_cut: bool, other_cut: bool) -> None:
    """Law: if one text is a copy of another, so is the other of the one."""
    a, b = " ".join(one), " ".join(other)
    assert same(a, one_cut, b, other_cut) == same(b, other_cut, a, one_cut)


@pytest.mark.parametrize("broken", [{"texts": [[1]]}, {"authors": [["x", 1]]}, {"lately": [[1, float("nan"), 1]]},
                                    {"services": None}, {"alike": [[1, 2, 3, None]]}])
def test_a_broken_dump_is_refused(broken: dict[str, object]) -> None:
    """What no dump holds is refused by one of the errors a checkpoint's reader expects."""
    broken = {"texts": [], "alike": [], "authors": [], "services": [], "lately": [], **broken}
    with pytest.raises((ValueError, TypeError, KeyError)):
        _crowd().load(broken)
