"""Looks at nodes and connections and finds edges, inputs, the plan, and everything that is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphbit_nb.errors import Problem, nearest
from graphbit_nb.graph.agreement import branch_problems, type_problems
from graphbit_nb.graph.connections import connection_problems, unknown_node
from graphbit_nb.graph.plan import ExecutionPlan, make_plan
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.graph.workflow import Edge, InputSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbit_nb.graph.connections import Connection
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import EdgeKind


SLIP = 0.75  # likeness of an input's name and a node's that is taken for a slip
MOST_COMPARED = 100_000  # names; who has more of them did not type them by hand


@dataclass(slots=True)
class Examination:
    """What was found. `plan` is None when no order is possible."""

    edges: tuple[Edge, ...]
    inputs: dict[str, InputSpec]
    problems: list[Problem]
    plan: ExecutionPlan | None


def examine(nodes: Sequence[Node], connections: Sequence[Connection]) -> Examination:
    """Derive edges and inputs from what the nodes read, and list every problem at once."""
    problems = list(_duplicates(nodes))
    if not nodes:
        problems.append(
            Problem(code="empty", message="the workflow has no nodes", remedy="add one with add_node, or in a cell")
        )
    by_name = {node.name: node for node in nodes}
    before: dict[str, dict[str, EdgeKind]] = {name: {} for name in by_name}  # target -> source -> kind of the edge
    labels: dict[tuple[str, str], str] = {}
    readers: dict[str, dict[str, bool]] = {}  # input -> node that reads it -> whether it must be there
    soft: list[tuple[str, str]] = []
    for node in by_name.values():
        waits_for = before[node.name]
        for reference in node.references:
            if reference.name in by_name:
                waits_for[reference.name] = "data"
            elif reference.soft:
                soft.append((reference.name, node.name))
            else:
                readers.setdefault(reference.name, {})
                required = readers[reference.name].get(node.name, False) or reference.required
                readers[reference.name][node.name] = required
        for name in node.after:
            if name in by_name:
                waits_for.setdefault(name, "control")
            else:
                problems.append(unknown_node(name, by_name, node=node.name, place="after"))
        for branch in node.when:
            problems += branch_problems(node, branch, by_name)
            if branch.node in by_name:
                waits_for[branch.node] = "conditional"
                labels[branch.node, node.name] = "|".join(branch.labels)
    for name, reader in soft:
        if name in readers:
            readers[name].setdefault(reader, False)
    for connection in connections:
        if connection.source in by_name and connection.target in by_name:
            before[connection.target].setdefault(connection.source, "control")
    problems += connection_problems(connections, by_name)
    ordered = make_plan(tuple(by_name), before)
    if isinstance(ordered, ExecutionPlan):
        plan: ExecutionPlan | None = _with_sorts(ordered, by_name)
    else:
        plan = None
        problems.append(_cycle(ordered))
    edges = tuple(
        Edge(source, target, kind, labels[source, target] if kind == "conditional" else "")
        for target, sources in before.items()
        for source, kind in sources.items()
    )
    inputs = {
        name: InputSpec(name, tuple(read), any(read.values()), _slip(name, by_name, len(readers)))
        for name, read in readers.items()
    }
    problems += type_problems(by_name)
    problems += _odd(by_name, edges, inputs)
    return Examination(edges, inputs, problems, plan)


def _with_sorts(plan: ExecutionPlan, nodes: dict[str, Node]) -> ExecutionPlan:
    """Add to a plan which of its nodes decide, join, open into others, and wait for a person."""
    sorts = {kind: processor_of(kind).runs_as for kind in {node.kind for node in nodes.values()}}
    branches: dict[int, dict[int, frozenset[str]]] = {}
    any_joins, composites, people = set(), set(), set()
    for number, node in enumerate(nodes.values()):
        if node.for_each is not None or sorts[node.kind] == "nodes":
            composites.add(number)
        elif sorts[node.kind] == "person":
            people.add(number)
        if node.join == "any":
            any_joins.add(number)
        for branch in node.when:
            if branch.node in plan.index:
                branches.setdefault(plan.index[branch.node], {})[number] = frozenset(branch.labels)
    if not (branches or any_joins or composites or people):
        return plan
    return replace(
        plan, branches=branches, any_joins=frozenset(any_joins), composites=frozenset(composites),
        people=frozenset(people),
    )  # fmt: skip


def _slip(name: str, nodes: dict[str, Node], inputs: int) -> str | None:
    """Return the node that an input's name was probably meant to be."""
    return nearest(name, nodes, cutoff=SLIP) if inputs * len(nodes) <= MOST_COMPARED else None


def _duplicates(nodes: Sequence[Node]) -> list[Problem]:
    return [
        Problem(
            code="duplicate-name",
            message=f"{count} nodes have the name {name!r}",
            node=name,
            remedy="give each node a name of its own",
        )
        for name, count in Counter(node.name for node in nodes).items()
        if count > 1
    ]


def _cycle(path: list[str]) -> Problem:
    shown = path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]
    return Problem(
        code="cycle",
        message=f"the nodes wait for each other: {' → '.join(shown)}",
        remedy="take one of these references out",
    )


def _odd(nodes: dict[str, Node], edges: tuple[Edge, ...], inputs: dict[str, InputSpec]) -> list[Problem]:
    found = [
        Problem(
            code="looks-like-slip",
            message=f"{spec.name!r} is no node, so it is an input of the workflow; did you mean {spec.looks_like!r}?",
            node=spec.consumers[0],
            severity="warning",
        )
        for spec in inputs.values()
        if spec.looks_like is not None
    ]
    if len(nodes) > 1:
        connected = {name for edge in edges for name in (edge.source, edge.target)}
        found += [
            Problem(
                code="unconnected",
                message="nothing connects this node with the others",
                node=name,
                severity="warning",
            )
            for name in nodes
            if name not in connected
        ]
    return found
