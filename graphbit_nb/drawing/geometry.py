"""Where things are: read from Graphviz's SVG, of which nothing else is kept, above all none of its texts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from graphbit_nb.drawing.dot import dot
from graphbit_nb.drawing.layout import layout
from graphbit_nb.drawing.shapes import STACK, size
from graphbit_nb.drawing.thinning import to_lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbit_nb.drawing.scene import Density, Rankdir, Scene

Point = tuple[float, float]
Curve = tuple[Point, ...]  # a start, then two control points and an end for each Bézier piece
_SVG = "{http://www.w3.org/2000/svg}"
_PAIR = re.compile(r"(-?[\d.]+)[, ](-?[\d.]+)")


class Box(NamedTuple):
    """A rectangle by its sides."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """How wide it is."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """How high it is."""
        return self.bottom - self.top

    @property
    def centre(self) -> Point:
        """Its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def grown(self, by: float) -> Box:
        """Return a box that is larger on every side."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def overlap(self, other: Box) -> float:
        """Return the area that two boxes share."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across * down if across > 0 and down > 0 else 0.0

    def holds(self, x: float, y: float) -> bool:
        """Whether a point is inside."""
        return self.left < x < self.right and self.top < y < self.bottom


def around(points: Iterable[Point]) -> Box:
    """Return the box around some points."""
    xs, ys = zip(*points, strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where everything of a scene is.

    Attributes:
        rankdir: The way it was laid out.
        density: The size of its cards.
        cards: Boxes by the ids of the cards.
        routes: Graphviz's own curves by the numbers of the links; not every link has one.
        frames: Boxes by the numbers of the frames.
    """

    rankdir: Rankdir
    density: Density
    cards: Mapping[str, Box]
    routes: Mapping[int, Curve]
    frames: Mapping[int, Box]

    @property
    def extent(self) -> Box:
        """The box around all cards and frames. Links are seen to when they are drawn."""
        boxes = [*self.cards.values(), *self.frames.values()]
        return around(corner for box in boxes for corner in ((box.left, box.top), (box.right, box.bottom)))

    def mirrored(self) -> Places:
        """Return the same places with every rank the other way round."""
        x, y = (1, -1) if self.rankdir == "LR" else (-1, 1)

        def flip(box: Box) -> Box:
            return around([(x * box.left, y * box.top), (x * box.right, y * box.bottom)])

        return replace(
            self,
            cards={name: flip(box) for name, box in self.cards.items()},
            routes={k: tuple((x * a, y * b) for a, b in curve) for k, curve in self.routes.items()},
            frames={k: flip(box) for k, box in self.frames.items()},
        )


def place(scene: Scene, *, rankdir: Rankdir, density: Density) -> Places:
    """Lay a scene out. Raises `LayoutError` when no Graphviz can."""
    source = dot(scene, rankdir=rankdir, density=density, only=to_lay_out(scene))
    root = ET.fromstring(layout(source))  # noqa: S314  # Graphviz's own markup
    found: dict[int, Box] = {}
    routes: dict[int, Curve] = {}
    frames: dict[int, Box] = {}
    for group in root.iter(f"{_SVG}g"):
        sort, _, number = group.get("id", "").partition(":")
        if sort == "n":
            card = scene.cards[int(number)]
            x, y = around(_points(group, "polygon", "points")).centre
            w, h = size(card, density)
            found[int(number)] = Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        elif sort == "e":
            routes[int(number)] = _points(group, "path", "d")
        elif sort == "c":
            frames[int(number)] = around(_points(group, "path", "d"))
    cards = {card.id: found[i] for i, card in enumerate(scene.cards)}
    places = Places(rankdir=rankdir, density=density, cards=cards, routes=routes, frames=frames)
    return places.mirrored() if _is_backwards(places) else places


def _is_backwards(places: Places) -> bool:
    """Whether cards of a rank stand mostly against the order of their definition, as Graphviz likes to place them."""
    if places.rankdir == "LR" and places.frames:
        return False  # the room for their titles is at the top
    along = 0 if places.rankdir == "LR" else 1
    ranks: dict[int, list[float]] = {}
    for box in places.cards.values():
        ranks.setdefault(round(box.centre[along]), []).append(box.centre[1 - along])
    steps = [after - before for rank in ranks.values() for before, after in pairwise(rank)]
    return sum(step < 0 for step in steps) > sum(step > 0 for step in steps)


def _points(group: ET.Element, element: str, attribute: str) -> Curve:
    found = group.find(f".//{_SVG}{element}")
    text = "" if found is None else found.get(attribute, "")
    return tuple((float(x), float(y)) for x, y in _PAIR.findall(text))


def covered(scene: Scene, places: Places) -> dict[str, Box]:
    """Return what each card covers, the stack behind a fan-out included."""
    stacked = {card.id for card in scene.cards if card.fan is not None}
    return {
        name: box._replace(right=box.right + STACK, bottom=box.bottom + STACK) if name in stacked else box
        for name, box in places.cards.items()
    }
