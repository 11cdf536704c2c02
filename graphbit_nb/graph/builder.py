"""Collects nodes and connections and turns them into a workflow, or says everything that is wrong with them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from graphbit_nb.errors import UsageError, ValidationError, did_you_mean
from graphbit_nb.graph.connections import Connection, with_branches
from graphbit_nb.graph.node import Node
from graphbit_nb.graph.validation import examine
from graphbit_nb.graph.workflow import EDGE_KINDS, Edge, Workflow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbit_nb.graph.workflow import EdgeKind


class WorkflowBuilder:
    """Builds a `Workflow`, in any order: a node may name others that come later.

    Args:
        name: What the workflow is called.
        description: What it is for.
    """

    def __init__(self, name: str = "workflow", description: str | None = None) -> None:
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"a workflow needs a name, not {name!r}")
        self.name = name
        self.description = description
        self._nodes: list[Node] = []
        self._connections: list[Connection] = []

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, in the order of their definition."""
        return tuple(self._nodes)

    def add_node(self, node: Node) -> str:
        """Add a node and return its id, which is its name."""
        if not isinstance(node, Node):
            raise UsageError(f"add_node takes a Node, such as Node.prompt('name', 'text'), not {node!r}")
        self._nodes.append(node)
        return node.name

    def connect(
        self, source: str | Node, target: str | Node, edge: EdgeKind | Edge | None = None, label: str | None = None
    ) -> Self:
        """Let `target` wait for `source`.

        An edge whose target reads its source is there anyway. Any other is for the order alone: the target's text
        stays as it is.

        Args:
            source: A node, or its name.
            target: A node, or its name.
            edge: ``"data"`` insists that the target reads the source; ``"control"`` is for the order alone;
                ``"conditional"`` lets the target run for one label of the source only. An `Edge` says all of it.
                None takes what follows from the target's text.
            label: The label of a conditional edge, ``"a|b"`` for either of two.

        Raises:
            UsageError: the connection is none.
        """
        kind = edge.kind if isinstance(edge, Edge) else edge
        label = (edge.label if isinstance(edge, Edge) else "") or label
        if kind is not None and not (isinstance(kind, str) and kind in EDGE_KINDS):
            near = did_you_mean(str(kind), EDGE_KINDS)
            raise UsageError(f"edge={kind!r}{near}; an edge is {', '.join(map(repr, EDGE_KINDS))}")
        if label is not None and not isinstance(label, str):
            raise UsageError(f"label={label!r}: give the label as a text")
        connection = Connection(_name_of(source), _name_of(target), kind, label or "")
        if (kind == "conditional") != bool(label):
            raise UsageError(f"{connection}: a conditional edge has a label, such as label='yes', and no other has one")
        self._connections.append(connection)
        return self

    def build(self) -> Workflow:
        """Check everything and return the workflow.

        Raises:
            ValidationError: something is wrong; `.problems` lists all of it.
        """
        nodes = with_branches(self._nodes, self._connections)
        found = examine(nodes, self._connections)
        errors = [problem for problem in found.problems if problem.severity == "error"]
        if errors or found.plan is None:
            raise ValidationError(errors)
        return Workflow(
            name=self.name,
            description=self.description,
            nodes=MappingProxyType({node.name: node for node in nodes}),
            edges=found.edges,
            inputs=MappingProxyType(found.inputs),
            warnings=tuple(problem for problem in found.problems if problem.severity == "warning"),
            plan=found.plan,
        )


class Draft(WorkflowBuilder):
    """A builder whose nodes can be defined again: what a notebook's cells write to.

    A node remembers the cell it came from. The same cell run again replaces its own node, also under a new name.
    """

    def define(self, node: Node) -> tuple[Workflow, Node | None]:
        """Put a node in its place, unless that makes the workflow unsound.

        Returns:
            The workflow as it is now, and the node that was replaced, if there was one.

        Raises:
            ValidationError: the workflow would be unsound; nothing has changed.
        """
        before = list(self._nodes)
        replaced = [old for old in before if old.name == node.name or _same_cell(old, node)]
        if replaced:
            self._nodes[before.index(replaced[0])] = node
            self._nodes = [n for n in self._nodes if n is node or n not in replaced]
        else:
            self._nodes.append(node)
        try:
            return self.build(), (replaced[0] if replaced else None)
        except ValidationError as error:
            self._nodes = before
            own = [problem for problem in error.problems if problem.node in (None, node.name)]
            raise ValidationError(own or error.problems) from None

    def remove(self, names: Iterable[str]) -> None:
        """Take nodes away. Raises `UsageError` for a name that is none, and takes nothing away then."""
        known = [node.name for node in self._nodes]
        gone = set(names)
        for name in gone:
            if name not in known:
                raise UsageError(f"no node {name!r}{did_you_mean(name, known)}")
        before = self._nodes, self._connections
        self._nodes = [node for node in self._nodes if node.name not in gone]
        self._connections = [c for c in self._connections if c.source not in gone and c.target not in gone]
        try:
            if self._nodes:
                self.build()
        except ValidationError:
            self._nodes, self._connections = before
            raise

    def __getitem__(self, name: str) -> Node:
        for node in self._nodes:
            if node.name == name:
                return node
        raise UsageError(f"no node {name!r}{did_you_mean(name, [n.name for n in self._nodes])}")

    def __contains__(self, name: object) -> bool:
        return any(node.name == name for node in self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)


def _same_cell(old: Node, new: Node) -> bool:
    return (
        old.origin is not None
        and new.origin is not None
        and old.origin.cell is not None
        and old.origin.cell == new.origin.cell
        # One run of a cell may define several nodes; a new run has another number.
        and (old.origin.place != new.origin.place or not new.origin.place)
    )


def _name_of(node: str | Node) -> str:
    name = node.name if isinstance(node, Node) else node
    if not isinstance(name, str):
        raise UsageError(f"a connection goes from node to node, not from {node!r}")
    return name
