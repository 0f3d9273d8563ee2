"""Looking before it matters: check, schema, preview, status, doctor."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.clock import SystemClock
from notifier.model.notice import Wording
from notifier.model.times import rfc3339
from tests.config.support import EXAMPLE, MISTAKES, laid_over

from .conftest import Desk


def test_check_of_a_good_configuration(desk: Desk) -> None:
    done = desk.type("check", str(desk.directory))
    assert (done.exit_code, done.stdout) == (0, f"{desk.directory}: no mistakes\n")
    assert desk.json("check", str(desk.directory)) == {"ok": True, "mistakes": []}


def test_check_names_every_mistake_and_exits_with_one(desk: Desk, tmp_path: Path) -> None:
    bad = laid_over(tmp_path / "bad", MISTAKES / "many-at-once")
    expected = (MISTAKES / "many-at-once" / "expected.txt").read_text(encoding="utf-8").splitlines()
    done = desk.type("check", str(bad))
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [*expected, f"{bad}: {len(expected)} mistakes"]


def test_check_for_machines(desk: Desk, tmp_path: Path) -> None:
    bad = laid_over(tmp_path / "bad", MISTAKES / "unknown-key")
    assert desk.type("check", str(bad), "--json").exit_code == 1
    answer = desk.json("check", str(bad))
    assert answer["ok"] is False
    (mistake,) = answer["mistakes"]
    assert (mistake["file"], mistake["line"], mistake["column"]) == ("sources.yaml", 6, 5)
    assert (mistake["path"], mistake["message"]) == ("sources[0].freshnes", "unknown key")
    assert (mistake["found"], mistake["nearest"]) == ("'freshnes'", "freshness")


def test_check_of_the_example() -> None:
    assert Desk(EXAMPLE, Path("unused")).type("check", str(EXAMPLE)).exit_code == 0


def test_schema_is_printed_or_written(desk: Desk, tmp_path: Path) -> None:
    printed = json.loads(desk.type("schema").stdout)
    assert desk.type("schema", "--write", str(tmp_path / "schema")).exit_code == 0
    written = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "schema").iterdir()}
    assert written == {f"{name}.schema.json": schema for name, schema in printed.items()}
    assert {"notifier", "sources", "channels", "template"} <= printed.keys()


def test_preview_shows_every_wording_on_every_channel_in_every_language() -> None:
    rows = Desk(EXAMPLE, Path("unused")).json("preview", "mobile-data", "--region", "US-VT")["texts"]
    seen = {(row["wording"], row["kind"], row["language"]) for row in rows}
    assert seen == {(wording.value, kind, language) for wording in Wording for language in ("en", "es")
                    for kind in ("x", "mastodon", "bluesky", "sms", "email", "webhook")}
    for row in rows:
        assert row["fits"], row
        assert row["text"].startswith("TEST: "), row
        assert "{" not in row["text"]
    assert all(row["segments"] >= 1 and row["price"] > 0 for row in rows if row["kind"] == "sms")
    assert all("Vermont" in row["text"] for row in rows if row["wording"] == "acknowledge")


def test_preview_can_be_narrowed_and_is_a_table_for_people(desk: Desk) -> None:
    done = desk.type("preview", "mobile-data", "--channel", "sms", "--language", "en")
    assert done.exit_code == 0, done.output
    assert "mobile data" in done.stdout
    assert "acknowledge_suspected" in done.stdout
    assert desk.json("preview", "mobile-data", "--channel", "nobody")["texts"] == []


@pytest.mark.parametrize(("words", "told"), [
    (("preview", "mobile-dta"), "there is no service mobile-dta: known are mobile-data, mobile-voice"),
    (("preview", "mobile-data", "--region", "nowhere"), "there is no region nowhere"),
])
def test_preview_of_what_is_not_there(desk: Desk, words: tuple[str, ...], told: str) -> None:
    done = desk.type(*words)
    assert done.exit_code == 1
    assert told in done.stderr


def test_commands_refuse_a_configuration_with_mistakes_and_name_them(desk: Desk) -> None:
    (desk.directory / "services.yaml").unlink()
    done = desk.type("preview", "mobile-data")
    assert done.exit_code == 1
    assert "services.yaml:1:1: is missing" in done.stderr


def test_status_without_a_daemon(busy: Desk) -> None:
    done = busy.type("status")
    assert done.exit_code == 0, done.output
    assert "the daemon is not running" in done.stdout
    assert "mobile-data" in done.stdout
    assert busy.json("status")["daemon"] == {"running": False}


def test_status_of_a_daemon_that_rejected_an_edit(desk: Desk) -> None:
    now = SystemClock().now()
    status = {"running": True, "pid": 7, "version": "0", "at": rfc3339(now), "mode": "test", "revision": "abc",
              "good_since": rfc3339(now), "hung": [], "web_port": 1, "loops": {},
              "rejected": [{"file": "policies.yaml", "line": 3, "column": 16, "message": "unknown service"}]}
    with desk.store() as store, store.transaction() as tx:
        tx.put_checkpoint("status", json.dumps(status).encode(), now)
        tx.set_switch("kill", "on", "ann", now)
    done = desk.type("status")
    assert "edit rejected: policies.yaml:3:16 unknown service" in done.stdout
    assert "configuration abc" in done.stdout
    assert "KILL SWITCH IS ON" in done.stdout
    whole = desk.json("status")
    assert whole["daemon"]["running"] is True
    assert whole["kill_switch"] == "on"


def test_a_daemon_that_died_without_a_word_does_not_run(desk: Desk) -> None:
    with desk.store() as store, store.transaction() as tx:
        tx.put_checkpoint("status", json.dumps({"running": True, "at": "2026-01-01T00:00:00Z"}).encode(),
                          SystemClock().now())
    assert desk.json("status")["daemon"]["running"] is False
    assert "the daemon is not running" in desk.type("status").stdout


def test_status_works_while_the_configuration_has_mistakes(desk: Desk) -> None:
    (desk.directory / "policies.yaml").write_text("policies: [", encoding="utf-8")
    assert desk.type("status").exit_code == 0


def test_where_no_daemon_has_run(desk: Desk, tmp_path: Path) -> None:
    done = desk.type("status", "--store", str(tmp_path / "nothing.db"))
    assert done.exit_code == 1
    assert "there is no store at" in done.stderr
    assert not (tmp_path / "nothing.db").exists()


# ── doctor ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of loopback that is taken and does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port of loopback that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        yield mute.getsockname()[1]


SECRETS = {"SECRET": "x" * 40, "HOOK_SECRET": "whsec_" + "QUJD" * 10}


def facing(desk: Desk, port: int, *, timeout: str = "5s") -> None:
    """Point every source and channel at a port of loopback."""
    base, secret = f"http://127.0.0.1:{port}", "{env: SECRET}"
    common = (f"every: 60s, allow_private: true, connect_timeout: {timeout}, read_timeout: {timeout}, "
              f"total_timeout: {timeout}, placing: {{service: mobile-data, regions: [hills]}}")
    polled = [f"  - {{id: {kind}, kind: {kind}, url: {base}/{kind}, {common}}}"
              for kind in ("statuspage", "feed", "alertmanager", "cap", "nws")]
    probe = (f"  - {{id: probe, kind: probe, allow_private: true, timeout: {timeout}, failures: 1, "
             f"check: {{http: {{url: {base}}}}}, placing: {{service: mobile-data, regions: [hills]}}}}")
    listened = [f"  - {{id: fediverse, kind: mastodon, base_url: {base}, hashtag: outage, token: {secret}}}",
                f"  - {{id: skies, kind: bluesky, base_url: \"ws://127.0.0.1:{port}\", terms: [outage]}}",
                "  - {id: posts, kind: export, path: /nowhere/posts.jsonl}"]
    (desk.directory / "sources.yaml").write_text(
        "\n".join(["sources:", *polled, probe, "mentions:", *listened]) + "\n", encoding="utf-8")
    (desk.directory / "channels.yaml").write_text("\n".join([
        "channels:",
        f"  - {{id: x, kind: x, consumer_key: {secret}, consumer_secret: {secret}, access_token: {secret}, "
        f"access_token_secret: {secret}, base_url: \"{base}\"}}",
        f"  - {{id: mastodon, kind: mastodon, base_url: \"{base}\", access_token: {secret}}}",
        f"  - {{id: bluesky, kind: bluesky, handle: a.example, app_password: {secret}, base_url: \"{base}\"}}",
        f"  - {{id: sms, kind: sms, account_sid: AC{'0' * 32}, auth_token: {secret}, from_number: \"+18025550100\", "
        f"base_url: \"{base}\"}}",
        f"  - {{id: email, kind: email, host: 127.0.0.1, port: {port}, security: none, sender: a@example.net}}",
        f"  - {{id: webhook, kind: webhook, url: \"{base}\", secret: {{env: HOOK_SECRET}}}}",
    ]) + "\n", encoding="utf-8")


def test_doctor_fails_whatever_cannot_be_reached(desk: Desk, closed_port: int) -> None:
    facing(desk, closed_port)
    started = time.monotonic()
    done = desk.type("doctor", "--json", **SECRETS)
    assert time.monotonic() - started < 60
    assert done.exit_code == 1, done.output
    findings = json.loads(done.stdout)["findings"]
    failed = {finding["subject"].removeprefix("channel ") for finding in findings if not finding["ok"]}
    assert {"statuspage", "feed", "alertmanager", "cap", "nws", "probe"} <= failed
    assert {"x", "mastodon", "bluesky", "sms", "email", "webhook"} <= failed
    assert {"fediverse", "skies", "posts"} <= failed
    assert "store" not in failed
    assert SECRETS["SECRET"] not in done.output
    assert "FAIL" in desk.type("doctor", **SECRETS).stdout


def test_doctor_says_which_secret_is_missing(desk: Desk, closed_port: int) -> None:
    facing(desk, closed_port)
    done = desk.type("doctor", "--json", SECRET="", HOOK_SECRET="")
    texts = {finding["subject"].removeprefix("channel "): finding["text"]
             for finding in json.loads(done.stdout)["findings"]}
    for channel in ("x", "mastodon", "bluesky", "sms"):
        assert "environment variable SECRET is empty or not set" in texts[channel]
    assert "environment variable HOOK_SECRET" in texts["webhook"]


def test_doctor_does_not_wait_for_who_never_answers(desk: Desk, mute_port: int) -> None:
    facing(desk, mute_port, timeout="1s")
    (desk.directory / "channels.yaml").write_text("channels:\n", encoding="utf-8")
    (desk.directory / "services.yaml").write_text("services:\n  - {id: mobile-data, name: d}\n"
                                                  "  - {id: mobile-voice, name: v}\n", encoding="utf-8")
    policies = (desk.directory / "policies.yaml").read_text(encoding="utf-8")
    (desk.directory / "policies.yaml").write_text(policies.replace("    channels: [sms]\n", ""), encoding="utf-8")
    started = time.monotonic()
    done = desk.type("doctor", "--json")
    assert time.monotonic() - started < 45
    findings = {finding["subject"]: finding["ok"] for finding in json.loads(done.stdout)["findings"]}
    assert findings.pop("store") is True
    assert set(findings) >= {"statuspage", "feed", "alertmanager", "cap", "nws", "probe"}
    assert not any(findings[kind] for kind in ("statuspage", "feed", "alertmanager", "cap", "nws", "probe"))
