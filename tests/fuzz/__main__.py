"""Fuzz every source in turn, two at a time: `python -m tests.fuzz [SECONDS each] [NAME …]`.

Exit code 1 if any broke.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.sources.examples import EXAMPLES

from .seeds import seeds


def fuzz(name: str, seconds: int) -> tuple[str, bool, str]:
    """Fuzz one source in a process of its own; (name, whether it held, libFuzzer's last words)."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, body in enumerate(seeds(name)):
            (corpus / str(number)).write_bytes(body)
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.sources", name, str(corpus), f"-max_total_time={seconds}",
             "-max_len=16384", "-timeout=10", "-rss_limit_mb=4096", f"-artifact_prefix={folder}/"],
            capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        runs = re.findall(r"#(\d+)\s.*?cov: (\d+)", said)
        last = f"{runs[-1][0]} answers, {runs[-1][1]} edges" if runs else "no run"
        if done.returncode:
            broken = sorted(Path(folder).glob("crash-*")) + sorted(Path(folder).glob("timeout-*"))
            last += "\n" + said[-3000:] + "".join(f"\n{one.name}: {one.read_bytes()!r}" for one in broken)
        return name, done.returncode == 0, last


def main() -> int:
    """Run, printing a line for each."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    names = sys.argv[2:] or [one.name for one in EXAMPLES]
    broke = 0
    with ThreadPoolExecutor(2) as pool:
        for name, held, last in pool.map(lambda one: fuzz(one, seconds), names):
            print(f"{'ok  ' if held else 'FAIL'} {name:28} {last}", flush=True)
            broke += not held
    print(f"{len(names)} sources, {seconds} s each: {broke or 'none'} broke")
    return 1 if broke else 0


if __name__ == "__main__":
    raise SystemExit(main())
