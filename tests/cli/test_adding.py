"""`add-source`: recognises, proposes, tries, and writes only what still checks, keeping every line people wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from notifier.config import check, load
from tests.net.test_fetch import reply, serving
from tests.sources.vendors import HERE

from .conftest import Desk

AT = ("--at", "2026-01-15T12:00:00Z")
LOCAL = ("--set", "allow_private=true")
SUMMARY = {"/api/v2/summary.json": "statuspage/open.json"}


@contextmanager
def vendor(pages: Mapping[str, str]) -> Iterator[str]:
    """A real server with these files of the vendors' folders by path; nothing else is there."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        file = pages.get(handler.path)
        reply(handler, (HERE / file).read_bytes() if file else b"", 200 if file else 404)

    with serving(respond) as url:
        yield url


def entries(desk: Desk) -> list[str]:
    return list(load(desk.directory).sources)


def test_it_shows_and_changes_nothing(desk: Desk) -> None:
    before = (desk.directory / "sources.yaml").read_bytes()
    with vendor(SUMMARY) as url:
        done = desk.type("add-source", url, *LOCAL, *AT)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{url} is statuspage.\n\n  - id: source\n    kind: statuspage\n")
    assert "#   - {component: Mobile data, group: Vermont, service: mobile-data}" in done.stdout
    assert "Not understood:\n  - unplaced: no region for" in done.stdout, "none of our regions is in its words"
    assert "Nothing was changed; --write adds the entry" in done.stdout
    assert (desk.directory / "sources.yaml").read_bytes() == before


def test_it_reads_once_as_it_would_be_polled(desk: Desk) -> None:
    with vendor(SUMMARY) as url:
        told = desk.json("add-source", url, *LOCAL, *AT, "--region", "hills")
    assert (told["ok"], told["kind"], told["written"], told["mistakes"]) == (True, "statuspage", False, [])
    (incident,) = told["reading"]["incidents"]
    assert (incident["services"], incident["regions"], incident["level"]) == (["mobile-data"], ["hills"], "major")


def test_it_writes_an_entry_that_sleeps_until_somebody_has_looked(desk: Desk) -> None:
    path = desk.directory / "sources.yaml"
    path.write_text("# ours\n" + path.read_text(encoding="utf-8").replace("mentions:", "# heard:\nmentions:"), "utf-8")
    before = path.read_text(encoding="utf-8").splitlines()
    with vendor(SUMMARY) as url:
        done = desk.type("add-source", url, *LOCAL, *AT, "--write", "--id", "carrier")
        again = desk.type("add-source", url, *LOCAL, *AT, "--write", "--id", "carrier")
    assert done.exit_code == 0, done.output
    assert "Written to sources.yaml as carrier." in done.stdout
    assert entries(desk) == ["vendor", "warnings", "carrier"]
    assert getattr(load(desk.directory).sources["carrier"], "enabled") is False  # noqa: B009
    after = iter(path.read_text(encoding="utf-8").splitlines())
    assert all(line in after for line in before), "every line is there, in order"
    assert again.exit_code == 1
    assert "this id is taken by an entry above" in again.stderr
    assert entries(desk) == ["vendor", "warnings", "carrier"]


def test_it_can_be_polled_at_once(desk: Desk) -> None:
    with vendor(SUMMARY) as url:
        assert desk.type("add-source", url, *LOCAL, *AT, "--write", "--enable", "--id", "carrier",
                         "--service", "mobile-voice", "--region", "hills").exit_code == 0
    settings = load(desk.directory).sources["carrier"]
    assert settings.model_dump()["enabled"] is True
    assert settings.model_dump()["placing"]["service"] == "mobile-voice"


def test_what_would_not_check_is_not_written(desk: Desk, tmp_path: Path) -> None:
    """Nothing in the answer speaks of a service of ours, and there are several."""
    before = (desk.directory / "sources.yaml").read_bytes()
    body = (HERE / "statuspage" / "open.json").read_text(encoding="utf-8").replace("obile data", "ystery")
    with serving(lambda handler: reply(handler, body.encode(), 200 if "summary" in handler.path else 404)) as url:
        told = desk.type("add-source", url, *LOCAL, *AT)
        done = desk.type("add-source", url, *LOCAL, *AT, "--write")
    assert told.exit_code == 0
    assert "say more with --service" in told.stdout
    assert done.exit_code == 1
    assert "names no service: nothing this source says could be placed" in done.stderr
    assert "Not written" in done.stdout
    assert (desk.directory / "sources.yaml").read_bytes() == before
    assert check(desk.directory) == ()


def test_a_configuration_with_mistakes_is_mended_first(desk: Desk) -> None:
    (desk.directory / "services.yaml").write_text("services: [{id: x}]\n", encoding="utf-8")
    done = desk.type("add-source", "https://status.example.com", "--write")
    assert done.exit_code == 1
    assert "nothing was done" in done.stderr


def test_without_a_file_of_sources_one_is_made(desk: Desk) -> None:
    (desk.directory / "sources.yaml").unlink()
    with vendor(SUMMARY) as url:
        done = desk.type("add-source", url, *LOCAL, *AT, "--write")
    assert done.exit_code == 0, done.output
    assert entries(desk) == ["source"]


@pytest.mark.parametrize(("pages", "path", "kind"), [
    pytest.param({"/feed.rss": "feed/open.xml"}, "", "feed", id="a feed where feeds usually are"),
    pytest.param({"/api/outages.json": "json/open.json"}, "/api/outages.json", "json", id="JSON of nobody's"),
    pytest.param({"/status": "html/open.html"}, "/status", "html", id="a page of nobody's"),
    pytest.param({"/index.json": "cstate/open.json"}, "", "cstate", id="cState"),
])
def test_what_is_added_reads_as_it_was_shown(pages: Mapping[str, str], path: str, kind: str, desk: Desk) -> None:
    with vendor(pages) as url:
        shown = desk.json("add-source", url + path, *LOCAL, *AT, "--write", "--id", "new", "--region", "hills")
        read = desk.json("try-source", "--source", "new", *AT)
    assert shown["kind"] == kind
    assert shown["written"]
    assert read["incidents"] == shown["reading"]["incidents"]
    assert read["not_understood"] == shown["reading"]["not_understood"]
    lost = [words for words in read["not_understood"] if "no region for 'Vermont" in words]
    assert read["incidents"] or lost, "its trouble is placed, or said to be nowhere where the vendor names a place"
    assert read["known"]


def test_a_list_in_brackets_is_left_alone_and_the_entry_shown(desk: Desk) -> None:
    path = desk.directory / "sources.yaml"
    path.write_text("sources: [{id: a, kind: feed, url: 'https://x.example', placing: {service: mobile-data, "
                    "regions: [hills]}}]\n", encoding="utf-8")
    with vendor(SUMMARY) as url:
        done = desk.type("add-source", url, *LOCAL, *AT, "--write")
    assert done.exit_code == 1
    assert "sources is written as [ … ]" in done.stderr
    assert "kind: statuspage" in done.stderr


@pytest.mark.parametrize(("words", "said"), [
    pytest.param(("ftp://x.example",), "expected a URL starting with http:// or https://", id="not a URL"),
    pytest.param(("https://x.example", "--kind", "statuspag"), "did you mean statuspage?", id="no such kind"),
    pytest.param(("https://x.example", "--service", "mobile-dta"), "did you mean mobile-data?", id="no such service"),
    pytest.param(("https://x.example", "--region", "hils"), "did you mean hills?", id="no such region"),
    pytest.param(("http://127.0.0.1:9/",), "cannot be asked: refused", id="an address of our own"),
    pytest.param(("https://x.example", "--set", "bearer.env=NOWHERE_SET"), "NOWHERE_SET is empty or not set",
                 id="no token"),
    pytest.param(("https://x.example", "--set", "a=1", "--set", "a.b=2"), "already given a value", id="both"),
    pytest.param(("https://x.example", "--set", "frehsness=3m"),
                 "--set frehsness: a source has no setting 'frehsness' (did you mean 'freshness'?); expected one of ",
                 id="a key no kind has"),
    pytest.param(("https://x.example", "--kind", "slack", "--set", "slug=x"),
                 "slack has no setting 'slug'; expected one of allow_private, bearer, ca_file, connect_timeout, "
                 "enabled, every, freshness, headers, id, kind, max_bytes, placing, read_timeout, total_timeout, url",
                 id="a key of another kind"),
    pytest.param(("https://x.example", "--set", "placing.servce=mobile-data"),
                 "has no setting 'placing.servce' (did you mean 'placing.service'?); expected one of placing.",
                 id="a key within another"),
    pytest.param(("https://x.example", "--set", "id=x"), "--set id has no place here: say it by --id", id="an option"),
    pytest.param(("https://x.example", "--set", "placing.service=mobile-dta"), "did you mean mobile-data?",
                 id="a service by --set"),
    pytest.param(("https://x.example", "--set", "allow_privat=true", "--set", "headers.X-Any=1"),
                 "did you mean 'allow_private'?", id="beside one whose keys are anybody's"),
])
def test_slips_at_the_keyboard(words: tuple[str, ...], said: str, desk: Desk) -> None:
    done = desk.type("add-source", *words)
    assert done.exit_code == 1
    assert said in done.stderr


def test_keys_that_are_right_are_let_through(desk: Desk) -> None:
    """Those of any kind, of what a setting holds, and whatever stands in a mapping."""
    with vendor(SUMMARY) as url:
        done = desk.type("add-source", url, *LOCAL, *AT, "--set", "headers.X-Any=one", "--set", "freshness=20m")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("freshness: 20m") == 1


def test_what_options_say_may_be_set_too_and_is_written_once(desk: Desk) -> None:
    """`--set placing.service=…` is `--service …`, `--set enabled=true` is `--enable`."""
    with vendor(SUMMARY) as url:
        done = desk.type("add-source", url, *LOCAL, *AT, "--write", "--id", "new", "--set", "every=2m", "--set",
                         "placing.service=mobile-voice", "--set", "placing.regions=[hills]", "--set", "enabled=true")
    assert done.exit_code == 0, done.output
    settings = load(desk.directory).sources["new"].model_dump()
    assert (settings["placing"]["service"], settings["placing"]["regions"]) == ("mobile-voice", ("hills",))
    assert (settings["enabled"], settings["every"].total_seconds()) == (True, 120)


@pytest.mark.parametrize("written", ["{url}", "{url}/", "{upper}"])
def test_an_address_that_stands_there_already_is_not_written_twice(written: str, desk: Desk) -> None:
    """It would be polled twice and told twice; the line where it stands is named. Who means it says so."""
    path = desk.directory / "sources.yaml"
    with vendor(SUMMARY) as url:
        there = written.format(url=url, upper=url.replace("http", "HTTP"))
        path.write_text(path.read_text(encoding="utf-8").replace("https://status.example.com", there), encoding="utf-8")
        shown = desk.type("add-source", url, *LOCAL, *AT)
        done = desk.type("add-source", url, *LOCAL, *AT, "--write")
        told = desk.json("add-source", url, *LOCAL, *AT)["stands_already"]
        assert entries(desk) == ["vendor", "warnings"]
        again = desk.type("add-source", url, *LOCAL, *AT, "--write", "--again")
    place = "sources.yaml:4:10 (vendor, statuspage)"
    assert told == [place]
    assert (shown.exit_code, done.exit_code, again.exit_code) == (0, 1, 0)
    assert f"{place}: this address stands there already" in shown.stdout
    assert f"{place}: this address stands there already" in done.stderr
    assert "Not written: this address would be polled twice; --again writes it all the same." in done.stdout
    assert entries(desk) == ["vendor", "warnings", "source"]


def test_what_the_words_mean_is_marked_as_a_guess(desk: Desk) -> None:
    """In what is printed and in what is written; what a person said is none."""
    with vendor({"/api/outages.json": "json/open.json"}) as url:
        words = ("add-source", url + "/api/outages.json", *LOCAL, *AT, "--region", "hills")
        guessed = desk.type(*words, "--write", "--id", "guessed")
        listed = desk.json(*words)["guessed"]
        said = desk.type(*words, "--set", "statuses={repairing: major, restored: ok}")
    for text in (guessed.stdout, (desk.directory / "sources.yaml").read_text(encoding="utf-8")):
        lines = [one.strip() for one in text.splitlines()]
        (at,) = [number for number, one in enumerate(lines) if one.startswith("statuses: {investigating: major")]
        assert lines[at - 1] == "# guessed: say what each of these words means here"
        assert "# guessed by their names" in text
    assert "statuses" in listed
    assert "say what each of these words means" not in said.stdout
    assert check(desk.directory) == ()


def test_what_is_not_recognised_says_so(desk: Desk) -> None:
    with vendor({"/": "__init__.py"}) as url:
        done = desk.type("add-source", url, *LOCAL)
    assert done.exit_code == 1
    assert "is not recognised: no kind finds anything there that it can rely on" in done.stderr
