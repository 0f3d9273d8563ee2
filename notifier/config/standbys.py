"""What may stand in for what: a channel that carries another's messages while that one's account fails.

It is a second way to the same people, no channel of its own: of the same kind, one for each channel, never in a chain,
and named nowhere but in its own entry.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..model.settings import Settings
from .draft import Draft
from .mistake import listed, nearest, shown
from .yaml_file import Path_, YamlFile


def primary_of(settings: Settings) -> str | None:
    """The channel this one stands in for; None: it is a channel of its own."""
    found: str | None = getattr(settings, "stands_in_for", None)
    return found


def check_standbys(draft: Draft) -> None:
    """Note every `stands_in_for` that makes no sense."""
    file, entries = draft.file("channels.yaml"), draft.entries.get("channels", ())
    by_id = {str(getattr(one, "id")): one for _, one in entries}  # noqa: B009 every kind's Settings has it
    taken: dict[str, str] = {}
    for number, settings in entries:
        primary, at = primary_of(settings), ("channels", number, "stands_in_for")
        if primary is None or not file.sound(at):
            continue
        id = str(getattr(settings, "id"))  # noqa: B009
        what, expected = _wrong(settings, by_id.get(primary), primary == id, taken.get(primary))
        if primary not in draft.channels.ids:
            own = sorted(draft.channels.ids - {id})
            file.mistake(at, "unknown channel", found=shown(primary), expected=listed(own),
                         nearest=nearest(primary, own))
        elif what:
            file.mistake(at, what, found=shown(primary), expected=expected)
        elif getattr(settings, "languages", ()) not in ((), getattr(by_id.get(primary), "languages", ())):
            file.mistake(("channels", number, "languages"), "has no meaning here: the texts are the other channel's",
                         expected=f"nothing, or what {primary} says")
        taken.setdefault(primary, id)


def check_named(draft: Draft, file: YamlFile, path: Path_, ids: Iterable[str]) -> None:
    """Note where a standby is named as if it were a channel of its own. Of a loop, only the loop is told."""
    primaries = {str(getattr(one, "id")): primary_of(one) for _, one in draft.entries.get("channels", ())}  # noqa: B009
    for number, id in enumerate(ids):
        primary = primaries.get(id)
        if primary is not None and primaries.get(primary) is None:
            file.mistake((*path, number), f"only stands in for {primary}", found=shown(id), expected=shown(primary))


def _wrong(settings: Settings, primary: Settings | None, itself: bool, taken: str | None) -> tuple[str, str]:
    """What is wrong with this pair, and what was expected; "" where nothing is, or nobody can tell."""
    kind = str(getattr(settings, "kind"))  # noqa: B009
    if itself:
        return "stands in for itself", f"another channel of kind {kind}"
    if primary is None:  # its own entry is wrong, which is told there
        return "", ""
    if getattr(primary, "kind") != kind:  # noqa: B009
        return f"is a channel of kind {getattr(primary, 'kind')}", f"a channel of kind {kind}"  # noqa: B009
    if primary_of(primary) is not None:
        return "stands in for another channel itself", "a channel of its own"
    return ("has a standby already", f"one; the other is {taken}") if taken else ("", "")
