"""Writes a picture that stands alone with as few letters as it takes: for one that is saved and only looked at.

Nothing of what it looks like is lost. Paint becomes classes, shapes that come again are written once, links of one
colour are one path, cards of one look are stamped along a line; what only those need who work with the elements (names,
titles, ends of links) is left out.

It takes a browser few elements as well: a notebook with a thousand nodes opens at once. A stamp is an SVG marker,
which is drawn at every point of a line; a `<use>` would be copied with all that is in it, each time.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from graphbit_nb.drawing.markup import escape, number, tag
from graphbit_nb.drawing.palette import DARK, LIGHT, QUIET, TINTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d*\.?\d+")
_PAINT = (
    "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "fill-opacity",
    "font-size", "font-weight", "text-anchor",
)  # fmt: skip
_SHAPE = ("d", "points", "x", "y", "width", "height", "rx")
_SHORTEST = 48  # letters of a shape that is worth a name of its own
_KEPT = {"data-state": (*TINTED, *QUIET), "data-kind": ("input",), "data-stale": ("",), "data-selected": ("",)}
_STAMP = {"markerUnits": "userSpaceOnUse", "overflow": "visible"}
_POINTS = ("marker-start", "marker-mid", "marker-end")
_LAYERS = ("gb-halo", "gb-back", "gb-card", "gb-inner", "gb-tile", "gb-icon", "gb-mark")  # of a card, from below
_PLACED = re.compile(r"translate\((-?[\d.]+) (-?[\d.]+)\)(?: scale\((-?[\d.]+)\))?")
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
    defs = writer.defs()
    attributes = {"xmlns": _SVG[1:-1], **{key: root.get(key) for key in ("width", "height", "viewBox", "font-family")}}
    head = tag("style", {}, escape(writer.style(defs + body))) + defs
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
        self._stamps: dict[str, str] = {}  # markup: its name

    def count(self, graph: ET.Element) -> None:
        """See which shapes come more than once."""
        self._counts.update(_shape(el) for el in graph.iter() if el.get("class") not in ("gb-line", None))

    def children(self, graph: ET.Element) -> Iterator[str]:
        """Yield what stands in a group, links of one colour together, and cards that can be stamped."""
        for (name, flow), members in groupby(graph, _kind_of):
            if name == "gb-edge":
                yield self._links(flow or "", list(members))
            elif name == "gb-node":
                cards = list(members)
                yield from map(self._element, (card for card in cards if not _can_be_stamped(card)))
                yield self._stamped([card for card in cards if _can_be_stamped(card)])
            else:
                yield from map(self._element, members)

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

    def _stamped(self, cards: list[ET.Element]) -> str:
        """Return cards, of which no two overlap: layer by layer, and then their texts."""
        spots: dict[tuple[int, str], list[tuple[float, float]]] = {}  # (layer, what is stamped): where
        texts: dict[str, list[str]] = {}  # the look of a card: its texts
        for card in cards:
            x, y, _ = _place_of(card)
            kept = _kept(card)
            for el in card:
                if (layer := _layer_of(el)) is not None:
                    right, down, scale = _place_of(el)
                    stamp = tag("g", {**kept, "transform": f"scale({scale:g})" if scale != 1 else None}, self._bare(el))
                    spots.setdefault((layer, stamp), []).append((x + right, y + down))
                elif el.text:
                    moved = {"x": number(x + float(el.get("x", 0))), "y": number(y + float(el.get("y", 0)))}
                    texts.setdefault(str(kept), []).append(self._element(el, moved))
        looks = {str(kept): kept for kept in map(_kept, cards)}
        shapes = [self._stamp(stamp, spots[layer, stamp]) for layer, stamp in sorted(spots, key=lambda spot: spot[0])]
        return "".join((*shapes, *(tag("g", looks[look], *written) for look, written in texts.items())))

    def _stamp(self, stamp: str, spots: list[tuple[float, float]]) -> str:
        """Return what draws the same thing at several places."""
        if len(spots) == 1:  # browsers put no markers on a line of one point
            [(x, y)] = spots
            return tag("g", {"transform": f"translate({number(x)} {number(y)})"}, stamp)
        name = self._stamps.setdefault(stamp, f"m{len(self._stamps)}")
        points = " ".join(f"{number(x)},{number(y)}" for x, y in spots)
        return tag("polyline", {"points": points, **dict.fromkeys(_POINTS, f"url(#{name})")})

    def _bare(self, el: ET.Element) -> str:
        """Return a part of a card without its place."""
        if "data-mark" in el.attrib:
            return self._mark(el, {})
        return self._element(el, {"transform": None})

    def _element(self, el: ET.Element, other: Mapping[str, str | None] | None = None) -> str:
        """Return an element; `other` are attributes that differ from its own."""
        name = el.tag.removeprefix(_SVG)
        if name == "title":
            return ""
        if "data-mark" in el.attrib:
            return self._mark(el, {"transform": el.get("transform")})
        kept = _kept(el)
        own = el.get("class", "")
        classes = " ".join(filter(None, [own if own in self._known else "", self._paint(el)]))
        attributes = {"class": classes or None, **kept}
        attributes |= {key: el.get(key) for key in ("data-flow", "data-item", "transform")}
        shape = _shape(el)
        if self._counts[shape] > 1 and len(shape) > _SHORTEST and not len(el) and not el.text:
            known = self._shapes.setdefault(shape, f"s{len(self._shapes)}")
            return tag("use", {**attributes, **(other or {}), "href": f"#{known}"})
        attributes |= {key: _short(el.get(key)) for key in (*_SHAPE, "textLength") if key in el.attrib}
        attributes |= {"lengthAdjust": el.get("lengthAdjust"), **(other or {})}
        return tag(name, attributes, escape(el.text or ""), *map(self._element, el))

    def _mark(self, el: ET.Element, place: Mapping[str, str | None]) -> str:
        """Return the mark of a state: its two lines take their colours from the one who uses them."""
        state = el.get("data-mark", "")
        self._marks.setdefault(state, "".join(_bare(line) for line in el.iter(f"{_SVG}path")))
        return tag("use", {"class": f"gb-m-{state}", "href": f"#{state}", **place})

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
        stamps = (tag("marker", {"id": name, **_STAMP}, inside) for inside, name in self._stamps.items())
        return tag("defs", {}, *shapes, *marks, *stamps)


def _kind_of(el: ET.Element) -> tuple[str, str | None]:
    name = el.get("class", "")
    return name, el.get("data-flow") if name == "gb-edge" else None


def _kept(el: ET.Element) -> dict[str, str | None]:
    """Return what the rules of the dark ask for."""
    return {key: el.get(key) for key, values in _KEPT.items() if el.get(key) in values}


def _layer_of(part: ET.Element) -> int | None:
    """Return how far up a part of a card is; None for texts."""
    name = part.get("class", "")
    return _LAYERS.index(name) if name in _LAYERS else None


def _can_be_stamped(card: ET.Element) -> bool:
    """Whether a card has nothing but parts that come again, and texts."""
    return all(
        (_layer_of(el) is not None and _PLACED.fullmatch(el.get("transform") or "translate(0 0)") is not None)
        or el.tag.removeprefix(_SVG) in ("text", "title")
        for el in card
    )


def _place_of(el: ET.Element) -> tuple[float, float, float]:
    """Return where an element is put, and how large it is made."""
    found = _PLACED.fullmatch(el.get("transform") or "translate(0 0)")
    assert found is not None  # noqa: S101 (`_can_be_stamped` has seen to it)
    return float(found[1]), float(found[2]), float(found[3] or 1)


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
