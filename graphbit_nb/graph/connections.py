"""Edges that were drawn by hand, beside those that follow from what nodes read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from graphbit_nb.errors import Problem, did_you_mean, nearest
from graphbit_nb.graph.arguments import read_branches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import EdgeKind


class Connection(NamedTuple):
    """One call of `connect`. `edge` is what was asked for; None takes what follows from the target's text."""

    source: str
    target: str
    edge: EdgeKind | None = None
    label: str = ""

    def __str__(self) -> str:
        return f"connect({self.source!r}, {self.target!r})"


def with_branches(nodes: Sequence[Node], connections: Sequence[Connection]) -> list[Node]:
    """Return the nodes, those to which conditional connections lead with these among their conditions."""
    wanted: dict[str, list[str]] = {}
    for connection in connections:
        if connection.edge == "conditional":
            wanted.setdefault(connection.target, []).append(f"{connection.source}={connection.label}")
    if not wanted:
        return list(nodes)
    return [
        replace(node, when=tuple(dict.fromkeys((*node.when, *read_branches(node.name, wanted[node.name])))))
        if node.name in wanted
        else node
        for node in nodes
    ]


def connection_problems(connections: Sequence[Connection], nodes: Mapping[str, Node]) -> Iterator[Problem]:
    """Go through what is wrong with connections, and what they are not."""
    for connection in connections:
        unknown = [name for name in (connection.source, connection.target) if name not in nodes]
        for name in unknown:
            yield unknown_node(name, nodes, place=str(connection))
        if unknown or connection.edge in ("control", "conditional"):
            continue
        reads = any(reference.name == connection.source for reference in nodes[connection.target].references)
        if not reads and connection.edge == "data":
            yield Problem(
                code="no-data",
                message=f"{connection.target} does not read {connection.source}",
                node=connection.target,
                place=str(connection),
                remedy=f"write {{{{ {connection.source} }}}} into it, or leave edge='data' out",
            )
        elif not reads:
            yield Problem(
                code="order-only",
                message=f"{connection.target} does not read {connection.source}: it only comes after it",
                node=connection.target,
                place=str(connection),
                severity="warning",
            )


def unknown_node(name: str, known: Mapping[str, Node], *, place: str, node: str | None = None) -> Problem:
    """Return the problem of a name that is none of a node."""
    return Problem(
        code="unknown-node",
        message=f"no node {name!r}{did_you_mean(name, known)}",
        node=node,
        place=place,
        remedy=None if nearest(name, known) else f"there are {', '.join(list(known)[:10]) or 'none'}",
    )
