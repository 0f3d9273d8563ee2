"""Which regions' subscribers a notice may reach: never more than it speaks of."""

from __future__ import annotations

from collections.abc import Iterable

from notifier.model.region import RegionTree


def expand(regions: Iterable[str], tree: RegionTree) -> tuple[str, ...]:
    """The regions of a notice and all regions below them, each once, sorted.

    A subscriber of one of these lives inside the notice's regions. One who gave only a wider region may live outside
    them, and is not told. Regions the tree no longer has are left out.
    """
    found: set[str] = set()
    for region in regions:
        if region in tree and region not in found:
            found.update(tree.within(region))
    return tuple(sorted(found))
