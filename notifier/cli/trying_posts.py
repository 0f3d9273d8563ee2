"""`try-post`: what the words make of a post, for who edits them. Nothing is sent or kept.

It says what `vocabulary.yaml` found and why, and where the post would count: by the code the daemon reads posts with.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import click

from ..app import make_hearing
from ..clock import SystemClock
from ..config.tree import Config
from ..detection.complaint import Kind, Verdict
from ..detection.place import Placed
from ..detection.report import LIKELY, Read, Report, Reporter
from ..model.mention import TEXT_LIMIT, Mention
from .deployment import config_option, json_option, load_or_explain
from .output import BadInput, console, harmless, print_json

LINE_MOST = 65_536
"""Bytes of one line of standard input."""
WEIGHTS_SHOWN = 8


@click.command("try-post")
@click.argument("text", required=False)
@click.option("--location", default=None, metavar="TEXT", help="What the author's profile says of where they live.")
@config_option
@json_option
def try_post(text: str | None, location: str | None, directory: Path, as_json: bool) -> None:
    """Say what a post is, by which words, and where it would count.

    Without TEXT one post a line is read from standard input. Exit code 0 whatever the posts say.
    """
    texts = _lines(sys.stdin.buffer) if text in (None, "-") else iter((text or "",))
    if (first := next(texts, "").strip()) == "":
        raise BadInput("no post was given: write it in quotes, or one a line on standard input")
    texts = chain((first,), texts)
    config = load_or_explain(directory)
    reporter, now = Reporter(make_hearing(config)), SystemClock().now()
    answers = (_tried(reporter, config, post, location, now) for post in texts)
    if as_json:
        print_json(list(answers))
        return
    for number, answer in enumerate(answers):
        if number:
            click.echo()
        _print(answer)


def _lines(feed: BinaryIO) -> Iterator[str]:
    number = 0
    while line := feed.readline(LINE_MOST + 1):
        number += 1
        if len(line) > LINE_MOST:
            raise BadInput(f"standard input:{number}: more than {LINE_MOST:,} bytes in one line; a post is far shorter")
        try:
            post = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise BadInput(f"standard input:{number}: not UTF-8 from byte {error.start + 1} on; save the posts as "
                           "UTF-8") from error
        if post:
            yield post


def _tried(reporter: Reporter, config: Config, text: str, location: str | None, now: datetime) -> dict[str, Any]:
    post = Mention(id="try", created_at=now, network="try", text=text[:TEXT_LIMIT], author="somebody",
                   author_location=location)
    read = reporter.read(post, now)
    return {"text": post.text, "verdicts": [_verdict(one) for one in read.verdicts], "against": list(read.against),
            "model_weights": [{"word": word, "log_odds": round(weight, 3)} for word, weight in read.weights],
            "place": _place(read.placed, config), "counts": _counts(reporter, read, config)}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"kind": verdict.kind.value, "services": list(verdict.services), "words": list(verdict.words)}


def _place(placed: Placed | None, config: Config) -> dict[str, Any] | None:
    if placed is None:
        return None
    name, certainty = config.regions[placed.region].name, round(placed.certainty, 2)
    return {"region": placed.region, "name": name, "certainty": certainty, "reason": placed.reason,
            "sure_enough": placed.certainty >= LIKELY}


def _counts(reporter: Reporter, read: Read, config: Config) -> list[str]:
    """Sentences: what becomes of the post."""
    if not read.verdicts:
        return ["It counts nowhere: " + ("what speaks against it outweighs." if read.against
                                         else "nothing in it says that a service of ours fails or works again.")]
    return [_sentence(reporter, report, config) for report in read.reports]


def _sentence(reporter: Reporter, report: Report, config: Config) -> str:
    what, regions = f"{report.kind.value} of {', '.join(report.services)}", reporter.regions_of(report)
    if regions and report.voice.passed_on:
        return (f"It counts as a copy of a {what}: another's words are no person more." if report.kind is Kind.COMPLAINT
                else f"It counts nowhere: a {what} that is passed on is another's word.")
    if regions:
        where = ", ".join(config.regions[region].name for region in regions)
        return f"It counts as {what} in {where}{'' if report.region else ', for it names no place'}."
    if report.region:
        return (f"It counts nowhere: {config.regions[report.region].name} is outside the territory "
                f"(home_region: {config.detection.home_region}).")
    return "It counts nowhere: it names no place, and no home_region is set."


# ── for people ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _print(answer: dict[str, Any]) -> None:
    lines = [(0, f"“{' '.join(answer['text'].split())}”")]
    for one in answer["verdicts"]:
        lines.append((2, f"{one['kind']} of {', '.join(one['services'])}: {_quoted(one['words'])}"))
    if not answer["verdicts"]:
        lines.append((2, "nothing to us" + ("" if answer["against"] else ": no word of ours decides anything")))
    if answer["against"]:
        lines.append((2, f"against it speaks {_quoted(answer['against'])}"))
    if answer["model_weights"]:
        heaviest = answer["model_weights"][:WEIGHTS_SHOWN]
        lines.append((2, "the model weighs " + ", ".join(f"{one['word']} {one['log_odds']:+.1f}" for one in heaviest)))
    lines.append((2, _where(answer["place"])))
    lines += [(2, sentence) for sentence in answer["counts"]]
    for indent, text in lines:  # a word without end is broken: it is shown to a person, and no address to copy
        click.echo(textwrap.fill(harmless(text), max(console.width, 40), initial_indent=" " * indent,
                                 subsequent_indent=" " * (indent + 2), break_on_hyphens=False))


def _where(place: dict[str, Any] | None) -> str:
    if place is None:
        return "place: none found"
    unsure = "" if place["sure_enough"] else f"; less than {LIKELY} counts as no place"
    return f"place: {place['name']} ({place['region']}), {place['certainty']:.2f} sure: {place['reason']}{unsure}"


def _quoted(words: list[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)
