"""Everything that can happen in a run, as small records.

A record is stamped once, when it is made, with the run's id, its own number (from 1, without gaps) and the time
(seconds since 1970). Records go up through the bus to the sinks and are never changed. `Event` is the closed union.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.llm import Message, Usage
    from graphbit_nb.core.states import RunStatus


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """What went wrong, kept by type and text; the exception itself and its frames are not held on to.

    Attributes:
        type: Name of the exception's class.
        message: Its text.
        node: The node that failed.
        attempts: How often it was tried.
        place: Where in the user's own code, if it was raised there.
        traceback: The user's own lines of the traceback, if there are any.
        provider: The provider whose call failed.
        model: The model asked for.
        status: HTTP status of its answer, if there was one.
        request_id: The provider's own id of the request, for its support desk.
        retry_after: Seconds after which another try is worth it, if that is known.
    """

    type: str
    message: str
    node: str | None = None
    attempts: int = 1
    place: str | None = None
    traceback: str | None = None
    provider: str | None = None
    model: str | None = None
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        where = f" ({self.place})" if self.place else ""
        tries = f" ({self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{self.type}: {self.message}{where}{tries}"


@dataclass(slots=True)
class RunStarted:
    """A run began, with these nodes in this order and these inputs."""

    kind: ClassVar[Literal["run.started"]] = "run.started"
    run_id: str
    seq: int
    time: float
    workflow: str
    nodes: tuple[str, ...]
    inputs: Mapping[str, Any]


@dataclass(slots=True)
class RunResumed:
    """A run that had stopped goes on: these nodes are done again, whatever became of them; the others keep theirs."""

    kind: ClassVar[Literal["run.resumed"]] = "run.resumed"
    run_id: str
    seq: int
    time: float
    redo: tuple[str, ...]


@dataclass(slots=True)
class RunUnkept:
    """From here on, or from the beginning, the run is in memory only: it could not be written down, for this reason."""

    kind: ClassVar[Literal["run.unkept"]] = "run.unkept"
    run_id: str
    seq: int
    time: float
    reason: str


@dataclass(slots=True)
class NodeReady:
    """Every input is there, but no slot is free. A node that starts at once is not announced as ready."""

    kind: ClassVar[Literal["node.ready"]] = "node.ready"
    run_id: str
    seq: int
    time: float
    node: str


@dataclass(slots=True)
class NodeStarted:
    """A node took a slot."""

    kind: ClassVar[Literal["node.started"]] = "node.started"
    run_id: str
    seq: int
    time: float
    node: str


@dataclass(slots=True)
class NodeResumed:
    """A node that was retrying has its slot again."""

    kind: ClassVar[Literal["node.resumed"]] = "node.resumed"
    run_id: str
    seq: int
    time: float
    node: str


@dataclass(slots=True)
class NodeExpanded:
    """A node opened into others: the items of a fan-out, the nodes of a sub-workflow, those of its next iteration.

    `parts` are what they are called from now on: ``"each[0]"``, ``"review.score"``, ``"loop#2.draft"``.
    """

    kind: ClassVar[Literal["node.expanded"]] = "node.expanded"
    run_id: str
    seq: int
    time: float
    node: str
    what: Literal["items", "nodes"]
    parts: tuple[str, ...]
    iteration: int = 1


@dataclass(slots=True)
class NodeWaiting:
    """A node waits for a person's answer to `question`; `options` are the labels to choose from, if there are any."""

    kind: ClassVar[Literal["node.waiting"]] = "node.waiting"
    run_id: str
    seq: int
    time: float
    node: str
    question: str
    options: tuple[str, ...] = ()


@dataclass(slots=True)
class NodePrinted:
    """A node's code printed something; what comes close together is one record."""

    kind: ClassVar[Literal["node.printed"]] = "node.printed"
    run_id: str
    seq: int
    time: float
    node: str
    text: str


@dataclass(slots=True)
class PromptRendered:
    """A prompt is complete, as it goes to the model.

    `origins` names, for each message, the pieces of text that came from elsewhere: (start, end, name).
    """

    kind: ClassVar[Literal["prompt.rendered"]] = "prompt.rendered"
    run_id: str
    seq: int
    time: float
    node: str
    messages: tuple[Message, ...]
    origins: tuple[tuple[tuple[int, int, str], ...], ...]


@dataclass(slots=True)
class LlmRequested:
    """A call to a model begins."""

    kind: ClassVar[Literal["llm.requested"]] = "llm.requested"
    run_id: str
    seq: int
    time: float
    node: str
    provider: str
    model: str | None
    parameters: Mapping[str, Any]


@dataclass(slots=True)
class LlmToken:
    """A piece of a streamed answer; pieces that come close together are one record."""

    kind: ClassVar[Literal["llm.token"]] = "llm.token"
    run_id: str
    seq: int
    time: float
    node: str
    text: str


@dataclass(slots=True)
class LlmResponded:
    """A model answered; with a `source`, such as ``"cache"``, nobody was asked and it costs nothing."""

    kind: ClassVar[Literal["llm.responded"]] = "llm.responded"
    run_id: str
    seq: int
    time: float
    node: str
    text: str
    finish_reason: str | None
    usage: Usage
    model: str | None
    request_id: str | None
    first_token: float | None
    latency: float | None
    cost: float | None
    source: str | None = None


@dataclass(slots=True)
class RetryScheduled:
    """An attempt failed and another follows in `delay` seconds; what it had streamed is taken back."""

    kind: ClassVar[Literal["retry.scheduled"]] = "retry.scheduled"
    run_id: str
    seq: int
    time: float
    node: str
    attempt: int
    delay: float
    error: ErrorInfo


@dataclass(slots=True)
class RateLimited:
    """A call waits for our own limit on what a provider is asked.

    `seconds` is how long at least, None if nobody knows, and 0.0 when the wait is over and the call is made.
    """

    kind: ClassVar[Literal["rate.limited"]] = "rate.limited"
    run_id: str
    seq: int
    time: float
    node: str
    limit: str
    seconds: float | None
    ahead: int


@dataclass(slots=True)
class ContentFlagged:
    """A content check has found something in a text of this node.

    `where` is ``"prompt"``, ``"answer"`` or ``"tool"``; `what` is the kind of thing, `sample` the first of them, mostly
    hidden; `blocked` says whether the node fails for it.
    """

    kind: ClassVar[Literal["content.flagged"]] = "content.flagged"
    run_id: str
    seq: int
    time: float
    node: str
    where: str
    check: str
    what: str
    count: int
    sample: str
    blocked: bool


@dataclass(slots=True)
class CircuitChanged:
    """A call of this node brought a provider's circuit breaker into another state."""

    kind: ClassVar[Literal["circuit.changed"]] = "circuit.changed"
    run_id: str
    seq: int
    time: float
    node: str
    circuit: str
    state: str
    reason: str


@dataclass(slots=True)
class ToolCalled:
    """A tool that the model asked for has given its result, or failed with `error`, which the model is told."""

    kind: ClassVar[Literal["tool.called"]] = "tool.called"
    run_id: str
    seq: int
    time: float
    node: str
    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    result: str
    error: ErrorInfo | None
    started: float


@dataclass(slots=True)
class OutputRejected:
    """An answer did not fit the declared output, and another is asked for; what was streamed is taken back."""

    kind: ClassVar[Literal["output.rejected"]] = "output.rejected"
    run_id: str
    seq: int
    time: float
    node: str
    error: ErrorInfo


@dataclass(slots=True)
class FallbackAsked:
    """A node failed for this reason, and the model that is its fallback is asked in its place, once there is a slot."""

    kind: ClassVar[Literal["fallback.asked"]] = "fallback.asked"
    run_id: str
    seq: int
    time: float
    node: str
    error: ErrorInfo


@dataclass(slots=True)
class NodeSucceeded:
    """A node ended with an output."""

    kind: ClassVar[Literal["node.succeeded"]] = "node.succeeded"
    run_id: str
    seq: int
    time: float
    node: str
    output: Any
    fallback: ErrorInfo | None = None  # set when the node's fallback stood in for this failure
    uncached: str | None = None  # why it will be computed again, where it could have been remembered


@dataclass(slots=True)
class NodeCached:
    """A node's output was there already, from `source`: it was pinned, or everything that it asks is remembered."""

    kind: ClassVar[Literal["node.cached"]] = "node.cached"
    run_id: str
    seq: int
    time: float
    node: str
    output: Any
    source: str


@dataclass(slots=True)
class NodeFailed:
    """A node ended with an error."""

    kind: ClassVar[Literal["node.failed"]] = "node.failed"
    run_id: str
    seq: int
    time: float
    node: str
    error: ErrorInfo


@dataclass(slots=True)
class NodeSkipped:
    """A node never ran, for this reason."""

    kind: ClassVar[Literal["node.skipped"]] = "node.skipped"
    run_id: str
    seq: int
    time: float
    node: str
    reason: str


@dataclass(slots=True)
class NodeCancelled:
    """A node was stopped, or never started, because somebody cancelled."""

    kind: ClassVar[Literal["node.cancelled"]] = "node.cancelled"
    run_id: str
    seq: int
    time: float
    node: str
    reason: str


@dataclass(slots=True)
class RunFinished:
    """A run ended; `reason` says why it was stopped, if it was."""

    kind: ClassVar[Literal["run.finished"]] = "run.finished"
    run_id: str
    seq: int
    time: float
    status: RunStatus
    reason: str | None = None


Event = (
    RunStarted
    | RunResumed
    | RunUnkept
    | NodeReady
    | NodeStarted
    | NodeResumed
    | NodeExpanded
    | NodeWaiting
    | NodePrinted
    | PromptRendered
    | LlmRequested
    | LlmToken
    | LlmResponded
    | RetryScheduled
    | RateLimited
    | CircuitChanged
    | ToolCalled
    | OutputRejected
    | FallbackAsked
    | NodeSucceeded
    | NodeCached
    | ContentFlagged
    | NodeFailed
    | NodeSkipped
    | NodeCancelled
    | RunFinished
)

EVENT_TYPES: dict[str, type[Event]] = {cls.kind: cls for cls in Event.__args__}


def describe(event: Event) -> dict[str, Any]:
    """Return an event as a flat dict, its kind first. Values are not copied."""
    return {"kind": event.kind, **{f.name: getattr(event, f.name) for f in fields(event)}}
