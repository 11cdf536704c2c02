"""Where links meet a card: spread along its side, in the order in which they come, so that no arrow hides another."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from graphbit_nb.drawing.shapes import notch, side_room

if TYPE_CHECKING:
    from graphbit_nb.drawing.geometry import Places, Point
    from graphbit_nb.drawing.scene import Card, Scene

_STEP = {"LR": 9.0, "TB": 14.0}  # between two arrows: three pixels more than one is wide; more where there is room
_LEVEL = 2.0  # a link that comes from this near its middle comes straight and stays so
_NEAR = 14.0  # pixels before a card where every route has bent into its port


def tips(scene: Scene, places: Places) -> list[Point]:
    """Return for each link the point on the outline of its target where it ends."""
    cards = scene.by_id()
    axis = 1 if places.rankdir == "LR" else 0
    arriving: dict[str, list[int]] = defaultdict(list)
    for k, link in enumerate(scene.links):
        arriving[link.target].append(k)
    found: list[Point] = [(0.0, 0.0)] * len(scene.links)
    for name, numbers in arriving.items():
        middle = places.cards[name].centre[axis]
        came = {k: _comes_from(scene, places, k, axis) - middle for k in numbers}
        ordered = sorted(numbers, key=came.__getitem__)
        offsets = _spread([came[k] for k in ordered], _STEP[places.rankdir], _room(cards[name], places))
        for k, offset in zip(ordered, offsets, strict=True):
            found[k] = _on_outline(cards[name], places, offset)
    return found


def _comes_from(scene: Scene, places: Places, k: int, axis: int) -> float:
    """Return where along the card's side a link comes from: the last place before it bends into its port."""
    link = scene.links[k]
    target, route = places.cards[link.target], places.routes.get(k, ())
    edge = (target.left, target.top)[1 - axis]
    for point in reversed(route[:-3:3]):
        if point[1 - axis] < edge - _NEAR:
            return point[axis]
    return places.cards[link.source].centre[axis]


def _room(card: Card, places: Places) -> float:
    box = places.cards[card.id]
    return side_room(card.kind, box.width, box.height, across=places.rankdir == "TB")


def _spread(came: list[float], step: float, room: float) -> list[float]:
    """Return offsets from the middle of a side, in order, at most `room` to either side.

    One link that comes straight keeps the middle; the others make way.
    """
    if len(came) == 1:
        return [0.0]
    straight = min(range(len(came)), key=lambda i: abs(came[i]))
    centre = float(straight) if abs(came[straight]) <= _LEVEL else (len(came) - 1) / 2
    step = min(step, room / max(centre, len(came) - 1 - centre))
    return [(i - centre) * step for i in range(len(came))]


def _on_outline(card: Card, places: Places, offset: float) -> Point:
    box = places.cards[card.id]
    if places.rankdir == "TB":
        return box.centre[0] + offset, box.top
    return box.left + notch(card.kind, box.height, offset), box.centre[1] + offset
