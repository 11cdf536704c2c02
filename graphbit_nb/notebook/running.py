"""Waits for runs, awaiting or blocking, shows how they go on, and stops them when the user says so."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import GraphbitError, RunCancelled
from graphbit_nb.session.interrupts import heard

if TYPE_CHECKING:
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.notebook.screens import Screen
    from graphbit_nb.session.handle import RunHandle

TICK = 0.05  # seconds between looks at the run


async def awaited(handle: RunHandle, screen: Screen) -> None:
    """Wait until a run is over while the kernel stays alive; who is cancelled cancels the run."""
    try:
        while not handle.done():
            await asyncio.sleep(TICK)
            screen.update(handle.snapshot)
    except asyncio.CancelledError:  # the kernel's stop button
        await asyncio.to_thread(_stop, handle)
    except BaseException:  # a view that fails must not leave a run behind that nobody sees
        handle.cancel()
        raise


def blocked(handle: RunHandle, screen: Screen) -> None:
    """Wait until a run is over where awaiting is not possible; Ctrl-C cancels the run."""
    try:
        with heard():
            watched(handle, screen)
    except KeyboardInterrupt:
        _stop(handle)
    except BaseException:
        handle.cancel()
        raise


def watched(handle: RunHandle, screen: Screen) -> None:
    """Wait until a run is over."""
    while not handle.done():
        with suppress(TimeoutError, GraphbitError):
            handle.result(TICK)
        screen.update(handle.snapshot)


def _stop(handle: RunHandle) -> None:
    handle.cancel()
    with suppress(GraphbitError):  # it may not have begun
        handle.result()


def refuse_cancelled(result: ExecutionResult) -> ExecutionResult:
    """Return a result that was not cancelled. Raises `RunCancelled`, so that Run All stops."""
    if result.status == "cancelled":
        total = len(result.snapshot.nodes)
        finished = sum(node.state.has_output for node in result.snapshot.nodes.values())
        kept = "graphbit_nb.last keeps their results" if finished else "nothing was finished"
        raise RunCancelled(f"cancelled: {finished} of {total} nodes had finished; {kept}", result=result)
    return result


def outputs_into(result: ExecutionResult, into: dict[tuple[str, str], str], namespace: dict[str, Any]) -> None:
    """Put outputs into the variables that were asked for."""
    for (workflow, node), variable in into.items():
        if workflow == result.workflow.name and node in result.outputs:
            namespace[variable] = result.outputs[node]
