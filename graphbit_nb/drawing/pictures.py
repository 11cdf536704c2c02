"""Draws a workflow: puts cards, links and frames together as one SVG."""

from __future__ import annotations

import math
from collections import Counter
from copy import copy
from typing import TYPE_CHECKING

from graphbit_nb.drawing.arrangement import MOST_FULL, PAD, arrange
from graphbit_nb.drawing.cards import draw_card
from graphbit_nb.drawing.dot import dot
from graphbit_nb.drawing.geometry import Box, Curve, Places, around, covered
from graphbit_nb.drawing.markup import escape, tag
from graphbit_nb.drawing.metrics import clean, clip, width
from graphbit_nb.drawing.palette import DARK_STYLE, LIGHT, flow_colour
from graphbit_nb.drawing.pen import Pen
from graphbit_nb.drawing.reading import scene_of
from graphbit_nb.drawing.routes import arrow, path, routes, sampled, tag_box
from graphbit_nb.drawing.shapes import SUB, outline, tag_text, tag_width

if TYPE_CHECKING:
    from collections.abc import Collection

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.drawing.scene import Frame, Link, Rankdir, Scene
    from graphbit_nb.graph.workflow import Workflow

WIDTH = 960  # pixels of a notebook's output, when nobody says otherwise
_FRAME_HEAD = 22.0
_LEAST_TEXT = 32.0  # pixels; less would hold nothing but an ellipsis
_FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"


def svg(
    workflow: Workflow,
    snapshot: RunSnapshot | None = None,
    *,
    new: str | None = None,
    stale: Collection[str] = (),
    unfold: Collection[str] = (),
    figures: bool = True,
    now: float | None = None,
    width: float | None = None,
    static: bool = True,
) -> str:
    """Draw a workflow, with the states of a run if there is one. See `scene_of` and `draw` for the arguments.

    Raises:
        LayoutError: no Graphviz could lay it out.
    """
    scene = scene_of(workflow, snapshot, new=new, stale=stale, unfold=unfold, figures=figures, now=now)
    return draw(scene, width=width, static=static)


def dot_source(workflow: Workflow, *, unfold: Collection[str] = ()) -> str:
    """Return a workflow as DOT, for Graphviz and what reads its files; see `scene_of` for the arguments."""
    scene = scene_of(workflow, unfold=unfold)
    return dot(scene, rankdir="TB", density="full" if len(scene.cards) <= MOST_FULL else "compact")


def draw(scene: Scene, *, width: float | None = None, static: bool = True) -> str:
    """Draw a scene as SVG.

    Args:
        scene: What to draw.
        width: Pixels that there are; decides direction and density. The drawing may still be wider.
        static: Whether the picture stands alone, with its own light and dark colours. Otherwise the page has a style
            sheet and may change the attributes that begin with ``data-``.

    Raises:
        LayoutError: no Graphviz could lay it out.
    """
    return Drawing.of(scene, width=width, static=static).svg() if scene.cards else _nothing(scene, Pen(static))


class Drawing:
    """A scene that has been laid out.

    Attributes:
        scene: What is drawn, with one link at most from a card to another.
        places: Where everything is.
    """

    def __init__(self, scene: Scene, places: Places, pen: Pen) -> None:
        self.scene = scene
        self.places = places
        self.pen = pen
        self.across = places.rankdir == "TB"
        self.cards = scene.by_id()
        self.curves = routes(scene, places)

    @classmethod
    def of(
        cls, scene: Scene, *, width: float | None = None, rankdir: Rankdir | None = None, static: bool = True
    ) -> Drawing:
        """Lay out a scene of at least one card. See `draw` and `arrange` for the arguments and what is raised."""
        shown = scene.bundled()
        return cls(shown, arrange(shown, WIDTH if width is None else width, rankdir), Pen(static))

    def with_states_of(self, scene: Scene) -> Drawing:
        """Return the same drawing of another scene of the same shape; nothing is laid out."""
        other = copy(self)
        other.scene = scene.bundled()
        other.cards = other.scene.by_id()
        return other

    def alone(self) -> Drawing:
        """Return the same drawing as a picture that stands alone."""
        other = copy(self)
        other.pen = Pen(static=True)
        return other

    def card(self, card_id: str) -> str:
        """Return one card at its place."""
        return draw_card(self.cards[card_id], self.places.cards[card_id], self.places.density, self.pen)

    def frame(self, number: int) -> str:
        """Return one frame at its place, by its number in the scene."""
        return self._frame(self.scene.frames[number], self.places.frames[number])

    def flows(self) -> dict[tuple[str, str], str]:
        """Return how far each link has come, by the cards that it joins."""
        return {(link.source, link.target): self.scene.flow(link, self.cards) for link in self.scene.links}

    def svg(self) -> str:
        """Return the whole drawing as SVG."""
        frames = "".join(self.frame(k) for k in self.places.frames)
        links, tags, tag_boxes = [], [], []
        heads = (box._replace(bottom=box.top + _FRAME_HEAD) for box in self.places.frames.values())
        taken = [*covered(self.scene, self.places).values(), *heads]
        for link, curve in zip(self.scene.links, self.curves, strict=True):
            flow = self.scene.flow(link, self.cards)
            links.append(self._link(link, curve, flow))
            if link.label:
                box = tag_box(curve, tag_width(link.label), taken)
                tag_boxes.append(box)
                tags.append(self._tag(link, tag_text(link.label), box, flow))
        # Below each other: what waits, what is done, what goes on now.
        order = sorted(range(len(links)), key=lambda k: _FLOWS.index(self.scene.flow(self.scene.links[k], self.cards)))
        cards = "".join(map(self.card, self.cards))
        body = frames + "".join(links[k] for k in order) + "".join(tags) + cards
        return _page(self.scene, body, self._extent(tag_boxes), self.pen, self.places)

    def _extent(self, tags: list[Box]) -> Box:
        boxes = [*covered(self.scene, self.places).values(), *self.places.frames.values(), *tags]
        boxes += [around(sampled(curve, 8)) for curve in self.curves]
        corners = [point for box in boxes for point in ((box.left, box.top), (box.right, box.bottom))]
        return around(corners).grown(PAD)

    def _link(self, link: Link, curve: Curve, flow: str) -> str:
        colour = flow_colour(LIGHT, flow)
        line = self.pen.path(
            "gb-line", path(curve), stroke=colour, stroke_width=1.3, stroke_dasharray=_dashes(link, flow),
            stroke_linecap="round" if link.kind == "control" or flow == "dead" else None,
        )  # fmt: skip
        head = tag("polygon", {"points": arrow(curve, across=self.across), **self.pen.paint(fill=colour)})
        return tag("g", {"class": "gb-edge", **_ends(link), "data-kind": link.kind, "data-flow": flow}, line, head)

    def _tag(self, link: Link, text: str, box: Box, flow: str) -> str:
        x, y = box.centre
        ground = tag(
            "rect",
            {"class": "gb-ebg", "x": box.left, "y": box.top, "width": box.width, "height": box.height, "rx": 8,
             **self.pen.paint(fill=LIGHT.paper, stroke=LIGHT.line),
             "stroke-dasharray": "3 3" if flow == "dead" else None},
        )  # fmt: skip
        followed = flow in ("done", "active")
        label = self.pen.text("gb-elabel", x, y + 4, text, SUB, LIGHT.ink if followed else LIGHT.ink2, anchor="middle")
        return tag("g", {"class": "gb-tag", **_ends(link), "data-flow": flow}, ground, label)

    def _frame(self, frame: Frame, box: Box) -> str:
        ground = self.pen.path(
            "gb-frame", outline("", box.width, box.height), fill=LIGHT.frame, stroke=LIGHT.faint,
            transform=f"translate({round(box.left, 2):g} {round(box.top, 2):g})",
        )  # fmt: skip
        x = box.left + 10 + (16 if frame.state else 0)
        mark = self.pen.mark(frame.state, box.left + 9, box.top + 6, 0.75) if frame.state else ""
        name = clip(clean(frame.label), SUB, box.right - x - 8, bold=True)
        label = self.pen.text("gb-clabel", x, box.top + 16, name, SUB, LIGHT.ink2, bold=True)
        x += width(name, SUB, bold=True) + 8
        text = clean(frame.live or frame.sub)
        says = clip(text, SUB, box.right - x - 8) if box.right - x > _LEAST_TEXT else ""
        if says:
            label += self.pen.text("gb-clabel", x, box.top + 16, says, SUB, LIGHT.ink2)
        attributes = {"class": "gb-cluster", "data-id": frame.id, "data-state": frame.state or None}
        words = ", ".join(part for part in (clean(frame.label), frame.state, text) if part)
        return tag("g", attributes, tag("title", {}, escape(words)), ground, mark, label)


_FLOWS = ("dead", "idle", "done", "active")


def _ends(link: Link) -> dict[str, str]:
    return {"data-from": link.source, "data-to": link.target}


def _dashes(link: Link, flow: str) -> str | None:
    if flow == "dead":
        return "1 4"
    if link.kind == "control":
        return "1 4"
    return "5 3" if link.kind == "conditional" and flow == "idle" else None


def _page(scene: Scene, body: str, extent: Box, pen: Pen, places: Places | None = None) -> str:
    w, h = math.ceil(extent.width), math.ceil(extent.height)
    words = _said(scene)
    moved = f"translate({round(-extent.left, 2):g} {round(-extent.top, 2):g})"
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg", "class": "gb-svg gb-alone" if pen.static else "gb-svg",
        "width": w, "height": h, "viewBox": f"0 0 {w} {h}", "role": "img" if pen.static else "group",
        "aria-label": words, "font-family": _FONT, "data-rankdir": places.rankdir if places else None,
        "data-density": places.density if places else None,
    }  # fmt: skip
    head = tag("title", {}, escape(words)) + tag("style", {}, DARK_STYLE) if pen.static else ""
    graph = tag("g", {"class": "gb-graph", "transform": moved, "fill": "none"}, body)
    return tag("svg", attributes, head, tag("g", {"class": "gb-view"}, graph))


def _said(scene: Scene) -> str:
    """Return the drawing in words."""
    states = Counter(card.state for card in scene.cards if card.kind != "input")
    count = states.total()
    counted = ", ".join(f"{number} {state}" for state, number in states.items())
    return f"{clean(scene.title)}: {count} node{'' if count == 1 else 's'}" + (f", {counted}" if counted else "")


def _nothing(scene: Scene, pen: Pen) -> str:
    text = "no nodes yet"
    label = pen.text("gb-clabel", 12, 20, text, SUB, LIGHT.ink2)
    return _page(scene, label, Box(0, 0, 24 + width(text, SUB), 32), pen)
