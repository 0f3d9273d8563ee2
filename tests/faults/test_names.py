"""No step of the send path, of a node or of the merging of what nodes counted is without a name in `SEND_PATH`,
`NODE_PATH` or `MERGE_PATH`, and no name there is without a step."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import notifier
from notifier.failpoints import BESIDE, CALLBACK_PATH, CANARY_PATH, FANOUT_PATH, SEND_PATH
from notifier.intake.merging import MERGE_PATH
from notifier.intake.node import NODE_PATH
from notifier.store.moving import MOVE_PATH

ROOT = Path(notifier.__file__).parent
STEP = "{name}.before_commit", "{name}.after_commit"
"""What the store's one transaction calls for each of its steps."""


def calls(name: str) -> Iterator[tuple[str, ast.expr]]:
    """File and first argument of every call of a function or method of that name."""
    for file in sorted(ROOT.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if f"{name}(" in text else ():
            if isinstance(node, ast.Call) and node.args:
                called = node.func
                found = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
                if found == name:
                    yield file.relative_to(ROOT).as_posix(), node.args[0]


def steps() -> set[str]:
    """Names of the store's transactions."""
    engines = ("store/sqlite.py", "store/postgres.py")  # run a step under the name they are given
    arguments = [argument for called in ("step", "run_step") for file, argument in calls(called)
                 if file.startswith("store/") and file not in engines]
    assert all(isinstance(argument, ast.Constant) for argument in arguments), "name a step literally, to be found here"
    return {str(argument.value) for argument in arguments if isinstance(argument, ast.Constant)}


def points() -> set[str]:
    """Every name a fail point can have, the store's steps spelt out."""
    found: set[str] = set()
    for file, argument in calls("failpoint"):
        if isinstance(argument, ast.Constant):
            found.add(str(argument.value))
            continue
        written = ast.unparse(argument)
        spelt_out = {(f"store/{engine}.py", f"f'{suffix}'") for engine in ("sqlite", "postgres") for suffix in STEP}
        assert (file, written) in spelt_out, f"{file}: name the fail point literally"
        found |= {ast.literal_eval(written[1:]).format(name=step) for step in steps()}
    return found


def test_every_fail_point_is_enumerated() -> None:
    beside = {suffix.format(name=step) for step in BESIDE for suffix in STEP}
    others = {*NODE_PATH, *MERGE_PATH, *MOVE_PATH, *FANOUT_PATH, *CANARY_PATH, *CALLBACK_PATH, *beside}
    assert points() == {*SEND_PATH, *others}
    assert not set(SEND_PATH) & others


def test_every_step_of_the_store_is_enumerated() -> None:
    on_path = {point.split(".")[0] for point in (*SEND_PATH, *CALLBACK_PATH)}
    assert steps() - on_path == set(BESIDE), "a new step of the store goes into SEND_PATH, or BESIDE with its reason"


def test_no_name_stands_twice() -> None:
    assert len(set(SEND_PATH)) == len(SEND_PATH)
