"""Looking before it matters: check, schema, preview, status, doctor."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.clock import SystemClock
from notifier.config import load
from notifier.config.mistake import Mistake
from notifier.config.tree import Config
from notifier.daemon import Daemon
from notifier.model.limit import Told
from notifier.model.notice import Wording
from notifier.model.times import rfc3339
from tests.config.support import EXAMPLE, MISTAKES, laid_over
from tests.store.making import a_delivery, a_notice, queue

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


def test_preview_can_be_narrowed_and_is_one_block_a_text_for_people(desk: Desk) -> None:
    done = desk.type("preview", "mobile-data", "--channel", "sms", "--language", "en", COLUMNS="80")
    assert done.exit_code == 0, done.output
    blocks = done.stdout.strip().split("\n\n")
    assert [block.split(" · ")[0] for block in blocks] == [wording.value for wording in Wording]
    rows = desk.json("preview", "mobile-data", "--channel", "sms", "--language", "en")["texts"]
    for block, row in zip(blocks, rows, strict=True):
        head, *lines = block.splitlines()
        if row["problem"]:
            assert (head, lines) == (f"{row['wording']} · sms/en · no text", [f"    {row['problem']}"])
        else:
            assert head.startswith(f"{row['wording']} · sms/en · {row['length']} of {row['limit']} · ")
            assert f"{row['segments']} segment" in head
            assert row["encoding"] in head
            assert "\n".join(line.removeprefix("    ") for line in lines) == row["text"]
    assert desk.json("preview", "mobile-data", "--channel", "nobody")["texts"] == []


def test_preview_gives_the_price_and_the_subject() -> None:
    done = Desk(EXAMPLE, Path("unused")).type("preview", "mobile-data", "--language", "en")
    assert "acknowledge · x/en · " in done.stdout
    assert " of 280 · 0.015 USD\n    TEST: " in done.stdout
    rows = Desk(EXAMPLE, Path("unused")).json("preview", "mobile-data", "--language", "en")["texts"]
    email = next(row for row in rows if row["kind"] == "email")
    assert f"    {email['subject']}\n\n    {email['text'].splitlines()[0]}\n" in done.stdout


@pytest.mark.parametrize(("words", "told"), [
    (("preview", "mobile-dta"), "there is no service mobile-dta: did you mean mobile-data?"),
    (("preview", "zzz"), "there is no service zzz; expected one of mobile-data, mobile-voice"),
    (("preview", "mobile-data", "--region", "hils"), "there is no region hils: did you mean hills?"),
    (("preview", "mobile-data", "--region", "qqq"), "there is no region qqq; expected one of"),
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


def test_status_shows_what_waits_for_a_person(busy: Desk, desk: Desk) -> None:
    done = busy.type("status")
    assert "Notices waiting for a person" in done.stdout
    assert "I1-1" in done.stdout
    assert [notice["id"] for notice in busy.json("status")["waiting"]] == ["I1-1"]


def test_status_after_a_clean_stop_keeps_the_revision_and_the_rejected_edit(desk: Desk) -> None:
    with desk.store() as store:
        config = load(desk.directory)
        daemon = Daemon(desk.directory, replace_web_port(config), store=store, clock=SystemClock())
        daemon.reloader.status = replace(daemon.reloader.status, mistakes=(
            Mistake("policies.yaml", 3, 16, "policies[0]", "unknown service"),))
        daemon.web.start()
        daemon.stop()
    kept = desk.json("status")["daemon"]
    assert (kept["running"], kept["revision"]) == (False, config.revision)
    done = desk.type("status")
    assert f"the daemon is not running; its last configuration was {config.revision}" in done.stdout
    assert "edit rejected: policies.yaml:3:16: policies[0]: unknown service" in done.stdout


def test_status_says_which_limit_a_channel_waits_for(desk: Desk) -> None:
    now = SystemClock().now()
    with desk.store() as store:
        daemon = Daemon(desk.directory, replace_web_port(load(desk.directory)), store=store, clock=SystemClock())
        id, sender = next(iter(daemon.app.senders.items()))
        limit = sender.tokens.limits[0]
        store.tighten(limit, Told(until=now + timedelta(hours=1)), now)
        sender.run_once()
        daemon._write_status()
        assert "waits until" not in desk.type("status").stdout, "nothing is queued, so nothing waits"
        notice = a_notice(created_at=now, valid_until=now + timedelta(hours=1))
        queue(store, notice, a_delivery(notice, id, "+18025550123"))
        daemon.web.start()
        daemon.web.stop()
    done = desk.type("status")
    assert f"channel {id} waits until {rfc3339(now + timedelta(hours=1))} for the limit {limit.name}: 1 are queued" in (
        done.stdout)
    assert desk.json("status")["daemon"]["limited_channels"][id]["limit"] == limit.name


def test_a_reload_reaches_the_web_part_of_a_daemon(desk: Desk) -> None:
    with desk.store() as store:
        config = replace_web_port(load(desk.directory))
        daemon = Daemon(desk.directory, config, store=store, clock=SystemClock())
        needs = daemon._web_needs()
        company = config.company.model_copy(update={"name": "New Name", "public_url": "https://new.example.net"})
        after = replace(config, company=company, web=config.web.model_copy(update={"threads": 7}))
        daemon.app.config = after
        assert (needs.settings(), needs.company(), needs.public_url()) == (
            after.web, "New Name", "https://new.example.net")
        daemon.web.start()
        daemon.web.stop()


def replace_web_port(config: Config) -> Config:
    """The same configuration on a port that is free."""
    return replace(config, web=config.web.model_copy(update={"port": 0}))


def test_status_of_a_daemon_that_rejected_an_edit(desk: Desk) -> None:
    now = SystemClock().now()
    status = {"running": True, "pid": 7, "version": "0", "at": rfc3339(now), "mode": "test", "revision": "abc",
              "good_since": rfc3339(now), "hung": [], "web_port": 1, "loops": {},
              "rejected": [{"file": "policies.yaml", "line": 3, "column": 16, "path": "policies[0]",
                            "message": "unknown service", "nearest": "power"}]}
    with desk.store() as store, store.transaction() as tx:
        tx.put_checkpoint("status", json.dumps(status).encode(), now)
        tx.set_switch("kill", "on", "ann", now)
    done = desk.type("status")
    assert "edit rejected: policies.yaml:3:16: policies[0]: unknown service – did you mean 'power'?" in done.stdout
    assert "configuration abc" in done.stdout
    assert "KILL SWITCH IS ON" in done.stdout
    whole = desk.json("status")
    assert whole["daemon"]["running"] is True
    assert whole["kill_switch"] == "on"


@pytest.mark.parametrize(
    ("route", "line"),
    [
        ({"active": "sms", "standby": "sms-two", "why": "", "trial": None},
         "channel sms goes by its own account; sms-two stands by"),
        ({"active": "sms-two", "standby": "sms-two", "why": "3 attempts in a row: server_error", "trial": None},
         "channel sms goes by sms-two, since its own failed: 3 attempts in a row: server_error"),
        ({"active": "sms-two", "standby": "sms-two", "why": "no answer for 8 s", "trial": 0.0},
         "channel sms goes by sms-two, since its own failed: no answer for 8 s; its own is tried with one message"),
        ({"active": "sms-two", "standby": "sms-two", "why": "no answer for 8 s", "trial": 0.1},
         "channel sms goes by sms-two, since its own failed: no answer for 8 s; its own is tried with 10%"),
    ],
)
def test_status_says_which_account_a_channel_goes_by(desk: Desk, route: dict[str, object], line: str) -> None:
    now = SystemClock().now()
    status = {"running": True, "pid": 7, "at": rfc3339(now), "mode": "test", "revision": "abc",
              "good_since": rfc3339(now), "rejected": [], "routes": {"sms": route}}
    with desk.store() as store, store.transaction() as tx:
        tx.put_checkpoint("status", json.dumps(status).encode(), now)
    assert f"  {line}\n" in desk.type("status").stdout


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


def test_doctor_finds_nothing_wrong_with_a_source_that_only_pushes(desk: Desk) -> None:
    (desk.directory / "sources.yaml").write_text(
        "sources:\n  - {id: am, kind: alertmanager, placing: {service: mobile-data, regions: [hills]}}\n",
        encoding="utf-8")
    done = desk.type("doctor", "--json")
    findings = {one["subject"]: (one["ok"], one["text"]) for one in json.loads(done.stdout)["findings"]}
    assert findings["am"] == (True, "waits for pushes at /hooks/alerts/am")


def test_doctor_tries_both_accounts_of_a_channel_and_wants_a_token_of_each(desk: Desk, closed_port: int) -> None:
    facing(desk, closed_port)
    channels = desk.directory / "channels.yaml"
    settings = (f"account_sid: AC{'1' * 32}, auth_token: {{env: SECRET}}, from_number: \"+18025550101\", "
                f"base_url: \"http://127.0.0.1:{closed_port}\"")
    standby = f"  - {{id: sms-two, kind: sms, stands_in_for: sms, {settings}}}\n"
    notifier = desk.directory / "notifier.yaml"
    token = "\nweb: {twilio_token: {env: SECRET}}\n"
    notifier.write_text(notifier.read_text(encoding="utf-8") + token, encoding="utf-8")
    whole = channels.read_text(encoding="utf-8")

    def found(entry: str) -> dict[str, str]:
        channels.write_text(whole + entry, encoding="utf-8")
        done = desk.type("doctor", "--json", **SECRETS)
        return {one["subject"]: one["text"] for one in json.loads(done.stdout)["findings"]}

    texts = found(standby)
    assert {"channel sms", "channel sms-two"} <= texts.keys()
    assert "2 accounts share web.twilio_token" in texts["callbacks of Twilio"]
    own = found(standby.replace("stands_in_for", "callback_token: {env: SECRET}, stands_in_for"))
    assert "share" not in own["callbacks of Twilio"]


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
