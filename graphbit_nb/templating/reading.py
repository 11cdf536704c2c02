"""What is known of a template once it is read."""

from __future__ import annotations

from typing import Any, NamedTuple


class Reference(NamedTuple):
    """A value that a template reads.

    Attributes:
        name: Name of the node or input.
        path: Keys and indices that are followed into it.
        line: Line of the template, counted from 1.
        required: False when it is only asked whether it is there, is read only if so, or has a default.
        soft: True for a free name of a cell of code: it counts only if a node or an input has this name.
    """

    name: str
    path: tuple[str | int, ...] = ()
    line: int = 1
    required: bool = True
    soft: bool = False

    def __str__(self) -> str:
        return self.name + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.path)


class Reading(NamedTuple):
    """A template that was found to be safe.

    Attributes:
        body: Its statements: Jinja2's nodes, or those of `shortcut`, which look the same.
        references: What it reads.
        roots: For each printed expression, by its id, the names that it reads.
    """

    body: list[Any]
    references: tuple[Reference, ...]
    roots: dict[int, str]
