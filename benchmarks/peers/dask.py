"""dask's scheduler of threads. Its nodes are plain functions: what they cost includes the thread they run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.threaded

from benchmarks.graphs import Graph, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLAIN = True
THREADS = 64  # sleeping nodes hold one each


async def build(
    graph: Graph, functions: Mapping[str, Callable[..., Any]]
) -> tuple[dict[str, tuple[Any, ...]], list[str]]:
    return {name: (functions[name], *before) for name, before in graph.items()}, leaves(graph)


async def run(built: tuple[dict[str, tuple[Any, ...]], list[str]]) -> None:
    tasks, wanted = built
    outputs = dask.threaded.get(tasks, wanted, num_workers=THREADS)
    assert len(outputs) == len(wanted), f"{len(outputs)} of {len(wanted)} outputs"
