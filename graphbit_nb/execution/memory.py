"""What the engine asks of a memory, so that a node that was computed with the same before is not computed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from graphbit_nb.execution.node_keys import asked_of, is_small
from graphbit_nb.execution.told_values import NotComparableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from graphbit_nb.graph.caching import CacheMode
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.registry import NodeProcessor


class NodeMemory(Protocol):
    """Remembers what nodes gave. Nothing that it does may raise."""

    def mode_of(self, node: Node) -> CacheMode:
        """Return what is done for a node."""
        ...

    async def recall(self, data: Mapping[str, Any], mode: CacheMode) -> tuple[Any, str] | None:
        """Return what a node gave, and what it printed, that was run with the same."""
        ...

    def keep(self, data: Mapping[str, Any], path: str, value: Any, printed: str) -> str | None:
        """Remember what a node gave, and what it printed. Returns why it cannot be, if so."""
        ...

    def ended(self, path: str, *, is_rejected: bool) -> None:
        """A node has ended; with `is_rejected` because what its model answered does not fit."""
        ...


class Reminder:
    """Computes one node, unless it was computed with the same before.

    Args:
        memory: What is remembered.
        node: The node.
        processor: Its kind.
        path: What the run calls it.
        siblings: The nodes among which it looks for those that it reads.
        values: What it reads.
        call: Runs a plain function in a thread.

    Attributes:
        source: ``"cache"`` when it was not computed.
        printed: What it printed when it was computed, if it was not computed now.
        uncached: Why what it gave is not remembered, if that is so.
    """

    source: str | None = None
    printed = ""
    uncached: str | None = None

    def __init__(
        self,
        memory: NodeMemory,
        node: Node,
        processor: NodeProcessor,
        path: str,
        siblings: Mapping[str, Node],
        values: Mapping[str, Any],
        call: Callable[..., Awaitable[Any]],
    ) -> None:
        self._memory = memory
        self._node = node
        self._processor = processor
        self._path = path
        self._values = values
        self._call = call
        self._mode = memory.mode_of(node)
        self._ignored = frozenset(
            ref.name
            for ref in node.references
            if (read := siblings.get(ref.name)) is not None and memory.mode_of(read).mode == "ignore"
        )

    async def output(self, compute: Callable[[], Awaitable[Any]], printed: Callable[[], str]) -> Any:
        """Return the output, from the memory or computed.

        Args:
            compute: Computes it.
            printed: Returns what that printed.

        Raises:
            Exception: whatever `compute` raises.
        """
        if not self._mode.writes or self._processor.remembers is False:
            return await compute()
        try:
            data = self._asked() if self._is_small() else await self._call(self._asked)
        except NotComparableError as error:
            self.uncached = error.reason
            return await compute()
        found = await self._memory.recall(data, self._mode)
        if found is not None:
            value, self.printed = found
            self.source = "cache"
            return value
        value = await compute()
        if is_small(value):
            self.uncached = self._memory.keep(data, self._path, value, printed())
        else:
            self.uncached = await self._call(self._memory.keep, data, self._path, value, printed())
        return value

    def _asked(self) -> Mapping[str, Any]:
        return asked_of(self._node, self._processor, self._values, self._ignored)

    def _is_small(self) -> bool:
        """Whether what the node is given can be compared in next to no time."""
        values = self._values
        return all(ref.name not in values or is_small(values[ref.name]) for ref in self._node.references)
