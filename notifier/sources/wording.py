"""What the words of a post say about whether it is over.

Pure text rules, shared by whatever posts prose rather than states. The bias is one way: where the words leave a doubt,
the trouble is still on, because an all-clear sent too early is the worse mistake.
"""

from __future__ import annotations

import re

_LABEL = re.compile(
    r"^(?:status:\s*)?(investigating|identified|monitoring|update|resolved|completed|scheduled|in progress|verifying|"
    r"postmortem|mitigated)\s*(?:[-–—:]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_TITLE_OVER = re.compile(
    r"(?:^|[\[(])\s*(?:resolved|resovled|resloved|completed|restored)\s*(?:[\])]|$|\s*[:\-–—])|[\-–—|:]\s*resolved\W*$",
    re.IGNORECASE,
)
_TITLE_RECOVERED = re.compile(r"\brecovered\W*$", re.IGNORECASE)
_CLAUSES = re.compile(r"[.!?;\n]+(?:\s|$)|\s+(?:but|however|although|though)\b,?\s*", re.IGNORECASE)
_COURTESY = re.compile(
    r"\b(?:thank|thanks|apologi[sz]e|sorry|patience|understanding|inconvenience|root cause|post-?mortem|"
    r"further (?:details|information)|follow(?:ing)? up|contact (?:us|support))\b",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"\b(?:resolved|restored|recovered|operating normally|back to normal|fully operational|"
    r"(?:has|have|is) (?:now )?(?:been )?(?:fixed|completed|mitigated)|issue is over)\b",
    re.IGNORECASE,
)
_NOT_YET = re.compile(
    r"\b(?:not|isn't|hasn't|haven't|never|un|yet|until|once|when|after|if|unless|working to|trying to|expect(?:ed|s)?|"
    r"will|should|being|partially|partly|some|most|many|almost|nearly|to be|we hope|aim|estimated|eta|"
    r"monitoring)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\b(?:continues|ongoing|remains?|still|persists?|investigating|are experiencing|is experiencing|impacted|"
    r"unresolved)\b",
    re.IGNORECASE,
)
_SOMEWHERE = re.compile(r"\b(?:in|for)\s+(?:the\s+)?[A-Z]", re.UNICODE)
_PLANNED = re.compile(
    r"\b(?:scheduled|planned)\s+(?:\w+\s+)?(?:maintenance|work|outage|upgrade)|\bmaintenance\b", re.IGNORECASE
)


def newest_update(text: str) -> tuple[str, str]:
    """(label, words) of the newest update in a post that lists several, each beginning with its state ("Resolved - …"),
    newest first as Statuspage and its like write them; ("", text) where there are no labels."""
    marks = list(_LABEL.finditer(text))
    if not marks:
        return "", text
    end = marks[1].start() if len(marks) > 1 else len(text)
    return marks[0].group(1).lower(), text[marks[0].end() : end]


def is_over(title: str, text: str) -> bool:
    """Whether a post says its trouble has ended.

    By the newest update's label where there is one; else by a title that is marked as resolved or ends with
    "recovered", unless the text says it goes on; else by the last clause that is not a courtesy. "Resolved in North
    Europe. Impact continues in West Europe" is not over, in either order; "Unresolved", "not yet resolved", "once
    restored" and "partially restored" are not.
    """
    label, words = newest_update(text)
    if label and label != "update":
        return label in ("resolved", "completed", "postmortem")
    clauses = [c.strip() for c in _CLAUSES.split(words) if c and c.strip()]
    telling = [c for c in clauses if not _COURTESY.search(c) or _OVER.search(c)]
    last = telling[-1] if telling else ""
    if _TITLE_OVER.search(title) or (_TITLE_RECOVERED.search(title) and not _NOT_YET.search(title)):
        return not _GOES_ON.search(last)
    if not last or not _OVER.search(last) or _NOT_YET.search(last) or _GOES_ON.search(last):
        return False
    return not (_SOMEWHERE.search(last) and any(_GOES_ON.search(c) for c in telling[:-1]))


def is_planned(title: str, text: str) -> bool:
    """Whether a post announces planned work: by its title, or by the label of its newest update."""
    label, _ = newest_update(text)
    return bool(_PLANNED.search(title)) or label in ("scheduled", "in progress", "verifying")
