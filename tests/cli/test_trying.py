"""`try-source`: what one answer says, what of it is not understood, and an exit code that a script can go by."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from tests.config.support import EXAMPLE
from tests.net.test_fetch import reply, serving
from tests.sources.vendors import HERE, vendors

from .conftest import Desk

AT = ("--at", "2026-01-15T12:10:00Z")
UPDATE = str(HERE / "statuspage" / "update.json")


def entry_of(name: str, folder: Path) -> str:
    """A file with the entry of a vendor's folder, placed in this deployment."""
    vendor = next(one for one in vendors() if one.name == name)
    entry = {**vendor.about["source"], "placing": {"service": "mobile-data", "regions": ["hills"]}}
    (folder / "entry.yaml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    return str(folder / "entry.yaml")


def test_a_saved_answer_is_recognised_and_told(desk: Desk) -> None:
    done = desk.type("try-source", UPDATE, *AT)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "Recognised as statuspage.",
        "Readable as statuspage; lists everything that is open; says of something that it is well.",
        "major: Mobile data fails in the north: identified",
        "    not placed, since 2026-01-15T11:30:00Z",
        "    update: A failed power unit is being replaced. Workaround: switch 3G off, calls work over Edge. Estimated "
        "restoration: 2026-01-15 14:30 UTC",
        "    workaround: switch 3G off, calls work over Edge.",
        "    restoration: Estimated restoration: 2026-01-15 14:30 UTC",
        "    restoration_at: 2026-01-15T14:30:00Z",
        "    url: https://stspg.example.net/i1",
        "names: Vermont / Mobile data, Portal",
    ]


def test_as_a_source_of_the_configuration_it_is_placed(desk: Desk) -> None:
    told = desk.json("try-source", UPDATE, "--source", "vendor", *AT)
    (incident,) = told["incidents"]
    assert (incident["services"], incident["regions"], incident["level"]) == (["mobile-data"], ["north-shore"], "major")
    assert (told["ok"], told["known"], told["complete"], told["recognised"]) == (True, True, True, False)
    assert told["listed"][0] == {"component": "Mobile data", "group": "Vermont", "location": ""}


def test_what_has_no_place_is_not_understood(desk: Desk, tmp_path: Path) -> None:
    placing = {"service": "mobile-data", "find_regions": True}
    entry = {"kind": "statuspage", "url": "https://x.example", "placing": placing}
    (tmp_path / "entry.yaml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    done = desk.type("try-source", UPDATE, "--yaml", str(tmp_path / "entry.yaml"), *AT)
    assert done.exit_code == 1
    assert "Not understood:\n  - unplaced: no region for 'Vermont / Mobile data /" in done.stdout


@pytest.mark.parametrize(("name", "old", "new", "told"), [
    pytest.param("statuspage", '"impact": "major"', '"impact": "pondering"', "impact 'pondering'", id="an impact"),
    pytest.param("statuspage", '"status": "operational"', '"status": "dreaming"', "component's status 'dreaming'",
                 id="the state of a component"),
    pytest.param("instatus-components", "OPERATIONAL", "DREAMING", "component's status 'dreaming'",
                 id="of a kind that does not say so itself"),
    pytest.param("json", '"state": "investigating"', '"state": "pondering"', "status 'pondering'", id="JSON"),
    pytest.param("json", '"begin"', '"began"', "no item has started_at (begin)", id="a field by another name"),
    pytest.param("json", "2026-01-15T11:30:00Z", "half past", "started_at 'half past', which is no time", id="a time"),
    pytest.param("html", "state-open", "state-odd", "status 'state state-odd'", id="HTML"),
    pytest.param("html", '<p class="where">Vermont</p>', "", "no item has location (p.where)", id="an element"),
    pytest.param("feed-atom", ">red<", ">purple<", "state 'purple'", id="a feed"),
    pytest.param("gatus", '"name"', '"name"', "", id="nothing"),
])
def test_words_nobody_knows_are_told(name: str, old: str, new: str, told: str, desk: Desk, tmp_path: Path) -> None:
    file = next((HERE / name).glob("open.*"))
    text = file.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "saved").write_text(text.replace(old, new), encoding="utf-8")
    found = desk.json("try-source", str(tmp_path / "saved"), "--yaml", entry_of(name, tmp_path), "--at",
                      "2026-01-15T12:00:00Z")
    assert found["known"]
    assert told in [*found["not_understood"], ""]
    assert found["ok"] is (told == "")


@pytest.mark.parametrize(("name", "cut", "why"), [
    pytest.param("html", "</footer>", "does not end with </html>", id="half a page"),
    pytest.param("json", '"schema"', "does not fulfil schema == 'outages/2'", id="a missing anchor"),
    pytest.param("feed", "Green Hill", "the feed is called", id="another title"),
])
def test_what_is_missing_is_said(name: str, cut: str, why: str, desk: Desk, tmp_path: Path) -> None:
    text = next((HERE / name).glob("open.*")).read_text(encoding="utf-8")
    saved = text.partition(cut)[0] if name == "html" else text.replace(cut, '"other"' if name == "json" else "Red Hill")
    (tmp_path / "saved").write_text(saved, encoding="utf-8")
    done = desk.type("try-source", str(tmp_path / "saved"), "--yaml", entry_of(name, tmp_path), *AT)
    assert done.exit_code == 1
    assert done.stdout.startswith("UNKNOWN: ")
    assert why in done.stdout
    assert "opens nothing and closes nothing" in done.stdout


def test_a_kind_with_settings_by_hand(desk: Desk) -> None:
    done = desk.type("try-source", str(HERE / "feed" / "open.xml"), "--kind", "feed", "--set", "level=critical",
                     "--set", "placing.service=mobile-data", "--set", "placing.regions=[hills]", *AT)
    assert done.exit_code == 0, done.output
    assert "critical: Major fault: no mobile data\n    mobile-data in hills, since" in done.stdout
    assert "until 2026-01-16T11:30:00Z unless repeated" in done.stdout


def test_an_entry_out_of_a_whole_file(desk: Desk, tmp_path: Path) -> None:
    whole = {"sources": [{"id": "a", "kind": "feed", "url": "https://x.example"},
                         {"id": "b", "kind": "statuspage", "url": "https://x.example"}]}
    (tmp_path / "whole.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    file = str(tmp_path / "whole.yaml")
    assert desk.json("try-source", UPDATE, "--yaml", file, "--source", "b", *AT)["kind"] == "statuspage"
    refused = desk.type("try-source", UPDATE, "--yaml", file, *AT)
    assert "has 2 entries; name one with --source" in refused.stderr


def test_fetched_from_a_server(desk: Desk) -> None:
    with serving(lambda handler: reply(handler, Path(UPDATE).read_bytes())) as url:
        refused = desk.type("try-source", url, "--kind", "statuspage", *AT)
        assert "not public" in refused.stderr
        assert refused.exit_code == 1
        told = desk.json("try-source", url, "--kind", "statuspage", "--set", "allow_private=true", *AT)
        assert told["ok"]
        found = desk.json("try-source", url, "--set", "allow_private=true", *AT)
        assert (found["kind"], found["recognised"]) == ("statuspage", True)


def test_without_a_configuration_it_reads_all_the_same(desk: Desk, tmp_path: Path) -> None:
    done = desk.type("try-source", UPDATE, "--config", str(tmp_path / "nowhere"), *AT)
    assert done.exit_code == 0
    assert "nothing is placed" in done.stderr
    assert "major: Mobile data fails in the north" in done.stdout


@pytest.mark.parametrize(("words", "said"), [
    pytest.param(("nowhere.json",), "nowhere.json cannot be read: No such file or directory", id="no such file"),
    pytest.param((UPDATE, "--source", "vendr"), "there is no source vendr: did you mean vendor?", id="no such source"),
    pytest.param((UPDATE, "--kind", "statuspag"), "there is no kind statuspag: did you mean statuspage?",
                 id="no such kind"),
    pytest.param((UPDATE, "--kind", "feed", "--set", "levl=minor"), "did you mean 'level'?", id="no such setting"),
    pytest.param((UPDATE, "--kind", "json"), "the key 'items' is missing", id="a kind that needs more"),
    pytest.param((UPDATE, "--kind", "feed", "--source", "vendor"), "give one of", id="two at once"),
    pytest.param((UPDATE, "--kind", "feed", "--set", "level"), "expected key=value", id="no value"),
    pytest.param((UPDATE, "--at", "noon"), "expected a time with a zone", id="no time"),
    pytest.param((), "give a file or a URL", id="nothing"),
    pytest.param((str(HERE / "__init__.py"),), "is not recognised", id="not an answer"),
    pytest.param(("http://me:word@x.example/",), "without user name and password", id="a password in the address"),
])
def test_slips_at_the_keyboard(words: tuple[str, ...], said: str, desk: Desk) -> None:
    done = desk.type("try-source", *words)
    assert done.exit_code in (1, 2)
    assert said in done.stderr
    assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)


def test_nothing_from_outside_reaches_the_terminal_as_commands(desk: Desk, tmp_path: Path) -> None:
    body = json.loads(Path(UPDATE).read_text(encoding="utf-8"))
    body["incidents"][0]["name"] = "\x1b[31mred\x07\x1b]0;title\x07 \u202e"
    (tmp_path / "saved").write_text(json.dumps(body), encoding="utf-8")
    done = desk.type("try-source", str(tmp_path / "saved"), *AT)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


def test_the_guide_shows_what_add_source_prints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its `$ notifier add-source …`, against a server with that page, with the example configuration."""
    shutil.copytree(EXAMPLE, tmp_path / "config")
    guide = (EXAMPLE.parent / "docs" / "TRYING_A_SOURCE.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^    \$ notifier (add-source .+)\n((?:    .*\n|\n)+)", guide, re.MULTILINE)
    page = (HERE / "statuspage" / "open.json").read_bytes()
    with serving(lambda handler: reply(handler, page, 200 if handler.path == "/api/v2/summary.json" else 404)) as url:
        words = shown[0].replace("http://127.0.0.1:8000", url).split()
        printed = Desk(tmp_path / "config", tmp_path / "unused").type(*words, "--at", "2026-01-15T12:00:00Z").stdout
    assert printed.replace(url, "http://127.0.0.1:8000").rstrip() == dedent(shown[1]).rstrip()


def test_the_guide_shows_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `$ notifier try-source …` in the guide, run in the project's folder with the example configuration."""
    monkeypatch.chdir(EXAMPLE.parent)
    guide = (EXAMPLE.parent / "docs" / "TRYING_A_SOURCE.md").read_text(encoding="utf-8")
    shown = re.findall(r"^    \$ notifier (try-source .+)\n((?:    .*\n)+)", guide, re.MULTILINE)
    assert len(shown) == 2
    for words, output in shown:
        assert Desk(EXAMPLE, Path("unused")).type(*words.split()).stdout == dedent(output)
