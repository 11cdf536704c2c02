"""The look: cards and arrows as SVG, on the places that Graphviz found."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from graphbit_nb.drawing import palette as p
from graphbit_nb.drawing.edges import course, path_of, tag_place
from graphbit_nb.drawing.marks import KINDS, MARKS
from graphbit_nb.drawing.metrics import COMPACT_HEIGHT, SLACK, clip, inset, text_width

if TYPE_CHECKING:
    from graphbit_nb.drawing.dot import Direction
    from graphbit_nb.drawing.geometry import Box, Geometry
    from graphbit_nb.drawing.scene import Card, Density, Link, Scene

_FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_NEW, _ON = ' data-new=""', ' data-on=""'
_CORNER = {"python": 2, "input": 14}
_CORNER_OTHERS = 9
_DASHED = ("skipped", "cancelled")
_QUIET = ("skipped", "cancelled", "pending")
# What would turn, hide or break the text around it, and what XML does not allow.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


def escape(text: str) -> str:
    """Escape a text for SVG; characters that cannot or should not be seen become a visible sign."""
    return html.escape(_UNSEEN.sub("�", text), quote=True)


def cards(scene: Scene, geometry: Geometry, direction: Direction) -> str:
    """Return the scene as an SVG that stands alone: light and dark, no script, no font, no reference."""
    by_id = {card.id: card for card in scene.cards}
    taken = [
        (box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2, box.y + box.height / 2)
        for box in geometry.boxes.values()
    ]
    arrows, tags = [], []
    for link, route in zip(scene.links, geometry.routes, strict=True):
        own = frozenset((link.source, link.target))
        ends = geometry.boxes[link.source], geometry.boxes[link.target]
        drawn = course(*ends, route, geometry.boxes, own, direction)
        flow = _flow(by_id[link.source].state, by_id[link.target].state)
        arrows.append(_arrow(link, path_of(drawn.points), drawn.arrow, flow))
        if link.label and drawn.points:
            tags.append(_tag(link.label, flow, *_tag_box(link.label, drawn, taken)))
    drawn_cards = [_card(card, geometry.boxes[card.id], scene.density) for card in scene.cards]
    told = escape(scene.description)
    width, height = geometry.width, geometry.height
    style = p.dark_style(frozenset(card.state for card in scene.cards))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gb-svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{told}" font-family="{_FONT}">'
        f"<title>{told}</title>{style}"
        f'<g transform="translate({geometry.shift[0]:g} {geometry.shift[1]:g})">'
        f"{''.join((*arrows, *tags, *drawn_cards))}</g></svg>"
    )


# ---- arrows ------------------------------------------------------------------------------------------------------


def _flow(source: str, target: str) -> str:
    if target in ("skipped", "cancelled") or source in ("skipped", "cancelled", "failed"):
        return "dead"
    if target in ("running", "retrying", "waiting") and source in ("succeeded", "cached"):
        return "active"
    return "done" if target in ("succeeded", "cached", "failed") else "idle"


def _arrow(link: Link, path: str, arrow: tuple[tuple[float, float], ...], flow: str) -> str:
    colour = p.FLOW[flow]
    dash = ""
    if flow == "dead":
        dash = ' stroke-dasharray="2 4" stroke-opacity=".75"'
    elif link.kind == "control":
        dash = ' stroke-dasharray="1 4" stroke-linecap="round"'
    elif link.kind == "conditional" and flow == "idle":
        dash = ' stroke-dasharray="5 3"'
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in arrow)
    head = f'<polygon points="{corners}" fill="{colour}"/>' if corners else ""
    return (
        f'<g class="gb-edge" data-from="{escape(link.source)}" data-to="{escape(link.target)}" '
        f'data-kind="{link.kind}" data-flow="{flow}"><path d="{path}" fill="none" stroke="{colour}" '
        f'stroke-width="1.3"{dash}/>{head}</g>'
    )


def _tag_box(label: str, drawn: object, taken: list[tuple[float, float, float, float]]) -> tuple[float, float, float]:
    width = text_width(clip(label, 11, 72), 11) + 12
    x, y = tag_place(drawn, width, 16, taken)  # type: ignore[arg-type]
    return x, y, width


def _tag(label: str, flow: str, x: float, y: float, width: float) -> str:
    return (
        f'<g class="gb-tag" data-flow="{flow}"><rect class="gb-ebg" x="{x - width / 2:.1f}" y="{y - 8:.1f}" '
        f'width="{width:.1f}" height="16" rx="8" fill="{p.CARD}" stroke="{p.TAG_EDGE}"/>'
        + _text("gb-elabel", x, y + 3.5, clip(label, 11, 72), 11, p.INK_2, anchor="middle")
        + "</g>"
    )


# ---- cards -------------------------------------------------------------------------------------------------------


def outline(kind: str, width: float, height: float, inner: float = 0.0) -> str:
    """Return a kind's outline as a path from (0, 0); `inner` draws it that much smaller."""
    x, y, right, bottom = inner, inner, width - inner, height - inner
    if kind == "condition":
        c = 11
        return f"M{x + c} {y}H{right - c}L{right} {height / 2}L{right - c} {bottom}H{x + c}L{x} {height / 2}z"
    if kind == "agent":
        c = 8
        return (
            f"M{x + c} {y}H{right - c}L{right} {y + c}V{bottom - c}L{right - c} {bottom}"
            f"H{x + c}L{x} {bottom - c}V{y + c}z"
        )
    if kind == "human":
        r = height / 2 - inner
        return f"M{x + r} {y}H{right - 9}a9 9 0 0 1 9 9V{bottom - 9}a9 9 0 0 1-9 9H{x + r}a{r} {r} 0 0 1 0-{2 * r}z"
    r = max(2, _CORNER.get(kind, _CORNER_OTHERS) - inner)
    return (
        f"M{x + r} {y}H{right - r}a{r} {r} 0 0 1 {r} {r}V{bottom - r}a{r} {r} 0 0 1-{r} {r}"
        f"H{x + r}a{r} {r} 0 0 1-{r}-{r}V{y + r}a{r} {r} 0 0 1 {r}-{r}z"
    )


def _card(card: Card, box: Box, density: Density) -> str:
    tinted = card.state in p.TINT_LIGHT
    edge = p.LIGHT[card.state] if tinted else p.INK if card.new else p.CARD_EDGE
    fill = p.TINT_LIGHT[card.state] if tinted else p.CARD
    dash = ' stroke-dasharray="4 3"' if card.state in _DASHED else ""
    said = escape(", ".join(part for part in (card.label, card.kind, card.state, card.sub, card.figure) if part))
    if card.kind == "input":
        said = escape(f"{card.label}, input")
    stroke = 1.5 if tinted or card.new else 1
    new = _NEW if card.new else ""
    parts = [
        (
            f'<g class="gb-node" data-id="{escape(card.id)}" data-kind="{escape(card.kind)}" data-state="{card.state}"'
            f"{new} "
            f'transform="translate({box.x - box.width / 2:.1f} {box.y - box.height / 2:.1f})"><title>{said}</title>'
            f'<path class="gb-card" d="{outline(card.kind, box.width, box.height)}" fill="{fill}" stroke="{edge}" '
            f'stroke-width="{stroke}"{dash}/>'
        )
    ]
    if card.kind == "input":
        parts += _input_face(card, box)
    elif density == "compact":
        parts += _compact_face(card, box)
    else:
        parts += _full_face(card, box, tinted=tinted)
    return "".join(parts) + "</g>"


def _input_face(card: Card, box: Box) -> list[str]:
    label = clip(card.label, 12, box.width - 46, bold=True)
    return [_icon(card.kind, 11, 7.5, 0.82), _text("gb-name", 30, 18, label, 12, p.INK, bold=True)]


def _compact_face(card: Card, box: Box) -> list[str]:
    left = 12 if card.kind == "condition" else 8
    label = clip(card.label, 12, box.width - left - 28)
    middle = COMPACT_HEIGHT / 2
    return [_mark(card.state, left + 1, middle - 6.5, 0.81), _text("gb-name", left + 21, 17, label, 12, _ink(card))]


def _full_face(card: Card, box: Box, *, tinted: bool) -> list[str]:
    edge = inset(card.kind)
    left, right = edge + 35, box.width - edge
    corner = 13 if card.kind == "human" else 2 if card.kind == "python" else 6
    quiet = p.LIGHT[card.state] if tinted else p.INK_2
    figure = clip(card.figure, 11, 90)
    room = right - left - (text_width(figure, 11) + 8 if figure else 0)
    parts = [
        f'<rect class="gb-tile" x="{edge}" y="11" width="26" height="26" rx="{corner}" fill="{p.TILE}"/>',
        _icon(card.kind, edge + 5, 16),
        _text("gb-name", left, 21, clip(card.label, 13, right - left - 22, bold=True), 13, _ink(card), bold=True),
        _text("gb-sub", left, 36, clip(card.sub, 11, room), 11, quiet),
        _mark(card.state, right - 14, 8.5, 0.875),
    ]
    if figure:
        parts.append(_text("gb-meta", right, 36, figure, 11, quiet, anchor="end"))
    return parts


def _ink(card: Card) -> str:
    return p.INK_2 if card.state in _QUIET and not card.new else p.INK


def _icon(kind: str, x: float, y: float, scale: float = 1.0) -> str:
    sized = f" scale({scale:g})" if scale != 1 else ""
    return (
        f'<path class="gb-icon" transform="translate({x:g} {y:g}){sized}" d="{KINDS.get(kind, KINDS["other"])}" '
        f'fill="none" stroke="{p.INK_2}" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _mark(state: str, x: float, y: float, scale: float) -> str:
    paint, body, glyph = MARKS[state]
    colour = p.LIGHT[state]
    solid = paint == "solid"
    painted = f'fill="{colour}" stroke="none"' if solid else f'fill="none" stroke="{colour}" stroke-width="1.6"'
    over, on = "", _ON if solid else ""
    if glyph:
        over = (
            f'<path class="gb-glyph"{on} d="{glyph}" fill="none" '
            f'stroke="{"#ffffff" if solid else colour}" stroke-width="1.6" stroke-linecap="round" '
            f'stroke-linejoin="round"/>'
        )
    drawn = f'<path class="gb-body" data-p="{paint}" d="{body}" {painted} stroke-linecap="round"/>' if body else ""
    return f'<g class="gb-mark" transform="translate({x:g} {y:g}) scale({scale:g})">{drawn}{over}</g>'


def _text(
    cls: str, x: float, y: float, text: str, size: int, fill: str, *, bold: bool = False, anchor: str = ""
) -> str:
    if not text:
        return ""
    end = f' text-anchor="{anchor}"' if anchor else ""
    weight = ' font-weight="600"' if bold else ""
    # A reader's font may be wider than Helvetica; told its length, the text stays on its card.
    length = f'textLength="{text_width(text, size, bold=bold) / SLACK:.1f}" lengthAdjust="spacingAndGlyphs"'
    place = f'x="{x:g}" y="{y:g}" font-size="{size}" {length}'
    return f'<text class="{cls}" {place} fill="{fill}"{weight}{end}>{escape(text)}</text>'
