"""One run: carries out what the scheduler decides, on one event loop, and tells what happened."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

from graphbit_nb.core.events import (
    ErrorInfo,
    FallbackAsked,
    NodeCached,
    NodeCancelled,
    NodeExpanded,
    NodeFailed,
    NodeReady,
    NodeResumed,
    NodeSkipped,
    NodeStarted,
    NodeSucceeded,
    NodeWaiting,
    RunFinished,
    RunResumed,
    RunStarted,
    RunUnkept,
)
from graphbit_nb.core.outputs import label_of
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.core.states import NodeState, RunStatus
from graphbit_nb.errors import UsageError
from graphbit_nb.execution import commands as c
from graphbit_nb.execution import stimuli as s
from graphbit_nb.execution.composites import Composite, composite_of
from graphbit_nb.execution.failures import describe_error
from graphbit_nb.execution.groups import Groups
from graphbit_nb.execution.node_run import NodeRun, StandIn
from graphbit_nb.execution.people import People, checked_answer
from graphbit_nb.execution.pipeline import rendered_body
from graphbit_nb.execution.printing import routed_printing
from graphbit_nb.execution.roster import Roster
from graphbit_nb.execution.scheduler import Scheduler
from graphbit_nb.execution.settling import Settling
from graphbit_nb.execution.stopwatch import Stopwatch
from graphbit_nb.execution.telling import Teller
from graphbit_nb.graph.fallback import models_of, value_of
from graphbit_nb.graph.missing import MISSING
from graphbit_nb.graph.registry import processor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from graphbit_nb.core.bus import EventBus
    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.llm import LlmClient
    from graphbit_nb.core.node_snapshot import NodeSnapshot
    from graphbit_nb.execution.options import RunOptions
    from graphbit_nb.execution.threads import ThreadPool
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.plan import ExecutionPlan
    from graphbit_nb.graph.workflow import Workflow

logger = logging.getLogger("graphbit_nb")


class ClientSource(Protocol):
    """Gives each node the client that it asks."""

    def client_for(self, node: Node, instead: LlmConfig | None = None) -> LlmClient:
        """Return the client for a node, or for the model that stands in. Raises `ConfigurationError`."""
        ...

    def provider_of(self, node: Node) -> str:
        """Return the name of the provider that a node asks. Raises `ConfigurationError`."""
        ...


class Run:
    """One execution of a workflow. Made by `Engine.prepare`; lives on one event loop.

    Attributes:
        id: The run's id.
        workflow: What is run.
        snapshot: Where it stands: the fold of all events so far.
        roster: Who takes part in it.
        teller: Tells what happens.
        options: How it is run.
        values: Inputs and outputs that are there, by name.
        loop: The event loop it lives on.
        stdout: Where `print` writes.
        context: The context of whoever began it; every node starts with a copy.
    """

    def __init__(
        self,
        run_id: str,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        *,
        plan: ExecutionPlan,
        options: RunOptions,
        clients: ClientSource,
        threads: ThreadPool,
        bus: EventBus,
        clock: Callable[[], float],
        kept: RunSnapshot | None = None,
    ) -> None:
        self.id = run_id
        self.workflow = workflow
        self.snapshot = kept or RunSnapshot()
        self.options = options
        self.clients = clients
        self.threads = threads
        self.values: dict[str, Any] = dict(inputs)
        self.loop = asyncio.get_running_loop()
        self.context = contextvars.copy_context()
        self.stdout = sys.stdout
        self._resumes = kept is not None
        self._inputs = inputs
        self._plan = plan
        self.teller = Teller(run_id, self.snapshot, bus, clock, self.loop)
        self.publish = self.teller.publish
        self.roster = Roster(workflow, plan.names, self.values)
        self._nodes, self._paths = self.roster.nodes, self.roster.paths
        self._composites: dict[int, Composite] = {}
        self._node_runs: dict[int, NodeRun] = {}
        self._stand_ins: dict[int, StandIn] = {}  # nodes one of whose fallback's models waits for a slot
        self._settling = Settling(bus)
        self._is_ending = False  # nothing is left to do but to wait until everything is safe
        self._bus = bus
        self._people = People(options.answers)
        self._doomed = set(options.cancels)  # paths of nodes to cancel once they are there
        self._finished: asyncio.Future[None] = self.loop.create_future()
        self._stimuli: deque[s.Stimulus] = deque()
        self._is_handling = False
        self._stopwatch = Stopwatch(options.deadline, self.loop, self._expire)
        self.scheduler = Scheduler(
            plan, max_concurrency=options.max_concurrency, fail_fast=options.fail_fast,
            limits=dict(options.provider_limits), known=self.known(plan.names),
        )  # fmt: skip
        self._groups = Groups(self.scheduler, options.provider_limits, clients)
        self.scheduler.join_groups(self._groups.of(self._nodes, self._paths))

    async def execute(self) -> RunSnapshot:
        """Run to the end and return the final state. Cancelling this call cancels the run and waits for its end.

        With the option `parks` the run also returns, without having finished, when a person is all that it waits for.
        """
        is_cancelled = False
        try:
            with routed_printing():
                self._begin()
                while not self._finished.done():
                    try:
                        await asyncio.shield(self._finished)
                    except asyncio.CancelledError:
                        is_cancelled = True
                        self._cancel(s.CancelRun())
        finally:
            self._stopwatch.close()
            self.teller.close()
            for node_run in self._node_runs.values():  # none, unless this run broke
                node_run.abort()
            for composite in self._composites.values():
                composite.close()
        self._finished.result()
        if is_cancelled:
            raise asyncio.CancelledError
        return self.snapshot

    def _begin(self) -> None:
        if self._resumes:
            self.publish(RunResumed, tuple(_undone(self.snapshot.nodes)))
        else:
            self.publish(RunStarted, self.workflow.name, self._plan.names, self._inputs)
        if self.options.unkept is not None:
            self.publish(RunUnkept, self.options.unkept)
        self._stopwatch.start()
        self._doom(0, self._paths)
        self._work(self.scheduler.start())

    # ---- from outside; call it on the run's own loop

    def cancel(self, path: str | None = None) -> None:
        """Cancel the run, or one node of it, as soon as what happens now is done.

        A node inside another that has not opened yet is cancelled when it does.
        """
        if path is None:
            self.loop.call_soon(self._cancel, s.CancelRun())
        elif path in self._paths:
            self.loop.call_soon(self._cancel, s.CancelNode(self._paths.index(path)))
        else:
            self._doomed.add(path)

    def answer(self, path: str, value: Any) -> None:
        """Give a person's answer to a node that waits for it.

        Raises:
            UsageError: the node does not wait for an answer.
            OutputError: the answer is not what the node declares as its output.
        """
        if self._is_ending or self._finished.done():
            raise UsageError(f"{path!r} does not wait for an answer: the run has stopped")
        number = self._people.number_of(path)
        checked = checked_answer(self._nodes[number], value)
        self.guarded(self._answered, number, checked)

    def unkept(self, reason: str) -> None:
        """Tell that the run is no longer written down."""
        self.loop.call_soon(self._tell_unkept, reason)

    def _tell_unkept(self, reason: str) -> None:
        if not self._finished.done():
            self.publish(RunUnkept, reason)

    def _answered(self, number: int, value: Any) -> None:
        self._people.withdraw(self._paths[number])
        self.succeed(number, value, None)

    def _cancel(self, told: s.CancelRun | s.CancelNode | s.ExpireRun) -> None:
        if not self._is_ending and not self._finished.done():
            self.guarded(self.handle, told)

    def _expire(self) -> None:
        self._cancel(s.ExpireRun(f"the run's time of {self.options.deadline:g} s was up"))

    def guarded(self, call: Callable[..., None], *args: Any) -> None:
        """Call something from the event loop: a fault of ours ends the run, which must not hang."""
        try:
            call(*args)
        except BaseException as error:  # noqa: BLE001
            if not self._finished.done():
                self._finished.set_exception(error)

    # ---- doing

    def handle(self, stimulus: s.Stimulus) -> None:
        """Tell the scheduler what happened and do what it answers. What happens meanwhile comes after it."""
        if self._is_handling or self._settling.persons:
            self._stimuli.append(stimulus)
        else:
            self._work(self.scheduler.handle(stimulus))

    def _work(self, commands: Sequence[c.Command]) -> None:
        self._is_handling = True
        try:
            self._carry_out(commands)
            while self._stimuli and not self._settling.persons:
                self._carry_out(self.scheduler.handle(self._stimuli.popleft()))
        finally:
            self._is_handling = False
        is_idle = not self._settling and not self._is_ending
        if self._people and self.options.parks and is_idle and self.scheduler.status is RunStatus.WAITING:
            self._end()

    def _carry_out(self, commands: Sequence[c.Command]) -> None:
        paths = self._paths
        for command in commands:
            match command:
                case c.Start(number):
                    self.publish(NodeStarted, paths[number])
                    self._start(number)
                case c.Enqueue(number):
                    self.publish(NodeReady, paths[number])
                case c.Resume(number):
                    self._resume(number)
                case c.Open(number):
                    self._open(number)
                case c.Collect(number):
                    self._composites[number].collect()
                case c.Ask(number):
                    self._ask(number)
                case c.Skip(number, reason):
                    self.publish(NodeSkipped, paths[number], reason)
                case c.Cancel(number, reason):
                    self._close(number)
                    self.publish(NodeCancelled, paths[number], reason)
                case c.Interrupt(number, expired):
                    self._interrupt(number, expired)
                case c.Finish(status, reason):
                    self.publish(RunFinished, status, reason or self._out_of_budget(status))
                    self._end()

    def _out_of_budget(self, status: RunStatus) -> str | None:
        """Return why nothing more was asked, if a budget was in the way."""
        if status is not RunStatus.FAILED:
            return None
        errors = (node.error for node in self.snapshot.index.values())
        return next((error.message for error in errors if error is not None and error.type == "BudgetExceeded"), None)

    def _end(self) -> None:
        """Return from `execute` as soon as everything that was told is safe."""
        self._is_ending = True
        self._bus.when_confirmed(self._return_soon)

    def _return_soon(self) -> None:
        # Not before what is due: that the end could not be written down is told as well.
        self.loop.call_soon(self._return)

    def _return(self) -> None:
        if not self._finished.done():
            self._finished.set_result(None)

    def _start(self, number: int, stand_in: StandIn | None = None) -> None:
        values = self.roster.scope(number)
        self._node_runs[number] = NodeRun(self, number, self._nodes[number], self._paths[number], values, stand_in)

    # ---- composites

    def known(self, paths: Sequence[str]) -> frozenset[int]:
        """Return which of these nodes have their output already: pinned, or from before the run was resumed."""
        pinned = self.options.pinned
        if not self._resumes:
            return frozenset(i for i, path in enumerate(paths) if path in pinned) if pinned else frozenset()
        index = self.snapshot.index
        return frozenset(i for i, path in enumerate(paths) if path in index and index[path].state.has_output)

    def expand(
        self,
        composite: Composite,
        what: Literal["items", "nodes"],
        plan: ExecutionPlan,
        nodes: Sequence[Node],
        paths: tuple[str, ...],
        scopes: Sequence[Mapping[str, Any]],
        iteration: int = 1,
    ) -> None:
        """Let a composite node open into others."""
        self.publish(NodeExpanded, composite.path, what, paths, iteration)
        first = self.roster.add(composite, nodes, paths, scopes)
        groups = self._groups.of(nodes, paths)
        self.handle(s.Expanded(composite.number, plan, groups, self.known(paths), is_lenient=composite.is_lenient))
        self._doom(first, paths)

    def _doom(self, first: int, paths: Sequence[str]) -> None:
        """Cancel those of the nodes, numbered from `first`, that were cancelled before they were there."""
        if self._doomed:
            wanted = [number for number, path in enumerate(paths, start=first) if path in self._doomed]
            self._stimuli.extend(map(s.CancelNode, wanted))

    def _open(self, number: int) -> None:
        path = self._paths[number]
        if self._resumes and (old := self.snapshot.index[path]).state.has_output:
            self._free(number, old.output, is_cached=old.state is NodeState.CACHED)
            return
        if path in self.options.pinned:
            value = self.options.pinned[path]
            self.publish(NodeCached, path, value, "pinned")
            self._settle(number, value, is_cached=True)
            return
        self.publish(NodeStarted, path)
        node = self._nodes[number]
        composite = composite_of(self, number, node, path, self.roster.scope(number))
        self._composites[number] = composite
        composite.open()

    def _ask(self, number: int) -> None:
        node, path = self._nodes[number], self._paths[number]
        try:
            question = str(rendered_body(node, processor_of(node.kind), self.roster.scope(number)))
        except Exception as error:  # noqa: BLE001 (a kind is foreign code)
            self.fail(number, describe_error(error, node=path))
            return
        self._people.ask(path, number, self._stopwatches_around(number))
        self.publish(NodeWaiting, path, question, () if node.output is None else node.output.choices)
        answer = self._people.known_answer(path, node)
        if answer is not MISSING:
            self._answered(number, answer)

    def _stopwatches_around(self, number: int) -> list[Stopwatch]:
        """Return the time limits that a node is under, the run's among them."""
        return [self._stopwatch, *(owner.stopwatch for owner in self.roster.owners_of(number))]

    # ---- ends

    def ended(self, node_run: NodeRun, task: asyncio.Task[Any] | None) -> None:
        """Read the outcome of a node's task, or of one that was given up and has none.

        A task that was cancelled before its first step comes here as well.
        """
        self.guarded(self._take_in, node_run, task)

    def _take_in(self, node_run: NodeRun, task: asyncio.Task[Any] | None) -> None:
        number, node = node_run.number, node_run.node
        del self._node_runs[number]
        node_run.close()
        if node_run.has_printed or node_run.wants_tokens:
            self.teller.flush(node_run)
        if task is None or task.cancelled():
            error: BaseException | None = node_run.stopped_by()
        else:
            error = task.exception()
        if error is None:
            assert task is not None  # noqa: S101 (for the type checker)
            before = node_run.stand_in
            instead_of = None if before is None else before.instead_of
            self.succeed(number, task.result(), instead_of, node_run.source, node_run.uncached)
        elif node_run.is_interrupted:
            self.handle(s.Stopped(number))
        else:
            if node_run.is_expired:
                error = node_run.stopped_by()
            info = describe_error(error, node=node_run.path, attempts=node_run.attempts)
            models, before = models_of(node.fallback), node_run.stand_in
            turn = 0 if before is None else before.turn + 1
            if turn < len(models) and not node_run.is_out_of_time:
                first = info if before is None else before.instead_of
                self._ask_fallback(number, StandIn(models[turn], turn, first), info)
            else:
                self.fail(number, info)

    def _ask_fallback(self, number: int, stand_in: StandIn, info: ErrorInfo) -> None:
        """Let another model take the place of the one that failed, in the queue of its own provider."""
        self.publish(FallbackAsked, self._paths[number], info)
        if self.scheduler.states[number] is not NodeState.RETRYING:
            self.handle(s.Delayed(number))
        self._stand_ins[number] = stand_in
        node = self._nodes[number]
        groups = self._groups.around(node, self._paths[number], stand_in.model.provider)
        self.scheduler.join_groups({number: groups})
        self.handle(s.Due(number))

    def _interrupt(self, number: int, expired: str | None) -> None:
        if number in self._settling:
            return  # it has ended
        if number not in self._stand_ins:
            self._node_runs[number].interrupt(expired)
            return
        del self._stand_ins[number]  # its fallback waits for a slot; nothing of it runs
        if expired is None:
            self.handle(s.Stopped(number))
        else:
            self.fail(number, describe_error(TimeoutError(expired), node=self._paths[number]))

    def _resume(self, number: int) -> None:
        if number in self._settling:
            return  # it has ended, by its fallback's value
        self.publish(NodeResumed, self._paths[number])
        stand_in = self._stand_ins.pop(number, None)
        if stand_in is None:
            self._node_runs[number].resume()
        else:
            self._start(number, stand_in)

    def succeed(
        self,
        number: int,
        value: Any,
        instead_of: ErrorInfo | None,
        source: str | None = None,
        uncached: str | None = None,
    ) -> None:
        """A node has its output.

        Args:
            number: The node.
            value: Its output.
            instead_of: The failure that its fallback stood in for.
            source: Where the output was taken from, if it was not computed.
            uncached: Why it is not remembered, where it could have been.
        """
        if source is None or instead_of is not None:
            self.publish(NodeSucceeded, self._paths[number], value, instead_of, uncached)
            self._settle(number, value)
        else:
            self.publish(NodeCached, self._paths[number], value, source)
            self._settle(number, value, is_cached=True)

    def _settle(self, number: int, value: Any, *, is_cached: bool = False) -> None:
        """Go on with a node's output as soon as it is safe: a composite's is, since what it opened into is."""
        if number in self._composites or self._settling.may_follow(self.snapshot.index[self._paths[number]]):
            self._free(number, value, is_cached=is_cached)
            return
        is_answered = self.scheduler.states[number] is NodeState.WAITING
        go_on = partial(self.guarded, self._settled, number, value, is_cached)
        self._settling.wait(number, go_on, is_answered=is_answered)

    def _settled(self, number: int, value: Any, is_cached: bool) -> None:
        if not self._finished.done():
            self._free(number, value, is_cached=is_cached)

    def _free(self, number: int, value: Any, *, is_cached: bool = False) -> None:
        """Let the nodes that need it have an output, and the scheduler the slot."""
        self._deliver(number, value)
        self.handle(s.Succeeded(number, label_of(value) if self.scheduler.decides(number) else None, is_cached))

    def _deliver(self, number: int, value: Any) -> None:
        owner = self.roster.owner_of(number)
        if owner is None:
            self.values[self._nodes[number].name] = value
        else:
            owner.take(number, self._nodes[number], value)
        if self._composites or self._people:
            self._close(number)

    def fail(self, number: int, info: ErrorInfo, *, is_final: bool = False) -> None:
        """A node failed; its fallback stands in, unless `is_final`."""
        node = self._nodes[number]
        if (value := value_of(node.fallback)) is not MISSING and not is_final:
            self.succeed(number, value, info)
            return
        if (owner := self.roster.owner_of(number)) is not None:
            owner.refuse(number, info)
        self._close(number)
        self.publish(NodeFailed, self._paths[number], info)
        self.handle(s.Failed(number))

    def _close(self, number: int) -> None:
        if (composite := self._composites.pop(number, None)) is not None:
            composite.close()
        if self._people:
            self._people.withdraw(self._paths[number])


def _undone(nodes: Mapping[str, NodeSnapshot]) -> Iterator[str]:
    """Go through what has no output, inside composites only where these have none themselves."""
    for path, node in nodes.items():
        if not node.state.has_output:
            yield path
            yield from _undone(node.parts)
