"""Debian's Prometheus evaluates rules and is polled: its own list of alerts, as it really writes it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from notifier.model.signal import Level
from notifier.ports import Answer, Reading
from notifier.sources.alerts import prometheus
from notifier.sources.alerts.prometheus import PrometheusSettings
from notifier.sources.settings import Placing
from tests.sources.support import tree

from .processes import free_port, running
from .waiting import until

pytestmark = [
    pytest.mark.parts, pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Debian's Prometheus"),
]
RULES = {"groups": [{"name": "it", "interval": "1s", "rules": [
    {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "none"}},
    {"alert": "CellsDown", "expr": "vector(14)", "labels": {"severity": "critical", "region": "Vermont"},
     "annotations": {"summary": "{{ $value }} cells carry no traffic"}},
    {"alert": "CellsSlow", "expr": "vector(1)", "for": "1h", "labels": {"region": "New York"}},
]}]}


def test_what_it_lists_is_read(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(RULES))
    config = {"global": {"evaluation_interval": "1s"}, "rule_files": ["rules.yml"], "scrape_configs": []}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    base = f"http://127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
               f"--web.listen-address={base.removeprefix('http://')}"]
    settings = PrometheusSettings(id="prom", url=base, allow_private=True, placing=Placing(service="data"))
    source = prometheus.make(settings, regions=tree())

    def poll() -> Reading | None:
        now = datetime.now(UTC)  # noqa: TID251 Prometheus lives in real time
        found = source.fetch({}, now)
        reading = source.read(found, {}, now) if isinstance(found, Answer) else None
        return reading if reading is not None and reading.affirmed else None

    with running(command, ready=f"{base}/-/ready", folder=tmp_path):
        reading = until(poll, "its rules are evaluated", within=60)
    assert reading.complete
    (signal,) = reading.signals
    assert (signal.region, signal.level) == ("US-VT", Level.CRITICAL)
    assert (signal.facts["update"], signal.facts["value"]) == ("14 cells carry no traffic", "14")
    assert len(reading.present) == 1, "the pending one"
