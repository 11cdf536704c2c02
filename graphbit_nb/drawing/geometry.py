"""Where Graphviz put things: read from its SVG, everything else of which is thrown away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from graphbit_nb.drawing.scene import Scene

Point = tuple[float, float]

_NS = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Box:
    """A card's place, by its middle."""

    x: float
    y: float
    width: float
    height: float

    def covers(self, point: Point, margin: float = 0.0) -> bool:
        """Whether a point is on the card, or nearer to it than `margin`."""
        return abs(point[0] - self.x) < self.width / 2 + margin and abs(point[1] - self.y) < self.height / 2 + margin


@dataclass(frozen=True, slots=True)
class Route:
    """An edge as Graphviz drew it: points of a chain of cubic curves, and the corners of its arrow."""

    points: tuple[Point, ...]
    arrow: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Geometry:
    """A laid out scene.

    Attributes:
        width: Of the picture.
        height: Of the picture.
        shift: How far the drawing is moved into the picture.
        boxes: Place of each card, by its id.
        routes: Course of each link, in the order of the scene.
    """

    width: float
    height: float
    shift: Point
    boxes: dict[str, Box]
    routes: tuple[Route, ...]


def read(svg: str, scene: Scene) -> Geometry:
    """Read Graphviz's SVG of a scene."""
    root = ET.fromstring(svg[svg.index("<svg") :])  # noqa: S314 (Graphviz made it, of numbers and escaped labels)
    view = [float(v) for v in root.attrib["viewBox"].split()]
    top = root.find(f"{_NS}g")
    assert top is not None  # noqa: S101 (Graphviz always writes one)
    moved = re.search(r"translate\(([-\d.]+)[ ,]([-\d.]+)\)", top.attrib.get("transform", ""))
    shift = (float(moved[1]), float(moved[2])) if moved else (0.0, 0.0)
    boxes: dict[str, Box] = {}
    routes: dict[int, Route] = {}
    for group in top.iter(f"{_NS}g"):
        what, _, number = group.attrib.get("id", "").partition(":")
        if what == "n":
            card = scene.cards[int(number)]
            boxes[card.id] = Box(*_middle(group), *card.size(scene.density))
        elif what == "e":
            routes[int(number)] = _route(group)
    empty = Route((), ())
    return Geometry(view[2], view[3], shift, boxes, tuple(routes.get(i, empty) for i in range(len(scene.links))))


def _middle(group: ET.Element) -> Point:
    shape = group.find(f"{_NS}polygon")
    corners = _points(shape.attrib["points"]) if shape is not None else ((0.0, 0.0),)
    xs, ys = zip(*corners, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def _route(group: ET.Element) -> Route:
    path, arrow = group.find(f"{_NS}path"), group.find(f"{_NS}polygon")
    return Route(
        _points(path.attrib["d"]) if path is not None else (),
        _points(arrow.attrib["points"]) if arrow is not None else (),
    )


def _points(text: str) -> tuple[Point, ...]:
    numbers = [float(n) for n in _NUMBER.findall(text)]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def on_curve(t: float, a: Point, b: Point, c: Point, d: Point) -> Point:
    """Return the point at `t` (0 to 1) of a cubic Bézier curve."""
    u = 1 - t
    k = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
    return (
        k[0] * a[0] + k[1] * b[0] + k[2] * c[0] + k[3] * d[0],
        k[0] * a[1] + k[1] * b[1] + k[2] * c[1] + k[3] * d[1],
    )
