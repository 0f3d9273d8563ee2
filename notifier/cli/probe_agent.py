"""`notifier probe-agent`: the probes of a daemon tried from another place."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click

from .. import systemd
from ..clock import SystemClock
from ..config.validate import validate
from ..config.yaml_file import read_yaml
from ..logs import configure
from ..runner import stuck
from ..secret import Secret
from ..sources.probes.agent import AgentCheck, AgentFile, ProbeAgent, checks_for
from .deployment import load_or_explain
from .output import Problem, print_table

STUCK_AFTER = 180.0
"""Seconds without a turn after which a loop counts as hung: a check and ten control targets at their longest."""
PATIENCE = 15.0
"""Seconds the loops have to end in; a try that takes longer is given up."""


@click.command("probe-agent")
@click.option("--name", "place", envvar="NOTIFIER_PROBE_NAME", required=True, metavar="PLACE",
              help="This place, as the daemon's agents name it ($NOTIFIER_PROBE_NAME).")
@click.option("--to", envvar="NOTIFIER_PROBE_TO", required=True, metavar="URL",
              help="Address of the daemon's web part ($NOTIFIER_PROBE_TO).")
@click.option("--key-file", required=True, metavar="FILE", help="File with the key this place signs with.")
@click.option("--checks", "checks_file", type=click.Path(path_type=Path, dir_okay=False), default=None,
              help="YAML with what to try.")
@click.option("--config", "directory", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="In place of --checks: the daemon's configuration, of which this place's probes are tried.")
@click.option("--ca-file", default=None, help="Certificates to trust for the daemon, in place of the public ones.")
@click.option("--once", is_flag=True, help="Try everything once, post it, say how it went, and end.")
@click.option("--log-format", type=click.Choice(["auto", "json", "text"]), default="auto",
              help="auto: text at a terminal, JSON lines elsewhere.")
def probe_agent(place: str, to: str, key_file: str, checks_file: Path | None, directory: Path | None,
                ca_file: str | None, once: bool, log_format: str) -> None:
    """Try probes from this place and post the results, signed, to the daemon."""
    text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    configure(json_lines=not text, level="info")
    checks = _checks(place, checks_file, directory)
    try:
        agent = ProbeAgent(place, to, Secret(file=key_file), checks, SystemClock(), ca_file=ca_file)
    except ValueError as error:
        raise Problem(f"--to: {error}") from error
    raise SystemExit(_try_once(agent) if once else _run(agent))


def _checks(place: str, checks_file: Path | None, directory: Path | None) -> tuple[AgentCheck, ...]:
    """What to try, by the agent's own file or by the daemon's configuration."""
    if (checks_file is None) == (directory is None):
        raise Problem("give exactly one of --checks and --config")
    if directory is not None:
        checks = checks_for(place, load_or_explain(directory).sources)
        if not checks:
            raise Problem(f"no probe in {directory} that is enabled names {place} among its agents")
        return checks
    assert checks_file is not None
    file, _ = read_yaml(checks_file, str(checks_file))
    found = validate(AgentFile, file.value, file) if not file.mistakes else None
    for mistake in file.mistakes:
        click.echo(str(mistake), err=True)
    if file.mistakes or found is None:
        raise Problem(f"{checks_file} has mistakes; nothing was tried")
    return found.checks


def _try_once(agent: ProbeAgent) -> int:
    tried = [(check.source, agent.look(check)) for check in agent.checks]
    agent.deliver()
    print_table("Checks", ["source", "ok", "seconds", "why"],
                [(source, one.ok, f"{one.seconds:.2f}", one.why) for source, one in tried], empty="There are none.")
    if agent.waiting:
        raise Problem(f"{agent.waiting} of {len(tried)} results were not taken by the daemon")
    click.echo("the daemon has taken them all")
    return 0 if all(one.ok for _, one in tried) else 1


def _run(agent: ProbeAgent) -> int:
    """Turn the loops until SIGTERM or SIGINT; the watchdog is fed while all of them turn."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    clock, loops = SystemClock(), agent.loops()
    for loop in loops:
        loop.start()
    systemd.notify(READY=1, STATUS=f"{len(agent.checks)} checks at {agent.place}")
    while not ended.wait(min(systemd.watchdog_interval() or 5.0, 5.0)):
        hung = stuck(loops, clock.monotonic(), STUCK_AFTER)
        said = f"hung: {', '.join(hung)}" if hung else f"{agent.waiting} results to deliver"
        systemd.notify(STATUS=said, **({} if hung else {"WATCHDOG": 1}))
    systemd.notify(STOPPING=1)
    for loop in loops:
        loop.stopping.set()
    until = clock.monotonic() + PATIENCE
    for loop in loops:
        loop.stop(timeout=max(0.0, until - clock.monotonic()))
    return 0
