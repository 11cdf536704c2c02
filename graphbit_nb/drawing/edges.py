"""The course of the arrows: a plain curve where the way is free, Graphviz's own where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.drawing.geometry import Point, Route, on_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.drawing.dot import Direction
    from graphbit_nb.drawing.geometry import Box

ARROW = (7.0, 3.0)  # length, half of the width
_CLEAR = 5.0  # pixels that a curve keeps from cards it passes
_STEPS = 24
_CROWD = 40  # cards beside a long curve, beyond which it is not worth a look


def course(
    source: Box, target: Box, route: Route, boxes: Mapping[str, Box], own: frozenset[str], way: Direction
) -> Route:
    """Return the course of one arrow. `own` are the ids of the two cards it joins."""
    return _direct(source, target, boxes, own, way) or route


def _direct(source: Box, target: Box, boxes: Mapping[str, Box], own: frozenset[str], way: Direction) -> Route | None:
    """Return an S from card to card, unless it runs over another card."""
    length, half = ARROW
    if way == "LR":
        start, tip = (source.x + source.width / 2, source.y), (target.x - target.width / 2 - 1.5, target.y)
        gap = tip[0] - start[0]
        end = (tip[0] - 5, tip[1])
        bends = ((start[0] + gap / 2, start[1]), (tip[0] - gap / 2, tip[1]))
        arrow = (tip, (tip[0] - length, tip[1] - half), (tip[0] - length, tip[1] + half))
    else:
        start, tip = (source.x, source.y + source.height / 2), (target.x, target.y - target.height / 2 - 1.5)
        gap = tip[1] - start[1]
        end = (tip[0], tip[1] - 5)
        bends = ((start[0], start[1] + gap / 2), (tip[0], tip[1] - gap / 2))
        arrow = (tip, (tip[0] - half, tip[1] - length), (tip[0] + half, tip[1] - length))
    if gap < 12:
        return None
    left, right = sorted((start[0], tip[0]))
    upper, lower = sorted((start[1], tip[1]))
    near = [
        box
        for name, box in boxes.items()
        if name not in own
        and abs(box.x - (left + right) / 2) < (right - left + box.width) / 2 + _CLEAR
        and abs(box.y - (upper + lower) / 2) < (lower - upper + box.height) / 2 + _CLEAR
    ]
    if len(near) > _CROWD:
        return None
    points = (start, *bends, end)
    for step in range(1, _STEPS):
        place = on_curve(step / _STEPS, *points)
        if any(box.covers(place, _CLEAR) for box in near):
            return None
    return Route(points, arrow)


def tag_place(route: Route, width: float, height: float, taken: list[tuple[float, float, float, float]]) -> Point:
    """Return the middle of a course, or the nearest point of it where a tag covers nothing; and take that place."""
    points = [
        on_curve(step / 12, *route.points[k : k + 4]) for k in range(0, len(route.points) - 3, 3) for step in range(12)
    ]
    middle = len(points) / 2
    xs, ys = zip(*points, strict=True)
    west, east, north, south = min(xs) - width, max(xs) + width, min(ys) - height, max(ys) + height
    near = [
        (left, top, right, bottom)
        for left, top, right, bottom in taken
        if left < east and right > west and top < south and bottom > north
    ]

    def cost(numbered: tuple[int, Point]) -> tuple[int, float]:
        number, (x, y) = numbered
        over = sum(
            max(0.0, min(x + width / 2 + 3, right) - max(x - width / 2 - 3, left))
            * max(0.0, min(y + height / 2 + 3, bottom) - max(y - height / 2 - 3, top))
            for left, top, right, bottom in near
        )
        return round(over), abs(number - middle)

    _, (x, y) = min(enumerate(points), key=cost)
    taken.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    return x, y


def path_of(points: tuple[Point, ...]) -> str:
    """Return points as the `d` of an SVG path: a move and a chain of cubic curves."""
    if not points:
        return ""
    first, *rest = (f"{x:.1f},{y:.1f}" for x, y in points)
    return f"M{first}C{' '.join(rest)}"
