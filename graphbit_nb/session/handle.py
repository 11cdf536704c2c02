"""A run that goes on: to wait for, to watch, to cancel, from any thread and any event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import GraphbitError, UsageError
from graphbit_nb.session.job import node_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from graphbit_nb.core.events import Event
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.execution.run import Run
    from graphbit_nb.graph.workflow import Workflow

POLL = 0.05  # seconds; a wait without a limit cannot be interrupted on every platform


class RunHandle:
    """A run on the engine's thread.

    Attributes:
        workflow: What is run.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self._future: Future[ExecutionResult] | None = None
        self._run: Run | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cancel_wanted: list[str | None] = []
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._watchers: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def __repr__(self) -> str:
        state = "not begun" if self._run is None else str(self._run.snapshot.status)
        return f"<RunHandle of {self.workflow.name}: {state}>"

    @property
    def snapshot(self) -> RunSnapshot | None:
        """Where the run stands now; None before it has begun."""
        return None if self._run is None else self._run.snapshot

    def done(self) -> bool:
        """Whether the run has ended."""
        return self._future is not None and self._future.done()

    def cancel(self, node: str | None = None) -> None:
        """Cancel the run, or one node. Returns at once; the run ends soon after, with what it has.

        Raises:
            UsageError: there is no such node in the workflow.
        """
        if node is not None:
            node_at(self.workflow, node)
        with self._lock:
            if self._run is None:
                self._cancel_wanted.append(node)
                return
        self._call(node)

    def answer(self, node: str, value: Any) -> None:
        """Give a person's answer to a node that waits for it, from any thread.

        Args:
            node: The node's name, or its path inside others.
            value: The answer: a text, read as the node's declared output, or the value itself.

        Raises:
            UsageError: the node does not wait for an answer.
            OutputError: the answer is not what the node declares as its output.
        """
        if self._run is None or self._loop is None:
            raise UsageError("the run has not begun; give answers known beforehand with answers={...}")
        if self.done():
            raise UsageError("the run has ended; executor.resume(result, answers={...}) goes on with it")
        if _is_loop_of_this_thread(self._loop):
            self._run.answer(node, value)
            return
        answered: Future[None] = Future()
        run = self._run

        def settle() -> None:
            try:
                run.answer(node, value)
            except GraphbitError as error:
                answered.set_exception(error)
            else:
                answered.set_result(None)

        self._loop.call_soon_threadsafe(settle)
        answered.result()

    def result(self, timeout: float | None = None) -> ExecutionResult:
        """Block until the run has ended and return its result.

        Args:
            timeout: Seconds to wait at most; None waits for ever.

        Raises:
            TimeoutError: the run goes on.
            GraphbitError: the run could not begin.
        """
        future = self._started()
        deadline = None if timeout is None else time.monotonic() + timeout
        while not future.done():
            left = POLL if deadline is None else min(POLL, deadline - time.monotonic())
            if left <= 0:
                raise TimeoutError(f"{self.workflow.name} is still running")
            try:
                return future.result(left)
            except TimeoutError:
                if future.done():
                    break
        return future.result()

    def __await__(self) -> Generator[Any, None, ExecutionResult]:
        # Shielded: whoever stops waiting does not stop the run.
        return asyncio.shield(asyncio.wrap_future(self._started())).__await__()

    async def events(self) -> AsyncIterator[Event]:
        """Go through the run's events, from the first to the last, as they come."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        watcher = (loop, changed)
        self._watchers.append(watcher)
        self._started().add_done_callback(lambda _: _wake(watcher))
        try:
            at = 0
            while True:
                changed.clear()
                ended = self.done()
                while at < len(self._events):
                    yield self._events[at]
                    at += 1
                if ended:
                    return
                await changed.wait()
        finally:
            self._watchers.remove(watcher)

    # ---- for the executor

    def attach(self, future: Future[ExecutionResult]) -> None:
        """Tell which future carries the result."""
        self._future = future

    def begin(self, run: Run) -> None:
        """Tell which run this is; called on the run's loop."""
        with self._lock:
            self._run, self._loop = run, run.loop
            wanted, self._cancel_wanted = self._cancel_wanted, []
        for node in wanted:
            run.cancel(node)

    def keep(self, event: Event) -> None:
        """Keep an event for `events`; a view of the run."""
        self._events.append(event)
        for watcher in tuple(self._watchers):
            _wake(watcher)

    def _call(self, node: str | None) -> None:
        if self._run is not None and self._loop is not None:
            _call_on(self._loop, self._run.cancel, node)

    def _started(self) -> Future[ExecutionResult]:
        if self._future is None:
            raise GraphbitError("the run has not been started")
        return self._future


def _wake(watcher: tuple[asyncio.AbstractEventLoop, asyncio.Event]) -> None:
    loop, changed = watcher
    _call_on(loop, changed.set)


def _call_on(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: Any) -> None:
    """Call something on a loop of another thread, unless that loop has been closed."""
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _is_loop_of_this_thread(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
