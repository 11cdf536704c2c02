"""A workflow that cells write: what a node comes after may be defined later, and what it embeds may change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphbit_nb.errors import Problem, ValidationError, did_you_mean
from graphbit_nb.graph.builder import Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow


@dataclass(slots=True)
class Embedding:
    """A node that holds another workflow of the notebook.

    Attributes:
        of: Name of the workflow inside.
        make: Makes the node anew for another version of it.
        problem: Why the node does not fit the workflow any more; None when it does.
    """

    of: str
    make: Callable[[Workflow], Node]
    problem: str | None = None


class CellDraft(Draft):
    """A draft in which ``--after`` and ``--when`` may name nodes that are not defined yet."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the nodes, in the order of their definition."""
        return tuple(node.name for node in self._nodes)

    def build(self) -> Workflow:
        """Return the workflow as far as it goes, without the order that is owed to nodes that are not there.

        Raises:
            ValidationError: anything else is wrong.
        """
        known = set(self.names)
        sketch = Draft(self.name, self.description)
        for node in self._nodes:
            sketch.add_node(_without(node, known) if _missing(node, known) else node)
        for connection in self._connections:
            sketch.connect(*connection)
        return Draft.build(sketch)

    def missing(self, name: str) -> tuple[str, ...]:
        """Return the nodes that a node comes after, or is chosen by, and that are not defined yet."""
        return tuple(dict.fromkeys(before for before, _ in _missing(self[name], set(self.names))))

    def all_missing(self) -> tuple[str, ...]:
        """Return the nodes that any node comes after, or is chosen by, and that are not defined yet."""
        known = set(self.names)
        return tuple(dict.fromkeys(before for node in self._nodes for before, _ in _missing(node, known)))

    def refuse_missing(self, names: Iterable[str]) -> None:
        """Check that whatever these nodes come after is defined. Raises `ValidationError`."""
        known = self.names
        problems = [
            Problem(
                code="unknown-node",
                message=f"no node {before!r}{did_you_mean(before, known)}",
                node=name,
                place=place,
                remedy="define it, or run this cell without it",
            )
            for name in names
            for before, place in _missing(self[name], set(known))
        ]
        if problems:
            raise ValidationError(problems)

    def remove(self, names: Iterable[str]) -> None:
        """Take nodes away, unless one that stays comes after one of them.

        Raises:
            UsageError: there is no such node; nothing has changed.
            ValidationError: a node that stays needs one of them.
        """
        gone = set(names)
        for name in gone:
            _ = self[name]
        left = set(self.names) - gone
        problems = [
            Problem(
                code="unknown-node",
                message=f"this node needs {before!r}, which would be gone",
                node=node.name,
                place=place,
                remedy=f"remove {node.name} as well, or run its cell again without it",
            )
            for node in self._nodes
            if node.name in left
            for before, place in _missing(node, left)
            if before in gone
        ]
        if problems:
            raise ValidationError(problems)
        super().remove(gone)


def _missing(node: Node, known: set[str]) -> list[tuple[str, str]]:
    """Return the unknown nodes that a node names as (name, option)."""
    found = [(name, "after") for name in node.after] + [(branch.node, "when") for branch in node.when]
    return [(name, place) for name, place in found if name not in known]


def _without(node: Node, known: set[str]) -> Node:
    after = tuple(name for name in node.after if name in known)
    return replace(node, after=after, when=tuple(branch for branch in node.when if branch.node in known))
