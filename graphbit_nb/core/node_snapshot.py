"""One node of a run, as a fold of its events: prompt, answer, attempts, parts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core.llm import Message, Usage
from graphbit_nb.core.states import NodeState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.events import ErrorInfo

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
    limited: str | None = None  # the limit of ours that it waited for
    sent: float | None = None  # when it had waited long enough for that, and was made
    tools: list[ToolUse] = field(default_factory=list)  # what its answer asked for
    source: str | None = None  # where the answer was taken from, if nobody was asked

    @property
    def is_one_of_many(self) -> bool:
        """Whether the answer is remembered and another one might come if the model were asked: it is a sample."""
        is_sampled = "texts" not in self.parameters and self.parameters.get("temperature") != 0
        return self.source == "cache" and is_sampled


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call of a tool. Times are seconds since 1970."""

    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    result: str
    error: ErrorInfo | None
    started: float
    finished: float


@dataclass(frozen=True, slots=True)
class Flag:
    """What a content check has found in a text of a node, see `ContentFlagged`."""

    where: str
    check: str
    what: str
    count: int
    sample: str
    blocked: bool

    def __str__(self) -> str:
        times = "" if self.count == 1 else f", {self.count} times"
        verdict = "blocked" if self.blocked else "let through"
        return f"{self.what} in the {self.where}: {self.sample}{times} ({self.check}, {verdict})"


@dataclass(slots=True)
class NodeSnapshot:
    """Where one node of a run stands.

    Attributes:
        name: Its name; inside another node its path, such as ``"each[0]"`` or ``"review.score"``.
        parts: What it opened into, by path: the items of a fan-out, the nodes of a sub-workflow.
        expands: ``"items"`` or ``"nodes"``, once it has opened into others.
        iterations: How often a sub-workflow was begun.
        streamed: Text of the answer so far, while it comes.
        printed: What its code printed.
        question: What a person is asked.
        options: The labels that the person may choose from.
        error: Why it failed, or which failure its fallback stood in for.
        reason: Why it was skipped or cancelled.
        source: Where its output was taken from, if it was not computed.
        flags: What content checks have found in its texts.
        uncached: Why its output is computed each time, where it could have been remembered.
        started: When it first took a slot (seconds since 1970).
        finished: When it ended.
    """

    name: str
    state: NodeState = NodeState.PENDING
    messages: tuple[Message, ...] = ()
    origins: tuple[tuple[tuple[int, int, str], ...], ...] = ()
    output: Any = None
    streamed: str = ""
    printed: str = ""
    question: str | None = None
    options: tuple[str, ...] = ()
    parts: dict[str, NodeSnapshot] = field(default_factory=dict)
    expands: Literal["items", "nodes"] | None = None
    iterations: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    error: ErrorInfo | None = None
    reason: str | None = None
    source: str | None = None
    uncached: str | None = None
    flags: tuple[Flag, ...] = ()
    ready: float | None = None
    started: float | None = None
    finished: float | None = None

    @property
    def prompt(self) -> str | None:
        """The last message that goes to the model, or None for a node without a prompt."""
        return self.messages[-1].content if self.messages else None

    @property
    def usage(self) -> Usage:
        """Tokens of all attempts, its own and those of its parts."""
        own = sum((a.usage for a in self.attempts), NO_USAGE)
        return sum((part.usage for part in self.parts.values()), own) if self.parts else own

    @property
    def cost(self) -> float | None:
        """US dollars of all attempts and parts; None as soon as one of them is not known."""
        costs = [a.cost for a in self.attempts if a.usage.calls]
        costs += [part.cost for part in self.parts.values()]
        return None if any(c is None for c in costs) else sum(c for c in costs if c is not None)

    @property
    def latency(self) -> float | None:
        """Seconds from the start to the end."""
        return None if self.started is None or self.finished is None else self.finished - self.started

    @property
    def model(self) -> str | None:
        """The model that was asked last."""
        return self.attempts[-1].model if self.attempts else None

    @property
    def done(self) -> int:
        """Number of its parts that have ended."""
        return sum(part.state.is_final for part in self.parts.values())

    def end_attempt(self, time: float, error: ErrorInfo | None) -> None:
        """Close the call that is open, if there is one."""
        if self.attempts and self.attempts[-1].finished is None:
            self.attempts[-1].finished = time
            self.attempts[-1].error = error

    def copy(self) -> NodeSnapshot:
        """Return a copy whose attempts can change without changing these. Its parts are the same."""
        return replace(self, attempts=[replace(attempt, tools=list(attempt.tools)) for attempt in self.attempts])
