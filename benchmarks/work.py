"""What the nodes do, and the proof that they did it: each marks its begin and its end in one common list.

The functions take whatever an engine passes them, so that every engine gets the same ones, without wrappers of its own.
A mark costs some fifty nanoseconds, for every engine alike.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.graphs import Graph


class Work:
    """Functions for the nodes of one graph.

    Args:
        graph: Whose nodes they are.
        seconds: How long each sleeps; None is a node that does nothing.
        plain: Whether they are plain functions instead of async ones.
    """

    def __init__(self, graph: Graph, seconds: Mapping[str, float] | None = None, *, plain: bool = False) -> None:
        self._graph = graph
        self._seconds = seconds
        self._plain = plain
        self._marks: list[str] = []

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return a function for each node, by name."""
        return {name: self._function(name) for name in self._graph}

    def _function(self, name: str) -> Callable[..., Any]:
        mark = self._marks.append
        seconds = None if self._seconds is None else self._seconds[name]
        if seconds is None and self._plain:

            def node(*_: Any, **__: Any) -> None:
                mark(name)

        elif seconds is None:

            async def node(*_: Any, **__: Any) -> None:
                mark(name)

        elif self._plain:

            def node(*_: Any, **__: Any) -> None:
                mark(name)
                time.sleep(seconds)
                mark(name)

        else:

            async def node(*_: Any, **__: Any) -> None:
                mark(name)
                await asyncio.sleep(seconds)
                mark(name)

        return node

    def most_at_once(self) -> int:
        """Return how many nodes that sleep were running at the same time, at the most."""
        running: set[str] = set()
        most = 0
        for name in self._marks:
            running ^= {name}  # the first mark of a node begins it, the second ends it
            most = max(most, len(running))
        return most

    def check(self) -> None:
        """See that each node ran once, after all that it waits for had ended; then forget the marks.

        Raises:
            AssertionError: one did not.
        """
        marks_each = 1 if self._seconds is None else 2  # a node that does nothing begins and ends at once
        counts = dict.fromkeys(self._graph, 0)
        for name in self._marks:
            if counts[name] == 0:
                early = [before for before in self._graph[name] if counts[before] != marks_each]
                assert not early, f"{name} began before {early[0]} had ended"
            counts[name] += 1
        wrong = [name for name, count in counts.items() if count != marks_each]
        assert not wrong, f"{len(wrong)} of {len(counts)} nodes did not run exactly once, {wrong[0]} among them"
        self._marks.clear()
