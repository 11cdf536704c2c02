"""langgraph: a StateGraph whose nodes leave the state as it is."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph

from benchmarks.graphs import Graph, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langgraph.graph.state import CompiledStateGraph

PLAIN = False


class State(TypedDict):
    count: Annotated[int, operator.add]


async def build(graph: Graph, functions: Mapping[str, Callable[..., Any]]) -> CompiledStateGraph:
    builder = StateGraph(State)
    for name in graph:
        builder.add_node(name, functions[name])
    for name, before in graph.items():
        builder.add_edge(before if len(before) > 1 else before[0] if before else START, name)
    for name in leaves(graph):
        builder.add_edge(name, END)
    return builder.compile()


async def run(built: CompiledStateGraph) -> None:
    state = await built.ainvoke({"count": 1}, {"recursion_limit": 100_000})
    assert state == {"count": 1}, state
