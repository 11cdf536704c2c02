"""What Tab offers inside ``{{ }}`` and ``{% %}`` in the text of a cell: names, fields, filters, tags.

The text may be unfinished anywhere, so it is not parsed: what matters is what stands before the cursor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphbit_nb.errors import TemplateError
from graphbit_nb.notebook.fields import Known
from graphbit_nb.templating import FILTERS, Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Resolve = Callable[[str], Known]

_NAME = r"[^\W\d]\w*"
_WORD = re.compile(rf"(?:{_NAME})?$")
_PATH = re.compile(rf"({_NAME}(?:\.{_NAME}|\[-?\d+\]|\['[^']*'\]|\[\"[^\"]*\"\])*)\.$")
_STEP = re.compile(rf"\.?({_NAME})|\[(-?\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_MARKS = re.compile(r"\{\{|\}\}|\{%|%\}")
_TAG = re.compile(r"[-+]?\s*(\w+)\s*(.*?)\s*[-+]?$", re.DOTALL)
_FOR = re.compile(r"[-+]?\s*for\s+(.*)$", re.DOTALL)
_OF_LOOPS = ("index", "first", "last")


@dataclass(slots=True)
class Place:
    """Where the cursor stands in a text.

    Attributes:
        inside: What stands between the opening braces and the cursor; None in text.
        is_tag: Whether the braces are those of a tag.
        open_tags: The blocks that are open there: "for" and "if".
        loops: The heads of the loops around it.
    """

    inside: str | None = None
    is_tag: bool = False
    open_tags: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)


def place_in(before: str) -> Place:
    """Return where one stands after this much of a text."""
    place = Place()
    opened: tuple[str, int] | None = None
    is_raw = False
    for mark in _MARKS.finditer(before):
        if mark[0] in ("{{", "{%"):  # one that is still open was not closed by mistake
            opened = mark[0], mark.end()
        elif opened is not None and mark[0] == {"{{": "}}", "{%": "%}"}[opened[0]]:
            if opened[0] == "{%" and (tag := _TAG.match(before[opened[1] : mark.start()])) is not None:
                is_raw = tag[1] == "raw" or (is_raw and tag[1] != "endraw")
                if not is_raw:
                    _open_or_close(place, tag[1], tag[2])
            opened = None
    if opened is not None and (not is_raw or opened[0] == "{%"):
        place.inside, place.is_tag = before[opened[1] :], opened[0] == "{%"
        if is_raw:
            place.open_tags = ["raw"]
    return place


def _open_or_close(place: Place, tag: str, head: str) -> None:
    if tag in ("for", "if"):
        place.open_tags.append(tag)
        if tag == "for":
            place.loops.append(head)
    elif tag in ("endfor", "endif") and place.open_tags and place.open_tags[-1] == tag[3:]:
        place.open_tags.pop()
        if tag == "endfor":
            place.loops.pop()


def words_at(place: Place, names: list[str], resolve: Resolve) -> tuple[str, list[str]]:
    """Return the piece of a word at the cursor, and what may stand in its place.

    Args:
        place: Where the cursor stands.
        names: What a template can read there, but for the loops around it.
        resolve: What is known of such a name.
    """
    inside = place.inside
    if inside is None or inside.count("'") % 2 or inside.count('"') % 2:
        return "", []
    piece = _piece(inside)
    start = inside[: len(inside) - len(piece)]
    before = start.rstrip()
    variables = variables_of(place.loops, resolve)
    if start.endswith("."):
        return piece, _after_dot(start, variables, resolve)
    if before.endswith("|"):
        return piece, list(FILTERS)
    if re.search(r"\bis(\s+not)?$", before) and start != before:
        return piece, ["defined", "none"] if before.endswith("not") else ["defined", "none", "not"]
    if place.is_tag and before in ("", "-", "+"):
        return piece, _tags(place.open_tags)
    if place.is_tag and (head := _FOR.match(start)) is not None and not re.search(r"\bin\s", head[1]):
        return piece, ["in"] if head[1].strip() and not before.endswith(",") else []
    return piece, [*variables, *(["loop"] if place.loops else []), *(name for name in names if name not in variables)]


def variables_of(loops: list[str], resolve: Resolve) -> dict[str, Known]:
    """Return what is known of the variables of loops, the innermost first; a head that cannot be read gives none."""
    known: dict[str, Known] = {}
    for head in loops:
        try:
            loop = Loop(head)
        except TemplateError:
            continue
        path = loop.path
        item = Known()
        if path is not None and len(loop.variables) == 1:
            item = _resolved(path.name, known, resolve).at(path.path).item()
        known = {**dict.fromkeys(loop.variables, item), **known}
    return known


def _resolved(name: str, variables: Mapping[str, Known], resolve: Resolve) -> Known:
    return variables[name] if name in variables else resolve(name)


def _after_dot(start: str, variables: Mapping[str, Known], resolve: Resolve) -> list[str]:
    found = _PATH.search(start)
    if found is None:
        return []
    name, *keys = keys_of(found[1])
    if name == "loop" and not keys:
        return list(_OF_LOOPS)
    return _resolved(str(name), variables, resolve).at(keys).fields()


def keys_of(path: str) -> list[str | int]:
    """Return the steps of a path as it is written: ``outline.points[0]`` has three."""
    return [
        int(step[2]) if step[2] is not None else next(text for text in (step[1], step[3], step[4]) if text is not None)
        for step in _STEP.finditer(path)
    ]


def _tags(open_tags: list[str]) -> list[str]:
    innermost = open_tags[-1] if open_tags else None
    if innermost == "raw":
        return ["endraw"]
    closing = {"for": ["endfor"], "if": ["endif", "elif", "else"]}.get(innermost or "", [])
    return [*closing, "if", "for", "raw"]


def _piece(text: str) -> str:
    found = _WORD.search(text)
    return "" if found is None else found[0]
