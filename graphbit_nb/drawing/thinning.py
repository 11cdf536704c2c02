"""Chooses the links that Graphviz is asked about, so that the time of a layout stays in bounds.

Graphviz's time grows with the ranks that links pass over. A link that only shortens a longer way says nothing about
where cards go: leaving it out keeps the ranks, and it is drawn afterwards from card to card.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbit_nb.drawing.scene import Scene

_MOST_SPANNED = 600  # ranks passed over by all links together; about a tenth of a second
_MOST_SPANNED_REDUCED = 2_000


def to_lay_out(scene: Scene) -> frozenset[int] | None:
    """Return the numbers of the links that the layout needs, or None for all of them."""
    order = _topological(scene)
    if order is None:
        return None
    ranks = _ranks(scene, order)
    links = range(len(scene.links))
    if _spanned(scene, links, ranks) <= _MOST_SPANNED:
        return None
    reduced = _reduced(scene, order, ranks)
    if _spanned(scene, reduced, ranks) <= _MOST_SPANNED_REDUCED:
        return frozenset(reduced)
    return frozenset(_tree(scene, ranks))


def ranks_of(scene: Scene) -> dict[str, int] | None:
    """Return the length of the longest way to each card, or None when links go in a circle."""
    order = _topological(scene)
    return None if order is None else _ranks(scene, order)


def _topological(scene: Scene) -> list[str] | None:
    waiting = dict.fromkeys((card.id for card in scene.cards), 0)
    following = defaultdict(list)
    for link in scene.links:
        waiting[link.target] += 1
        following[link.source].append(link.target)
    order = [name for name, count in waiting.items() if not count]
    for name in order:
        for target in following[name]:
            waiting[target] -= 1
            if not waiting[target]:
                order.append(target)  # the list is its own queue
    return order if len(order) == len(waiting) else None


def _ranks(scene: Scene, order: list[str]) -> dict[str, int]:
    into = defaultdict(list)
    for link in scene.links:
        into[link.target].append(link.source)
    ranks: dict[str, int] = {}
    for name in order:
        ranks[name] = max((ranks[source] + 1 for source in into[name]), default=0)
    return ranks


def _spanned(scene: Scene, links: range | list[int], ranks: dict[str, int]) -> int:
    return sum(ranks[scene.links[k].target] - ranks[scene.links[k].source] for k in links)


def _reduced(scene: Scene, order: list[str], ranks: dict[str, int]) -> list[int]:
    """Return the links without those that a longer way stands in for (the transitive reduction)."""
    bit = {name: 1 << i for i, name in enumerate(order)}
    leaving = defaultdict(list)
    for k, link in enumerate(scene.links):
        leaving[link.source].append(k)
    reach: dict[str, int] = {}
    kept = []
    for name in reversed(order):
        reached = 0
        for k in sorted(leaving[name], key=lambda k: ranks[scene.links[k].target]):
            target = scene.links[k].target
            if not reached & bit[target]:
                kept.append(k)
                reached |= reach[target] | bit[target]
        reach[name] = reached
    return sorted(kept)


def _tree(scene: Scene, ranks: dict[str, int]) -> list[int]:
    """Return one link into each card, from the rank just before."""
    chosen: dict[str, int] = {}
    for k, link in enumerate(scene.links):
        if ranks[link.source] == ranks[link.target] - 1:
            chosen.setdefault(link.target, k)
    return sorted(chosen.values())
