"""Runs the current workflow for a magic: awaits or blocks, shows how it goes on, and stops when the user says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import RunCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.notebook.screens import Screen
    from graphbit_nb.session.handle import RunHandle

    Keep = Callable[[ExecutionResult], None]

TICK = 0.05  # seconds between looks at the run


async def awaited(handle: RunHandle, screen: Screen, keep: Keep) -> ExecutionResult:
    """Wait for a run while the kernel stays alive.

    Raises:
        RunCancelled: the run was stopped; what was finished is kept.
        GraphbitError: the run could not begin.
    """
    try:
        while not handle.done():
            await asyncio.sleep(TICK)
            screen.update(handle.snapshot)
    except asyncio.CancelledError:  # the kernel's stop button
        handle.cancel()
        await asyncio.to_thread(handle.result)
    except BaseException:  # a view that fails must not leave a run behind that nobody sees
        handle.cancel()
        raise
    return _ended(handle, screen, keep)


def blocked(handle: RunHandle, screen: Screen, keep: Keep) -> ExecutionResult:
    """Wait for a run where awaiting is not possible. Raises as `awaited` does."""
    try:
        while not handle.done():
            _wait(handle)
            screen.update(handle.snapshot)
    except KeyboardInterrupt:
        handle.cancel()
        handle.result()
    except BaseException:
        handle.cancel()
        raise
    return _ended(handle, screen, keep)


def watched(handle: RunHandle, screen: Screen) -> ExecutionResult:
    """Wait for a run beside the cells, which nobody but its own buttons stops. Raises as `RunHandle.result` does."""
    while not handle.done():
        _wait(handle)
        screen.update(handle.snapshot)
    return handle.result()


def _wait(handle: RunHandle) -> None:
    try:
        handle.result(TICK)
    except TimeoutError:
        return


def _ended(handle: RunHandle, screen: Screen, keep: Keep) -> ExecutionResult:
    result = handle.result()
    keep(result)
    screen.finish(result)
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
