"""The state of a run as a fold of its events: what every view shows, of a live run and of an old one alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

from graphbit_nb.core.events import (
    ErrorInfo,
    Event,
    LlmRequested,
    LlmResponded,
    LlmToken,
    NodeCancelled,
    NodeFailed,
    NodeReady,
    NodeResumed,
    NodeSkipped,
    NodeStarted,
    NodeSucceeded,
    OutputRejected,
    PromptRendered,
    RetryScheduled,
    RunFinished,
    RunStarted,
)
from graphbit_nb.core.llm import Message, Usage
from graphbit_nb.core.states import NodeState, RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_USAGE = Usage()


@dataclass(slots=True)
class Attempt:
    """One call to a model. Times are seconds since 1970."""

    started: float
    finished: float | None = None
    provider: str = ""
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    finish_reason: str | None = None
    usage: Usage = NO_USAGE
    cost: float | None = None
    request_id: str | None = None
    first_token: float | None = None
    error: ErrorInfo | None = None
    delay: float | None = None  # seconds waited before the next attempt


@dataclass(slots=True)
class NodeSnapshot:
    """Where one node of a run stands.

    Attributes:
        streamed: Text of the answer so far, while it comes.
        error: Why it failed, or which failure its fallback stood in for.
        reason: Why it was skipped or cancelled.
        started: When it first took a slot (seconds since 1970).
        finished: When it ended.
    """

    name: str
    state: NodeState = NodeState.PENDING
    messages: tuple[Message, ...] = ()
    origins: tuple[tuple[tuple[int, int, str], ...], ...] = ()
    output: Any = None
    streamed: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    error: ErrorInfo | None = None
    reason: str | None = None
    ready: float | None = None
    started: float | None = None
    finished: float | None = None

    @property
    def prompt(self) -> str | None:
        """The last message that goes to the model, or None for a node without a prompt."""
        return self.messages[-1].content if self.messages else None

    @property
    def usage(self) -> Usage:
        """Tokens of all attempts."""
        return sum((a.usage for a in self.attempts), NO_USAGE)

    @property
    def cost(self) -> float | None:
        """US dollars of all attempts; None as soon as one of them is not known."""
        costs = [a.cost for a in self.attempts if a.usage.calls]
        return None if any(c is None for c in costs) else sum(c for c in costs if c is not None)

    @property
    def latency(self) -> float | None:
        """Seconds from the start to the end."""
        return None if self.started is None or self.finished is None else self.finished - self.started

    @property
    def model(self) -> str | None:
        """The model that was asked last."""
        return self.attempts[-1].model if self.attempts else None


@dataclass(slots=True)
class RunSnapshot:
    """Where a run stands after the events applied so far."""

    run_id: str = ""
    workflow: str = ""
    status: RunStatus = RunStatus.RUNNING
    inputs: Mapping[str, Any] = field(default_factory=dict)
    nodes: dict[str, NodeSnapshot] = field(default_factory=dict)
    seq: int = 0
    started: float | None = None
    finished: float | None = None

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
                node = self.nodes[event.node]
                node.state = NodeState.RUNNING
                node.started = event.time
            case NodeSucceeded():
                node = self.nodes[event.node]
                node.state = NodeState.SUCCEEDED
                node.output = event.output
                node.error = event.fallback
                node.streamed = ""
                node.finished = event.time
            case LlmToken():
                self.nodes[event.node].streamed += event.text
            case PromptRendered():
                node = self.nodes[event.node]
                node.messages = event.messages
                node.origins = event.origins
            case LlmRequested():
                self.nodes[event.node].attempts.append(
                    Attempt(event.time, provider=event.provider, model=event.model, parameters=event.parameters)
                )
            case LlmResponded():
                self._responded(event)
            case NodeReady():
                node = self.nodes[event.node]
                node.state = NodeState.READY
                node.ready = event.time
            case NodeResumed():
                self.nodes[event.node].state = NodeState.RUNNING
            case RetryScheduled():
                self._retry(event)
            case OutputRejected():
                node = self.nodes[event.node]
                node.streamed = ""
                if node.attempts:
                    node.attempts[-1].error = event.error
            case NodeFailed():
                node = self.nodes[event.node]
                node.state = NodeState.FAILED
                node.error = event.error
                node.finished = event.time
                if node.attempts and node.attempts[-1].finished is None:
                    node.attempts[-1].finished = event.time
                    node.attempts[-1].error = event.error
            case NodeSkipped():
                self._stopped(event, NodeState.SKIPPED)
            case NodeCancelled():
                self._stopped(event, NodeState.CANCELLED)
            case RunStarted():
                self.run_id = event.run_id
                self.workflow = event.workflow
                self.inputs = event.inputs
                self.nodes = {name: NodeSnapshot(name) for name in event.nodes}
                self.started = event.time
            case RunFinished():
                self.status = event.status
                self.finished = event.time
            case _:
                assert_never(event)
        return self

    def _responded(self, event: LlmResponded) -> None:
        attempt = self.nodes[event.node].attempts[-1]
        attempt.finished = event.time
        attempt.text = event.text
        attempt.finish_reason = event.finish_reason
        attempt.usage = event.usage
        attempt.model = event.model or attempt.model
        attempt.request_id = event.request_id
        attempt.first_token = event.first_token
        attempt.cost = event.cost

    def _retry(self, event: RetryScheduled) -> None:
        node = self.nodes[event.node]
        node.state = NodeState.RETRYING
        node.streamed = ""
        if node.attempts:
            attempt = node.attempts[-1]
            attempt.finished = event.time
            attempt.error = event.error
            attempt.delay = event.delay

    def _stopped(self, event: NodeSkipped | NodeCancelled, state: NodeState) -> None:
        node = self.nodes[event.node]
        node.state = state
        node.reason = event.reason
        node.finished = event.time
        if node.attempts and node.attempts[-1].finished is None:
            node.attempts[-1].finished = event.time

    def counts(self) -> Counter[NodeState]:
        """Number of nodes in each state that occurs."""
        return Counter(node.state for node in self.nodes.values())

    @property
    def done(self) -> int:
        """Number of nodes that have ended."""
        return sum(node.state.is_final for node in self.nodes.values())

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
