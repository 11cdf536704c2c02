"""Who takes part in a run: its nodes by number, each with its path, what it sees, and what it is inside of."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from graphbit_nb.execution.composites import Composite
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow


class Roster:
    """The nodes of one run. Composites add theirs when they open.

    Args:
        workflow: What is run.
        names: The names of its nodes, in the order of their numbers.
        values: Inputs and outputs that are there, by name; it grows while the run goes on.

    Attributes:
        nodes: The nodes, by number.
        paths: Their paths.
    """

    def __init__(self, workflow: Workflow, names: Sequence[str], values: Mapping[str, Any]) -> None:
        self._workflow = workflow
        self.nodes: list[Node] = [workflow.nodes[name] for name in names]
        self.paths: list[str] = list(names)
        self._scopes: list[Mapping[str, Any]] = [values] * len(names)
        self._owners: dict[int, Composite] = {}

    def add(
        self, owner: Composite, nodes: Sequence[Node], paths: Sequence[str], scopes: Sequence[Mapping[str, Any]]
    ) -> int:
        """Add what a composite opens into; return the number of the first."""
        first = len(self.nodes)
        self._owners.update(dict.fromkeys(range(first, first + len(nodes)), owner))
        self.nodes += nodes
        self.paths += paths
        self._scopes += scopes
        return first

    def owner_of(self, number: int) -> Composite | None:
        """Return the composite that a node is inside of, if it is."""
        return self._owners.get(number)

    def owners_of(self, number: int) -> Iterator[Composite]:
        """Go through the composites that a node is inside of, from the innermost."""
        while (owner := self._owners.get(number)) is not None:
            yield owner
            number = owner.number

    def siblings_of(self, number: int) -> Mapping[str, Node]:
        """Return the nodes among which one looks for those that it reads; an item looks where its fan-out does."""
        return next((owner.siblings for owner in self.owners_of(number) if owner.siblings), self._workflow.nodes)

    def scope(self, number: int) -> Mapping[str, Any]:
        """Return the values that a node sees: what branches that were not taken would have given is none."""
        node, values = self.nodes[number], self._scopes[number]
        if node.join != "any":
            return values
        owner = self._owners.get(number)
        siblings = self._workflow.nodes if owner is None else owner.siblings
        missing = {ref.name: None for ref in node.references if ref.name in siblings and ref.name not in values}
        return ChainMap(missing, values) if missing else values  # type: ignore[arg-type]
