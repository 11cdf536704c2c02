"""Defining nodes and building the workflow, over what graphlib needs for the same edges. In processor time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import graphbit_nb as gb
from benchmarks import bare
from benchmarks.graphs import Graph, chain, layers
from benchmarks.measure import by_turns, processor_seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def section() -> Iterator[str]:
    yield "defining nodes that read each other, and building the workflow"
    yield f"  {'':<38}{'graphbit_nb':>12} {'a node':>12} {'bare':>12} {'ratio':>8}"
    yield _line("10 prompt nodes, a chain", "prompt", chain(10), repeats=15)
    yield _line("1,000 prompt nodes, a chain", "prompt", chain(1_000), repeats=5)
    yield _line("1,000 python nodes, a chain", "python", chain(1_000), repeats=7)
    yield _line("1,000 annotated python nodes, a chain", "annotated", chain(1_000), repeats=7)
    for depth in (10, 100, 1_000):
        name = f"{depth * 100:,} python nodes, layers of 100"
        yield _line(name, "python", layers(depth, 100), repeats=7 if depth == 10 else 3)


def _line(name: str, kind: str, graph: Graph, repeats: int) -> str:
    def ours() -> float:
        return processor_seconds_of(lambda: build(kind, graph))

    took, least = by_turns(repeats, ours, lambda: processor_seconds_of(lambda: bare.build(graph)))
    a_node = f"{took * 1e6 / len(graph):9.1f} µs"
    return f"  {name:<38}{took * 1e3:9.1f} ms {a_node} {least * 1e3:9.2f} ms {took / least:7.1f}x"


def build(kind: str, graph: Graph) -> None:
    """Build a workflow in which each node reads those before it, and see that it has all nodes and edges."""
    builder = gb.WorkflowBuilder("benchmark")
    for name, before in graph.items():
        read = before or ["topic"]
        if kind == "prompt":
            places = " and ".join(f"{{{{ {source} }}}}" for source in read)
            builder.add_node(gb.Node.prompt(name, f"Say more about {places}, in three points."))
        elif kind == "annotated":
            builder.add_node(gb.Node.python(name, _annotated(), inputs=read))
        else:
            builder.add_node(gb.Node.python(name, lambda *values: values, inputs=read))
    workflow = builder.build()
    assert len(workflow.nodes) == len(graph)
    assert len(workflow.edges) == sum(map(len, graph.values()))
    assert list(workflow.inputs) == ["topic"]


def _annotated() -> Callable[..., int]:
    def node(*values: int) -> int:
        return sum(values)

    return node
