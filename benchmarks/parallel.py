"""Ten independent nodes of 50 ms, by the public executor: all at once, and one after the other."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import graphbit_nb as gb
from benchmarks import bare, engine
from benchmarks.graphs import independent
from benchmarks.measure import by_turns, seconds_of, seconds_on_loop
from benchmarks.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Literal

COUNT = 10
SECONDS = 0.05
REPEATS = 5


def section() -> Iterator[str]:
    yield f"{COUNT} independent nodes of {SECONDS * 1e3:.0f} ms, executed in parallel and in sequence"
    yield f"  {'':<38}{'parallel':>12} {'sequential':>12} {'gain':>8}  bare in parallel"
    for name, plain in (("async functions", False), ("plain functions", True)):
        parallel, sequential, alone = compare(plain=plain)
        gain = f"{sequential / parallel:7.2f}x"
        yield f"  {name:<38}{parallel * 1e3:9.1f} ms {sequential * 1e3:9.1f} ms {gain}  {alone * 1e3:.1f} ms"


def compare(*, plain: bool) -> list[float]:
    """Return the shortest times in parallel, in sequence, and of the least that does it in parallel."""
    graph = independent(COUNT)
    work = Work(graph, dict.fromkeys(graph, SECONDS), plain=plain)
    functions = work.functions()
    workflow = engine.build(graph, functions)

    def executed(strategy: Literal["parallel", "sequential"]) -> Callable[[], float]:
        executor = gb.WorkflowExecutor(strategy=strategy)

        def once() -> float:
            began = time.perf_counter()
            result = executor.execute(workflow)
            took = time.perf_counter() - began
            assert result.is_success(), result.status
            work.check()
            return took

        return once

    def alone() -> float:
        if plain:
            took = seconds_of(lambda: _in_threads(functions))
        else:
            took = seconds_on_loop(lambda: bare.run(graph, functions))
        work.check()
        return took

    return by_turns(REPEATS, executed("parallel"), executed("sequential"), alone)


def _in_threads(functions: Mapping[str, Callable[..., Any]]) -> None:
    with ThreadPoolExecutor(len(functions)) as pool:
        for future in [pool.submit(function) for function in functions.values()]:
            future.result()
