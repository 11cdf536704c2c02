"""Runs workflows for the magics: in a cell or beside the cells, each seen where it began until it has ended."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.errors import GraphbitError, UsageError
from graphbit_nb.notebook import running
from graphbit_nb.notebook.live.state import Subject
from graphbit_nb.notebook.live.view import Calls
from graphbit_nb.notebook.screens import Nowhere, Together, screen_for
from graphbit_nb.session.executor import WorkflowExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from graphbit_nb.core.bus import Sink
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.notebook.screens import Screen
    from graphbit_nb.session.handle import RunHandle

    How = Literal["awaited", "blocked", "background"]
    Outcome = ExecutionResult | Coroutine[Any, Any, ExecutionResult] | RunHandle
    Start = Callable[[Sequence[Sink]], RunHandle]


class SeenRun:
    """One run and where it is seen. It may stop to wait for a person, and go on.

    Args:
        magics: Whose settings, variables and memory are used.
        executor: What it is run with.
        subject: What is run; where it stood, if it is gone on with.
        notes: Lines to say beside it.
        in_cell: Whether the cell that runs shows it; else only the views that show the workflow anyway do.

    Attributes:
        handle: The run as it goes on now, or did last.
    """

    def __init__(
        self,
        magics: GraphbitMagics,
        executor: WorkflowExecutor,
        subject: Subject,
        notes: Sequence[str] = (),
        *,
        in_cell: bool = True,
    ) -> None:
        self._magics = magics
        self._executor = executor
        self._cell = magics.execution_count
        self._context = contextvars.copy_context()  # so that what is shown later goes to this cell
        earlier = magics.workspace.results.get(subject.workflow.name)
        subject.before = None if earlier is None else earlier.snapshot
        subject.actions = ("cancel", "answer")
        calls = Calls(cancel=self.cancel, answer=self.answer)
        own: Screen = screen_for(subject, calls, magics.live, notes) if in_cell else Nowhere()
        self._screen = Together([own, *magics.shows.of(subject.workflow.name)])
        self.handle: RunHandle | None = None

    def begin(self, start: Start, how: How) -> Outcome:
        """Start it, or go on with it.

        Args:
            start: Starts the run, whose events the given sinks get.
            how: Whether to wait for it, awaiting or blocking, or to leave it to itself.

        Returns:
            The result, an awaitable of it, or the handle.

        Raises:
            RunCancelled: it was stopped, and waited for.
            GraphbitError: it could not begin, and was waited for.
        """
        self._screen.again()
        self.handle = handle = start(self._screen.sinks)
        if how == "awaited":
            return running.awaited(handle, self._screen, self._keep)
        if how == "blocked":
            return running.blocked(handle, self._screen, self._keep)
        target = self._context.copy().run
        threading.Thread(target=target, args=(self._look_after, handle), name="graphbit-beside", daemon=True).start()
        return handle

    def cancel(self, node: str | None = None) -> None:
        """Stop the run, or one node of it; also when it waits for a person."""
        if self.handle is None or not self.handle.done():
            if self.handle is not None:
                self.handle.cancel(node)
            return
        result = self.handle.result()

        def start(sinks: Sequence[Sink]) -> RunHandle:
            cancel = () if node is None else (node,)
            again = self._executor.start_again(result, cancel=cancel, parks=node is not None, views=sinks)
            if node is None:
                again.cancel()
            return again

        self.begin(start, "background")

    def answer(self, node: str, value: Any) -> None:
        """Answer a node that waits for a person, while the run goes on or after it has stopped for that."""
        if self.handle is None or not self.handle.done():
            if self.handle is not None:
                self.handle.answer(node, value)
            return
        result = self.handle.result()
        self.begin(
            lambda sinks: self._executor.start_again(result, answers={node: value}, parks=True, views=sinks),
            "background",
        )

    def leave(self) -> None:
        """Show it as it stands: somebody goes on with it elsewhere."""
        if self.handle is not None and self.handle.done():
            self._screen.leave(self.handle.result())

    def _look_after(self, handle: RunHandle) -> None:
        try:
            result = running.watched(handle, self._screen)
        except GraphbitError as error:
            self._screen.fail(error)
            return
        self._keep(result)
        self._screen.finish(result)

    def _keep(self, result: ExecutionResult) -> None:
        workspace = self._magics.workspace
        workspace.results[result.workflow.name] = result
        workspace.shown = (result.run_id, self._cell)
        running.outputs_into(result, workspace.into, self._magics.namespace)


class Runner:
    """Begins runs and goes on with them.

    Attributes:
        latest: The run that began last.
    """

    def __init__(self, magics: GraphbitMagics) -> None:
        self._magics = magics
        self._seen: dict[str, tuple[SeenRun, WorkflowExecutor]] = {}  # the latest run of each workflow
        self.latest: SeenRun | None = None

    @property
    def handle(self) -> RunHandle | None:
        """The run that began last."""
        return None if self.latest is None else self.latest.handle

    def run(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        executor: WorkflowExecutor,
        *,
        nodes: Sequence[str] | None = None,
        pinned: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        how: How,
        in_cell: bool = True,
    ) -> Outcome:
        """Begin a run; in the background it waits for persons itself, else it stops for them. See `SeenRun.begin`."""
        seen = self._see(executor, Subject(workflow=workflow, slots=executor.max_concurrency), notes, in_cell=in_cell)
        parks = how != "background"
        return seen.begin(
            lambda sinks: executor.start(workflow, inputs, nodes=nodes, pinned=pinned, parks=parks, views=sinks), how
        )

    def go_on(
        self,
        result: ExecutionResult,
        *,
        answers: Mapping[str, Any] | None = None,
        cancel: Sequence[str] | None = None,
        how: How,
    ) -> Outcome:
        """Go on with a run that waits for a person, in the cell that says so; `cancel` nodes of it, or all if empty."""
        executor = self._executor_of(result.workflow.name)
        if (before := self._seen.get(result.workflow.name)) is not None:
            before[0].leave()
        subject = Subject(workflow=result.workflow, snapshot=result.snapshot, slots=executor.max_concurrency)
        seen = self._see(executor, subject)

        def start(sinks: Sequence[Sink]) -> RunHandle:
            is_over = cancel is not None and not cancel  # it would stop for the person again before it is cancelled
            again = executor.start_again(result, answers=answers, cancel=cancel or (), parks=not is_over, views=sinks)
            if is_over:
                again.cancel()
            return again

        return seen.begin(start, how)

    def executor(
        self,
        *,
        max_concurrency: int | None = None,
        sequential: bool = False,
        on_error: Any = None,
        deadline: float | None = None,
    ) -> WorkflowExecutor:
        """Return an executor with these settings, and the magics' for what is None. Raises `UsageError`."""
        magics = self._magics
        return WorkflowExecutor(
            magics.workspace.config,
            max_concurrency=magics.max_concurrency if max_concurrency is None else max_concurrency,
            strategy="sequential" if sequential else "parallel",
            on_error=on_error or magics.on_error,
            deadline=deadline,
        )

    def seen(self, workflow: str) -> SeenRun:
        """Return the latest run of a workflow. Raises `UsageError` when there is none."""
        if workflow not in self._seen:
            raise UsageError(f"no run of {workflow} goes on")
        return self._seen[workflow][0]

    def _executor_of(self, workflow: str) -> WorkflowExecutor:
        """Return the executor that the latest run began with, so that it goes on under the same settings."""
        return self._seen[workflow][1] if workflow in self._seen else self.executor()

    def _see(
        self, executor: WorkflowExecutor, subject: Subject, notes: Sequence[str] = (), *, in_cell: bool = True
    ) -> SeenRun:
        self.latest = seen = SeenRun(self._magics, executor, subject, notes, in_cell=in_cell)
        self._seen[subject.workflow.name] = (seen, executor)
        return seen
