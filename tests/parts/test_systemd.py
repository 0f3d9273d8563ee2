"""The shipped units under a real systemd: started, killed, reloaded, hung, stopped, and what they may not do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.standins.webhook import Webhook

from .booted import Machine, installed, needed
from .daemon import Site, alert, told
from .deployment import PROJECT, Deployment
from .processes import free_port
from .waiting import stays, until

pytestmark = [pytest.mark.parts, pytest.mark.timeout(300)]

UNIT = "notifier.service"
AGENT = "notifier-probe-agent.service"
each_unit = pytest.mark.parametrize("unit", [UNIT, AGENT])


@each_unit
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_sandbox_is_tight(unit: str) -> None:
    shipped = str(PROJECT / "systemd" / unit)
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", shipped],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A booted machine with the program and the unit."""
    if reason := needed():
        pytest.skip(reason)
    with installed(tmp_path_factory.mktemp("machine")) as booted:
        yield booted


@pytest.fixture
def service(machine: Machine, receiver: Webhook, tmp_path: Path) -> Iterator[Site]:
    """The unit, started, with an empty state directory; stopped afterwards."""
    deployment = Deployment(tmp_path, f"{receiver.url}/notices", port=free_port(), credentials=True,
                            posts_path=tmp_path / "posts.jsonl")
    # The unit cannot see this test's folder: its posts lie in its own state directory.
    deployment.write()
    sources = deployment.config / "sources.yaml"
    sources.write_text(sources.read_text().replace(str(deployment.posts), "/var/lib/notifier/posts.jsonl"))
    machine.run("rm", "-rf", "/etc/notifier", "/var/lib/private/notifier", "/etc/systemd/system/notifier.service.d")
    machine.copy(deployment.config, "/etc/notifier")
    machine.run("systemctl", "daemon-reload")
    yield Site(f"http://127.0.0.1:{deployment.port}")
    machine.run("systemctl", "stop", UNIT, check=False)
    machine.run("systemctl", "reset-failed", UNIT, check=False)


def start(machine: Machine) -> None:
    done = machine.run("systemctl", "start", UNIT, check=False)
    assert done.returncode == 0, done.stderr + machine.journal(UNIT)


def status_of(machine: Machine) -> dict[str, str]:
    return machine.show(UNIT, "ActiveState", "SubState", "StatusText", "MainPID", "NRestarts", "Result",
                        "ExecMainStatus")


@each_unit
def test_the_unit_has_no_mistakes(machine: Machine, unit: str) -> None:
    done = machine.run("systemd-analyze", "verify", "--man=no", f"/etc/systemd/system/{unit}", check=False)
    assert (done.returncode, done.stderr) == (0, ""), "unknown keys are told on standard error only"


def test_it_starts_speaks_and_stops(machine: Machine, service: Site, receiver: Webhook) -> None:
    start(machine)
    now = status_of(machine)
    assert (now["ActiveState"], now["SubState"]) == ("active", "running")
    assert "test mode, configuration" in now["StatusText"]
    assert service.ready(), "Type=notify: it says that it is ready when it is"
    # The bearer token and the signing secret are credentials: were they not readable, neither would work.
    assert service.alert(alert("CellsDown")) == 200, machine.journal(UNIT)
    until(lambda: told(receiver), "an acknowledgement", within=20)
    machine.run("systemctl", "stop", UNIT)
    ended = status_of(machine)
    assert (ended["ActiveState"], ended["Result"], ended["ExecMainStatus"]) == ("inactive", "success", "0")
    assert not service.ready()
    kept = machine.run("stat", "-c", "%s %a", "/var/lib/private/notifier/notifier.db").stdout.split()
    assert int(kept[0]) > 0, "the state directory outlives the service"
    assert kept[1] == "600"
    start(machine)
    again = machine.run("/opt/notifier/bin/notifier", "incidents", "list", "--json", "--config", "/etc/notifier",
                        "--store", "/var/lib/private/notifier/notifier.db").stdout
    assert told(receiver)[0]["incident"] in again, "what it knew is still known"
    stays(lambda: len(told(receiver)) == 1, "and is not said twice", during=3)


def test_killed_it_is_back(machine: Machine, service: Site) -> None:
    start(machine)
    before = status_of(machine)
    machine.run("kill", "-9", before["MainPID"])
    until(lambda: status_of(machine)["NRestarts"] == "1" and status_of(machine)["ActiveState"] == "active",
          f"restarted; {machine.journal(UNIT)}", within=40, every=0.5)
    assert status_of(machine)["MainPID"] != before["MainPID"]
    assert service.ready()


def test_reload_takes_a_good_edit_and_refuses_a_bad_one(machine: Machine, service: Site) -> None:
    start(machine)
    first = status_of(machine)["StatusText"]
    services = machine.root / "etc/notifier/services.yaml"
    good = services.read_text()
    services.write_text(good.replace("name: mobile data", "nam: mobile data"))
    machine.run("systemctl", "reload", UNIT)
    until(lambda: "rejected edit" in status_of(machine)["StatusText"], "systemctl status tells of it", within=20)
    assert status_of(machine)["ActiveState"] == "active"
    assert service.metric("notifier_config_last_reload_successful") == 0
    services.write_text(good.replace("name: mobile data", "name: phone data"))
    machine.run("systemctl", "reload", UNIT)
    until(lambda: service.metric("notifier_config_last_reload_successful") == 1, "the good edit is taken", within=20)
    until(lambda: (now := status_of(machine)["StatusText"]) != first and "rejected" not in now, "it says so", within=20)
    assert status_of(machine)["NRestarts"] == "0"


def test_hung_it_is_killed_and_restarted(machine: Machine, service: Site) -> None:
    machine.write("/etc/systemd/system/notifier.service.d/soon.conf", "[Service]\nWatchdogSec=5\n")
    machine.run("systemctl", "daemon-reload")
    start(machine)
    before = status_of(machine)
    machine.run("kill", "-STOP", before["MainPID"])
    until(lambda: status_of(machine)["NRestarts"] == "1" and status_of(machine)["ActiveState"] == "active",
          f"the watchdog restarts it; {machine.journal(UNIT)}", within=60, every=0.5)
    assert service.ready()


def test_it_may_write_nothing_but_its_state(machine: Machine, service: Site) -> None:
    start(machine)
    pid = status_of(machine)["MainPID"]
    user = machine.run("stat", "-c", "%u", f"/proc/{pid}").stdout.strip()
    assert int(user) >= 61184, "a dynamic user"

    def as_service(command: str) -> int:
        return machine.run("nsenter", "-t", pid, "-m", "setpriv", f"--reuid={user}", f"--regid={user}",
                           "--clear-groups", "--no-new-privs", "sh", "-c", command, check=False).returncode

    assert as_service("touch /var/lib/notifier/mine") == 0
    for place in ("/etc/notifier/x", "/usr/x", "/var/log/x", "/opt/notifier/x"):
        assert as_service(f"touch {place}") != 0, place
    assert as_service("cat /etc/notifier/secrets/alerts-token") != 0, "only its own copy of a secret"
    limits = machine.run("cat", f"/proc/{pid}/status").stdout
    assert "CapEff:\t0000000000000000" in limits
    assert "NoNewPrivs:\t1" in limits
    assert "Seccomp:\t2" in limits


PROBE = """\
sources:
  - id: web
    kind: probe
    own_place: false
    check: {tcp: {host: 127.0.0.1, port: 1}}
    agents: [{place: btv, secret: {credential: probe-btv}}]
    placing: {service: mobile-data, regions: [US-VT]}
"""


def test_a_probe_agent_posts_from_its_own_unit(machine: Machine, service: Site) -> None:
    sources = machine.root / "etc/notifier/sources.yaml"
    sources.write_text(PROBE + sources.read_text().removeprefix("sources:\n"))
    machine.write("/etc/notifier/secrets/probe-btv", "a key\n", 0o600)
    machine.write("/etc/notifier-probe/key", "a key\n", 0o600)
    machine.write("/etc/notifier-probe/env", f"NOTIFIER_PROBE_NAME=btv\nNOTIFIER_PROBE_TO={service.base}\n", 0o600)
    machine.write("/etc/notifier-probe/checks.yaml",
                  f"checks: [{{source: web, check: {{http: {{url: {service.base}/healthz}}}}, allow_private: true}}]\n")
    start(machine)
    try:
        done = machine.run("systemctl", "start", AGENT, check=False)
        assert done.returncode == 0, done.stderr + machine.journal(AGENT)
        until(lambda: service.metric("notifier_probe_posts_total", source="web", result="taken"),
              f"its first results are taken; {machine.journal(AGENT)}", within=30)
        now = machine.show(AGENT, "ActiveState", "StatusText", "MainPID")
        assert now["ActiveState"] == "active"
        assert now["StatusText"] in ("1 checks at btv", "0 results to deliver")
        limits = machine.run("cat", f"/proc/{now['MainPID']}/status").stdout
        assert "CapEff:\t0000000000000000" in limits
        machine.run("systemctl", "stop", AGENT)
        assert machine.show(AGENT, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    finally:
        machine.run("systemctl", "stop", AGENT, check=False)
        machine.run("rm", "-rf", "/etc/notifier-probe")
