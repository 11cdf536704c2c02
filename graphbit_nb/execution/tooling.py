"""Tools that a model asked for: called side by side, each as a task with a time limit; every call is told."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from graphbit_nb.errors import OutputError, RunCancelled, did_you_mean
from graphbit_nb.execution.failures import describe_error
from graphbit_nb.execution.printing import PRINTER
from graphbit_nb.graph.tools import render_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbit_nb.core.events import ErrorInfo
    from graphbit_nb.core.llm import ToolCall
    from graphbit_nb.execution.node_run import NodeRun
    from graphbit_nb.graph.tools import Tool

logger = logging.getLogger("graphbit_nb")

LONGEST_RESULT = 100_000  # characters of a result that the model is given

_NOBODY = "it raised CancelledError, but nobody cancelled it"


class ToolTurn:
    """Calls what one answer of a model asks for.

    Args:
        node_run: The node whose model it is.
        calls: What is asked for.
        tools: The tools that there are.
        seconds: How long each call may take.
    """

    def __init__(self, node_run: NodeRun, calls: Sequence[ToolCall], tools: Sequence[Tool], seconds: float) -> None:
        self._node_run = node_run
        self._calls = calls
        self._tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self._seconds = seconds
        self._began = node_run.answered_at
        self._results: dict[int, str] = {}

    async def results(self) -> tuple[str, ...]:
        """Call the tools, and return what the model is told of each call, in its order.

        Raises:
            RunCancelled: a tool ran a workflow of its own, and somebody stopped that.
            CancelledError: the node was told to stop. Its calls were told as well, and have ended.
        """
        create_task = asyncio.get_running_loop().create_task
        tasks = [create_task(self._call(number, call)) for number, call in enumerate(self._calls)]
        try:
            await asyncio.wait(tasks, timeout=self._seconds, return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.result()
            await self._end(tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # one that does not end is given up along with its node
            for task in tasks:
                _ = task.cancelled() or task.exception()  # looked at, so that asyncio does not report it as forgotten
            raise
        return tuple(self._results[number] for number in range(len(tasks)))

    async def _call(self, number: int, call: ToolCall) -> None:
        PRINTER.set(self._node_run)
        try:
            text = await self._find(call.name).call(call.arguments, self._node_run.call)
        except RunCancelled:
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self._failed(number, RuntimeError(_NOBODY))
        except BaseException as error:  # noqa: BLE001 (a tool is foreign code)
            self._failed(number, self._node_run.contain(error))
        else:
            self._told(number, text if len(text) <= LONGEST_RESULT else _cut(text), None)

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Stop the calls whose time is up; they have the run's grace to end, as nodes do."""
        late = [task for task in tasks if not task.done()]
        for number, task in enumerate(tasks):
            if number not in self._results:
                is_late = task in late
                self._failed(
                    number, TimeoutError(f"no result within {self._seconds:g} s") if is_late else RuntimeError(_NOBODY)
                )
                task.cancel()
        if late:
            _, left = await asyncio.wait(late, timeout=self._node_run.grace)
            for number, task in enumerate(tasks):
                if task in left:
                    name = self._calls[number].name
                    logger.warning(
                        "%s: its tool %s was told to stop and goes on; its result is dropped", self._node_run.path, name
                    )

    def _find(self, name: str) -> Tool:
        if name not in self._tools:
            near = did_you_mean(name, self._tools) or f"; there are {', '.join(self._tools)}"
            raise OutputError(f"there is no tool {name!r}{near}", text=name)
        return self._tools[name]

    def _failed(self, number: int, error: BaseException) -> None:
        self._told(number, render_error(error), describe_error(error, node=self._node_run.path))

    def _told(self, number: int, text: str, error: ErrorInfo | None) -> None:
        """Keep a result and tell it, unless the call was given up before."""
        if number not in self._results:
            self._results[number] = text
            self._node_run.used(self._calls[number], text, error, self._began)


def _cut(text: str) -> str:
    return f"{text[:LONGEST_RESULT]}\n… (cut: these are {LONGEST_RESULT:,} of {len(text):,} characters)"
