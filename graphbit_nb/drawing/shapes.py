"""The outline, the inset and the size of a card, by its kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbit_nb.drawing.marks import ICONS, OTHER_ICON
from graphbit_nb.drawing.metrics import clean, clip, width

if TYPE_CHECKING:
    from graphbit_nb.drawing.scene import Card, Density, Frame

FULL_HEIGHT, COMPACT_HEIGHT, INPUT_HEIGHT = 48, 26, 28
TILE, TILE_GAP, MARK_GAP, MARK = 26, 9, 10, 16
NAME, SUB, COMPACT_NAME = 13, 11, 12  # sizes of type
STACK = 6  # how far the cards behind a fan-out stand out
_LEAST_FIGURE = 30
_WIDEST, _WIDEST_WORKFLOW = 236, 284  # the condition of a loop is long
_FAN_ROOM, _FAN_COUNT, _PART_COUNT = 64, "888/888", "88/88"
_FRAME_ROOM = 260
_TAG_ROOM = 96
_CORNER = {"condition": 11, "agent": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a kind looks like: how far in its text begins, the radius of its tile, its shape for plain Graphviz."""

    icon: str
    inset: int = 10
    tile: int = 6
    shape: str = "box"


_FORMS = {
    "prompt": Form(icon=ICONS["prompt"]),
    "python": Form(icon=ICONS["python"], tile=2),
    "condition": Form(icon=ICONS["condition"], inset=17, shape="hexagon"),
    "agent": Form(icon=ICONS["agent"], inset=11, shape="octagon"),
    "human": Form(icon=ICONS["human"], tile=13),
    "embed": Form(icon=ICONS["embed"]),
    "workflow": Form(icon=ICONS["workflow"], inset=13),
    "input": Form(icon=ICONS["input"], inset=12),
}
_OTHER = Form(icon=OTHER_ICON)


def form(kind: str) -> Form:
    """Return the form of a kind, also of one that a plugin brought."""
    return _FORMS.get(kind, _OTHER)


def _even(value: float, least: int, most: int) -> int:
    return 2 * math.ceil(min(most, max(least, value)) / 2)


def size(card: Card, density: Density) -> tuple[int, int]:
    """Return width and height of a card in pixels."""
    name, sub = clean(card.label), clean(card.sub)
    if card.kind == "input":
        second = width(sub, SUB) + 8 if sub else 0
        return _even(30 + width(name, COMPACT_NAME, bold=True) + second + 14, 64, 236), INPUT_HEIGHT
    if density == "compact":
        sharp = 8 if card.kind == "condition" else 0
        figure = compact_figure_room(card)
        return _even(29 + width(name, COMPACT_NAME) + 10 + sharp + figure, 64, 170), COMPACT_HEIGHT
    inset = form(card.kind).inset
    first = width(name, NAME, bold=True) + MARK_GAP + MARK
    second = width(sub, SUB) + 12 + max(_LEAST_FIGURE, width(clean(card.room), SUB))
    most = _WIDEST_WORKFLOW if card.kind == "workflow" else _WIDEST
    return _even(2 * inset + TILE + TILE_GAP + max(first, second), 124, most), FULL_HEIGHT


def compact_figure_room(card: Card) -> float:
    """Return the room beside the name of a compact card, for how many of its parts are done."""
    if card.fan is not None:
        return max(width(_FAN_COUNT, SUB), min(_FAN_ROOM, width(clean(card.fan), SUB))) + 8
    return width(_PART_COUNT, SUB) + 8 if card.kind == "workflow" else 0.0


def frame_room(frame: Frame) -> str:
    """Return the text whose room is kept at the head of a frame."""
    return f"{clean(frame.label)}  {clip(clean(frame.sub), SUB, _FRAME_ROOM)}".rstrip()


def tag_text(label: str) -> str:
    """Return what stands on the tag of a link."""
    return clip(clean(label), SUB, _TAG_ROOM)


def tag_width(label: str) -> float:
    """Return how wide the tag of a link is."""
    return width(tag_text(label), SUB) + 12


def outline(kind: str, w: float, h: float, inset: float = 0) -> str:
    """Return the path of a card whose corner is at the origin. `inset` moves the path inwards."""
    x, y, right, bottom = inset, inset, w - inset, h - inset
    if kind == "condition":
        c = _CORNER[kind]
        return f"M{x + c:g} {y:g}H{right - c:g}L{right:g} {h / 2:g}L{right - c:g} {bottom:g}H{x + c:g}L{x:g} {h / 2:g}z"
    if kind == "agent":
        c = _CORNER[kind]
        return (
            f"M{x + c:g} {y:g}H{right - c:g}L{right:g} {y + c:g}V{bottom - c:g}L{right - c:g} {bottom:g}"
            f"H{x + c:g}L{x:g} {bottom - c:g}V{y + c:g}z"
        )
    if kind == "human":
        end, r = h / 2 - inset, max(2, 9 - inset)
        return (
            f"M{x + end:g} {y:g}H{right - r:g}a{r:g} {r:g} 0 0 1 {r:g} {r:g}V{bottom - r:g}"
            f"a{r:g} {r:g} 0 0 1 {-r:g} {r:g}H{x + end:g}a{end:g} {end:g} 0 0 1 0 {-2 * end:g}z"
        )
    r = max(2, {"python": 2, "input": h / 2}.get(kind, 9) - inset)
    return (
        f"M{x + r:g} {y:g}H{right - r:g}a{r:g} {r:g} 0 0 1 {r:g} {r:g}V{bottom - r:g}a{r:g} {r:g} 0 0 1 {-r:g} {r:g}"
        f"H{x + r:g}a{r:g} {r:g} 0 0 1 {-r:g} {-r:g}V{y + r:g}a{r:g} {r:g} 0 0 1 {r:g} {-r:g}z"
    )


def side_room(kind: str, w: float, h: float, *, across: bool) -> float:
    """Return how far from the middle of the side where links arrive they may: the top if `across`, else the left."""
    if not across:
        return h / 2 - max(5.0, h / 5)
    corner = {"human": h / 2, "condition": _CORNER["condition"], "agent": _CORNER["agent"]}.get(kind, 9.0)
    return w / 2 - corner - 4


def notch(kind: str, h: float, offset: float) -> float:
    """Return how far the left side of a card stands back, `offset` above or below its middle."""
    away = abs(offset)
    if kind == "condition":
        return _CORNER[kind] * away / (h / 2)
    if kind == "agent":
        return max(0.0, away - (h / 2 - _CORNER[kind]))
    radius = {"human": h / 2, "python": 2.0}.get(kind, 9.0)
    beyond = max(0.0, away - (h / 2 - radius))
    return radius - math.sqrt(radius**2 - min(beyond, radius) ** 2)
