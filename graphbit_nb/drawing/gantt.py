"""Draws a run in time: a row for each step, what it waited for and did, and the chain of steps that the end waited for.

No two things differ by colour alone: what works is filled, each kind at its own height, and what waits is a line with
its own dashes or an empty box; the critical path is underlined, and its steps have a wedge before their names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbit_nb.core.paths import names_of
from graphbit_nb.core.timeline import Stretch
from graphbit_nb.drawing.markup import escape, tag
from graphbit_nb.drawing.metrics import clean, clip
from graphbit_nb.drawing.palette import DARK, DARK_STYLE, LIGHT, Palette
from graphbit_nb.drawing.pen import Pen
from graphbit_nb.drawing.reading import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbit_nb.core.critical import Timeline
    from graphbit_nb.core.timeline import Bar, Doing

MOST_ROWS = 60
_MOST_PIECES = 48  # of a row
_ROW, _PAD, _AXIS, _KEY = 24.0, 14.0, 22.0, 26.0
_NAMES, _FIGURES, _INDENT = 210.0, 80.0, 10.0
_SIZE = 12
_FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_MARK = 14.0

# what is done: how tall its box is, whether that is empty, the dashes of what is a line, and its colour
_LOOKS: dict[Doing, tuple[float, bool, str | None, str]] = {
    "call": (12.0, False, None, "running"), "stream": (8.0, False, None, "running"),
    "tool": (4.0, False, None, "waiting"), "code": (12.0, False, None, "code"),
    "person": (12.0, True, None, "waiting"), "slot": (0.0, False, "1 3", "pending"),
    "limit": (0.0, False, "5 3", "retrying"), "retry": (0.0, False, "9 3 2 3", "retrying"),
}  # fmt: skip
SAID: dict[Doing, str] = {
    "slot": "waits for a slot", "limit": "waits for a rate limit", "retry": "waits to try again", "call": "asks",
    "stream": "answer comes", "tool": "tools", "code": "own code", "person": "waits for a person",
    "engine": "between steps",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: a step, or several that are not shown one by one (`count`)."""

    name: str
    depth: int
    state: str | None
    stretches: tuple[Stretch, ...]
    start: float
    end: float
    is_critical: bool
    is_open: bool = False
    count: int = 1


def rows_of(of: Timeline, *, parts: bool = False, most: int = MOST_ROWS) -> list[Row]:
    """Return the rows of a picture: those on the critical path and those that took longest, where there are too many.

    Args:
        of: The run.
        parts: Whether steps inside others have rows of their own; else they are in that of the outermost.
        most: The most rows.
    """
    critical = of.on_path
    inside: dict[str, list[Bar]] = {}
    if not parts:
        for bar in of.bars:
            if bar.depth:
                inside.setdefault(names_of(bar.path)[0], []).append(bar)
    listed = [bar for bar in of.bars if parts or not bar.depth]
    urgent = sorted(listed, key=lambda bar: (bar.path not in critical, -bar.seconds))
    shown = {bar.path for bar in (urgent if len(listed) <= most else urgent[: most - 1])}
    rows = [_row(bar, bar.path in critical, inside.get(bar.path, ())) for bar in listed if bar.path in shown]
    if rest := [bar for bar in listed if bar.path not in shown]:
        rows.append(_merged(rest, is_critical=any(bar.path in critical for bar in rest)))
    return rows


def _row(bar: Bar, is_critical: bool, inside: Sequence[Bar]) -> Row:
    return Row(
        name=bar.path, depth=bar.depth, state=str(bar.state), start=bar.arrived, end=bar.ended,
        stretches=_leading(inside) if bar.is_composite else bar.stretches, is_critical=is_critical,
        is_open=bar.is_composite,
    )  # fmt: skip


def _merged(bars: Sequence[Bar], *, is_critical: bool) -> Row:
    return Row(
        name=f"{len(bars):,} more", depth=0, state=None, start=min(bar.arrived for bar in bars),
        end=max(bar.ended for bar in bars), stretches=_leading(bars), is_critical=is_critical, count=len(bars),
    )  # fmt: skip


def _leading(bars: Iterable[Bar]) -> tuple[Stretch, ...]:
    """Return what several steps did, one thing at a time: that which works goes before that which waits."""
    pieces = sorted((one for bar in bars for one in bar.stretches), key=lambda one: (_RANK[one.doing], one.start))
    done: list[Stretch] = []
    for doing in _RANK:
        taken = _union((one.start, one.end) for one in done)
        mine = _union((one.start, one.end) for one in pieces if one.doing == doing)
        done += [Stretch(doing, start, end) for start, end in _without(mine, taken)]
    return tuple(sorted(done, key=lambda one: one.start))


_ORDER: tuple[Doing, ...] = ("stream", "call", "tool", "code", "person", "limit", "retry", "slot", "engine")
_RANK: dict[Doing, int] = {doing: rank for rank, doing in enumerate(_ORDER)}


def _union(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _without(spans: list[tuple[float, float]], taken: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found, at = [], 0
    for start, end in spans:
        while at and at < len(taken) and taken[at][0] > start:
            at -= 1
        left = start
        while at < len(taken) and taken[at][0] < end:
            if taken[at][0] > left:
                found.append((left, taken[at][0]))
            left = max(left, taken[at][1])
            at += 1
        at = max(0, at - 1)
        if left < end:
            found.append((left, end))
    return found


def draw_gantt(of: Timeline, *, title: str, said: str = "", parts: bool = False, width: float = 960) -> str:
    """Return a run in time as a picture that stands alone.

    Args:
        of: The run.
        title: What it is called.
        said: What limits it, for those who cannot see it.
        parts: See `rows_of`.
        width: Pixels.
    """
    rows = rows_of(of, parts=parts)
    scale = _Scale(of.started, of.seconds, _PAD + _NAMES, max(width - _NAMES - _FIGURES - 2 * _PAD, 40.0))
    pen = Pen(static=True)
    height = _PAD + _AXIS + len(rows) * _ROW + _KEY + _PAD
    links = _links(of, rows, parts=parts)
    drawn = [_axis(pen, scale, _PAD + _AXIS + len(rows) * _ROW)]
    drawn += [_drawn(pen, row, _PAD + _AXIS + n * _ROW, scale, links.get(row.name, ())) for n, row in enumerate(rows)]
    drawn.append(_key(pen, rows, height - _PAD - 8))
    words = clean(f"{title}: {said or _told(rows, of)}")[:4000]
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg", "class": "gb-svg gb-alone", "width": float(width), "height": height,
        "viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": words, "font-family": _FONT,
    }  # fmt: skip
    return tag("svg", attributes, tag("title", {}, escape(words)), tag("style", {}, DARK_STYLE + _DARK), *drawn)


def _told(rows: Sequence[Row], of: Timeline) -> str:
    return "; ".join(f"{row.name} from {duration(row.start - of.started)} for {duration(row.end - row.start)}"
                     for row in rows)  # fmt: skip


def _links(of: Timeline, rows: Sequence[Row], *, parts: bool) -> dict[str, list[Stretch]]:
    """Return the stretches of the critical path in each row."""
    names = {row.name for row in rows}
    rest = next((row.name for row in rows if row.count > 1), None)
    found: dict[str, list[Stretch]] = {}
    for link in of.critical:
        if link.path:
            path = link.path if parts else names_of(link.path)[0]
            row = path if path in names else rest
            if row is not None:
                found.setdefault(row, []).append(link.stretch)
    return found


@dataclass(frozen=True, slots=True)
class _Scale:
    """From seconds to pixels."""

    start: float
    seconds: float
    left: float
    room: float

    def x(self, time: float) -> float:
        """Return where a time is."""
        share = (time - self.start) / self.seconds if self.seconds > 0 else 0.0
        return self.left + self.room * min(max(share, 0.0), 1.0)


def _drawn(pen: Pen, row: Row, top: float, scale: _Scale, critical: Sequence[Stretch]) -> str:
    middle, base = top + _ROW / 2, top + _ROW / 2 + _SIZE * 0.35
    left = _PAD + _MARK + 4 + min(row.depth, 6) * _INDENT
    name = clip(clean(row.name), _SIZE, _PAD + _NAMES - 22 - left)
    parts = [] if row.state is None else [pen.mark(row.state, _PAD, middle - 6, 0.75)]
    parts.append(pen.text("gb-name", left, base, name, _SIZE, LIGHT.ink, bold=row.is_critical))
    if row.is_critical:
        at = _PAD + _NAMES - 14
        parts.append(pen.path("gb-wedge", f"M{at:g} {middle - 4:g}l7 4l-7 4z", fill=LIGHT.ink))
    if row.is_open:
        frame = _box(scale.x(row.start), middle - 8, max(scale.x(row.end) - scale.x(row.start), 1.0), 16)
        parts.append(pen.path("gb-inner", frame, stroke=LIGHT.faint))
    grouped: dict[Doing, list[tuple[float, float]]] = {}
    for doing, start, end in _pieces(row.stretches, scale):
        grouped.setdefault(doing, []).append((start, end))
    parts += [_piece(pen, doing, spans, middle) for doing, spans in grouped.items()]
    spans = _union((scale.x(one.start), scale.x(one.end)) for one in critical)
    if spans:
        d = "".join(f"M{start:.1f} {middle + 9.5:g}H{max(end, start + 1):.1f}" for start, end in _few(spans))
        parts.append(pen.path("gb-critical", d, stroke=LIGHT.ink, stroke_width=2))
    took = duration(row.end - row.start)
    parts.append(pen.text("gb-sub", scale.left + scale.room + 12, base, took, _SIZE, LIGHT.ink2))
    return tag("g", {"class": "gb-step"}, *parts)


def _pieces(stretches: Sequence[Stretch], scale: _Scale) -> list[tuple[Doing, float, float]]:
    """Return stretches in pixels; what is too short to be seen is given to what stands before it."""
    least = 0.5
    while True:
        found: list[tuple[Doing, float, float]] = []
        for one in stretches:
            if one.doing not in _LOOKS:
                continue
            start, end = scale.x(one.start), scale.x(one.end)
            near = bool(found) and start - found[-1][2] < least
            if near and (found[-1][0] == one.doing or end - start < least):
                found[-1] = (found[-1][0], found[-1][1], max(end, found[-1][2]))
            else:
                found.append((one.doing, start, end))
        if len(found) <= _MOST_PIECES or least > scale.room:
            return found
        least *= 2


def _few(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    gap = 0.5
    while len(spans) > _MOST_PIECES:
        spans = [(start + gap, end - gap) for start, end in _union((start - gap, end + gap) for start, end in spans)]
        gap *= 2
    return spans


def _piece(pen: Pen, doing: Doing, spans: Sequence[tuple[float, float]], middle: float) -> str:
    tall, is_empty, dashes, colour = _LOOKS[doing]
    ink = _colour(LIGHT, colour)
    if dashes is not None:
        d = "".join(f"M{start:.1f} {middle:g}H{max(end, start + 1):.1f}" for start, end in spans)
        return pen.path(f"gb-s-{colour}", d, stroke=ink, stroke_width=2, stroke_dasharray=dashes, data_doing=doing)
    d = "".join(_box(start, middle - tall / 2, max(end - start, 1.0), tall) for start, end in spans)
    if is_empty:
        return pen.path(f"gb-s-{colour}", d, stroke=ink, stroke_width=1.5, data_doing=doing)
    return pen.path(f"gb-f-{colour}", d, fill=ink, data_doing=doing)


def _axis(pen: Pen, scale: _Scale, bottom: float) -> str:
    step = _step(scale.seconds)
    parts = []
    for number in range(int(scale.seconds / step + 1e-9) + 1 if step else 1):
        x = scale.x(scale.start + number * step)
        parts.append(pen.path("gb-inner", f"M{x:.1f} {_PAD + _AXIS - 4:g}V{bottom:g}", stroke=LIGHT.faint))
        said = duration(number * step) if number else "0"
        parts.append(pen.text("gb-sub", x, _PAD + 10, said, 11, LIGHT.ink2, anchor="middle"))
    return tag("g", {"class": "gb-axis", "aria-hidden": "true"}, *parts)


def _step(seconds: float) -> float:
    """Return a round time of which about six make the whole; 0 where there is none."""
    if not (seconds > 0 and math.isfinite(seconds)):
        return 0.0
    if seconds > 60:
        rounds = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
        return float(next((one for one in rounds if seconds / one <= 7), math.ceil(seconds / 6 / 86400) * 86400))
    least = 10.0 ** math.floor(math.log10(seconds / 6))
    return next(least * many for many in (1, 2, 5, 10) if seconds / (least * many) <= 7)


def _key(pen: Pen, rows: Sequence[Row], y: float) -> str:
    there = {one.doing for row in rows for one in row.stretches}
    parts, x = [], _PAD
    for doing, said in SAID.items():
        if doing in there and doing in _LOOKS:
            parts.append(_piece(pen, doing, [(x, x + 18)], y - 4))
            parts.append(pen.text("gb-sub", x + 23, y, said, 11, LIGHT.ink2))
            x += 23 + 6.2 * len(said) + 14
    if any(row.is_critical for row in rows):
        parts.append(pen.path("gb-critical", f"M{x:g} {y - 4:g}H{x + 18:g}", stroke=LIGHT.ink, stroke_width=2))
        parts.append(pen.text("gb-sub", x + 23, y, "critical path", 11, LIGHT.ink2))
    return tag("g", {"class": "gb-key"}, *parts)


def _box(x: float, y: float, length: float, tall: float) -> str:
    return f"M{x:.1f} {y:g}h{length:.1f}v{tall:g}h{-length:.1f}z"


def _colour(palette: Palette, name: str) -> str:
    return palette.done if name == "code" else palette.states[name]


_DARK = "@media (prefers-color-scheme:dark){" + "".join(
    f".gb-alone .gb-f-{name}{{fill:{_colour(DARK, name)}}}.gb-alone .gb-s-{name}{{stroke:{_colour(DARK, name)}}}"
    for name in sorted({look[3] for look in _LOOKS.values()})
) + f".gb-alone .gb-wedge{{fill:{DARK.ink}}}.gb-alone .gb-critical{{stroke:{DARK.ink}}}}}"  # fmt: skip
