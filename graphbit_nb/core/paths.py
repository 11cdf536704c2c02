"""What nodes inside others are called: ``each[3]`` (an item), ``review.score`` (a node inside), ``loop#2.draft``.

Paths look as templates do, where ``{{ review.score }}`` reads what that node gave.
"""

from __future__ import annotations


def item_path(path: str, number: int) -> str:
    """Return what item `number`, from 0, of a fan-out is called."""
    return f"{path}[{number}]"


def inner_path(path: str, name: str, iteration: int | None = None) -> str:
    """Return what a node inside a sub-workflow is called, in a loop also by its iteration, from 1."""
    return f"{path}.{name}" if iteration is None else f"{path}#{iteration}.{name}"


def item_number(path: str) -> int | None:
    """Return which item of a fan-out a path is, or is inside of; of the innermost one, None outside of all."""
    number = path.rpartition("[")[2].partition("]")[0] if "[" in path else ""
    return int(number) if number.isdigit() else None


def names_of(path: str) -> tuple[str, ...]:
    """Return the names of the nodes along a path, outermost first."""
    return tuple(part.partition("[")[0].partition("#")[0] for part in path.split("."))


def without_numbers(path: str) -> str:
    """Return a path in which items and iterations are not told apart: ``loop.draft`` for ``loop#2.draft``."""
    return ".".join(names_of(path)) if "[" in path or "#" in path else path
