"""Nodes that do nothing: what a node costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import bare, engine
from benchmarks.graphs import OVERHEAD, Graph
from benchmarks.measure import by_turns, seconds_on_loop
from benchmarks.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS = 40


def section() -> Iterator[str]:
    yield "overhead of an async node that does nothing, all events kept in memory"
    yield f"  {'':<38}{'graphbit_nb':>12} {'bare':>12} {'ratio':>8}"
    for name, graph in OVERHEAD.items():
        ours, loop = compare(graph, REPEATS)
        micro = 1e6 / len(graph)
        yield f"  {name:<38}{ours * micro:9.1f} µs {loop * micro:9.1f} µs {ours / loop:7.2f}x"


def compare(graph: Graph, repeats: int) -> list[float]:
    """Return the shortest times of the engine and of the bare loop."""
    work = Work(graph)
    functions = work.functions()
    workflow = engine.build(graph, functions)

    def ours() -> float:
        took = seconds_on_loop(lambda: engine.run(workflow))
        work.check()
        return took

    def loop() -> float:
        took = seconds_on_loop(lambda: bare.run(graph, functions))
        work.check()
        return took

    return by_turns(repeats, ours, loop)
