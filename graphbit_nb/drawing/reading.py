"""Reads a workflow, and a run if there is one, as a scene: what each card says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing.scene import Card, Link, Scene

if TYPE_CHECKING:
    from collections.abc import Collection

    from graphbit_nb.core.events import ErrorInfo
    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot
    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow

_INPUT = "input:"  # a node's name has no colon, so an input cannot be taken for one
_CAUSES = {
    "AuthenticationError": "key not accepted",
    "BadRequestError": "request refused",
    "BudgetExceeded": "over budget",
    "CircuitOpenError": "circuit open",
    "ConfigurationError": "not set up",
    "ContentFilteredError": "content filtered",
    "ContextTooLongError": "prompt too long",
    "InputTooLarge": "input too large",
    "MissingInputError": "input missing",
    "NotFoundError": "no such model",
    "OutputError": "not as declared",
    "OverloadedError": "overloaded",
    "PermissionDeniedError": "not permitted",
    "ProtocolError": "unreadable answer",
    "ProviderConnectionError": "no connection",
    "ProviderTimeoutError": "timed out",
    "QuotaExhaustedError": "quota used up",
    "RateLimitError": "rate limited",
    "ServerError": "server error",
    "TemplateError": "template error",
    "TimeoutError": "timed out",
}
_ROOM = {"prompt": "88.8k chars", "agent": "88.8k chars", "human": "88:88"}


def scene_of(
    workflow: Workflow,
    snapshot: RunSnapshot | None = None,
    *,
    new: str | None = None,
    stale: Collection[str] = (),
    figures: bool = True,
    now: float | None = None,
) -> Scene:
    """Return what a drawing of a workflow shows.

    Args:
        workflow: The workflow.
        snapshot: A run of it, also of an earlier version of it.
        new: Name of a node that has just been added.
        stale: Names of nodes whose results are older than their definitions.
        figures: Whether to show times and counts, which differ from run to run.
        now: Seconds since 1970, for the part of a wait that is left.
    """
    cards = []
    inputs = {name: spec for name, spec in workflow.inputs.items() if spec.required}
    for name in inputs:
        state = "pending" if snapshot is None or name not in snapshot.inputs else "succeeded"
        cards.append(Card(id=_INPUT + name, label=name, kind="input", state=state))
    for name, node in workflow.nodes.items():
        told = None if snapshot is None else snapshot.nodes.get(name)
        says = _Says(workflow, node, told, snapshot, now)
        cards.append(
            Card(
                id=name, label=name, kind=node.kind, sub=says.what(), room=_ROOM.get(node.kind, "88.8 s"),
                state="pending" if told is None else told.state.value, live=says.live(figures=figures),
                meta=says.figure() if figures else "", wait=says.wait() if figures else None,
                new=name == new, stale=name in stale,
            )
        )  # fmt: skip
    links = [
        Link(source=_INPUT + name, target=consumer)
        for name, spec in inputs.items()
        for consumer in spec.consumers
        if consumer in workflow.nodes
    ]
    links += [
        Link(source=edge.source, target=edge.target, kind=edge.kind, label=edge.label)
        for edge in workflow.edges
        if edge.source in workflow.nodes and edge.target in workflow.nodes
    ]
    return Scene(title=workflow.name, cards=tuple(cards), links=tuple(links), dead=_dead(workflow, snapshot))


def _dead(workflow: Workflow, snapshot: RunSnapshot | None) -> frozenset[tuple[str, str]]:
    """Return the branches that a condition has not taken."""
    if snapshot is None:
        return frozenset()
    branches = [edge for edge in workflow.edges if edge.kind == "conditional" and edge.source in snapshot.nodes]
    taken = {(edge.source, edge.target) for edge in branches if snapshot.nodes[edge.source].output == edge.label}
    decided = {source for source, _ in taken}
    return frozenset((edge.source, edge.target) for edge in branches if edge.source in decided) - taken


class _Says:
    """What the card of one node says."""

    def __init__(
        self, workflow: Workflow, node: Node, told: NodeSnapshot | None, run: RunSnapshot | None, now: float | None
    ) -> None:
        self.workflow = workflow
        self.node = node
        self.told = told
        self.run = run
        self.now = now

    def what(self) -> str:
        """Return what the node is."""
        kind, settings = self.node.kind, self.node.settings
        gives = "" if self.node.output is None else f"→ {self.node.output}"
        if kind == "human":
            return "asks you"
        if kind == "condition":
            branches = dict.fromkeys(e.label for e in self.workflow.edges if e.source == self.node.name and e.label)
            return " | ".join(branches) or gives or kind
        model: Any = getattr(settings, "model", None)
        if isinstance(model, str):
            return model if self.node.output is None or self.node.output.is_text else f"{model} {gives}"
        return gives or kind

    def live(self, *, figures: bool) -> str:
        """Return what happens, or has happened, where that says more than what the node is."""
        told = self.told
        if told is None:
            return ""
        match told.state:
            case NodeState.RUNNING if len(told.attempts) > 1 and figures:
                return f"try {len(told.attempts)} · {self.what()}"
            case NodeState.RETRYING:
                error = told.attempts[-1].error if told.attempts else None
                again = f"try {len(told.attempts) + 1}" if told.attempts and figures else ""
                return " · ".join(part for part in (cause(error) if error else "", again) if part) or "trying again"
            case NodeState.WAITING:
                return "your turn"
            case NodeState.FAILED:
                return cause(told.error) if told.error else "failed"
            case NodeState.SKIPPED:
                return self._skipped()
            case NodeState.CANCELLED:
                return "cancelled"
            case NodeState.SUCCEEDED if told.error is not None:
                return f"fallback · {cause(told.error)}"
            case _:
                return ""

    def _skipped(self) -> str:
        nodes = {} if self.run is None else self.run.nodes
        before = [edge for edge in self.workflow.edges if edge.target == self.node.name and edge.source in nodes]
        stopped = (NodeState.FAILED, NodeState.CANCELLED, NodeState.SKIPPED)
        for state in stopped:
            for edge in before:
                if nodes[edge.source].state is state:
                    return f"needs {edge.source}"
        return "not taken" if any(edge.kind == "conditional" for edge in before) else "skipped"

    def figure(self) -> str:
        """Return the one number of the card."""
        told = self.told
        if told is None:
            return ""
        match told.state:
            case NodeState.RUNNING:
                return characters(len(told.streamed)) if told.streamed else ""
            case NodeState.RETRYING:
                left = self._left()
                return "" if left is None else f"in {max(0, round(left))} s"
            case NodeState.CACHED:
                return "cached"
            case NodeState.FAILED if told.error is not None and told.error.attempts > 1:
                return f"{told.error.attempts} tries"
            case NodeState.SUCCEEDED | NodeState.CANCELLED:
                return "" if told.latency is None else duration(told.latency)
            case _:
                return ""

    def _left(self) -> float | None:
        told = self.told
        attempt = told.attempts[-1] if told is not None and told.attempts else None
        if attempt is None or attempt.delay is None or attempt.finished is None:
            return None
        return attempt.delay if self.now is None else max(0.0, attempt.finished + attempt.delay - self.now)

    def wait(self) -> float | None:
        """Return the part of the wait before the next attempt that is left."""
        if self.told is None or self.told.state is not NodeState.RETRYING or self.now is None:
            return None
        delay, left = self.told.attempts[-1].delay if self.told.attempts else None, self._left()
        return min(1.0, left / delay) if delay and left is not None else None


def cause(error: ErrorInfo) -> str:
    """Return why something failed, in two or three words."""
    return _CAUSES.get(error.type, error.type)


def duration(seconds: float) -> str:
    """Return a time as it is shown on a card: ``40 ms``, ``9.4 s``, ``1:05``, ``2:00:07``."""
    if seconds < 0.0995:
        return f"{max(0.0, seconds * 1000):.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def characters(count: int) -> str:
    """Return how much of an answer has come: ``312 chars``, ``4.1k chars``."""
    if count < 1000:
        return f"{count} chars"
    return f"{count / 1000:.1f}k chars" if count < 99_950 else f"{round(count / 1000)}k chars"
