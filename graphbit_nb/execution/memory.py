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

    def recall(self, data: Mapping[str, Any], mode: CacheMode) -> tuple[Any] | None:
        """Return what a node gave that was run with the same, in a tuple. Called in a thread."""
        ...

    def keep(self, data: Mapping[str, Any], path: str, value: Any) -> str | None:
        """Remember what a node gave. Returns why it cannot be, if so."""
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
        uncached: Why what it gave is not remembered, if that is so.
    """

    source: str | None = None
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

    async def output(self, compute: Callable[[], Awaitable[Any]]) -> Any:
        """Return the output, from the memory or computed.

        Raises:
            Exception: whatever `compute` raises.
        """
        if not self._mode.writes or self._processor.remembers is False:
            return await compute()
        try:
            data, found = await self._call(self._look)
        except NotComparableError as error:
            self.uncached = error.reason
            return await compute()
        if found is not None:
            self.source = "cache"
            return found[0]
        value = await compute()
        if is_small(value):
            self.uncached = self._memory.keep(data, self._path, value)
        else:
            self.uncached = await self._call(self._memory.keep, data, self._path, value)
        return value

    def _look(self) -> tuple[Mapping[str, Any], tuple[Any] | None]:
        data = asked_of(self._node, self._processor, self._values, self._ignored)
        return data, self._memory.recall(data, self._mode)
