"""`python -m benchmarks.peers.contest NAME`: one engine against the bare loop, in the engine's own environment.

Only the standard library and that engine are there. Each figure is a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks import bare
from benchmarks.graphs import OVERHEAD, Graph, critical_path, layers, random_seconds, scattered, staggered
from benchmarks.measure import report, seconds_of
from benchmarks.work import Work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import ModuleType

REPEATS = 5  # at the least
PATIENCE = 2.0  # seconds that further repeats may take: short ones meet a quiet moment of the machine only if many


class Pair:
    """An engine and the bare loop with the same graph; each keeps its shortest times."""

    def __init__(self, engine: ModuleType, graph: Graph, seconds: Mapping[str, float] | None = None) -> None:
        self._engine = engine
        self._graph = graph
        self._work = Work(graph, seconds, plain=engine.PLAIN)
        self._bare_work = Work(graph, seconds)
        self.build = self.run = self.bare_build = self.bare_run = float("inf")

    async def measure(self, repeats: int, patience: float = 0.0) -> None:
        """Build and run both, by turns, and see each time that all nodes ran in order."""
        end = time.perf_counter() + patience
        done = 0
        while done < repeats or time.perf_counter() < end:
            done += 1
            functions = self._work.functions()
            gc.collect()
            began = time.perf_counter()
            built = await self._engine.build(self._graph, functions)
            self.build = min(self.build, time.perf_counter() - began)
            self.run = min(self.run, await _seconds_of(self._engine.run, built))
            self._work.check()
            functions = self._bare_work.functions()
            self.bare_build = min(self.bare_build, seconds_of(lambda: bare.build(self._graph)))
            self.bare_run = min(self.bare_run, await _seconds_of(bare.run, self._graph, functions))
            self._bare_work.check()


async def _seconds_of(run: Callable[..., Awaitable[Any]], *arguments: Any) -> float:
    gc.collect()
    began = time.perf_counter()
    await run(*arguments)
    return time.perf_counter() - began


async def overhead(engine: ModuleType, graph: Graph) -> float:
    pair = Pair(engine, graph)
    await pair.measure(REPEATS, PATIENCE)
    return pair.run / pair.bare_run


async def build(engine: ModuleType) -> float:
    pair = Pair(engine, layers(10, 100))
    await pair.measure(REPEATS, PATIENCE)
    return pair.build / pair.bare_build


async def scale(engine: ModuleType) -> float:
    pair = Pair(engine, layers(100, 100))
    await pair.measure(1)
    return (pair.build + pair.run) / pair.bare_run


async def makespan(engine: ModuleType, graph: Graph, seconds: Mapping[str, float]) -> float:
    pair = Pair(engine, graph, seconds)
    await pair.measure(2)
    return pair.run / critical_path(graph, seconds)


def figures() -> dict[str, Callable[[ModuleType], Awaitable[float]]]:
    """Return what is measured, by column of the table."""
    wide = scattered(200)
    return {
        **{name: partial(overhead, graph=graph) for name, graph in OVERHEAD.items()},
        "build 1,000": build,
        "10,000 nodes": scale,
        "two chains": partial(makespan, graph=staggered(), seconds={"a1": 0.2, "a2": 0.02, "b1": 0.02, "b2": 0.2}),
        "200 at random": partial(makespan, graph=wide, seconds=random_seconds(wide, 0.005, 0.1)),
    }


async def main(name: str) -> None:
    """Measure each figure; one that the engine cannot do is said, and the next one follows."""
    engine = import_module(f"benchmarks.peers.{name}")
    for column, measure in figures().items():
        try:
            report(column=column, ratio=await measure(engine))
        except Exception as error:  # noqa: BLE001 (whatever a foreign engine raises)
            report(column=column, error=f"{type(error).__name__}: {error}".splitlines()[0])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
