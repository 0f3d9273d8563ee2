"""Whether trouble goes on, in the words vendors use: the worse mistake is an all-clear too early, the next worse an
incident that stays open because somebody "will continue to monitor"."""

from __future__ import annotations

import pytest

from notifier.sources.wording import is_over

MARKED = "[Resolved] Errors in Europe"
PLAIN = "Errors in Europe"


@pytest.mark.parametrize("text", [
    "Errors continue in West Europe.", "Errors continue.", "Errors are continuing in the west.",
    "Impact continues in West Europe.", "Errors continue in West Europe. Next update at 15:00 UTC.",
    "Errors continue. We will provide an update within 30 minutes.",
    "The issue persists for some users.", "Errors persist.", "Errors are persisting in one zone.",
    "We are still seeing errors.", "We are seeing errors again.", "We continue to see elevated error rates.",
    "We continue to investigate.", "We are continuing to investigate.", "We continue to work on a fix.",
    "Customers in the west are experiencing errors.", "The outage is ongoing.",
    "Some customers remain without service.",
    "Errors continue in West Europe. Resolved in North Europe.",
])
def test_what_goes_on_is_not_over_whatever_the_title_says(text: str) -> None:
    """Nor is it without the mark."""
    assert not is_over(MARKED, text)
    assert not is_over(PLAIN, text)


@pytest.mark.parametrize("text", [
    "The issue is resolved. We will continue to monitor.", "The issue has been resolved. We are monitoring closely.",
    "This incident has been resolved and we will continue to monitor.", "We will continue to monitor.",
    "We continue to monitor the situation closely.", "Our teams are continuing to actively monitor.",
    "We will continue monitoring for any further errors.", "We will keep watching it.",
    "Customers may continue to use the service.", "You can continue using the app as before.",
    "Requests continue to be served normally.", "Everything continues to operate normally.",
    "Errors persisted until 14:00 UTC.", "Some customers continued to see errors until 14:00 UTC.",
    "Customers are no longer impacted.", "Users are no longer experiencing errors.", "No errors remain.",
    "No known issues remain.", "We are seeing full recovery.", "We are seeing no errors.",
    "The issue has been resolved and we continue to work with the supplier to prevent it.",
    "We will continue to provide updates on the supplier's work.",
])
def test_what_is_marked_as_resolved_stays_so(text: str) -> None:
    """Who goes on to watch, or may go on to use it, is not in trouble; and what was is history."""
    assert is_over(MARKED, text)


@pytest.mark.parametrize(("text", "over"), [
    ("This incident has been resolved. We will continue to monitor.", True),
    ("This incident is now resolved. We are monitoring the results.", True),
    ("The issue was fully resolved. We continue to monitor the situation.", True),
    ("The issue has been mitigated. We will continue to monitor.", False),
    ("Service has been restored. We continue to monitor.", False),
    ("A fix is in place. We will continue to monitor.", False),
    ("This is resolved in the north. Errors continue in the west. We will continue to monitor.", False),
    ("Resolved in North Europe. We will continue to monitor errors that persist in West Europe.", False),
    ("We have resolved it for Issues, and are continuing to investigate Codespaces in US East.", False),
    ("All services are operating normally. We are working to mitigate the cause. We will provide an update.", False),
    ("Resolved in East, but errors continue in West.", False),
    ("We continue to see errors. All is restored in Leeds.", False),
    ("Errors are no longer ongoing. The issue is resolved.", True),
])
def test_words_alone(text: str, over: bool) -> None:
    """Without a mark "resolved" and no more than watching after it is over; mitigated, restored and watched is not."""
    assert is_over(PLAIN, text) is over


def test_both_kinds_of_title() -> None:
    """The two of the issue, in either order and under either title."""
    for title in (PLAIN, "[Resolved] X", "X – resolved", "RESOLVED: X", "X recovered"):
        assert not is_over(title, "Resolved in North Europe. Impact continues in West Europe.")
        assert not is_over(title, "Impact continues in West Europe. Resolved in North Europe.")
