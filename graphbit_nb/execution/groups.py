"""Which nodes of a run share a limit on how many of them work at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.core.paths import without_numbers
from graphbit_nb.graph.registry import processor_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbit_nb.execution.run import ClientSource
    from graphbit_nb.execution.scheduler import Scheduler
    from graphbit_nb.graph.node import Node


class Groups:
    """Tells the scheduler of limits, and who is under them.

    Args:
        scheduler: Keeps them.
        limits: Calls at the same time, by the name of the provider.
        clients: Knows the provider of each node.
    """

    def __init__(self, scheduler: Scheduler, limits: Mapping[str, int], clients: ClientSource) -> None:
        self._scheduler = scheduler
        self._limits = limits
        self._clients = clients

    def of(self, nodes: Sequence[Node], paths: Sequence[str]) -> dict[int, tuple[str, ...]]:
        """Return the groups whose members are limited, by the number of the node in the list.

        Items of one fan-out and iterations of one loop are one group, whatever they are inside of.
        """
        found: dict[int, tuple[str, ...]] = {}
        for number, node in enumerate(nodes):
            if node.for_each is not None or (node.concurrency is None and not self._limits):
                continue  # of a fan-out the items are members, not itself
            asks = bool(self._limits) and processor_of(node.kind).asks_model
            if groups := self.around(node, paths[number], self._clients.provider_of(node) if asks else None):
                found[number] = groups
        return found

    def around(self, node: Node, path: str, provider: str | None) -> tuple[str, ...]:
        """Return the groups of a node that asks this provider, None if it asks none."""
        groups: tuple[str, ...] = ()
        if node.concurrency is not None:
            groups = (f"node {without_numbers(path)}",)
            self._scheduler.limit(groups[0], node.concurrency)
        return (*groups, provider) if provider is not None and provider in self._limits else groups
