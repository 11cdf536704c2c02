"""The state of a run as a fold of its events: what every view shows, of a live run and of an old one alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, assert_never

from graphbit_nb.core.events import (
    CircuitChanged,
    ContentFlagged,
    Event,
    FallbackAsked,
    LlmRequested,
    LlmResponded,
    LlmToken,
    NodeCached,
    NodeCancelled,
    NodeExpanded,
    NodeFailed,
    NodePrinted,
    NodeReady,
    NodeResumed,
    NodeSkipped,
    NodeStarted,
    NodeSucceeded,
    NodeWaiting,
    OutputRejected,
    PromptRendered,
    RateLimited,
    RetryScheduled,
    RunFinished,
    RunResumed,
    RunStarted,
    RunUnkept,
    ToolCalled,
)
from graphbit_nb.core.node_snapshot import NO_USAGE, Attempt, Flag, NodeSnapshot, ToolUse
from graphbit_nb.core.states import NodeState, RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.llm import Usage

__all__ = ["Attempt", "NodeSnapshot", "RunSnapshot", "ToolUse"]

BUSY = frozenset({NodeState.READY, NodeState.RUNNING, NodeState.RETRYING})


@dataclass(slots=True)
class RunSnapshot:
    """Where a run stands after the events applied so far.

    Attributes:
        nodes: The nodes of the workflow, by name.
        index: Every node of the run, by path: those of the workflow and those that they opened into.
        total: Number of steps that are known of so far. A node that opened into others counts as these.
        done: Number of steps that have ended.
        busy: Number of steps that work, or would if there were a slot.
        asking: Number of steps that wait for a person.
        reason: Why the run was stopped, if it was.
        resumed: How often the run was resumed.
        unkept: Why the run is in memory only, if it should have been written down.
        circuits: State of the circuit breakers that this run's calls have changed, by name.
    """

    run_id: str = ""
    workflow: str = ""
    status: RunStatus = RunStatus.RUNNING
    inputs: Mapping[str, Any] = field(default_factory=dict)
    nodes: dict[str, NodeSnapshot] = field(default_factory=dict)
    index: dict[str, NodeSnapshot] = field(default_factory=dict, repr=False, compare=False)
    seq: int = 0
    total: int = 0
    done: int = 0
    busy: int = 0
    asking: int = 0
    started: float | None = None
    finished: float | None = None
    reason: str | None = None
    resumed: int = 0
    unkept: str | None = None
    circuits: dict[str, str] = field(default_factory=dict)

    def apply(self, event: Event) -> RunSnapshot:
        """Fold one event in and return this snapshot. The same events in the same order give the same state.

        Raises:
            ValueError: an event is missing, or was applied twice.
        """
        if event.seq != self.seq + 1:
            raise ValueError(f"event {event.seq} ({event.kind}) does not follow event {self.seq}")
        self.seq = event.seq
        match event:
            case NodeStarted():
                node = self.index[event.node]
                if node.expands is None and node.state is not NodeState.READY:
                    self.busy += 1
                node.state = NodeState.RUNNING
                node.started = event.time
            case NodeSucceeded():
                node = self.index[event.node]
                self._end(node, NodeState.SUCCEEDED, event.time)
                node.output, node.uncached = event.output, event.uncached
                node.streamed = ""
                if event.fallback is not None:
                    node.error = event.fallback
                    node.end_attempt(event.time, event.fallback)
            case LlmToken():
                self.index[event.node].streamed += event.text
            case PromptRendered():
                node = self.index[event.node]
                node.messages = event.messages
                node.origins = event.origins
            case LlmRequested():
                node = self.index[event.node]
                node.streamed = ""
                node.attempts.append(
                    Attempt(event.time, provider=event.provider, model=event.model, parameters=event.parameters)
                )
            case LlmResponded():
                self._responded(event)
            case NodeReady():
                node = self.index[event.node]
                node.state = NodeState.READY
                node.ready = event.time
                self.busy += node.expands is None
            case NodeResumed():
                self.index[event.node].state = NodeState.RUNNING
            case NodeExpanded():
                self._expanded(event)
            case NodeWaiting():
                node = self.index[event.node]
                node.state = NodeState.WAITING
                node.question, node.options = event.question, event.options
                node.started = event.time
                self.asking += 1
            case NodePrinted():
                self.index[event.node].printed += event.text
            case RetryScheduled():
                self._retry(event)
            case RateLimited():
                node = self.index[event.node]
                if node.attempts:
                    node.attempts[-1].limited = event.limit
                    node.attempts[-1].sent = event.time if event.seconds == 0.0 else None
            case CircuitChanged():
                self.circuits[event.circuit] = event.state
            case ToolCalled():
                used = ToolUse(
                    event.call_id, event.tool, event.arguments, event.result, event.error, event.started, event.time
                )
                node = self.index[event.node]
                if node.attempts:
                    node.attempts[-1].tools.append(used)
            case ContentFlagged():
                node = self.index[event.node]
                flag = Flag(event.where, event.check, event.what, event.count, event.sample, event.blocked)
                node.flags = (*node.flags, flag)
            case OutputRejected():
                node = self.index[event.node]
                node.streamed = ""
                if node.attempts:
                    node.attempts[-1].error = event.error
            case FallbackAsked():
                node = self.index[event.node]
                node.state = NodeState.RETRYING
                node.streamed = ""
                node.end_attempt(event.time, event.error)
            case NodeCached():
                node = self.index[event.node]
                self._end(node, NodeState.CACHED, event.time)
                node.output, node.source = event.output, event.source
                node.streamed = ""
            case NodeFailed():
                node = self.index[event.node]
                self._end(node, NodeState.FAILED, event.time)
                node.error = event.error
                node.end_attempt(event.time, event.error)
            case NodeSkipped():
                self._stopped(event, NodeState.SKIPPED)
            case NodeCancelled():
                self._stopped(event, NodeState.CANCELLED)
            case RunStarted():
                self.run_id = event.run_id
                self.workflow = event.workflow
                self.inputs = event.inputs
                self.nodes = {name: NodeSnapshot(name) for name in event.nodes}
                self.index = dict(self.nodes)
                self.total = len(self.nodes)
                self.started = event.time
            case RunResumed():
                self._resumed(event)
            case RunUnkept():
                self.unkept = event.reason
            case RunFinished():
                self.status, self.reason = event.status, event.reason
                self.finished = event.time
            case _:
                assert_never(event)
        if (self.asking or self.status is RunStatus.WAITING) and not self.status.is_final:
            self.status = RunStatus.WAITING if self.asking and not self.busy else RunStatus.RUNNING
        return self

    def _end(self, node: NodeSnapshot, state: NodeState, time: float) -> None:
        if node.expands is None or not node.parts:
            self.done += 1
        if node.state is NodeState.WAITING:
            self.asking -= 1
        elif node.expands is None and node.state in BUSY:
            self.busy -= 1
        node.state = state
        node.finished = time
        if self.resumed and node.parts:
            self._forget_undone(node)

    def _forget_undone(self, node: NodeSnapshot) -> None:
        """Drop the parts that a resumed run did not come to again: a loop that ended sooner this time."""
        for path, part in list(node.parts.items()):
            if not part.state.is_final:
                del node.parts[path]
                self._forget(part)
        if not node.parts:
            self.total += 1
            self.done += 1

    def _forget(self, part: NodeSnapshot) -> None:
        del self.index[part.name]
        for inner in part.parts.values():
            self._forget(inner)
        if not part.parts:
            self.total -= 1
            self.done -= part.state.is_final

    def _expanded(self, event: NodeExpanded) -> None:
        node = self.index[event.node]
        if node.expands is None:
            self.busy -= 1
        node.expands = event.what
        node.iterations = max(node.iterations, event.iteration)
        made = {path: NodeSnapshot(path) for path in event.parts if path not in node.parts}
        if made:
            self.total += len(made) if node.parts else len(made) - 1
            node.parts.update(made)
            self.index.update(made)

    def _resumed(self, event: RunResumed) -> None:
        self.status, self.finished, self.reason = RunStatus.RUNNING, None, None
        self.resumed += 1
        for path in event.redo:
            node = self.index[path]
            node.state = NodeState.PENDING
            node.output = node.error = node.reason = node.question = node.source = node.uncached = None
            node.ready = node.started = node.finished = None
            node.flags = ()
            node.streamed = node.printed = ""
        leaves = [node for node in self.index.values() if not node.parts]
        self.total, self.done = len(leaves), sum(node.state.is_final for node in leaves)
        self.busy = self.asking = 0

    def _responded(self, event: LlmResponded) -> None:
        attempt = self.index[event.node].attempts[-1]
        attempt.finished = event.time
        attempt.text = event.text
        attempt.finish_reason = event.finish_reason
        attempt.usage = event.usage
        attempt.model = event.model or attempt.model
        attempt.request_id = event.request_id
        attempt.first_token = event.first_token
        attempt.cost = event.cost
        attempt.source = event.source

    def _retry(self, event: RetryScheduled) -> None:
        node = self.index[event.node]
        node.state = NodeState.RETRYING
        node.streamed = ""
        if node.attempts:
            attempt = node.attempts[-1]
            attempt.finished = event.time
            attempt.error = event.error
            attempt.delay = event.delay

    def _stopped(self, event: NodeSkipped | NodeCancelled, state: NodeState) -> None:
        node = self.index[event.node]
        self._end(node, state, event.time)
        node.reason = event.reason
        node.end_attempt(event.time, None)

    def counts(self) -> Counter[NodeState]:
        """Number of nodes in each state that occurs."""
        return Counter(node.state for node in self.nodes.values())

    @property
    def usage(self) -> Usage:
        """Tokens of all nodes."""
        return sum((node.usage for node in self.nodes.values()), NO_USAGE)

    @property
    def cost(self) -> float | None:
        """US dollars of all nodes; None as soon as one of them is not known."""
        costs = [node.cost for node in self.nodes.values()]
        return None if any(c is None for c in costs) else sum(c for c in costs if c is not None)

    @property
    def elapsed(self) -> float | None:
        """Seconds that the run took, or None while it goes on."""
        return None if self.started is None or self.finished is None else self.finished - self.started

    def copy(self) -> RunSnapshot:
        """Return a snapshot that can be carried on without changing this one. Outputs are shared."""
        index = {path: node.copy() for path, node in self.index.items()}
        for node in index.values():
            node.parts = {path: index[path] for path in node.parts}
        nodes = {name: index[name] for name in self.nodes}
        return replace(self, nodes=nodes, index=index, circuits=dict(self.circuits))
