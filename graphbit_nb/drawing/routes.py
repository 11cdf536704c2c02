"""How links run: a plain S from side to side where it crosses no card, else Graphviz's way; arrows; tags."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cache
from typing import TYPE_CHECKING

from graphbit_nb.drawing.geometry import Box, Curve, Places, Point, around, covered
from graphbit_nb.drawing.markup import number
from graphbit_nb.drawing.ports import tips

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.drawing.scene import Scene

_ARROW = 7.0
_TOUCH = 0.75  # half the thickest outline: the tip meets it
_APART = 5.0  # from other cards
_LEAST_GAP = 12.0
_STEPS = 24
_TAG_HEIGHT = 16.0


def routes(scene: Scene, places: Places) -> list[Curve]:
    """Return a curve for each link, from the middle of one card's side to its own place on another's."""
    boxes = covered(scene, places)
    obstacles, bare = _Obstacles(boxes, _APART), _Obstacles(boxes, 0.0)
    across = places.rankdir == "TB"
    curves = []
    for k, (link, (x, y)) in enumerate(zip(scene.links, tips(scene, places), strict=True)):
        source = places.cards[link.source]
        start = (source.centre[0], source.bottom) if across else (source.right, source.centre[1])
        tip = (x, y - _TOUCH) if across else (x - _TOUCH, y)
        plain = s_curve(start, tip, across=across)
        laid_out = places.routes.get(k)
        own = (link.source, link.target)
        if not laid_out or (_is_long(plain, across=across) and not _crosses(plain, obstacles, own)):
            curves.append(plain)
        else:
            curve = _trimmed(laid_out, start, tip, across=across)
            if _crosses(curve[-4:], bare, own):  # the rest is as Graphviz had it
                curve = _trimmed(laid_out, start, tip, across=across, is_level=False)
            curves.append(curve)
    return curves


class _Obstacles:
    """Cards with a margin around them, to be found by place."""

    def __init__(self, boxes: Mapping[str, Box], margin: float) -> None:
        grown = ((name, box.grown(margin)) for name, box in boxes.items())
        self._boxes = sorted(grown, key=lambda item: item[1].top)
        self._tops = [box.top for _, box in self._boxes]
        self._highest = max((box.height for _, box in self._boxes), default=0.0)

    def near(self, region: Box, others: tuple[str, str]) -> list[Box]:
        """Return the cards that a region touches, except two."""
        left, top, right, bottom = region
        first = bisect_left(self._tops, top - self._highest)
        last = bisect_right(self._tops, bottom)
        return [
            box
            for name, box in self._boxes[first:last]
            if box[0] < right and box[2] > left and box[3] > top and name not in others
        ]


def s_curve(start: Point, tip: Point, *, across: bool) -> Curve:
    """Return an S that leaves and arrives along the axis and ends where the arrow begins."""
    (x1, y1), (x2, y2) = start, tip
    if across:
        bend = (y2 - y1) / 2
        return start, (x1, y1 + bend), (x2, y2 - bend), (x2, y2 - _ARROW + 2)
    bend = (x2 - x1) / 2
    return start, (x1 + bend, y1), (x2 - bend, y2), (x2 - _ARROW + 2, y2)


def _trimmed(curve: Curve, start: Point, tip: Point, *, across: bool, is_level: bool = True) -> Curve:
    """Return Graphviz's curve with ends that are exactly ours, and level with the arrow if asked."""
    (tx, ty), ahead = tip, _ARROW - 2
    (lx, ly) = curve[-2]
    end = (tx, ty - ahead) if across else (tx - ahead, ty)
    last = (tx, min(ly, ty - ahead - 3)) if across else (min(lx, tx - ahead - 3), ty)
    return start, *curve[1:-2], last if is_level else curve[-2], end


def _is_long(curve: Curve, *, across: bool) -> bool:
    """Whether there is room for an S."""
    start, end = curve[0], curve[-1]
    return (end[1] - start[1] if across else end[0] - start[0]) >= _LEAST_GAP - _ARROW


def _crosses(curve: Curve, obstacles: _Obstacles, own: tuple[str, str]) -> bool:
    """Whether a curve goes through a card that it does not join."""
    near = obstacles.near(around(curve), own)
    if not near:
        return False
    points = sampled(curve)[1:-1]
    for left, top, right, bottom in near:
        for x, y in points:
            if left < x < right and top < y < bottom:
                return True
    return False


def sampled(curve: Curve, steps: int = _STEPS) -> list[Point]:
    """Return points along a curve."""
    weights = _weights(steps)
    points = [curve[0]]
    for k in range(0, len(curve) - 3, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = curve[k : k + 4]
        points += [(a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy) for a, b, c, d in weights]
    return points


@cache
def _weights(steps: int) -> tuple[tuple[float, float, float, float], ...]:
    """Return what each control point of a cubic Bezier curve counts after each step along it."""
    times = [step / steps for step in range(1, steps + 1)]
    return tuple(((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3) for t in times)


def path(curve: Curve) -> str:
    """Return a curve as the `d` of a path."""
    written = [f"{number(x)},{number(y)}" for x, y in curve]
    return f"M{written[0]}C{' '.join(written[1:])}"


def arrow(curve: Curve, *, across: bool) -> str:
    """Return the points of the arrow head that a curve ends in."""
    x, y = curve[-1]
    if across:
        tip = y + _ARROW - 2
        corners = [(x, tip), (x - 3, tip - _ARROW), (x + 3, tip - _ARROW)]
    else:
        tip = x + _ARROW - 2
        corners = [(tip, y), (tip - _ARROW, y - 3), (tip - _ARROW, y + 3)]
    return " ".join(f"{number(a)},{number(b)}" for a, b in corners)


def tag_box(curve: Curve, width: float, taken: list[Box]) -> Box:
    """Return the place of a tag: the middle of the curve, or the nearest point where it covers nothing.

    The place is added to `taken`.
    """
    points = sampled(curve)[1:-1]
    region = around(points).grown(width)
    near = [box for box in taken if region.overlap(box)]
    middle = (len(points) - 1) / 2

    def at(point: Point) -> Box:
        x, y = point
        return Box(x - width / 2, y - _TAG_HEIGHT / 2, x + width / 2, y + _TAG_HEIGHT / 2)

    def cost(i: int) -> tuple[int, float]:
        box = at(points[i]).grown(3)
        return round(sum(box.overlap(other) for other in near)), abs(i - middle)

    chosen = at(points[min(range(len(points)), key=cost)])
    taken.append(chosen)
    return chosen
