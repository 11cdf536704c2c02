"""Writes a picture that stands alone with as few letters as it takes: for one that is saved and only looked at.

Nothing of what it looks like is lost. Paint becomes classes, shapes that come again are written once, links of one
colour are one path; what only those need who work with the elements (names, titles, ends of links) is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from graphbit_nb.drawing.markup import escape, tag
from graphbit_nb.drawing.palette import DARK, LIGHT, QUIET, TINTED

if TYPE_CHECKING:
    from collections.abc import Iterator

_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d*\.?\d+")
_PAINT = (
    "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "fill-opacity",
    "font-size", "font-weight", "text-anchor",
)  # fmt: skip
_SHAPE = ("d", "points", "x", "y", "width", "height", "rx")
_SHORTEST = 48  # letters of a shape that is worth a name of its own
_KEPT = {"data-state": (*TINTED, *QUIET), "data-kind": ("input",), "data-stale": ("",), "data-selected": ("",)}
_CLASS = re.compile(r"\.(gb-[\w-]+)")
_WORDS = re.compile(r'gb-[\w-]+|data-\w+="\w*"')


def thrifty(svg: str) -> str:
    """Return a static picture of `pictures.draw` in fewer letters."""
    root = ET.fromstring(svg)  # noqa: S314 (our own, made a moment ago)
    graph = root.find(f".//{_SVG}g[@class='gb-graph']")
    dark = "".join(style.text or "" for style in root.iter(f"{_SVG}style"))
    if graph is None:
        return svg
    writer = _Writer(dark)
    writer.count(graph)
    body = "".join(writer.children(graph))
    attributes = {"xmlns": _SVG[1:-1], **{key: root.get(key) for key in ("width", "height", "viewBox", "font-family")}}
    head = tag("style", {}, escape(writer.style(body))) + writer.defs()
    view = tag("g", {"transform": graph.get("transform"), "fill": "none"}, body)
    return tag("svg", {**attributes, "class": "gb-alone"}, head, view)


class _Writer:
    """Writes elements, and remembers what they have in common."""

    def __init__(self, dark: str) -> None:
        self._dark = dark
        self._known = set(_CLASS.findall(dark))
        self._counts: Counter[str] = Counter()
        self._paints: dict[str, str] = {}
        self._shapes: dict[str, str] = {}  # markup: its name
        self._marks: dict[str, str] = {}  # state: markup

    def count(self, graph: ET.Element) -> None:
        """See which shapes come more than once."""
        self._counts.update(_shape(el) for el in graph.iter() if el.get("class") not in ("gb-line", None))

    def children(self, graph: ET.Element) -> Iterator[str]:
        """Yield what stands in a group, links of one colour together."""
        for flow, members in groupby(graph, lambda el: el.get("data-flow") if el.get("class") == "gb-edge" else None):
            if flow is None:
                yield from map(self._element, members)
            else:
                yield self._links(flow, list(members))

    def _links(self, flow: str, links: list[ET.Element]) -> str:
        paths: dict[str, list[str]] = {}
        tips = []
        for link in links:
            line, tip = link
            paths.setdefault(self._paint(line), []).append(_relative(line.get("d", "")))
            tips.append(_tip(tip.get("points", "")))
        lines = (tag("path", {"class": f"gb-line {paint}", "d": "".join(ds)}) for paint, ds in paths.items())
        heads = tag("path", {"class": f"gb-tips {self._paint(links[0][1])}", "d": "".join(tips)})
        return tag("g", {"data-flow": flow}, *lines, heads)

    def _element(self, el: ET.Element) -> str:
        name = el.tag.removeprefix(_SVG)
        if name == "title":
            return ""
        if "data-mark" in el.attrib:
            return self._mark(el)
        kept = {key: el.get(key) for key, values in _KEPT.items() if el.get(key) in values}
        own = el.get("class", "")
        classes = " ".join(filter(None, [own if own in self._known else "", self._paint(el)]))
        attributes = {"class": classes or None, **kept}
        attributes |= {key: el.get(key) for key in ("data-flow", "data-item", "transform")}
        shape = _shape(el)
        if self._counts[shape] > 1 and len(shape) > _SHORTEST and not len(el) and not el.text:
            known = self._shapes.setdefault(shape, f"s{len(self._shapes)}")
            return tag("use", {**attributes, "href": f"#{known}"})
        attributes |= {key: _short(el.get(key)) for key in (*_SHAPE, "textLength") if key in el.attrib}
        attributes["lengthAdjust"] = el.get("lengthAdjust")
        return tag(name, attributes, escape(el.text or ""), *map(self._element, el))

    def _mark(self, el: ET.Element) -> str:
        """Return the mark of a state: its two lines take their colours from the one who uses them."""
        state = el.get("data-mark", "")
        self._marks.setdefault(state, "".join(_bare(line) for line in el.iter(f"{_SVG}path")))
        return tag("use", {"class": f"gb-m-{state}", "href": f"#{state}", "transform": el.get("transform")})

    def _paint(self, el: ET.Element) -> str:
        """Return the class that stands for an element's paint."""
        rule = ";".join(f"{key}:{_unit(key, value)}" for key in _PAINT if (value := el.get(key)) is not None)
        return self._paints.setdefault(rule, f"p{len(self._paints)}") if rule else ""

    def style(self, body: str) -> str:
        """Return the rules that what was written needs."""
        light = "".join(f".{name}{{{rule}}}" for rule, name in self._paints.items())
        light += "".join(_colours(state, self._marks[state], is_dark=False) for state in self._marks)
        start, _, rules = self._dark.partition("{")
        words = set(_WORDS.findall(body))
        needed = "".join(
            f"{selectors}{{{rule}}}"
            for names, rule in re.findall(r"([^{}]+)\{([^{}]*)\}", rules)
            if (selectors := ",".join(one for one in names.split(",") if _is_met(one, words)))
        )
        marks = "".join(_colours(state, self._marks[state], is_dark=True) for state in self._marks)
        return f"{light}{start}{{{needed}{marks}}}"

    def defs(self) -> str:
        """Return the shapes that are written once."""
        shapes = (shape.replace(" ", f' id="{name}" ', 1) for shape, name in self._shapes.items())
        marks = (tag("g", {"id": state}, lines) for state, lines in self._marks.items())
        return tag("defs", {}, *shapes, *marks)


def _shape(el: ET.Element) -> str:
    """Return the bare outline of an element."""
    return tag(el.tag.removeprefix(_SVG), {key: _short(el.get(key)) for key in _SHAPE if key in el.attrib})


def _bare(line: ET.Element) -> str:
    """Return a line of a mark without colours. Of a solid mark one is filled and the other is drawn."""
    is_solid = line.get("data-p") == "solid"
    own: dict[str, object] = {"stroke": "none"} if is_solid else {"fill": "none"}
    own |= {key: line.get(key) for key in ("stroke-width", "stroke-linecap", "stroke-linejoin")}
    return tag("path", {"d": line.get("d"), **own})


def _colours(state: str, lines: str, *, is_dark: bool) -> str:
    palette = DARK if is_dark else LIGHT
    stroke = palette.on_mark if 'stroke="none"' in lines else palette.states[state]
    return f"{'.gb-alone ' if is_dark else ''}.gb-m-{state}{{fill:{palette.states[state]};stroke:{stroke}}}"


def _is_met(selector: str, words: set[str]) -> bool:
    """Whether anything that was written may be what a rule is for."""
    wanted = [name for name in _CLASS.findall(selector) if name != "gb-alone"]
    wanted += [f'{name}="{value}"' for name, value in re.findall(r"\[(data-\w+)=(\w+)\]", selector)]
    return words.issuperset(wanted)


def _unit(key: str, value: str) -> str:
    return f"{value}px" if key == "font-size" else value


@lru_cache(maxsize=4096)
def _short(value: str | None) -> str:
    """Return the numbers of an attribute with one decimal at most."""
    return _NUMBER.sub(lambda match: _one(float(match[0])), value or "")


def _one(value: float) -> str:
    return f"{value + 0.0:.1f}".removesuffix(".0")


def _relative(d: str) -> str:
    """Return a curve, written from point to point."""
    numbers = [round(float(one), 1) for one in _NUMBER.findall(d)]
    (x, y), steps = numbers[:2], []
    for k in range(2, len(numbers), 6):
        steps += [value - (x if i % 2 == 0 else y) for i, value in enumerate(numbers[k : k + 6])]
        x, y = numbers[k + 4 : k + 6]
    return f"M{_joined(numbers[:2])}c{_joined(steps)}"


def _tip(points: str) -> str:
    """Return an arrow head."""
    numbers = [round(float(one), 1) for one in _NUMBER.findall(points)]
    x, y = numbers[:2]
    steps = [numbers[2] - x, numbers[3] - y, numbers[4] - numbers[2], numbers[5] - numbers[3]]
    return f"M{_joined(numbers[:2])}l{_joined(steps)}z"


def _joined(numbers: list[float]) -> str:
    """Return numbers with a blank between them where no sign tells them apart."""
    return re.sub(r" -", "-", " ".join(map(_one, numbers)))
