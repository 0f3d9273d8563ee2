"""What is proposed for an address: a slug of its own, what is certain as lines, what is guessed as comments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from notifier.config import load
from notifier.config.proposing import RULES_MOST, Wish, propose, wanted
from notifier.config.recognising import Recognised
from notifier.config.tree import Config
from notifier.ports import Answer, Reading
from notifier.sources.pages.statuspage import StatuspageSettings
from tests.sources.support import NOW

from .support import laid_over


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(laid_over(tmp_path / "config"))


def found(url: str = "https://status.carrier.example.com", *listed: tuple[str, str, str], **fields: Any) -> Recognised:
    settings = StatuspageSettings(id="new", url=url)
    reading = Reading(True, listed=listed)
    return Recognised("statuspage", url, settings, Answer(NOW, 200, {}, b"{}"), reading, **fields)


def entry(text: str) -> dict[str, Any]:
    (one,) = yaml.safe_load("sources:\n" + text)["sources"]
    assert isinstance(one, dict)
    return one


@pytest.mark.parametrize(("url", "id"), [
    pytest.param("https://status.carrier.example.com", "carrier-example", id="without status and com"),
    pytest.param("https://www.githubstatus.com/", "githubstatus", id="without www"),
    pytest.param("https://vendor.example.com/", "vendor-example", id="not one that is taken"),
    pytest.param("https://127.0.0.1:8000/network/outages.json", "network-outages", id="of a number, the path"),
    pytest.param("https://[::1]/", "source", id="of nothing, source"),
    pytest.param("https://status.xn--strung-wxa.example/", "xn--strung-wxa", id="a name in other letters"),
])
def test_an_id_from_the_address(url: str, id: str, config: Config) -> None:
    assert propose(found(url), config, Wish()).id == id


def test_an_id_that_is_taken_gets_a_number(config: Config) -> None:
    assert propose(found("https://vendor.com/"), config, Wish()).id == "vendor" + "-2" * ("vendor" in config.sources)


def test_services_and_regions_are_guessed_by_their_words(config: Config) -> None:
    listed = (("Cellular 4G", "North Shore", ""), ("Voice calls", "", "10001"), ("Portal", "", ""))
    text = propose(found("https://s.example.com", *listed), config, Wish()).text()
    assert entry(text)["placing"] == {"service": "mobile-data", "find_regions": True}
    assert "#   - {component: Cellular 4G, group: North Shore, service: mobile-data, regions: [north-shore]}" in text
    assert "#   - {component: Voice calls, location: '10001', regions: [north-shore]}" in text
    assert "#   - {component: Portal}" in text


def test_what_nobody_can_tell_is_left_to_a_person(config: Config) -> None:
    proposal = propose(found("https://s.example.com", ("Portal", "", "")), config, Wish())
    assert proposal.service == ""
    assert "# service:" in proposal.text()
    assert "service" not in entry(proposal.text())["placing"]


def test_what_a_person_said_is_written(config: Config) -> None:
    wish = Wish(id="ours", service="mobile-voice", regions=("hills",), enabled=True)
    one = entry(propose(found(), config, wish).text())
    assert one["id"] == "ours"
    assert one["placing"] == {"service": "mobile-voice", "find_regions": True, "regions": ["hills"]}
    assert "enabled" not in one
    assert entry(propose(found(), config, Wish()).text())["enabled"] is False


def test_settings_it_needs_are_written_whole(config: Config) -> None:
    extra = {"path": "/api/v2/incidents.json", "headers": {"X-A": "b: #c"}, "expect": ["a == '2'", "b\nc"],
             "long": {f"key {n}": "value " * 5 for n in range(6)}}
    assert {key: entry(propose(found(extra=extra), config, Wish()).text())[key] for key in extra} == extra


def test_what_only_a_person_knows_is_marked(config: Config) -> None:
    text = propose(found(extra={"page_id": "fill-in"}, needs=("page_id",)), config, Wish()).text()
    assert "page_id: fill-in" in text
    assert "only you know" in text


@pytest.mark.parametrize("name", [
    "a\n  - id: evil\n    kind: probe", "a\r\nb", "a\u2028- b", "a\u0085- b", "# a", "a: b", "{a}", "'\"", "*", "a\0b",
    "\ufeff",
], ids=ascii)
def test_a_name_from_outside_stays_in_its_comment(name: str, config: Config) -> None:
    proposal = propose(found("https://s.example.com", (name, name, name)), config, Wish(service="mobile-data"))
    assert set(entry(proposal.text())) == {"id", "kind", "url", "enabled", "every", "freshness", "placing"}
    assert all(line.startswith(("    ", "  - id: ")) for line in proposal.text().splitlines())


def test_of_very_many_components_some_are_written(config: Config) -> None:
    listed = tuple((f"Component {n}", "", "") for n in range(RULES_MOST + 5))
    text = propose(found("https://s.example.com", *listed), config, Wish()).text()
    assert text.count("{component: ") == RULES_MOST
    assert "#   and 5 more" in text


def test_settings_by_dots() -> None:
    assert wanted({"placing.service": "a", "placing.regions": ["b"], "url": "c"}) == {
        "placing": {"service": "a", "regions": ["b"]}, "url": "c"}
    with pytest.raises(ValueError, match="already given"):
        wanted({"placing": "a", "placing.service": "b"})
