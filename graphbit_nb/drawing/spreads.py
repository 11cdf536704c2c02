"""Draws how long things take: a bar from nothing to what is usual, and a fainter one to what is rarely exceeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbit_nb.drawing.markup import escape, tag
from graphbit_nb.drawing.metrics import clean, clip
from graphbit_nb.drawing.palette import DARK_STYLE, LIGHT
from graphbit_nb.drawing.pen import Pen

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW, _BAR, _PAD = 24.0, 10.0, 14.0
_NAMES, _FIGURES = 220.0, 150.0  # pixels for names to the left and figures to the right
_SIZE = 12
_FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Spread:
    """One thing: its name, what it usually takes, what is rarely exceeded, and both in words."""

    name: str
    usual: float
    rare: float
    said: str


def draw_spreads(rows: Sequence[Spread], *, title: str, width: float = 960) -> str:
    """Return a picture that stands alone, with a row for each.

    Args:
        rows: From top to bottom.
        title: What is shown, for those who cannot see it.
        width: Pixels.
    """
    pen = Pen(static=True)
    room = max(width - _NAMES - _FIGURES - 2 * _PAD, 40.0)
    most = max((row.rare for row in rows), default=0.0) or 1.0
    drawn = [_row(pen, row, number, room / most, room) for number, row in enumerate(rows)]
    height = len(rows) * _ROW + 2 * _PAD
    words = clean(f"{title}: " + "; ".join(f"{row.name} {row.said}" for row in rows))
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg", "class": "gb-svg gb-alone", "width": float(width), "height": height,
        "viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": words, "font-family": _FONT,
    }  # fmt: skip
    return tag("svg", attributes, tag("title", {}, escape(words)), tag("style", {}, DARK_STYLE), *drawn)


def _row(pen: Pen, row: Spread, number: int, scale: float, room: float) -> str:
    top = _PAD + number * _ROW
    base, left = top + _ROW / 2 + _SIZE * 0.35, _PAD + _NAMES
    name = clip(clean(row.name), _SIZE, _NAMES - 12)
    bar = top + (_ROW - _BAR) / 2
    parts = [
        pen.text("gb-name", left - 12, base, name, _SIZE, LIGHT.ink, anchor="end"),
        pen.path("gb-seg", _box(left, bar, max(row.rare * scale, 1.0)), fill=LIGHT.faint),
        pen.path(
            "gb-usual", _box(left, bar, max(row.usual * scale, 1.0)), fill=LIGHT.states["succeeded"], data_item="done"
        ),
        pen.text("gb-sub", left + room + 12, base, clip(row.said, _SIZE, _FIGURES - 12), _SIZE, LIGHT.ink2),
    ]
    return tag("g", {"class": "gb-spread"}, *parts)


def _box(x: float, y: float, length: float) -> str:
    return f"M{x:.2f} {y:.2f}h{length:.2f}v{_BAR:g}h{-length:.2f}z"
