"""The shipped Dockerfile, built by buildah over a stand-in base of Debian's packages, and run as its own user."""

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
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from .daemon import Site
from .deployment import PROJECT
from .waiting import until

BASE = "docker.io/library/python:3.12-slim"
IMAGE = "notifier:test"
PACKAGES = "python3-minimal,python3-pip,python3-venv,ca-certificates"
PORT = 9273
"""The port of the shipped configuration and of the image's health check."""


def needed() -> str:
    """Why this cannot be tried here; "" where it can."""
    if os.geteuid() != 0:
        return "needs root to build without user namespaces"
    missing = [tool for tool in ("buildah", "mmdebstrap") if shutil.which(tool) is None]
    return f"needs {', '.join(missing)}" if missing else ""


pytestmark = [pytest.mark.parts, pytest.mark.timeout(600), pytest.mark.skipif(bool(needed()), reason=needed())]


class Buildah:
    """buildah with a storage of its own, so that nothing of the machine's images is touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot"}
        if self("info", check=False).returncode != 0:  # slower, but works on any file system
            self.remove()
            self.environment["STORAGE_DRIVER"] = "vfs"

    def remove(self) -> None:
        """Remove the storage, and the mount that its driver left on itself."""
        subprocess.run(["umount", "--recursive", "--quiet", str(self.folder / "root" / "overlay")], check=False,
                       stderr=subprocess.DEVNULL)
        for part in ("root", "run"):
            shutil.rmtree(self.folder / part, ignore_errors=True)

    def words(self, *words: str) -> list[str]:
        """A whole command line."""
        return ["buildah", "--root", str(self.folder / "root"), "--runroot", str(self.folder / "run"), *words]

    def __call__(self, *words: str, check: bool = True, timeout: float = 400) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(self.words(*words), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=timeout, env=self.environment, check=False)
        assert not check or done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done


def base_tree() -> Path:
    """A root file system with Python, made once a day: a stand-in for the base image; no registry is asked."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")  # noqa: TID251 a cache of today's packages
    tree = Path(tempfile.gettempdir()) / f"notifier-base-{os.getuid()}-{today}.tar"
    if not tree.exists():
        fresh = tree.with_suffix(f".{os.getpid()}.tar")
        done = subprocess.run(["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(fresh)],
                              capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            pytest.skip(f"mmdebstrap cannot make the base here: {done.stderr.strip()[-500:]}")
        fresh.replace(tree)
    return tree


def pip_settings(folder: Path) -> list[str]:
    """Volumes that let pip inside the build use this machine's own configuration, whatever it is."""
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    merged = dict(re.findall(r"^(?:[^.\n]+)\.([a-z-]+)='(.*)'$", said.stdout, re.MULTILINE))
    lines = [f"{name} = {value}".replace("\\n", "\n  ") for name, value in merged.items()]
    config = folder / "pip.conf"
    config.write_text("\n".join(["[global]", *lines]) + "\n")
    said_too = "\n".join(merged.values())
    folders = {"/etc/ssl/certs"}
    # An index in a folder links to files beside it, so that its parent is needed.
    folders |= {str(Path(place).parent) for place in re.findall(r"file://(/[^\s']+)", said_too)}
    for place in map(Path, re.findall(r"(?<![:/\w])(/[^\s']+)", said_too)):
        folders.add(str(place if place.is_dir() else place.parent))
    volumes = [f"{place}:{place}:ro" for place in sorted(folders) if Path(place).is_dir()]
    volumes.append(f"{config}:/etc/pip.conf:ro")
    return [word for volume in volumes for word in ("--volume", volume)]


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """buildah with the image built."""
    folder = tmp_path_factory.mktemp("buildah")
    tool = Buildah(folder)
    container = tool("from", "scratch").stdout.strip()
    tool("add", "--quiet", container, str(base_tree()), "/")
    tool("commit", "--quiet", container, BASE)
    tool("rm", container)
    tool("bud", "--format", "docker", "--pull-never", *pip_settings(folder), "--tag", IMAGE, "--file",
         str(PROJECT / "Dockerfile"), str(PROJECT))
    yield tool
    tool.remove()


@pytest.fixture(scope="module")
def container(buildah: Buildah) -> str:
    """A container of the image; it goes with buildah's storage."""
    return buildah("from", "--pull-never", IMAGE).stdout.strip()


def test_the_image_checks_its_configuration_as_its_own_user(buildah: Buildah, container: str) -> None:
    assert buildah("run", container, "--", "id", "-u").stdout.strip() == "10001"
    done = buildah("run", container, "--", "notifier", "check", "/etc/notifier", check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "/etc/notifier: no mistakes"), done.stderr
    refused = buildah("run", container, "--", "touch", "/etc/notifier/x", check=False)
    assert refused.returncode != 0


def test_the_image_is_a_node_too(buildah: Buildah, container: str) -> None:
    """The NATS client is there: what is missing is a server."""
    done = buildah("run", container, "--", "notifier", "node", "--nats", "nats://127.0.0.1:1", check=False)
    assert done.returncode != 0
    assert "NATS at nats://127.0.0.1:1 cannot be used" in done.stdout + done.stderr


def test_the_image_holds_no_tests_and_no_pip_cache(buildah: Buildah, container: str) -> None:
    found = buildah("run", container, "--", "sh", "-c", "ls -d /src /root/.cache /opt/notifier/tests 2>/dev/null; true")
    assert found.stdout == ""


def test_the_image_runs_is_healthy_and_stops(buildah: Buildah, container: str) -> None:
    if _taken(PORT):
        pytest.skip(f"port {PORT}, which the image uses, is taken on this machine")
    image = json.loads(buildah("inspect", "--type", "image", IMAGE).stdout)["Docker"]["config"]
    command = [*image["Entrypoint"], *image["Cmd"]]
    assert (image["User"], image["StopSignal"]) == ("10001", "SIGTERM")
    with subprocess.Popen(buildah.words("run", container, "--", *command), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=buildah.environment) as running:
        try:
            site = Site(f"http://127.0.0.1:{PORT}")
            until(lambda: running.poll() is not None or site.ready(), "ready", within=90)
            assert running.poll() is None, running.stdout.read().decode()[-3000:] if running.stdout else ""
            health = image["Healthcheck"]["Test"]
            assert health[0] == "CMD"
            assert buildah("run", container, "--", *health[1:], check=False).returncode == 0
            kept = buildah("run", container, "--", "notifier", "status", "--json").stdout
            assert json.loads(kept)["kill_switch"] == "off", "commands in the container find its store"
            inner = _innermost(running.pid)
            assert Path(f"/proc/{inner}").stat().st_uid == 10001
            os.kill(inner, signal.SIGTERM)
            assert running.wait(60) == 0
        finally:
            if running.poll() is None:
                os.kill(_innermost(running.pid), signal.SIGKILL)
                running.wait(30)
    assert not _taken(PORT)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _innermost(pid: int) -> int:
    """The last of a chain of only children: the program itself, below buildah's own processes."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [child for task in Path(f"/proc/{pid}/task").iterdir()
             for child in (task / "children").read_text().split()] if children.exists() else []
    return _innermost(int(below[-1])) if below else pid
