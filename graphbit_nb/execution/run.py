"""One run: carries out what the scheduler decides, on one event loop, and tells what happened."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, Protocol

from graphbit_nb.core.events import (
    ErrorInfo,
    LlmToken,
    NodeCancelled,
    NodeFailed,
    NodeReady,
    NodeResumed,
    NodeSkipped,
    NodeStarted,
    NodeSucceeded,
    RunFinished,
    RunStarted,
)
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.execution import scheduler as s
from graphbit_nb.execution.failures import describe_error
from graphbit_nb.execution.node_run import NodeRun
from graphbit_nb.graph.node import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbit_nb.core.bus import EventBus
    from graphbit_nb.core.events import Event
    from graphbit_nb.core.llm import LlmClient
    from graphbit_nb.execution.threads import ThreadPool
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.plan import ExecutionPlan
    from graphbit_nb.graph.workflow import Workflow

FLUSH_INTERVAL = 0.1  # seconds between two tellings of streamed text, for the whole run
GRACE = 2.0  # seconds that a node which is told to stop has to end


class ClientSource(Protocol):
    """Gives each node the client that it asks."""

    def client_for(self, node: Node) -> LlmClient:
        """Return the client for a node. Raises `ConfigurationError`."""
        ...


class Run:
    """One execution of a workflow. Made by `Engine.start`; lives on one event loop.

    Attributes:
        id: The run's id.
        workflow: What is run.
        snapshot: Where it stands: the fold of all events so far.
        values: Inputs and outputs that are there, by name.
        grace: Seconds that a node which is told to stop has to end.
        loop: The event loop it lives on.
        context: The context of whoever began it; every node starts with a copy.
    """

    def __init__(
        self,
        run_id: str,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        *,
        plan: ExecutionPlan,
        max_concurrency: int,
        fail_fast: bool,
        clients: ClientSource,
        threads: ThreadPool,
        bus: EventBus,
        clock: Callable[[], float],
        grace: float = GRACE,
    ) -> None:
        self.id = run_id
        self.workflow = workflow
        self.snapshot = RunSnapshot()
        self.clients = clients
        self.threads = threads
        self.scheduler = s.Scheduler(plan, max_concurrency=max_concurrency, fail_fast=fail_fast)
        self.values: dict[str, Any] = dict(inputs)
        self.grace = grace
        self.loop = asyncio.get_running_loop()
        self.context = contextvars.copy_context()
        self._inputs = inputs
        self._plan = plan
        self._bus = bus
        self._clock = clock
        self._seq = 0
        self._node_runs: dict[int, NodeRun] = {}
        self._streamed: dict[str, list[str]] = {}
        self._flush_timer: asyncio.TimerHandle | None = None
        self._finished: asyncio.Future[None] = self.loop.create_future()

    @property
    def wants_tokens(self) -> bool:
        """Whether anybody would see text as it comes."""
        return self._bus.has_listeners

    async def execute(self) -> RunSnapshot:
        """Run to the end and return the final state. Cancelling this call cancels the run and waits for its end."""
        is_cancelled = False
        try:
            self.publish(RunStarted, self.workflow.name, self._plan.names, self._inputs)
            self.carry_out(self.scheduler.start())
            while not self._finished.done():
                try:
                    await asyncio.shield(self._finished)
                except asyncio.CancelledError:
                    is_cancelled = True
                    self._cancel(s.CancelRun())
        finally:
            if self._flush_timer is not None:
                self._flush_timer.cancel()
            for node_run in self._node_runs.values():  # none, unless this run broke
                node_run.abort()
        self._finished.result()
        if is_cancelled:
            raise asyncio.CancelledError
        return self.snapshot

    def cancel(self, node: str | None = None) -> None:
        """Cancel the run, or one node of it, as soon as what happens now is done. Call it on the run's own loop."""
        if node is None:
            self.loop.call_soon(self._cancel, s.CancelRun())
        elif node in self._plan.index:
            self.loop.call_soon(self._cancel, s.CancelNode(self._plan.index[node]))

    def _cancel(self, told: s.CancelRun | s.CancelNode) -> None:
        if self._finished.done():
            return
        try:
            self.handle(told)
        except BaseException as error:  # noqa: BLE001 (a fault of ours ends the run; it must not hang)
            self._break(error)

    # ---- telling

    def publish(self, kind: Callable[..., Event], *fields: Any) -> None:
        """Stamp an event, fold it in, and hand it on."""
        self._seq += 1
        event = kind(self.id, self._seq, self._clock(), *fields)
        self.snapshot.apply(event)
        self._bus.publish(event)

    def stream(self, node: str, text: str) -> None:
        """Keep a piece of streamed text; it is told with others, a few times a second."""
        self._streamed.setdefault(node, []).append(text)
        if self._flush_timer is None:
            self._flush_timer = self.loop.call_later(FLUSH_INTERVAL, self._flush_all)

    def flush(self, node: str) -> None:
        """Tell what a node has streamed so far, before something else is told of it."""
        if pieces := self._streamed.pop(node, None):
            self.publish(LlmToken, node, "".join(pieces))

    def _flush_all(self) -> None:
        self._flush_timer = None
        for node in list(self._streamed):
            self.flush(node)

    # ---- doing

    def handle(self, stimulus: s.Stimulus) -> None:
        """Tell the scheduler what happened and do what it answers."""
        self.carry_out(self.scheduler.handle(stimulus))

    def carry_out(self, commands: list[s.Command]) -> None:
        """Do what the scheduler says, in order."""
        names = self._plan.names
        for command in commands:
            match command:
                case s.Start(number):
                    node = self.workflow.nodes[names[number]]
                    self.publish(NodeStarted, node.name)
                    self._node_runs[number] = NodeRun(self, number, node)
                case s.Enqueue(number):
                    self.publish(NodeReady, names[number])
                case s.Resume(number):
                    self.publish(NodeResumed, names[number])
                    self._node_runs[number].resume()
                case s.Skip(number, reason):
                    self.publish(NodeSkipped, names[number], reason)
                case s.Cancel(number, reason):
                    self.flush(names[number])
                    self.publish(NodeCancelled, names[number], reason)
                case s.Interrupt(number):
                    self._node_runs[number].interrupt()
                case s.Finish(status):
                    self.publish(RunFinished, status)
                    self._finished.set_result(None)

    def ended(self, node_run: NodeRun, task: asyncio.Task[Any] | None) -> None:
        """Read the outcome of a node's task, or of one that was given up and has none.

        A task that was cancelled before its first step comes here as well.
        """
        try:
            self._take_in(node_run, task)
        except BaseException as error:  # noqa: BLE001 (a fault of ours ends the run; it must not hang)
            self._break(error)

    def _take_in(self, node_run: NodeRun, task: asyncio.Task[Any] | None) -> None:
        number, node = node_run.number, node_run.node
        del self._node_runs[number]
        node_run.close()
        if self._streamed:
            self.flush(node.name)
        if task is None or task.cancelled():
            error: BaseException | None = node_run.stopped_by()
        else:
            error = task.exception()
        if error is None:
            assert task is not None  # noqa: S101 (for the type checker)
            self._succeed(number, node, task.result(), None)
        elif node_run.is_interrupted:
            self.handle(s.Stopped(number))
        else:
            if node_run.is_expired:
                error = node_run.stopped_by()
            info = describe_error(error, node=node.name, attempts=node_run.attempts)
            if node.fallback is not MISSING:
                self._succeed(number, node, node.fallback, info)
            else:
                self.publish(NodeFailed, node.name, info)
                self.handle(s.Failed(number))

    def _succeed(self, number: int, node: Node, value: Any, instead_of: ErrorInfo | None) -> None:
        self.values[node.name] = value
        self.publish(NodeSucceeded, node.name, value, instead_of)
        self.handle(s.Succeeded(number))

    def _break(self, error: BaseException) -> None:
        if not self._finished.done():
            self._finished.set_exception(error)
