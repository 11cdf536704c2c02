"""Who waits for whom in a workflow and in those inside of it, by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.graph.registry import processor_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbit_nb.graph.workflow import Workflow


def before(workflow: Workflow) -> Mapping[str, Sequence[str]]:
    """Return for each node, by path without numbers, the nodes beside it that it waits for, by path as well."""
    found: dict[str, tuple[str, ...]] = {}
    open_ = [("", workflow)]
    while open_:
        within, inner = open_.pop()
        for name, node in inner.nodes.items():
            found[within + name] = tuple(within + other for other in inner.predecessors(name))
            if processor_of(node.kind).runs_as == "nodes":
                open_.append((f"{within}{name}.", node.settings.workflow))
    return found
