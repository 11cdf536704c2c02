"""One run and where it is seen, from where it began until it has ended; it may stop for a person, and go on."""

from __future__ import annotations

import contextvars
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.errors import GraphbitError, UsageError
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.notebook import running
from graphbit_nb.notebook.inputs import missing_said
from graphbit_nb.notebook.live.view import Calls
from graphbit_nb.notebook.screens import Screen, Together, screen_for

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from graphbit_nb.core.bus import Sink
    from graphbit_nb.notebook.live.state import Subject
    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.session.executor import WorkflowExecutor
    from graphbit_nb.session.handle import RunHandle

    How = Literal["awaited", "blocked", "background"]
    Outcome = ExecutionResult | Coroutine[Any, Any, ExecutionResult] | RunHandle
    Start = Callable[[Sequence[Sink]], RunHandle]

logger = logging.getLogger("graphbit_nb")


class SeenRun:
    """One run and where it is seen. It may stop to wait for a person, and go on.

    Args:
        magics: Whose settings, variables and memory are used.
        executor: What it is run with.
        subject: What is run; where it stood, if it is gone on with.
        notes: Lines to say beside it.
        in_cell: Whether the cell that runs shows it; else only the views that show the workflow anyway do.

    Attributes:
        executor: What it is run with.
        handle: The run as it goes on now, or did last.
    """

    handle: RunHandle

    def __init__(
        self,
        magics: GraphbitMagics,
        executor: WorkflowExecutor,
        subject: Subject,
        notes: Sequence[str] = (),
        *,
        in_cell: bool = True,
    ) -> None:
        self.executor = executor
        self._magics = magics
        self._cell = magics.execution_count
        self._context = contextvars.copy_context()  # so that what is shown later goes to this cell
        name = subject.workflow.name
        earlier = magics.workspace.results.get(name)
        subject.before = None if earlier is None else earlier.snapshot
        subject.actions = ("cancel", "answer")
        calls = Calls(cancel=self.cancel, answer=self.answer)
        own = screen_for(subject, calls, magics.live, notes) if in_cell else Screen()
        self._screen = Together(lambda: [own, *magics.shows.of(name)])

    def begin(self, start: Start) -> None:
        """Start it, or go on with it.

        Args:
            start: Starts the run, whose events the given sinks get.

        Raises:
            GraphbitError: it could not begin.
        """
        try:
            self.handle = start((self._screen.event,))
        except GraphbitError:
            self._screen.drop()
            raise

    def wait(self, how: How) -> Outcome:
        """Wait for it, awaiting or blocking, or leave it to itself.

        Returns:
            The result, an awaitable of it, or the handle.

        Raises:
            RunCancelled: it was stopped, and waited for.
            GraphbitError: it could not begin, and was waited for.
        """
        handle = self.handle
        if how == "awaited":
            return self._awaited(handle)
        if how == "blocked":
            running.blocked(handle, self._screen)
            return self._waited_for(handle)
        target = self._context.copy().run
        threading.Thread(target=target, args=(self._look_after, handle), name="graphbit-beside", daemon=True).start()
        return handle

    @property
    def standing(self) -> ExecutionResult | None:
        """The run as it stands, also while it goes on; None before it has begun."""
        snapshot = self.handle.snapshot
        return None if snapshot is None else ExecutionResult(self.handle.workflow, snapshot)

    def cancel(self, node: str | None = None) -> None:
        """Stop the run, or one node of it; also when it waits for a person. Raises `UsageError` when it has ended."""
        if self.handle.done():
            self._go_on(cancel=() if node is None else (node,))
        else:
            self.handle.cancel(node)

    def answer(self, node: str, value: Any) -> None:
        """Answer a node that waits for a person, while the run goes on or after it has stopped for that.

        Raises:
            UsageError: the run has ended, or the node does not ask.
            OutputError: the answer is not what the node declares as its output.
        """
        if self.handle.done():
            self._go_on(answers={node: value})
        else:
            self.handle.answer(node, value)

    def leave(self) -> None:
        """Show it as it stands, if it waits for a person: somebody goes on with it elsewhere."""
        if (result := self._parked()) is not None:
            self._screen.leave(result)

    def _go_on(self, *, answers: Mapping[str, Any] | None = None, cancel: Sequence[str] | None = None) -> None:
        result = self._parked()
        if result is None:
            raise UsageError(f"the run of {self.handle.workflow.name} has ended; begin another with %graphbit run")
        self.begin(going_on(self.executor, result, answers=answers, cancel=cancel))
        self.wait("background")

    def _parked(self) -> ExecutionResult | None:
        """Return where the run has stopped to wait for a person; None when it has not."""
        standing = self.standing
        return standing if standing is not None and self.handle.done() and standing.status == "waiting" else None

    async def _awaited(self, handle: RunHandle) -> ExecutionResult:
        await running.awaited(handle, self._screen)
        return self._waited_for(handle)

    def _waited_for(self, handle: RunHandle) -> ExecutionResult:
        try:
            with missing_said():
                result = handle.result()
        except GraphbitError:
            self._screen.drop()
            raise
        self._end(result)
        return running.refuse_cancelled(result)

    def _look_after(self, handle: RunHandle) -> None:
        with _logged(handle):
            running.watched(handle, self._screen)
        with _logged(handle):
            try:
                result = handle.result()
            except GraphbitError as error:
                self._screen.fail(error)
            else:
                self._end(result)

    def _end(self, result: ExecutionResult) -> None:
        workspace = self._magics.workspace
        workspace.results[result.workflow.name] = result
        workspace.shown = (result.run_id, self._cell)
        running.outputs_into(result, workspace.into, self._magics.namespace)
        self._screen.finish(result)


@contextmanager
def _logged(handle: RunHandle) -> Iterator[None]:
    """Beside the cells nobody waits for the run: a view that fails stops neither it nor what is kept of it."""
    try:
        yield
    except Exception:
        logger.exception("the run of %s cannot be shown", handle.workflow.name)


def going_on(
    executor: WorkflowExecutor,
    result: ExecutionResult,
    *,
    answers: Mapping[str, Any] | None = None,
    cancel: Sequence[str] | None = None,
    budget: str | None = None,
) -> Start:
    """Return what goes on with a run that waits for a person: answered, or without nodes; `cancel=()` gives it up."""
    is_over = cancel is not None and not cancel  # it would stop for the person again before it is cancelled

    def start(sinks: Sequence[Sink]) -> RunHandle:
        again = executor.start_again(
            result, answers=answers, cancel=cancel or (), parks=not is_over, views=sinks, budget=budget
        )
        if is_over:
            again.cancel()
        return again

    return start
