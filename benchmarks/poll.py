"""Polling at scale beside Prometheus driving its blackbox exporter: `python -m benchmarks.poll [SOURCES] [SECONDS]`.

The whole daemon (`notifier run`: polls, parses, keeps, decides) and the two Go programs (which only probe) ask the same
local pages once a minute each, one after the other, in one run. CPU is what the processes used over the window by
/proc, divided by the polls made in it. Needs Debian's prometheus and prometheus-blackbox-exporter for the peer; without
them only ours is measured.

`python -m benchmarks.poll day [SOURCES]` plays a day of virtual time through the poller and prints its memory.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
HOSTS = 200
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """One side: polls in the window, CPU seconds, resident megabytes, and the 99th percentile of lateness."""

    name: str
    polls: float
    cpu: float
    memory: float
    late: str

    @property
    def each(self) -> float:
        """CPU milliseconds a poll."""
        return 1000 * self.cpu / max(self.polls, 1)


def main(sources: int, seconds: int) -> None:
    """Measure both sides and print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        with process([sys.executable, "-m", "benchmarks.pages", str(port)], folder, "pages"):
            rows = [ours(folder, port, sources, seconds)]
            if shutil.which("prometheus") and shutil.which("prometheus-blackbox-exporter"):
                rows += peer(folder, port, sources, seconds)
            report(rows, sources, seconds)


def report(rows: Sequence[Measured], sources: int, seconds: int) -> None:
    """The table, and the ratio."""
    print(f"\n{sources} pages, each polled once a minute, {seconds} s measured\n")
    print(f"| {'who':38} | polls  | CPU ms a poll | lateness p99 | memory MB |")
    print(f"|{'-' * 40}|{'-' * 8}|{'-' * 15}|{'-' * 14}|{'-' * 11}|")
    for row in rows:
        print(f"| {row.name:38} | {row.polls:6.0f} | {row.each:13.2f} | {row.late:>12} | {row.memory:9.0f} |")
    if len(rows) > 1:
        theirs = sum(row.each for row in rows[1:])
        print(f"\nours / theirs: {rows[0].each / theirs:.2f} of the CPU a poll, "
              f"{rows[0].memory / sum(row.memory for row in rows[1:]):.2f} of the memory")


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def ours(folder: Path, port: int, sources: int, seconds: int) -> Measured:
    """The daemon over a deployment with so many Statuspage sources."""
    web = free_port()
    config = deployment(folder / "config", port, web, sources)
    command = [sys.executable, "-m", "notifier.cli.main", "run", "--config", str(config), "--store",
               str(folder / "notifier.db"), "--log-level", "error"]
    with process(command, folder, "notifier") as running:
        metrics = f"http://127.0.0.1:{web}/metrics"
        wait_for(metrics, 300)
        time.sleep(70)  # the first round is denser
        before, late_before, cpu = polls_made(metrics), lateness(metrics), cpu_of(running.pid)
        time.sleep(seconds)
        used, made, late = cpu_of(running.pid) - cpu, polls_made(metrics) - before, lateness(metrics)
        return Measured("notifier (polls, parses, keeps, decides)", made, used, memory_of(running.pid),
                        percentile(late_before, late))


def deployment(folder: Path, port: int, web: int, sources: int) -> Path:
    """A configuration with so many pages on HOSTS hosts, over the fifty states."""
    shutil.copytree(PROJECT / "config", folder)
    (folder / "vocabulary.yaml").unlink()
    (folder / "workarounds.yaml").unlink()
    (folder / "maintenance.yaml").unlink()
    shutil.rmtree(folder / "templates")
    (folder / "templates").mkdir()
    shutil.copy(PROJECT / "config" / "templates" / "generic.yaml", folder / "templates")
    states = ["US-AL", "US-AK", "US-AZ", "US-CA", "US-CO", "US-FL", "US-GA", "US-NY", "US-TX", "US-VT"]
    entries = "".join(
        f"  - {{id: s{n}, kind: statuspage, url: 'http://127.0.{1 + n % HOSTS}.1:{port}/p{n}', allow_private: true, "
        f"placing: {{service: cloud, regions: [{states[n % len(states)]}]}}}}\n" for n in range(sources))
    (folder / "sources.yaml").write_text("sources:\n" + entries)
    (folder / "regions.yaml").write_text("include: [{country: US, levels: [state]}]\n")
    (folder / "services.yaml").write_text("services:\n  - {id: cloud, name: cloud, words: [cloud]}\n")
    (folder / "channels.yaml").write_text(
        "channels:\n  - {id: hook, kind: webhook, mode: test, url: 'http://127.0.0.1:9/', secret: {env: NONE}}\n")
    (folder / "policies.yaml").write_text(
        "policies:\n  - id: all\n    suspect: [{official: 0}]\n    confirm: [{official: 0}]\n"
        "    notices:\n      acknowledge: {release: approve, valid_for: 1h}\n    clear_after: 1m\n")
    (folder / "notifier.yaml").write_text(
        f"company: {{name: Bench, languages: [en, es], mode: test}}\nweb: {{port: {web}}}\n")
    return folder


def polls_made(metrics: str) -> float:
    """Polls that were known so far."""
    return sum(float(line.rpartition(" ")[2]) for line in lines_of(metrics) if line.startswith("notifier_polls_total")
               and ('result="known"' in line or 'result="unchanged"' in line))


def lateness(metrics: str) -> dict[float, float]:
    """The lateness histogram: starts by upper bound in seconds."""
    found = {}
    for line in lines_of(metrics):
        if match := re.match(r'notifier_poll_lateness_seconds_bucket\{le="([^"]+)"\} (\S+)', line):
            found[float(match[1])] = float(match[2])
    return found


def percentile(before: dict[float, float], after: dict[float, float]) -> str:
    """The bucket that holds the 99th of a hundred starts between two looks."""
    counts = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    total = counts[float("inf")]
    return f"< {next(bound for bound, count in counts.items() if count >= 0.99 * total):g} s" if total else "none"


# ── theirs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def peer(folder: Path, port: int, sources: int, seconds: int) -> list[Measured]:
    """Prometheus and its blackbox exporter over the same pages."""
    black, prom = free_port(), free_port()
    (folder / "blackbox.yml").write_text(
        "modules:\n  page: {prober: http, timeout: 10s, http: {preferred_ip_protocol: ip4, "
        "fail_if_body_not_matches_regexp: ['components']}}\n")
    targets = [f"http://127.0.{1 + n % HOSTS}.1:{port}/p{n}/api/v2/summary.json" for n in range(sources)]
    (folder / "targets.json").write_text(json.dumps([{"targets": targets}]))
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 60s, scrape_timeout: 15s}}\nscrape_configs:\n- job_name: pages\n"
        f"  metrics_path: /probe\n  params: {{module: [page]}}\n  file_sd_configs: [{{files: [targets.json]}}]\n"
        f"  relabel_configs:\n  - {{source_labels: [__address__], target_label: __param_target}}\n"
        f"  - {{source_labels: [__param_target], target_label: instance}}\n"
        f"  - {{target_label: __address__, replacement: '127.0.0.1:{black}'}}\n")
    exporter = ["prometheus-blackbox-exporter", "--config.file=blackbox.yml", f"--web.listen-address=127.0.0.1:{black}"]
    server = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
              f"--web.listen-address=127.0.0.1:{prom}"]
    with process(exporter, folder, "blackbox") as probing, process(server, folder, "prometheus") as driving:
        wait_for(f"http://127.0.0.1:{prom}/-/ready", 60)
        time.sleep(70)
        before, cpu = scrapes(prom), (cpu_of(probing.pid), cpu_of(driving.pid))
        time.sleep(seconds)
        made, used = scrapes(prom) - before, (cpu_of(probing.pid) - cpu[0], cpu_of(driving.pid) - cpu[1])
        late = f"{max(0.0, interval_p99(prom) - 60):.2f} s"
        return [Measured("prometheus-blackbox-exporter (probes)", made, used[0], memory_of(probing.pid), ""),
                Measured("prometheus (drives and stores)", made, used[1], memory_of(driving.pid), late)]


def scrapes(port: int) -> float:
    """Scrapes Prometheus has made so far."""
    return value_of(port, "prometheus_target_interval_length_seconds_count")


def interval_p99(port: int) -> float:
    """The 99th percentile of the time between two scrapes, by Prometheus's own account."""
    return value_of(port, 'prometheus_target_interval_length_seconds{interval="1m0s",quantile="0.99"}')


def value_of(port: int, name: str) -> float:
    """One metric of Prometheus about itself; 0 where it is not there yet."""
    found = (line for line in lines_of(f"http://127.0.0.1:{port}/metrics") if line.startswith(name))
    return float(next(found, "x 0").rpartition(" ")[2])


# ── a day ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def day(sources: int) -> None:
    """Twenty-four virtual hours of polls, once a minute each; memory at each fourth hour."""
    from benchmarks.pages import body
    from notifier.clock import VirtualClock
    from notifier.config.ready_regions import ready
    from notifier.model.region import RegionTree
    from notifier.ports import Answer
    from notifier.sources.pages import statuspage
    from notifier.sources.poller import Poller
    from notifier.sources.settings import Placing, PollingSettings
    from notifier.store import StoreSettings, open_store

    tree = RegionTree({one.id: one for one in ready("US", ["state"])})
    placing = Placing(service="cloud", regions=("US-VT",))
    made = {f"s{n}": statuspage.make(statuspage.StatuspageSettings(id=f"s{n}", url="http://x/", placing=placing),
                                     regions=tree) for n in range(sources)}
    clock = VirtualClock(datetime(2026, 1, 15, tzinfo=UTC))
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(StoreSettings(path=f"{folder}/day.db"))
        poller = Poller(made, store, clock, PollingSettings(), regions=tree)
        for minute in range(24 * 60):
            for number, source in enumerate(made):
                said = body(number, clock.now().timestamp())
                poller.accept(source, Answer(clock.now(), 200, {"etag": f'"{minute}"'}, said))
            poller.run_once()
            clock.advance(timedelta(minutes=1))
            if (minute + 1) % 240 == 0:
                print(f"hour {(minute + 1) // 60:2}: {memory_of(os.getpid()):.1f} MB")


# ── shared ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def process(command: Sequence[str], folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; its output goes to a file."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with (folder / f"{name}.log").open("wb") as out:
        running = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()


def cpu_of(pid: int) -> float:
    """CPU seconds a process and its threads have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid: int) -> float:
    """Resident megabytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def lines_of(url: str) -> list[str]:
    """The lines a local URL answers."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode()).splitlines()


def wait_for(url: str, seconds: float) -> None:
    """Wait until a URL answers. Raises TimeoutError when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            lines_of(url)
            return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(f"{url} did not answer within {seconds:.0f} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["day"]:
        day(int(sys.argv[2]) if len(sys.argv) > 2 else 100)
    else:
        numbers = [int(word) for word in sys.argv[1:3]]
        main(*(numbers + [10_000, 120][len(numbers):]))
