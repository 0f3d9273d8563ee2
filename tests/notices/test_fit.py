"""Every text fits its channel by the channel's own rule, and shortening loses only what may be lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from notifier.notices.fit import KINDS, facets, measure, plain_sms, segments, shorten, weighted_length
from notifier.notices.refusal import Refusal
from notifier.notices.sms import encoding
from notifier.notices.urls import find_links, without_foreign_links
from tests.shared_data import shared

GROUPS = {
    "WeightedTweetsCounterTest": 20,
    "WeightedTweetsWithDiscountedEmojiCounterTest": 22,
    "UnicodeDirectionalMarkerCounterTest": 2,
}


@pytest.mark.parametrize(("group", "number"), GROUPS.items())
def test_x_counts_as_its_own_conformance_cases(group: str, number: int) -> None:
    cases = yaml.safe_load(shared("data/api/twitter-text-conformance/validate.yml").read_text("utf-8"))["tests"][group]
    assert len(cases) == number
    emoji = group != "WeightedTweetsCounterTest"  # that group is older than the rule for emoji
    for case in cases:
        length = weighted_length(case["text"], emoji=emoji)
        assert length == case["expected"]["weightedLength"], case["description"]
        if emoji:
            assert measure("x", case["text"]).fits == case["expected"]["valid"], case["description"]


def test_x_takes_its_limit_and_weights_from_its_own_configuration() -> None:
    config = json.loads(shared("data/api/twitter-text-config/v3.json").read_text("utf-8"))
    for span in config["ranges"]:
        for code in (span["start"], span["end"], span["end"] + 1):
            inside = any(r["start"] <= code <= r["end"] for r in config["ranges"])
            assert weighted_length(f"a{chr(code)}", emoji=False) == 1 + (1 if inside else 2), hex(code)
    assert measure("x", "a").limit == config["maxWeightedTweetLength"]
    assert weighted_length("https://example.com/" + "a" * 100) == config["transformedURLLength"]


def test_a_link_x_may_not_know_counts_the_longer_way() -> None:
    path = "/" + "a" * 100
    assert weighted_length(f"https://example.nosuchdomain{path}") == len(f"https://example.nosuchdomain{path}")
    assert weighted_length("https://a.nosuch") == 23


def test_links_are_found_where_x_finds_them() -> None:
    tests = yaml.safe_load(shared("data/api/twitter-text-conformance/validate.yml").read_text("utf-8"))["tests"]
    cases: list[dict[str, Any]] = tests["urls"] + tests["urls_without_protocol"]
    valid = [case["text"] for case in cases if case["expected"]]
    missed = [text for text in valid if not find_links(text)]
    assert missed == []
    extracted = yaml.safe_load(shared("data/api/twitter-text-conformance/extract.yml").read_text("utf-8"))["tests"][
        "urls"
    ]
    wrong = [c["description"] for c in extracted if [link.text for link in find_links(c["text"])] != c["expected"]]
    assert (len(wrong), len(extracted)) <= (16, 91), wrong  # mostly links within Japanese text without blanks


def test_sms_is_split_as_twilio_splits_it() -> None:
    cases = json.loads(shared("data/api/sms-segments/segment_cases.json").read_text("utf-8"))
    assert len(cases) == 10
    for case in cases:
        size = measure("sms", case["body"])
        assert (size.segments, size.encoding) == (case["segments"], case["encoding"]), case["testDescription"]


@pytest.mark.parametrize(
    ("text", "length", "parts", "alphabet"),
    [
        pytest.param("a" * 160, 160, 1, "GSM-7", id="160 fit in one"),
        pytest.param("a" * 161, 161, 2, "GSM-7", id="161 need two"),
        pytest.param("a" * 306, 306, 2, "GSM-7", id="twice 153"),
        pytest.param("a" * 307, 307, 3, "GSM-7", id="one more than twice 153"),
        pytest.param("€" * 80, 160, 1, "GSM-7", id="the euro sign counts two"),
        pytest.param("a" * 152 + "€" + "a" * 152, 306, 3, "GSM-7", id="an extended character is not split over parts"),
        pytest.param("á" * 70, 70, 1, "UCS-2", id="70 outside the alphabet"),
        pytest.param("á" * 71, 71, 2, "UCS-2", id="71 outside the alphabet"),
        pytest.param("á" * 66 + "😀" + "á" * 66, 134, 3, "UCS-2", id="a surrogate pair is not split over parts"),
        pytest.param("‘quote’", 7, 1, "UCS-2", id="one curly quote changes the alphabet"),
    ],
)
def test_sms_segments(text: str, length: int, parts: int, alphabet: str) -> None:
    size = measure("sms", text)
    assert (size.length, size.segments, size.encoding) == (length, parts, alphabet)


def test_plain_sms_keeps_the_cheap_alphabet() -> None:
    assert plain_sms("“It’s out” – sorry…") == '"It\'s out" - sorry...'
    assert plain_sms("avería") == "avería"
    assert plain_sms("Próxima información: ¿año?", fold_accents=True) == "Proxima informacion: ¿año?"


def test_accents_stay_where_folding_them_gains_nothing() -> None:
    assert plain_sms("información 情報", fold_accents=True) == "información 情報"


@given(st.text(max_size=400))
def test_segments_always_hold_the_text_and_never_waste_a_whole_one(text: str) -> None:
    size = measure("sms", text)
    single, chained = (160, 153) if size.encoding == "GSM-7" else (70, 67)
    if size.length <= single:
        assert size.segments == 1
    else:
        assert size.segments * chained >= size.length
        assert (size.segments - 1) * (chained - 1) < size.length  # a part loses at most one unit to a pair


@given(st.text(max_size=300))
def test_plain_sms_never_costs_more(text: str) -> None:
    plain = plain_sms(text, fold_accents=True)
    if encoding(text) == "GSM-7":
        assert encoding(plain) == "GSM-7"
    assert plain_sms(plain, fold_accents=True) == plain


def test_bluesky_counts_graphemes_and_bytes() -> None:
    family = "👨‍👩‍👧‍👦"
    assert measure("bluesky", family * 100).length == 100
    assert measure("bluesky", family * 100).fits
    assert not measure("bluesky", family * 121).fits, "3,025 bytes"
    assert not measure("bluesky", "a" * 301).fits


def test_mastodon_counts_a_link_as_23_and_obeys_the_instance() -> None:
    assert measure("mastodon", "see https://example.com/" + "a" * 400).length == 27
    assert measure("mastodon", "example.com").length == 11
    assert not measure("mastodon", "a" * 501).fits
    assert measure("mastodon", "a" * 501, limit=5000).fits


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_at_all_never_fits(kind: str) -> None:
    assert not measure(kind, "").fits


def test_facets_count_bytes_and_leave_the_full_stop_outside() -> None:
    text = "Avería: https://status.example.com/año?x=1. Más (https://example.org/a)"
    found = facets(text)
    assert [url for _, _, url in found] == ["https://status.example.com/año?x=1", "https://example.org/a"]
    assert found[0][0] == 9, "the í takes two bytes"


@given(
    st.lists(
        st.sampled_from(["https://example.com/a", "é", "😀", "word", "http://b.example.org", "(", ")."]), max_size=12
    )
)
def test_facets_point_at_exactly_their_links(parts: list[str]) -> None:
    text = " ".join(parts)
    found = facets(text)
    assert [text.encode()[start:end].decode() for start, end, _ in found] == [url for _, _, url in found]
    assert len(found) == sum(part.startswith("http") for part in parts)


def test_links_that_are_not_ours_are_taken_out_of_values() -> None:
    own = frozenset({"example.com"})
    assert without_foreign_links("see https://evil.test.io/x now", own) == "see  now"
    assert without_foreign_links("or evil.io now", own) == "or  now"
    assert without_foreign_links("see https://status.example.com/x", own) == "see https://status.example.com/x"
    assert without_foreign_links("see https://example.com.evil.io/", own) == "see "
    assert without_foreign_links("at https://example.com@evil.io/", own) == "at "
    assert without_foreign_links("go evil.guru/x. Write to a@b.guru", own) == "go evil. guru/x. Write to a@b.guru"


# ── Shortening ───────────────────────────────────────────────────────────────────────────────────────────────────────

KEPT = ("Vermont", "7:30 AM EST", "Ref I131114-1")


def test_a_text_that_fits_is_left_alone() -> None:
    assert shorten("x", "Outage in Vermont. Ref I131114-1", KEPT) == "Outage in Vermont. Ref I131114-1"


def test_words_go_and_the_reference_stays() -> None:
    text = "Outage in Vermont since 7:30 AM EST. " + "Crews are on site. " * 20 + "Ref I131114-1"
    made = shorten("x", text, KEPT)
    assert isinstance(made, str)
    assert measure("x", made).fits
    assert made.startswith("Outage in Vermont since 7:30 AM EST. Crews")
    assert made.endswith("… Ref I131114-1")
    assert measure("x", made).length > 260, "no more is cut than must be"


def test_what_cannot_be_cut_is_refused_with_a_reason() -> None:
    regions = ", ".join(f"Region {n}" for n in range(60))
    made = shorten("x", f"Outage in {regions}. Ref I1", [regions, "Ref I1"])
    assert made == Refusal("the x text is longer than 280 even without its details")


_words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=60)


@given(
    kind=st.sampled_from(["x", "bluesky", "mastodon", "sms"]),
    free=st.lists(_words, min_size=1, max_size=12),
    kept=st.lists(_words, max_size=4),
    limit=st.integers(20, 300),
)
def test_shortening_fits_and_keeps_or_refuses(kind: str, free: list[str], kept: list[str], limit: int) -> None:
    text = "".join(a + b for a, b in zip(free, [*kept, *[" "] * len(free)], strict=False)).strip()
    protected = [part for part in kept if part.strip() and part in text]
    made = shorten(kind, text, protected, limit)
    if isinstance(made, Refusal):
        assert not measure(kind, text, limit=limit).fits
    else:
        assert measure(kind, made, limit=limit).fits
        for part in protected:
            assert part.strip() in made


def test_segments_of_nothing_is_one_message() -> None:
    assert segments("") == 1
