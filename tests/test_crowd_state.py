"""What the crowd's silence is worth when some of those who listen cannot hear."""

from __future__ import annotations

import pytest

from notifier.daemon.ageing import crowd_state, unheard
from notifier.model.signal import Freshness
from notifier.ports import SourceState

F = Freshness


@pytest.mark.parametrize(("states", "worth"), [
    pytest.param([F.FRESH, F.FRESH], F.FRESH, id="all hear"),
    pytest.param([F.FRESH, F.FAILING], F.FAILING, id="one lost its connection: its customers' silence means nothing"),
    pytest.param([F.STALE, F.FAILING], F.FAILING, id="nobody hears"),
    pytest.param([F.FRESH, F.UNPROVEN], F.FRESH, id="one that never heard anything has no customers to lose"),
])
def test_the_crowd_is_worth_its_worst_listener(states: list[Freshness], worth: Freshness) -> None:
    (found,) = crowd_state([SourceState(f"s{n}", freshness) for n, freshness in enumerate(states)])
    assert (found.source, found.freshness) == ("crowd", worth)


def test_nobody_listening_says_nothing() -> None:
    assert crowd_state([]) == ()
    assert crowd_state([SourceState("s", F.UNPROVEN)]) == ()


def test_what_a_removed_source_said_last_no_longer_counts() -> None:
    states = [SourceState("kept", F.FRESH), SourceState("removed", F.FRESH), SourceState("broken", F.FAILING)]
    (found,) = unheard(states, {"kept"})
    assert (found.source, found.freshness, found.why) == ("removed", F.STALE, "no longer in the configuration")
