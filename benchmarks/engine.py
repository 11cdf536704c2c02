"""The engine against a bare loop of asyncio and graphlib, both measured in the same process, turn by turn.

The bare loop starts a task the moment its inputs are there and does nothing else: no events, no slots, no errors.
Numbers are the best of several repeats, since everything that disturbs a measurement makes it longer.
"""

from __future__ import annotations

import asyncio
import gc
import random
import subprocess
import sys
import time
from functools import partial
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import graphbit_nb as gb
from graphbit_nb.execution.engine import Engine
from graphbit_nb.execution.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    Graph = Mapping[str, list[str]]
    Work = Callable[[str], Callable[[], Awaitable[None]]]

REPEATS = 7


# ---- graphs


def chain(length: int) -> Graph:
    return {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(length)}


def fan_out(width: int) -> Graph:
    return {"root": []} | {f"n{i}": ["root"] for i in range(width - 1)}


def layers(depth: int, width: int) -> Graph:
    """Each node waits for three of the layer before it."""
    return {
        f"n{d}_{w}": [f"n{d - 1}_{(w + k) % width}" for k in range(3)] if d else []
        for d in range(depth)
        for w in range(width)
    }


def scattered(count: int, seed: int = 1) -> Graph:
    dice = random.Random(seed)
    return {f"n{i}": [f"n{j}" for j in sorted(dice.sample(range(i), min(i, dice.randint(0, 3))))] for i in range(count)}


def critical_path(graph: Graph, seconds: Mapping[str, float]) -> float:
    ends: dict[str, float] = {}
    for name in TopologicalSorter(graph).static_order():
        ends[name] = max((ends[before] for before in graph[name]), default=0.0) + seconds[name]
    return max(ends.values())


# ---- the two that are compared


def workflow_of(graph: Graph, work: Work) -> gb.Workflow:
    builder = gb.WorkflowBuilder("benchmark")
    for name, before in graph.items():
        builder.add_node(gb.Node.python(name, work(name), after=before, cache="disable"))
    return builder.build()


async def ours(workflow: gb.Workflow) -> float:
    seen: list[gb.Event] = []
    engine = Engine(clients=None, threads=ThreadPool(), max_concurrency=10_000)
    run = engine.prepare(workflow, sinks=(seen.append,))
    began = time.perf_counter()
    await run.execute()
    took = time.perf_counter() - began
    assert run.snapshot.status == "succeeded", run.snapshot.status
    assert len(seen) == run.snapshot.seq
    return took


async def bare(graph: Graph, work: Work) -> float:
    loop = asyncio.get_running_loop()
    functions = {name: work(name) for name in graph}
    began = time.perf_counter()
    outputs = {}
    sorter: TopologicalSorter[str] = TopologicalSorter(graph)
    sorter.prepare()
    finished = loop.create_future()

    def start_ready() -> None:
        for name in sorter.get_ready():
            loop.create_task(functions[name]()).add_done_callback(partial(ended, name))

    def ended(name: str, task: asyncio.Task[None]) -> None:
        outputs[name] = task.result()
        sorter.done(name)
        if sorter.is_active():
            start_ready()
        else:
            finished.set_result(None)

    start_ready()
    await finished
    return time.perf_counter() - began


def compare(graph: Graph, work: Work, repeats: int) -> tuple[float, float]:
    """Return the best times of the engine and of the bare loop, measured by turns."""
    workflow = workflow_of(graph, work)
    best = [float("inf"), float("inf")]
    for _ in range(repeats):
        gc.collect()
        best[0] = min(best[0], asyncio.run(ours(workflow)))
        gc.collect()
        best[1] = min(best[1], asyncio.run(bare(graph, work)))
    return best[0], best[1]


# ---- sections


def nothing(_: str) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        pass

    return work


def overhead() -> Iterator[str]:
    """Nodes that do nothing: what a node costs."""
    yield "overhead of a node that does nothing        graphbit_nb       bare    ratio"
    for name, graph in (
        ("chain of 1,000", chain(1_000)),
        ("fan-out to 1,000", fan_out(1_000)),
        ("10 layers of 100, 3 inputs each", layers(10, 100)),
    ):
        engine, loop = compare(graph, nothing, REPEATS)
        micro = 1e6 / len(graph)
        yield f"  {name:<38}{engine * micro:9.1f} µs {loop * micro:9.1f} µs {engine / loop:7.2f}x"


def makespan() -> Iterator[str]:
    """Nodes that sleep: how near the run comes to its critical path."""
    yield "time of a run over its critical path        graphbit_nb       bare  (ideal)"
    staggered = {"a1": [], "a2": ["a1"], "b1": [], "b2": ["b1"]}
    times = {"a1": 0.2, "a2": 0.02, "b1": 0.02, "b2": 0.2}
    dice = random.Random(2)
    wide = scattered(200)
    sleeps = {name: dice.uniform(0.005, 0.1) for name in wide}
    for name, graph, seconds in (
        ("two chains, 200+20 and 20+200 ms", staggered, times),
        ("200 nodes at random, 5 to 100 ms", wide, sleeps),
    ):
        ideal = critical_path(graph, seconds)
        engine, loop = compare(graph, lambda node, s=seconds: partial(asyncio.sleep, s[node]), 3)
        yield f"  {name:<38}{engine / ideal:10.3f}x {loop / ideal:10.3f}x  ({ideal * 1e3:.0f} ms)"


def build() -> Iterator[str]:
    """Defining nodes and building the workflow."""
    yield "building a workflow"
    for kind, count in (("prompt", 10), ("prompt", 1_000), ("python", 1_000)):
        best = min(_build(kind, count) for _ in range(REPEATS))
        yield f"  {f'{count:,} {kind} nodes in a chain':<38}{best * 1e3:9.1f} ms {best * 1e6 / count:9.1f} µs a node"


def _build(kind: str, count: int) -> float:
    began = time.perf_counter()
    builder = gb.WorkflowBuilder("benchmark")
    for i in range(count):
        before = f"n{i - 1}" if i else "topic"
        if kind == "prompt":
            builder.add_node(gb.Node.prompt(f"n{i}", f"Say more about {{{{ {before} }}}}, in three points."))
        else:
            builder.add_node(gb.Node.python(f"n{i}", lambda x: x, inputs={"x": before}))
    builder.build()
    return time.perf_counter() - began


def imports() -> Iterator[str]:
    """Importing, each in a fresh interpreter, over the interpreter's own start."""
    yield "importing, beyond the interpreter's start"
    empty = _run("pass")
    for statement in ("import graphbit_nb", "from graphbit_nb import Node, WorkflowBuilder, WorkflowExecutor"):
        yield f"  {statement:<66}{(_run(statement) - empty) * 1e3:7.0f} ms"


def _run(statement: str) -> float:
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        best = min(best, time.perf_counter() - began)
    return best


SECTIONS: Mapping[str, Callable[[], Iterator[str]]] = {
    "overhead": overhead,
    "makespan": makespan,
    "build": build,
    "imports": imports,
}
