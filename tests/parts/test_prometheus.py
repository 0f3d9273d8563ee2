"""Debian's Prometheus: our metrics pass its lint, our alert rules its checks and tests, and it can scrape us."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import yaml

from notifier.standins.webhook import Webhook

from .daemon import Daemon, alert, told
from .deployment import PROJECT
from .processes import free_port, running
from .waiting import until

pytestmark = [
    pytest.mark.parts, pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Debian's prometheus"),
]

RULES = PROJECT / "docs" / "prometheus-rules.yaml"


def promtool(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    return subprocess.run(["promtool", *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_metrics_pass_the_lint(run: Callable[..., Daemon], receiver: Webhook) -> None:
    daemon = run()
    assert daemon.alert(alert("CellsDown")) == 200
    until(lambda: told(receiver), "something was sent, so that its metrics are there", within=20)
    text = daemon.get("/metrics").text
    assert "notifier_delivery_outcomes_total{" in text
    done = promtool("check", "metrics", stdin=text)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("notifier_")]
    assert ours == []
    assert "error while linting" not in done.stderr, done.stderr


def test_alert_rules_are_valid() -> None:
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr
    count = sum(len(group["rules"]) for group in yaml.safe_load(RULES.read_text())["groups"])
    assert f"{count} rules found" in done.stdout


CASES = [
    ("NotifierDown", {'up{job="notifier"}': "1x4 0x10"}, [("4m", []), ("8m", [{"job": "notifier"}])]),
    ("NotifierConfigRejected", {"notifier_config_last_reload_successful": "1x4 0x20"}, [("6m", []), ("12m", [{}])]),
    ("NotifierLoopStuck", {'notifier_loop_last_turn_timestamp_seconds{loop="decider"}': "0 60 60 60 60 60 60"},
     [("2m", []), ("5m", [{"loop": "decider"}])]),
    ("NotifierOutboxStuck", {'notifier_outbox_oldest_timestamp_seconds{channel="sms"}': "0x5 300x30",
                             'notifier_outbox_oldest_timestamp_seconds{channel="x"}': "0x40"},
     [("10m", []), ("20m", [{"channel": "sms"}])]),
    ("NotifierDeliveriesUnknown", {'notifier_outbox_deliveries{channel="x",state="unknown"}': "0x4 2x40"},
     [("10m", []), ("25m", [{"channel": "x", "state": "unknown"}])]),
    ("NotifierDeliveriesUnsettled",
     {'notifier_delivery_outcomes_total{channel="email",outcome="REJECTED",reason="unsettled"}': "_x5 1x60",
      'notifier_delivery_outcomes_total{channel="sms",outcome="REJECTED",reason="gave_up"}': "1x60"},
     [("4m", []), ("10m", [{"channel": "email"}]), ("50m", [])]),
    ("NotifierSourceSuspect", {'notifier_source_freshness{source="feed",state="suspect"}': "1x40",
                               'notifier_source_freshness{source="page",state="fresh"}': "1x40"},
     [("10m", []), ("20m", [{"source": "feed", "state": "suspect"}])]),
    ("NotifierStoreFailing", {"notifier_store_errors_total": "0x5 1x30"}, [("4m", []), ("7m", [{}]), ("20m", [])]),
]


@pytest.mark.parametrize(("name", "series", "moments"), [pytest.param(*case, id=case[0]) for case in CASES])
def test_an_alert_fires_when_it_should_and_not_before(
    tmp_path: Path, name: str, series: dict[str, str], moments: list[tuple[str, list[dict[str, str]]]]
) -> None:
    rules = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
    labels = rules[name]["labels"]
    test = {
        "rule_files": [str(RULES)], "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": key, "values": values} for key, values in series.items()],
            "promql_expr_test": [{
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)', "eval_time": at,
                "exp_samples": [{"labels": "{}", "value": len(firing)}]} for at, firing in moments],
        }],
    }
    # The text is tested with the last moment only: promtool wants each annotation word for word.
    _with_text(test, name, labels, moments[1], rules[name]["annotations"]["summary"])
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def _with_text(test: dict[str, list[dict[str, object]]], name: str, labels: dict[str, str],
               moment: tuple[str, list[dict[str, str]]], summary: str) -> None:
    at, firing = moment
    expected = []
    for own in firing:
        text = summary
        for key, value in own.items():
            text = text.replace("{{ $labels." + key + " }}", value)
        expected.append({"exp_labels": {**labels, **own}, "exp_annotations": {"summary": text}})
    test["tests"][0]["alert_rule_test"] = [{"eval_time": at, "alertname": name, "exp_alerts": expected}]


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Debian's prometheus")
def test_prometheus_scrapes_the_daemon(tmp_path: Path, run: Callable[..., Daemon]) -> None:
    daemon = run()
    port = free_port()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "notifier", "static_configs": [{"targets": [daemon.base.partition("//")[2]]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    base = f"http://127.0.0.1:{port}"
    command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
               f"--web.listen-address=127.0.0.1:{port}"]

    def query(expression: str) -> list[float]:
        answer = requests.get(f"{base}/api/v1/query", params={"query": expression}, timeout=10).json()
        return [float(sample["value"][1]) for sample in answer["data"]["result"]]

    with running(command, ready=f"{base}/-/ready", folder=tmp_path):
        until(lambda: query('up{job="notifier"}') == [1.0], "the scrape works", within=30, every=0.5)
        until(lambda: query("notifier_config_last_reload_successful") == [1.0], "our samples are kept", within=15)
        assert query("count(notifier_build_info)") == [1.0]
        targets = requests.get(f"{base}/api/v1/targets", timeout=10).json()["data"]["activeTargets"]
        assert [target["lastError"] for target in targets] == [""]
        rules = requests.get(f"{base}/api/v1/rules", timeout=10).json()["data"]["groups"]
        until(lambda: all(rule["health"] == "ok" for group in requests.get(
            f"{base}/api/v1/rules", timeout=10).json()["data"]["groups"] for rule in group["rules"]),
            f"every rule evaluates on our real metrics: {json.dumps(rules)[:2000]}", within=15)
