"""Draws the smallest things: a path, a line of text, a mark. Decides what is written for a picture that stands alone.

A picture that stands alone carries its colours as attributes. A live one leaves them to the style sheet of its page.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphbit_nb.drawing.marks import MARKS
from graphbit_nb.drawing.markup import escape, tag
from graphbit_nb.drawing.metrics import SLACK, width
from graphbit_nb.drawing.palette import LIGHT


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes elements, with colours if `static`."""

    static: bool

    def paint(self, **colours: str) -> dict[str, str]:
        """Return attributes that only a picture which stands alone needs."""
        return colours if self.static else {}

    def path(self, name: str, d: str, *, fill: str = "none", stroke: str = "none", **attributes: object) -> str:
        """Return a path of class `name`."""
        given = {key.replace("_", "-"): value for key, value in attributes.items()}
        return tag("path", {"class": name, "d": d, **self.paint(fill=fill, stroke=stroke), **given})

    def text(
        self, name: str, x: float, y: float, text: str, size: int, fill: str, *,
        bold: bool = False, anchor: str | None = None, room: float | None = None, fixed: bool = False,
    ) -> str:  # fmt: skip
        """Return a line of text of class `name`. `room` tells who changes it later; `fixed` ones stay."""
        held = bool(text) and (self.static or fixed)
        return tag(
            "text",
            {
                "class": name, "x": float(x), "y": float(y), "font-size": size, **self.paint(fill=fill),
                "font-weight": 600 if bold else None, "text-anchor": anchor,
                "data-room": None if self.static or room is None else float(room),
                # keeps the text in its place in any font
                "textLength": width(text, size, bold=bold) / SLACK if held else None,
                "lengthAdjust": "spacingAndGlyphs" if held else None,
            },
            escape(text),
        )  # fmt: skip

    def mark(self, state: str, x: float, y: float, scale: float) -> str:
        """Return the mark of a state with its corner at (x, y)."""
        shown = state if state in MARKS else "pending"
        paint, body, glyph = MARKS[shown]
        colour, solid = LIGHT.states[shown], paint == "solid"
        line = {"stroke-width": 1.6, "stroke-linecap": "round", "stroke-linejoin": "round"}
        shapes = tag(
            "path",
            {"class": "gb-body", "data-p": paint, "d": body, **({} if solid else line),
             **(self.paint(fill=colour) if solid else self.paint(fill="none", stroke=colour))},
        )  # fmt: skip
        shapes += tag(
            "path",
            {"class": "gb-glyph", "data-on": "" if solid else None, "d": glyph, **line,
             **self.paint(fill="none", stroke=LIGHT.on_mark if solid else colour)},
        )  # fmt: skip
        place = f"translate({round(x, 2):g} {round(y, 2):g}) scale({scale:g})"
        inner = tag("g", {"class": "gb-turn"}, shapes)
        return tag("g", {"class": "gb-mark", "data-mark": shown if self.static else None, "transform": place}, inner)
