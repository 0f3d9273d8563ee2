"""What is silent grows old: sources beyond their budget, listeners, the crowd, and what nobody reads any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from notifier.app import App
from notifier.model.signal import Freshness
from notifier.ports import SourceState, Store


class Ageing:
    """The loop that keeps how fresh each source is. `leading` is the store of the node that leads."""

    def __init__(self, app: App, leading: Store) -> None:
        self._app = app
        self._leading = leading
        self._heard: frozenset[str] | None = None
        """The sources that were read when it was last looked for those nobody reads any more."""

    def run_once(self) -> bool:
        """One round."""
        app = self._app
        app.poller.run_once()
        now = app.clock.now()
        listeners = (*app.listener.states(now), *app.intake.states(now))
        heard = (*listeners, *crowd_state(listeners))
        known = app.poller.ids | {state.source for state in heard}
        with self._leading.transaction() as tx:
            gone = unheard(tx.source_states(), known) if known != self._heard else ()
            for state in (*gone, *heard):
                tx.put_source_state(state)
        self._heard = known
        return False


def unheard(states: Sequence[SourceState], known: Collection[str]) -> tuple[SourceState, ...]:
    """The states of sources nobody reads any more, as stale: what one of them said last must not go on counting as
    trouble because it was switched off."""
    why = "no longer in the configuration"
    return tuple(replace(state, freshness=Freshness.STALE, why=why, memory={}) for state in states
                 if state.source not in known and state.freshness is Freshness.FRESH)


def crowd_state(states: Sequence[SourceState]) -> tuple[SourceState, ...]:
    """What the crowd's silence is worth: as little as that of the worst listener that was ever heard. None where
    nobody listens.

    Where customers complain on one network and its connection dies, the other networks' quiet must not close their
    outage. (What is still heard keeps counting as trouble: see `incidents.decide.sight`.)
    """
    known = [state for state in states if state.freshness is not Freshness.UNPROVEN]
    if not known:
        return ()
    worst = max(known, key=lambda state: (_WORTH.index(state.freshness), state.source))
    why = "" if worst.freshness is Freshness.FRESH else f"{worst.source} is {worst.freshness}: {worst.why}"
    return (replace(worst, source="crowd", why=why, memory={}),)


_WORTH = (Freshness.FRESH, Freshness.SUSPECT, Freshness.STALE, Freshness.FAILING, Freshness.UNPROVEN)
