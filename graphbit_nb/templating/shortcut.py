"""Reads what most templates are, text and names with paths, straight into the tree that Jinja2 would make of it.

It refuses nothing: a text that has anything else in it is left to Jinja2 and the rules in `syntax`. The nodes have
the names and attributes of Jinja2's, so that one evaluator walks both.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from graphbit_nb.templating.filters import FILTERS
from graphbit_nb.templating.reading import Reading, Reference

# Words that are more than a name somewhere in an expression.
_WORDS = frozenset({
    "True", "False", "None", "true", "false", "none", "loop", "and", "or", "not", "in", "is", "if", "else", "for",
})  # fmt: skip
_PLAIN_FILTERS = frozenset(FILTERS) - {"default"}  # what has a default need not be there

_STEP = r"""\.[A-Za-z_]\w*|\[(?:-?(?:0|[1-9]\d{0,8})|'[^'\\\n\0]*'|"[^"\\\n\0]*")\]"""
_PRINTED = re.compile(
    rf"(?<!\{{)\{{\{{[ \t]*([A-Za-z_]\w*)((?:{_STEP}){{0,50}})((?:[ \t]*\|[ \t]*[a-z]+){{0,20}})[ \t]*\}}\}}", re.ASCII
)
_EACH_STEP = re.compile(_STEP, re.ASCII)


class Output(NamedTuple):
    """Text and expressions, one after the other."""

    nodes: list[Any]


class TemplateData(NamedTuple):
    """The template's own text."""

    data: str


class Name(NamedTuple):
    """A node or an input."""

    name: str
    lineno: int


class Getattr(NamedTuple):
    """A part by its name."""

    node: Any
    attr: str
    lineno: int


class Const(NamedTuple):
    """A number or a text between brackets."""

    value: str | int
    lineno: int


class Getitem(NamedTuple):
    """A part by its number or key."""

    node: Any
    arg: Const
    lineno: int


class Filter(NamedTuple):
    """A filter without arguments."""

    node: Any
    name: str
    lineno: int
    args: tuple[Any, ...] = ()
    kwargs: tuple[Any, ...] = ()


def read(text: str) -> Reading | None:
    """Read a text without block tags, or return None when it is more than text and names."""
    if "{%" in text:
        return None
    pieces = _PRINTED.split(text)
    made: list[Any] = []
    references: list[Reference] = []
    roots: dict[int, str] = {}
    line = 1
    for at in range(0, len(pieces), 4):
        literal = pieces[at]
        if literal:
            if "{{" in literal:
                return None
            line += literal.count("\n")
            made.append(TemplateData(literal))
        if at + 1 == len(pieces):
            break
        name, steps, filters = pieces[at + 1 : at + 4]
        if name in _WORDS:
            return None
        node: Any = Name(name, line)
        path: list[str | int] = []
        for step in _EACH_STEP.findall(steps):
            if step.startswith(".__"):
                return None
            path.append(_key(step))
            is_name = step[0] == "."
            node = Getattr(node, step[1:], line) if is_name else Getitem(node, Const(path[-1], line), line)
        if filters:
            for word in filters.split("|")[1:]:
                if (called := word.strip()) not in _PLAIN_FILTERS:
                    return None
                node = Filter(node, called, line)
        references.append(Reference(name, tuple(path), line))
        roots[id(node)] = name
        made.append(node)
    return Reading([Output(made)], tuple(references), roots)


def _key(step: str) -> str | int:
    if step[0] == ".":
        return step[1:]
    inside = step[1:-1]
    return inside[1:-1] if inside[0] in "'\"" else int(inside)
