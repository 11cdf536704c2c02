"""Whether what nodes give is what others expect of them: labels of conditions, types along edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.core.outputs import label_of
from graphbit_nb.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.graph.arguments import Branch
    from graphbit_nb.graph.node import Node


def branch_problems(node: Node, branch: Branch, nodes: Mapping[str, Node]) -> list[Problem]:
    """Return what is wrong with one ``when=`` of a node."""
    place = f"when={str(branch)!r}"
    source = nodes.get(branch.node)
    if source is None:
        near = did_you_mean(branch.node, nodes)
        there = None if near else f"there are {', '.join(list(nodes)[:10])}"
        return [
            Problem(
                code="unknown-node", message=f"no node {branch.node!r}{near}", node=node.name, place=place, remedy=there
            )
        ]
    if sum(other.node == branch.node for other in node.when) > 1:
        return [
            Problem(
                code="condition-twice",
                message=f"there are two conditions on {branch.node}, and no answer fits both",
                node=node.name,
                place=place,
                remedy=f"write one, such as '{branch.node}=a|b' for either of two labels",
            )
        ]
    if source.for_each is not None:
        return [
            Problem(
                code="no-label",
                message=f"{branch.node} gives a list, one result for each item, and no label",
                node=node.name,
                place=place,
                remedy="put a condition between them",
            )
        ]
    known = () if source.output is None else possible_labels(source)
    return [
        Problem(
            code="unknown-label",
            message=f"{branch.node} never gives {label!r}{did_you_mean(label, known)}",
            node=node.name,
            place=place,
            remedy=f"it gives {', '.join(map(repr, known))}",
        )
        for label in branch.labels
        if known and label not in known
    ]


def possible_labels(node: Node) -> tuple[str, ...]:
    """Return the labels that a node's declared output allows; empty when it says nothing about them."""
    if node.output is None:
        return ()
    if node.output.annotation is bool:
        return ("true", "false")
    return tuple(label for value in node.output.labels if (label := label_of(value)) is not None)


def type_problems(nodes: Mapping[str, Node]) -> list[Problem]:
    """Return where a node reads what another cannot give."""
    return []
