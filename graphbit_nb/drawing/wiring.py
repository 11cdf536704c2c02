"""Finds the links between cards, also those that cross the frame of an unfolded sub-workflow.

A link that leads to a sub-workflow leads to the nodes inside that read it; one that comes from a sub-workflow comes
from the nodes inside whose outputs are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.core.outputs import label_of
from graphbit_nb.drawing.scene import Link
from graphbit_nb.graph.kinds.workflow import WorkflowSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from graphbit_nb.core.snapshot import NodeSnapshot
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Edge, Workflow
    from graphbit_nb.templating import Reference

INPUT = "input:"  # a node's name has no colon, so an input cannot be taken for one
_Reads = tuple["Reference", ...]


def sub_workflow(node: Node) -> WorkflowSettings | None:
    """Return what a node runs inside, if that can be drawn: the items of a fan-out cannot, they are many."""
    settings = node.settings
    return settings if isinstance(settings, WorkflowSettings) and node.for_each is None else None


class Wiring:
    """Collects links.

    Args:
        unfold: Paths of the sub-workflows that are drawn.

    Attributes:
        links: Those found so far.
        dead: Branches, as (source, target), that a decision has not taken.
    """

    def __init__(self, unfold: Collection[str]) -> None:
        self.links: list[Link] = []
        self.dead: set[tuple[str, str]] = set()
        self._unfold = unfold

    def inputs(self, workflow: Workflow) -> None:
        """Link the inputs that the workflow must be given to the nodes that read them."""
        for name, spec in workflow.inputs.items():
            for consumer in spec.consumers:
                if spec.required and consumer in workflow.nodes:
                    heads = self._heads(consumer, workflow.nodes[consumer], name)
                    self.links += [Link(source=INPUT + name, target=head) for head, _ in heads]

    def edges(self, workflow: Workflow, told: Mapping[str, NodeSnapshot], frame: str = "") -> None:
        """Link the nodes of a workflow. Call it for an outer one before those inside it."""
        start = f"{frame}." if frame else ""
        for edge in workflow.edges:
            if edge.source in workflow.nodes and edge.target in workflow.nodes:
                self._edge(edge, workflow, start, is_dead=_is_dead(edge, told.get(edge.source)))

    def _edge(self, edge: Edge, workflow: Workflow, start: str, *, is_dead: bool) -> None:
        source, target = workflow.nodes[edge.source], workflow.nodes[edge.target]
        label = edge.label.replace("|", " | ")
        for head, reads in self._heads(start + edge.target, target, edge.source):
            for tail in self._tails(start + edge.source, source, reads):
                self.links.append(Link(source=tail, target=head, kind=edge.kind, label=label))
                if is_dead:
                    self.dead.add((tail, head))

    def _inner(self, path: str, node: Node) -> WorkflowSettings | None:
        return sub_workflow(node) if path in self._unfold else None

    def _heads(self, path: str, node: Node, source: str) -> list[tuple[str, _Reads]]:
        """Return the cards of a node that wait for `source`, each with what it reads of it."""
        inner = self._inner(path, node)
        if inner is None:
            return [(path, _reads(node.references, source))]
        nodes, found = inner.workflow.nodes, []
        for given, expression in inner.bindings.items():
            reads = _reads(expression.references, source)
            for consumer in inner.workflow.inputs[given].consumers if reads else ():
                found += [(head, reads) for head, _ in self._heads(f"{path}.{consumer}", nodes[consumer], given)]
        return found or [(root, ()) for root in self._roots(path, inner.workflow)]

    def _roots(self, path: str, workflow: Workflow) -> Iterator[str]:
        """Yield the cards with which a sub-workflow begins."""
        for number in workflow.plan.roots:
            name = workflow.plan.names[number]
            inner = self._inner(f"{path}.{name}", workflow.nodes[name])
            if inner is None:
                yield f"{path}.{name}"
            else:
                yield from self._roots(f"{path}.{name}", inner.workflow)

    def _tails(self, path: str, node: Node, reads: _Reads) -> list[str]:
        """Return the cards of a node that give what is read of it; those it ends with if that is all of it."""
        inner = self._inner(path, node)
        if inner is None:
            return [path]
        nodes, plan = inner.workflow.nodes, inner.workflow.plan
        if inner.returns is not None:
            return self._tails(f"{path}.{inner.returns}", nodes[inner.returns], reads)
        wanted: dict[str, list[Reference]] = {}
        for reference in reads:
            name = str(reference.path[0]) if reference.path else ""
            wanted.setdefault(name, []).append(reference._replace(path=reference.path[1:]))
        if not wanted or not wanted.keys() <= nodes.keys():
            wanted = {name: [] for number, name in enumerate(plan.names) if not plan.successors[number]}
        return [
            tail for name, rest in wanted.items() for tail in self._tails(f"{path}.{name}", nodes[name], tuple(rest))
        ]


def _reads(references: _Reads, source: str) -> _Reads:
    return tuple(reference for reference in references if reference.name == source)


def _is_dead(edge: Edge, told: NodeSnapshot | None) -> bool:
    """Whether a decision has fallen that does not lead this way."""
    if edge.kind != "conditional" or told is None or not told.state.has_output:
        return False
    return label_of(told.output) not in edge.label.split("|")
