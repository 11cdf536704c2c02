"""apache-hamilton's async driver: a function a node, whose parameters name the nodes it waits for."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from hamilton import ad_hoc_utils, async_driver, telemetry

from benchmarks.graphs import Graph, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLAIN = False

telemetry.disable_telemetry()
sys.setrecursionlimit(100_000)  # it goes down a chain by recursion


async def build(
    graph: Graph, functions: Mapping[str, Callable[..., Any]]
) -> tuple[async_driver.AsyncDriver, list[str]]:
    for name, before in graph.items():
        _sign(functions[name], name, before)
    module = ad_hoc_utils.create_temporary_module(*functions.values())
    driver = await async_driver.Builder().with_modules(module).build()
    return driver, leaves(graph)


def _sign(function: Callable[..., Any], name: str, before: list[str]) -> None:
    """Let the function look as if it had been written out with its parameters."""
    parameters = [inspect.Parameter(b, inspect.Parameter.KEYWORD_ONLY, annotation=object) for b in before]
    function.__name__ = function.__qualname__ = name
    function.__annotations__ = dict.fromkeys([*before, "return"], object)
    function.__signature__ = inspect.Signature(parameters, return_annotation=object)


async def run(built: tuple[async_driver.AsyncDriver, list[str]]) -> None:
    driver, wanted = built
    outputs = await driver.execute(wanted)
    assert outputs.keys() == set(wanted), f"{len(outputs)} of {len(wanted)} outputs"
