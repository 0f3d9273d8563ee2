"""`notifier try-post`, as somebody types it who edits the words: what a post is, why, and where it would count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import settings as laws
from hypothesis import strategies as st

from notifier.cli.main import main
from notifier.cli.trying_posts import LINE_MOST

CONFIG = Path(__file__).resolve().parents[2] / "config"


def _type(*words: str, feed: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["try-post", "--config", str(CONFIG), *words], input=feed)


def _told(*words: str) -> str:
    done = _type(*words)
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(("words", "said", "what"), [
    (["no mobile data in Burlington, VT"],
     ["complaint of mobile-data: “no mobile data”", "Vermont (US-VT)", "text says 'Burlington, VT'",
      "It counts as complaint of mobile-data in the north-eastern United States, Vermont."],
     "a complaint with its place"),
    (["power is back but the internet is down"],
     ["complaint of broadband: “internet is down”", "recovery of power: “power is back”", "place: none found",
      "for it names no place"], "two services, two verdicts"),
    (["no power outages here"], ["nothing to us", "against it speaks “no power outages”", "It counts nowhere"],
     "a denial, with its words"),
    (["what a lovely morning"], ["no word of ours decides anything", "It counts nowhere"], "nothing"),
    (["no internet in Leeds"], ["England (GB-ENG)", "outside the territory (home_region: us-northeast)"],
     "a place that is not served"),
    (["RT @ann: no power in Boston"], ["It counts as a copy of a complaint of power", "no person more"],
     "another's words"),
    (["RT @ann: power is back"], ["It counts nowhere: a recovery of power that is passed on is another's word."],
     "another's recovery is nobody's"),
    (["no internet but no power outages here"], ["complaint of broadband", "against it speaks “no power outages”"],
     "what stands, and what does not"),
    (["--location", "upstate NY", "turning off 3g works"],
     ["workaround of mobile-data", "profile says 'upstate NY'", "New York"], "the profile's place"),
    (["--location", "Hogwarts", "no power"], ["place: none found"], "a place that is none"),
])
def test_what_a_post_is_and_why(words: list[str], said: list[str], what: str) -> None:
    told = _told(*words)
    assert [one for one in said if one not in told] == [], what


def test_posts_are_read_line_by_line() -> None:
    """Empty lines are none; for machines all are one list."""
    done = _type("--json", feed=b"no power\n\n  \nno internet in Boston\n")
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    assert [answer["text"] for answer in answers] == ["no power", "no internet in Boston"]
    assert answers[1]["place"]["region"] == "US-MA"
    assert answers[0]["verdicts"] == [{"kind": "complaint", "services": ["power"], "words": ["no power"]}]


@pytest.mark.parametrize(("feed", "said"), [
    (b"no power\n\xff\xfe\n", "standard input:2: not UTF-8 from byte 1 on"),
    (b"x" * (LINE_MOST + 5), "standard input:1: more than 65,536 bytes in one line"),
])
def test_what_is_no_post_is_named_with_its_line(feed: bytes, said: str) -> None:
    done = _type(feed=feed)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_no_words_move_the_cursor() -> None:
    done = _type("no power \x1b[2J\u202e in Boston", "--location", "\x07Boston, MA")
    assert done.exit_code == 0
    assert all(one.isprintable() or one == "\n" for one in done.stdout)


@pytest.mark.parametrize("feed", [b"", b"\n \n"])
def test_no_post_is_said(feed: bytes) -> None:
    done = _type(feed=feed)
    assert (done.exit_code, "no post was given" in done.output) == (2, True)


def test_a_word_without_end_is_broken() -> None:
    done = _type("no power " + "x" * 500)
    assert max(map(len, done.stdout.splitlines())) <= 80


@laws(max_examples=25, deadline=None)
@given(st.text(max_size=200).map(lambda text: f"power {text}"), st.none() | st.text(max_size=60))
def test_any_text_has_an_answer(text: str, location: str | None) -> None:
    """Whatever is written, an answer and exit code 0."""
    feed = text.replace("\n", " ").replace("\r", " ").encode("utf-8", "replace")
    done = _type(*(["--location", location.encode("utf-8", "replace").decode()] if location else []), feed=feed + b"\n")
    assert done.exit_code == 0, done.output
