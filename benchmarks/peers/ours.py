"""This package, as one of those that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import engine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import graphbit_nb as gb
    from benchmarks.graphs import Graph

PLAIN = False


async def build(graph: Graph, functions: Mapping[str, Callable[..., Any]]) -> gb.Workflow:
    return engine.build(graph, functions)


async def run(built: gb.Workflow) -> None:
    await engine.run(built)
