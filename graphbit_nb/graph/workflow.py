"""A workflow that was found to be sound: nodes, edges and inputs that do not change any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.errors import Problem
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.plan import ExecutionPlan

EdgeKind = Literal["data", "control", "conditional"]
EDGE_KINDS: tuple[EdgeKind, ...] = ("data", "control", "conditional")


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from one node to another.

    Attributes:
        source: The node that comes first.
        target: The node that waits for it.
        kind: ``"data"`` when the target reads the source, ``"control"`` when it only comes after it,
            ``"conditional"`` when it runs for one answer of the source alone.
        label: The answer that a conditional edge stands for.
    """

    source: str
    target: str
    kind: EdgeKind = "data"
    label: str = ""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A value that the workflow is given from outside.

    Attributes:
        name: Its name.
        consumers: The nodes that read it, in the order of their definition.
        required: False when every node that reads it can do without.
        looks_like: A node whose name is so near that the input may be a slip.
    """

    name: str
    consumers: tuple[str, ...]
    required: bool = True
    looks_like: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Nodes, edges and inputs. Made by `WorkflowBuilder.build`; immutable.

    Attributes:
        name: What it is called.
        description: What it is for.
        nodes: The nodes by name, in the order of their definition.
        edges: The edges, ordered by the definition of their targets.
        inputs: What it is given from outside, by name.
        warnings: What is odd about it but not wrong.
        plan: The order in which its nodes can run.
    """

    name: str
    description: str | None = None
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    inputs: Mapping[str, InputSpec]
    warnings: tuple[Problem, ...] = ()
    plan: ExecutionPlan = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.name, self.description, dict(self.nodes), self.edges, dict(self.inputs), self.warnings)
        return (_restore, (*parts, self.plan))

    def __repr__(self) -> str:
        return f"Workflow({self.name!r}, {len(self.nodes)} nodes, {len(self.edges)} edges, {len(self.inputs)} inputs)"

    def predecessors(self, name: str) -> tuple[str, ...]:
        """Return the nodes that `name` waits for."""
        plan = self.plan
        return tuple(plan.names[i] for i in plan.predecessors[plan.index[name]])

    def successors(self, name: str) -> tuple[str, ...]:
        """Return the nodes that wait for `name`."""
        plan = self.plan
        return tuple(plan.names[i] for i in plan.successors[plan.index[name]])


class Outline(Workflow):
    """A workflow of which only names, kinds, edges and texts are there. It can be shown, not run."""

    __slots__ = ()


def _restore(
    name: str,
    description: str | None,
    nodes: dict[str, Node],
    edges: tuple[Edge, ...],
    inputs: dict[str, InputSpec],
    warnings: tuple[Problem, ...],
    plan: ExecutionPlan,
) -> Workflow:
    return Workflow(
        name=name, description=description, nodes=MappingProxyType(nodes), edges=edges,
        inputs=MappingProxyType(inputs), warnings=warnings, plan=plan,
    )  # fmt: skip
