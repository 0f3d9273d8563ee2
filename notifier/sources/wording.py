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
_WATCH = r"(?:closely\s+|actively\s+|carefully\s+)?(?:monitor(?:ing)?|watch(?:ing)?|observ(?:e|ing)|track(?:ing)?)\b"
_WELL = (r"(?:us(?:e|ing)|enjoy|operat(?:e|ing)|function(?:ing)?|work(?:ing)?)\b(?!\s+(?:on|to)\b)|"
         r"(?:be\s+\w+\s+)?(?:as\s+)?normal|provid(?:e|ing)\s+(?:\w+\s+)?updates?\b")
_GOES_ON = re.compile(
    rf"\b(?:continu(?:e|es|ing)(?!\s+(?:to\s+)?(?:{_WATCH}|{_WELL}))|ongoing|remains?|still|persist(?:s|ing)?|"
    r"investigating|(?:are|is) experiencing|(?:are|is) seeing(?! (?:\w+ )?(?:recover|improve|normal|no\b))|impacted|"
    r"unresolved)\b",
    re.IGNORECASE,
)
"""Trouble that lasts. Who goes on to watch, or may go on to use it, is not in trouble; "continued" is history."""
_NO_MORE = re.compile(r"\bno longer\s+(?:\w+\s+)?\w+|\bno\s+(?:\w+\s+){1,2}(?:remains?|persists?|continues?)\b",
                      re.IGNORECASE)
_PROMISE = re.compile(r"\bnext update\b|\b(?:provide|share|post) (?:an |another |more |further )*updates?\b",
                      re.IGNORECASE)
_WATCHING = re.compile(rf"\b(?:continu(?:e|es|ing)\s+(?:to\s+)?|(?:are|is|will|will be|keep)\s+){_WATCH}",
                       re.IGNORECASE)
_RESOLVED = re.compile(r"\b(?:been|is|are|was|were|now)\s+(?:\w+ly\s+|now\s+)?resolved\b", re.IGNORECASE)
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
    restored" and "partially restored" are not. That somebody continues to monitor re-opens nothing; but what is only
    mitigated or restored, and watched, is not over.
    """
    label, words = newest_update(text)
    if label and label != "update":
        return label in ("resolved", "completed", "postmortem")
    clauses = [c.strip() for c in _CLAUSES.split(words) if c and c.strip()]
    telling = [c for c in clauses if not _COURTESY.search(c) or _OVER.search(c)]
    while len(telling) > 1 and _only_watched(telling[-1], telling[-2], title):
        telling.pop()
    last = telling[-1] if telling else ""
    elsewhere = bool(_SOMEWHERE.search(last)) and any(map(_goes_on, telling[:-1]))
    if _over_by_title(title):
        said = [c for c in telling if not _PROMISE.search(c)]
        return not (_goes_on(said[-1] if said else "") or (elsewhere and bool(_OVER.search(last))))
    if not last or not _OVER.search(last) or _NOT_YET.search(last) or _goes_on(last):
        return False
    return not elsewhere


def _over_by_title(title: str) -> bool:
    return bool(_TITLE_OVER.search(title) or (_TITLE_RECOVERED.search(title) and not _NOT_YET.search(title)))


def _goes_on(clause: str) -> bool:
    return bool(_GOES_ON.search(_NO_MORE.sub(" ", clause)))


def _only_watched(clause: str, before: str, title: str) -> bool:
    """Whether a clause says no more than that somebody watches, after one that says it is resolved."""
    watched = _WATCHING.search(clause) and not _OVER.search(clause) and not _goes_on(clause)
    return bool(watched) and (_over_by_title(title) or bool(_RESOLVED.search(before)))


def is_planned(title: str, text: str) -> bool:
    """Whether a post announces planned work: by its title, or by the label of its newest update."""
    label, _ = newest_update(text)
    return bool(_PLANNED.search(title)) or label in ("scheduled", "in progress", "verifying")
