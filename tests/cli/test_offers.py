"""`notifier workaround offers`: what is said to help, and the line that passes it on."""

from __future__ import annotations

from notifier.model.workaround import Workaround

from .conftest import Desk


def _offer(desk: Desk, **more: object) -> None:
    with desk.store() as store, store.transaction() as tx:
        tx.put_workaround(Workaround(
            id="I1-ab", service="mobile-data", texts={"en": "Turn 3G off\x1b[2J, calls work."}, origin="mentions",
            incident="I1", evidence="9 people say so, 1 that it failed", facts={"sample_1": "3G off helped"},
            **more))  # type: ignore[arg-type]


def test_each_offer_comes_with_its_line(busy: Desk) -> None:
    """The words, who says so, a sample, and the command to copy; nothing that moves the cursor."""
    _offer(busy)
    done = busy.type("workaround", "offers", "I1")
    assert done.exit_code == 0
    assert "calls work." in done.stdout
    assert "9 people say so, 1 that it failed" in done.stdout
    assert "“3G off helped”" in done.stdout
    assert "notifier workaround pass-on I1 --id I1-ab" in done.stdout
    assert "\x1b" not in done.stdout
    (one,) = busy.json("workaround", "offers", "I1")["offers"]
    assert one["approve"] == "notifier workaround pass-on I1 --id I1-ab"


def test_what_somebody_vouched_for_is_no_offer(busy: Desk) -> None:
    """Nor is what is not there; an incident nobody knows is a problem."""
    _offer(busy, verified_by="ann")
    assert "Nobody has said yet what helps." in busy.type("workaround", "offers", "I1").stdout
    assert "there is no incident I9" in busy.type("workaround", "offers", "I9").stderr
