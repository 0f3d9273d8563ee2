"""The kind `sms-pair` is what it says: in its worlds both accounts are met."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.standins.ledger import read_ledger

from ..channels import far_sides
from .far import world
from .nursery import Nursery
from .test_kill import NOON

OWN, OTHER = far_sides.ACCOUNT, "AC" + "0b" * 16


@pytest.mark.parametrize(("lost", "accounts"), [
    pytest.param("", {OWN}, id="all is well"),
    pytest.param("reset", {OTHER}, id="its own account takes none"),
    pytest.param("accept_then_drop", {OWN, OTHER}, id="its own account takes the first and does not say so"),
])
def test_one_bad_answer_moves_the_rest_to_the_other_account(
    lost: str, accounts: set[str], nursery: Nursery, tmp_path: Path
) -> None:
    with world(nursery, tmp_path, ["sms-pair"]) as daemon:
        if lost:
            daemon.far.fault(lost)
        daemon.finish(NOON)
        assert {entry["account"] for entry in read_ledger(daemon.far.ledger)} == accounts
        assert set(daemon.far.arrived().values()) == {1}
