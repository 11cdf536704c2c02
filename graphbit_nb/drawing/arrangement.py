"""Chooses direction and density of a drawing: the first way that fits and can be read, else the narrowest."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from graphbit_nb.drawing.dot import gaps
from graphbit_nb.drawing.geometry import place
from graphbit_nb.drawing.shapes import size
from graphbit_nb.drawing.thinning import ranks_of

if TYPE_CHECKING:
    from graphbit_nb.drawing.geometry import Places
    from graphbit_nb.drawing.scene import Density, Rankdir, Scene

MOST_FULL = 30  # cards; above, compact ones
PAD = 9.0
_NARROW = 560  # pixels; below, compact ones from top to bottom
_MOST_TRIED = 60  # cards; above, the narrower way is guessed, since a layout takes a tenth of a second and more
_LEAST_SCALE: dict[Density, float] = {"full": 10 / 11, "compact": 10 / 12}  # no line of text below 10 px


def arrange(scene: Scene, width: float, rankdir: Rankdir | None = None) -> Places:
    """Lay a scene out in the first way that fits `width` with text that can be read, else in the narrowest.

    Args:
        scene: What to lay out.
        width: Pixels that there are.
        rankdir: The direction, where it is not to be chosen.
    """
    ways: list[tuple[Rankdir, Density]] = [("LR", "compact"), ("TB", "compact")]
    if len(scene.cards) > _MOST_TRIED:
        ways = [(rankdir or _narrower(scene), "compact")]
    elif width < _NARROW:
        ways.reverse()
    elif len(scene.cards) <= MOST_FULL:
        ways = [("LR", "full"), ("TB", "full"), *ways]
    ways = [way for way in ways if rankdir in (None, way[0])]
    tried = []
    for rankdir, density in ways:
        places = place(scene, rankdir=rankdir, density=density)
        if (places.extent.width + 2 * PAD) * _LEAST_SCALE[density] <= width:
            return places
        tried.append(places)
    return min(tried, key=lambda places: places.extent.width)


def _narrower(scene: Scene) -> Rankdir:
    """Guess which way is narrower, from the ranks of the cards and the links that pass them."""
    ranks = ranks_of(scene)
    if ranks is None:
        return "TB"
    last = max(ranks.values())
    deep, wide = [0.0] * (last + 1), [0.0] * (last + 1)
    apart, between = gaps("TB", "compact")[0], gaps("LR", "compact")[1]
    for card in scene.cards:
        rank, w = ranks[card.id], size(card, "compact")[0]
        deep[rank] = max(deep[rank], w)
        wide[rank] += w + apart
    passing = [0] * (last + 2)
    for link in scene.links:
        passing[ranks[link.source] + 1] += 1
        passing[ranks[link.target]] -= 1
    across = max(w + count * apart for w, count in zip(wide, accumulate(passing), strict=False))
    return "LR" if sum(deep) + between * last <= across else "TB"
