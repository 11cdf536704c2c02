"""A run that goes on: to wait for, to watch, to cancel, from any thread and any event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import GraphbitError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator
    from concurrent.futures import Future

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
        if node is not None and node not in self.workflow.nodes:
            near = did_you_mean(node, self.workflow.nodes)
            raise UsageError(f"no node {node!r} in {self.workflow.name}{near}")
        with self._lock:
            if self._run is None:
                self._cancel_wanted.append(node)
                return
        self._call(node)

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
