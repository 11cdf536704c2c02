"""Building and running a graph with this package's engine, as the sections and the comparison with peers do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import graphbit_nb as gb
from graphbit_nb.execution.engine import Engine
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.graphs import Graph

SLOTS = 10_000  # more than any of the graphs needs, as the bare loop has no limit


def build(graph: Graph, functions: Mapping[str, Callable[..., Any]]) -> gb.Workflow:
    """Make a workflow of python nodes that wait for each other without reading each other's outputs."""
    builder = gb.WorkflowBuilder("benchmark")
    for name, before in graph.items():
        builder.add_node(gb.Node.python(name, functions[name], after=before, cache="disable"))
    return builder.build()


async def run(workflow: gb.Workflow, slots: int = SLOTS) -> None:
    """Run a workflow with a sink that keeps every event in memory.

    Raises:
        AssertionError: it did not succeed, or not every event arrived.
    """
    events: list[gb.Event] = []
    engine = Engine(clients=None, threads=ThreadPool())
    prepared = engine.prepare(workflow, options=RunOptions(max_concurrency=slots), sinks=(events.append,))
    await prepared.execute()
    assert prepared.snapshot.status == "succeeded", prepared.snapshot.status
    assert len(events) == prepared.snapshot.seq, f"{len(events)} events of {prepared.snapshot.seq}"
