"""The machine's own systemd, booted as PID 1 in namespaces, with the program where the unit expects it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from .deployment import PROJECT

BOOT = Path(__file__).with_name("boot-systemd.sh")
PYTHON = "/usr/bin/python3"
LAUNCHER = """\
#!{python} -I
import sys
sys.path[:0] = ["/opt/notifier/source", "/opt/notifier/packages"]
from notifier.cli.main import main
main()
"""


def needed() -> str:
    """Why this cannot be tried here; "" where it can."""
    if os.geteuid() != 0:
        return "needs root for namespaces"
    for tool in ("unshare", "nsenter", "systemctl", "pgrep"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    if not Path("/lib/systemd/systemd").exists():
        return "needs systemd"
    minor = subprocess.run([PYTHON, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True,
                           check=False).stdout.split()
    if minor != [str(part) for part in sys.version_info[:2]]:
        return f"needs {PYTHON} of the version that runs the tests: units cannot see interpreters under /root"
    probe = subprocess.run(["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "true"], capture_output=True,
                           text=True, check=False)
    return f"namespaces are not allowed: {probe.stderr.strip()}" if probe.returncode else ""


class Machine:
    """A booted container. `root` is its root directory as seen from here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.root = Path(f"/proc/{pid}/root")

    def run(self, *command: str, check: bool = True, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", "-C", *command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        said = self.run("systemctl", "show", unit, f"--property={','.join(names)}").stdout
        return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)

    def journal(self, unit: str) -> str:
        """What a unit logged, for messages of failed tests."""
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit, check=False).stdout[-4000:]

    def copy(self, source: Path, to: str) -> None:
        """Copy a file or a folder to an absolute path inside, owned by root."""
        target = self.root / to.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)

    def write(self, to: str, text: str, mode: int = 0o644) -> None:
        """Write a file inside."""
        target = self.root / to.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)


@contextmanager
def booted(work: Path, binds: Mapping[Path, str]) -> Iterator[Machine]:
    """Boot; `binds` are folders of this machine and where they appear inside."""
    words = [f"{source}={target}" for source, target in binds.items()]
    with subprocess.Popen(["bash", str(BOOT), str(work), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as boot:
        assert boot.stdout is not None
        assert boot.stderr is not None
        first = boot.stdout.readline().strip()
        try:
            if not first.isdigit():
                pytest.skip(f"systemd does not boot in namespaces here: {boot.stderr.read().strip()}")
            yield Machine(int(first))
        finally:
            assert boot.stdin is not None
            boot.stdin.close()
            boot.wait(30)


@contextmanager
def installed(work: Path) -> Iterator[Machine]:
    """A booted machine with the checkout at /opt/notifier, run by the distribution's Python, and the shipped units."""
    import structlog  # any dependency: where it lies, the others lie

    packages = Path(structlog.__file__).parents[1]
    with booted(work, {PROJECT / "notifier": "/opt/notifier/source/notifier",
                       packages: "/opt/notifier/packages"}) as machine:
        machine.write("/opt/notifier/bin/notifier", LAUNCHER.format(python=PYTHON), 0o755)
        for unit in sorted((PROJECT / "systemd").glob("*.service")):
            machine.copy(unit, f"/etc/systemd/system/{unit.name}")
        yield machine
