"""Draws one card: outline, icon, name, second line, mark."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from graphbit_nb.drawing.markup import escape, tag
from graphbit_nb.drawing.metrics import clean, clip, width
from graphbit_nb.drawing.palette import ITEMS, LIGHT, QUIET, TINTED
from graphbit_nb.drawing.parts import merged
from graphbit_nb.drawing.shapes import COMPACT_NAME, NAME, SUB, TILE, TILE_GAP, compact_figure_room, form, outline

if TYPE_CHECKING:
    from graphbit_nb.drawing.geometry import Box
    from graphbit_nb.drawing.pen import Pen
    from graphbit_nb.drawing.scene import Card, Density

_UNPLACED = 'transform="translate()"'  # no text of a drawing holds a quotation mark: `escape` writes them out
_HALO = 3.5
_STROKE = {"stroke_linecap": "round", "stroke_linejoin": "round"}


def said(card: Card) -> str:
    """Return a card in words."""
    state = "" if card.kind == "input" else "out of date" if card.stale else card.state
    parts = (card.label, card.kind, state, card.live or card.sub, card.meta)
    return ", ".join(part for part in map(clean, parts) if part)


def draw_card(card: Card, box: Box, density: Density, pen: Pen) -> str:
    """Return a card at its place."""
    place = f'transform="translate({round(box.left, 2):g} {round(box.top, 2):g})"'
    return _draw(card, round(box.width, 2), round(box.height, 2), density, pen).replace(_UNPLACED, place, 1)


@lru_cache(maxsize=4096)
def _draw(card: Card, w: float, h: float, density: Density, pen: Pen) -> str:
    """Return a card without its place. From one drawing to the next, most cards only move."""
    if card.kind == "input":
        inside = _input(card, w, pen)
    elif density == "compact":
        inside = _compact(card, w, pen)
    else:
        inside = _full(card, w, pen)
    words = said(card)
    live = {} if pen.static else {"tabindex": -1, "role": "button", "aria-label": words}
    attributes = {
        "class": "gb-node", "data-id": card.id, "data-kind": card.kind, "data-state": card.state,
        "data-stale": "" if card.stale else None, "data-new": "" if card.new else None,
        "data-selected": "" if card.selected else None,
        "transform": "translate()", **live,
    }  # fmt: skip
    # A live view makes the tooltip when the pointer comes: a thousand of them cost a browser as much as their cards.
    title = tag("title", {}, escape(words)) if pen.static else ""
    return tag("g", attributes, title, _outlines(card, w, h, density, pen), inside)


def _outlines(card: Card, w: float, h: float, density: Density, pen: Pen) -> str:
    out = ""
    if not pen.static or card.selected or card.new:
        inset = -_HALO - (0.5 if card.kind == "condition" else 0)
        stroke = LIGHT.ink if card.selected else LIGHT.line
        out += pen.path("gb-halo", outline(card.kind, w, h, inset), stroke=stroke, stroke_width=1.5)
    if card.fan is not None:
        for by in (6, 3):
            out += pen.path(
                "gb-back",
                outline(card.kind, w, h),
                fill=LIGHT.card,
                stroke=LIGHT.line,
                transform=f"translate({by} {by})",
            )
    tinted = _is_loud(card)
    dashed = card.stale or card.state in ("skipped", "cancelled")
    out += pen.path(
        "gb-card", outline(card.kind, w, h), fill=LIGHT.tints[card.state] if tinted else LIGHT.card,
        stroke=LIGHT.states[card.state] if tinted else LIGHT.line, stroke_width=1.5 if tinted else None,
        stroke_dasharray="4 3" if dashed else None,
    )  # fmt: skip
    if card.kind == "workflow" and density == "full":
        out += pen.path("gb-inner", outline(card.kind, w, h, 3), stroke=LIGHT.faint)
    return out


def _is_loud(card: Card) -> bool:
    """Whether the eye must find it."""
    return card.state in TINTED and not card.stale


def _name_colour(card: Card) -> str:
    return LIGHT.ink2 if card.state in QUIET and card.kind != "input" else LIGHT.ink


def _sub_colour(card: Card) -> str:
    if card.stale:
        return LIGHT.states["stale"]
    return LIGHT.states[card.state] if _is_loud(card) else LIGHT.ink2


def _input(card: Card, w: float, pen: Pen) -> str:
    room = w - 30 - 14
    name = clip(clean(card.label), COMPACT_NAME, room, bold=True)
    used = width(name, COMPACT_NAME, bold=True)
    sub = clean(card.live or card.sub)
    out = pen.path(
        "gb-icon",
        form("input").icon,
        stroke=LIGHT.ink2,
        stroke_width=1.6,
        transform="translate(11 7.5) scale(.82)",
        **_STROKE,
    )
    out += pen.text("gb-name", 30, 18, name, COMPACT_NAME, LIGHT.ink, bold=True, fixed=True)
    if sub and room - used - 8 > 16:
        shown = clip(sub, SUB, room - used - 8)
        out += pen.text("gb-sub", 30 + used + 7, 18, shown, SUB, LIGHT.ink2, fixed=True)
    return out


def _compact(card: Card, w: float, pen: Pen) -> str:
    x = 8 + (4 if card.kind == "condition" else 0)
    right = w - x
    held = compact_figure_room(card)
    counted = card.meta if card.fan is not None or "/" in card.meta else ""
    figure = clip(clean(counted or card.fan or ""), SUB, held - 6) if held else ""
    room = right - x - 21 - (width(figure, SUB) + 6 if figure else 0)
    out = pen.mark("stale" if card.stale else card.state, x + 1, 6.5, 0.81)
    name = clip(clean(card.label), COMPACT_NAME, room)
    out += pen.text("gb-name", x + 21, 17, name, COMPACT_NAME, _name_colour(card), room=room)
    if held and (figure or not pen.static):
        out += pen.text("gb-meta", right, 17, figure, SUB, _sub_colour(card), anchor="end")
    return out


def _full(card: Card, w: float, pen: Pen) -> str:
    shape = form(card.kind)
    inset = shape.inset
    x, right = inset + TILE + TILE_GAP, w - inset
    loud = _is_loud(card)
    barred = bool(card.items) or card.wait is not None
    first, second = (19, 33) if barred else (21, 36)
    out = tag(
        "rect",
        {"class": "gb-tile", "x": inset, "y": 11, "width": TILE, "height": TILE, "rx": shape.tile,
         **pen.paint(fill=LIGHT.states[card.state] if loud else LIGHT.tile),
         "fill-opacity": 0.14 if pen.static and loud else None},
    )  # fmt: skip
    out += pen.path(
        "gb-icon",
        shape.icon,
        stroke=LIGHT.states[card.state] if loud else LIGHT.ink2,
        stroke_width=1.4,
        transform=f"translate({inset + 5} 16)",
        **_STROKE,
    )
    room = right - x - 20
    name = clip(clean(card.label), NAME, room, bold=True)
    out += pen.text("gb-name", x, first, name, NAME, _name_colour(card), bold=True, room=room)
    meta = clip(clean(card.meta), SUB, right - x)
    room = right - x - (width(meta, SUB) + 8 if meta else 0)
    sub = clip(clean(card.live or card.sub), SUB, room) if room > 16 else ""
    out += pen.text("gb-sub", x, second, sub, SUB, _sub_colour(card), room=right - x)
    if meta or not pen.static:
        out += pen.text("gb-meta", right, second, meta, SUB, _sub_colour(card), anchor="end")
    out += pen.mark("stale" if card.stale else card.state, right - 14, first - 12.5, 0.875)
    return out + _bar(card, x, right, pen)


def _bar(card: Card, x: float, right: float, pen: Pen) -> str:
    """Return the line along the foot: a segment for each item, or what is left of a wait."""
    if card.items:
        items = merged(card.items)
        gap = 1.5
        each = (right - x - gap * (len(items) - 1)) / len(items)
        return "".join(
            _segment(pen, x + i * (each + gap), each, LIGHT.states[ITEMS[item]] if item in ITEMS else LIGHT.faint, item)
            for i, item in enumerate(items)
        )
    if card.wait is not None:
        left = min(1.0, max(0.0, card.wait)) * (right - x)
        return _segment(pen, x, right - x, LIGHT.faint) + tag(
            "rect",
            {"class": "gb-wait", "x": float(x), "y": 39.5, "width": left, "height": 3, "rx": 1.5,
             **pen.paint(fill=LIGHT.states["retrying"])},
        )  # fmt: skip
    return ""


def _segment(pen: Pen, x: float, w: float, fill: str, item: str | None = None) -> str:
    return tag(
        "rect",
        {"class": "gb-seg", "data-item": item, "x": float(x), "y": 39.5, "width": w, "height": 3, "rx": 1,
         **pen.paint(fill=fill)},
    )  # fmt: skip
