"""People are counted, not posts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from notifier.detection.people import People, Remembered, is_repost, person_of, text_of

from .scene import post

T = 1_350_000_000


def _people(most: int = 1000) -> People:
    return People(once=3600, copies=1800, most=most)


def test_one_person_counts_once_within_the_hour() -> None:
    """Twenty angry posts are one customer; an hour later the same customer counts again."""
    people = _people()
    assert [people.counts(7, None, "power", T + minute * 60) for minute in (0, 1, 59, 60, 61)] == [
        True, False, False, True, False]


def test_services_are_counted_apart() -> None:
    """Who has neither power nor internet counts for both."""
    people = _people()
    assert people.counts(7, None, "power", T)
    assert people.counts(7, None, "broadband", T)


def test_a_copied_text_counts_once() -> None:
    """Thousand accounts with the same words are one voice, for half an hour."""
    people = _people()
    assert [people.counts(number, 99, "power", T + number * 60) for number in (0, 1, 29, 30)] == [
        True, False, False, True]


def test_short_texts_may_be_alike() -> None:
    """"No power here" from two people are two people."""
    assert text_of(post("no power here")) is None
    assert text_of(post("there is no power here")) is not None


def test_copies_are_seen_through_links_and_names() -> None:
    """A copy with another link, another name or "RT" is still a copy."""
    texts = ("no power at all in Chelsea http://t.co/a", "RT no power at all in chelsea! @coned http://t.co/b",
             "No POWER at all, in Chelsea")
    assert len({text_of(post(text)) for text in texts}) == 1


def test_reposts_are_told() -> None:
    """By the network's mark, or by the old custom of writing RT."""
    assert is_repost(post("hello", is_repost=True))
    assert is_repost(post("RT @someone: no power"))
    assert not is_repost(post("ARTS @ the museum"))


def test_nameless_posts_are_people_of_their_own() -> None:
    """Without an author every post is a person; the same name on two networks is two."""
    one, other = post("no power"), post("no power")
    nameless = [type(one)(id=p.id, created_at=p.created_at, network="x", text="no power") for p in (one, other)]
    assert person_of(nameless[0]) != person_of(nameless[1])
    named = [type(one)(id="1", created_at=one.created_at, network=network, text="", author="ann")
             for network in ("x", "mastodon")]
    assert person_of(named[0]) != person_of(named[1])


def test_memory_is_bounded_and_forgets() -> None:
    """However many people post, no more are remembered than were asked for; old ones go by themselves."""
    people = _people(most=100)
    for number in range(10_000):
        people.counts(number, number, "power", T)
    assert len(people.authors.seen) <= 100
    assert len(people.texts.seen) <= 100
    people.forget(T + 7200)
    assert not people.authors.seen


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7200)), max_size=60))
def test_nobody_counts_more_than_once_an_hour(posts: list[tuple[int, int]]) -> None:
    """Law: whatever order posts come in, two counted posts of one person lie an hour apart."""
    remembered = Remembered(1000)
    counted: dict[int, list[int]] = {}
    for person, at in sorted(posts, key=lambda one: one[1]):
        if remembered.first(person, at, 3600):
            counted.setdefault(person, []).append(at)
    assert all(later - earlier >= 3600 for times in counted.values()
               for earlier, later in pairwise(times))
