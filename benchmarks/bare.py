"""The least that runs a graph: a loop of asyncio and graphlib. Everything else is measured as a ratio to it.

It starts a task the moment its inputs are there and does nothing else: no events, no states, no errors. With a limit it
counts slots and starts in the order in which nodes became ready.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.graphs import Graph


def build(graph: Graph) -> TopologicalSorter[str]:
    """Make the sorter and let it look for cycles: what a workflow's building is compared with."""
    sorter: TopologicalSorter[str] = TopologicalSorter(graph)
    sorter.prepare()
    return sorter


async def run(graph: Graph, functions: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Run async functions, each as soon as those before it have ended, and return what they gave."""
    loop = asyncio.get_running_loop()
    outputs: dict[str, Any] = {}
    sorter = build(graph)
    finished = loop.create_future()

    def start_ready() -> None:
        for name in sorter.get_ready():
            loop.create_task(functions[name]()).add_done_callback(partial(ended, name))

    def ended(name: str, task: asyncio.Task[Any]) -> None:
        outputs[name] = task.result()
        sorter.done(name)
        if sorter.is_active():
            start_ready()
        else:
            finished.set_result(None)

    start_ready()
    await finished
    return outputs


async def run_limited(graph: Graph, functions: Mapping[str, Callable[[], Any]], slots: int) -> dict[str, Any]:
    """Run as `run` does, but no more than `slots` at a time; those that are ready wait their turn."""
    loop = asyncio.get_running_loop()
    outputs: dict[str, Any] = {}
    sorter = build(graph)
    ready: deque[str] = deque()
    finished = loop.create_future()
    free = slots

    def start_ready() -> None:
        nonlocal free
        ready.extend(sorter.get_ready())
        while free and ready:
            name = ready.popleft()
            free -= 1
            loop.create_task(functions[name]()).add_done_callback(partial(ended, name))

    def ended(name: str, task: asyncio.Task[Any]) -> None:
        nonlocal free
        outputs[name] = task.result()
        free += 1
        sorter.done(name)
        if sorter.is_active():
            start_ready()
        else:
            finished.set_result(None)

    start_ready()
    await finished
    return outputs
