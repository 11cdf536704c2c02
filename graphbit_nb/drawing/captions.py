"""What the card of one node says: what the node is before the run, what happens in it, what it took."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.outputs import label_of
from graphbit_nb.core.paths import names_of
from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing.figures import cause, characters, duration, part_of, short
from graphbit_nb.drawing.marks import ICONS
from graphbit_nb.drawing.parts import latest, segments, shown_state, with_output
from graphbit_nb.graph.kinds.workflow import WorkflowSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbit_nb.core.snapshot import NodeSnapshot
    from graphbit_nb.graph.node import Node

_NAMED_TOOLS = 2
_ROOM = {"prompt": "88.8k chars", "agent": "88.8k chars", "human": "88:88", "embed": "8,888 dimensions"}
_NEEDS = re.compile(r"needs (.+), which ")
_NOT_TAKEN = re.compile(r".+ gave .+, not |no edge that leads here was taken")
_MOST_OPTIONS = 28  # characters of the labels that a person is offered on the card itself
_MOST_READ = 200  # characters of an answer that are looked at
_ACTIVE = frozenset({NodeState.RUNNING, NodeState.RETRYING, NodeState.WAITING})


class Caption:
    """The texts of one card, or of the frame that stands for it when it is unfolded.

    Args:
        node: The node.
        told: What a run tells of it.
        labels: The labels that other nodes wait for it to give.
        arrivals: How many links lead to it.
        now: Seconds since 1970, for what is left of a wait.
        framed: Whether its nodes are drawn, so that the caption need not speak of them.
    """

    def __init__(
        self, node: Node, told: NodeSnapshot | None, *, labels: Sequence[str] = (), arrivals: int = 0,
        now: float | None = None, framed: bool = False,
    ) -> None:  # fmt: skip
        self.node = node
        self.told = told
        self.labels = labels
        self.arrivals = arrivals
        self.now = now
        self.framed = framed
        self.inner = node.settings if isinstance(node.settings, WorkflowSettings) else None

    @property
    def fan(self) -> str | None:
        """What the node is run for: ``each point``; None when it is run once."""
        return None if self.node.for_each is None else f"each {', '.join(self.node.for_each.variables)}"

    @property
    def room(self) -> str:
        """The widest text that will ever stand at the end of the second line, beside what the node is."""
        if self.fan is not None:
            return "888/8.8k"
        return "88.8 s" if self.inner is not None else _ROOM.get(self.node.kind, "88.8 s")

    @property
    def state(self) -> str:
        """The state that the card is shown in."""
        return "pending" if self.told is None else shown_state(self.told).value

    def what(self) -> str:
        """Return what the node is."""
        joins = f"any of {self.arrivals}" if self.node.join == "any" and self.arrivals > 1 else ""
        return _said(joins, self.fan or "", self._kind())

    def _kind(self) -> str:
        node, kind = self.node, self.node.kind
        gives = "" if node.output is None or node.output.is_text else f"→ {node.output}"
        if self.inner is not None:
            return self._sub_workflow(self.inner)
        model: Any = getattr(node.settings, "model", None)
        named = model if isinstance(model, str) else ""
        match kind:
            case "human":
                return _said("asks you", _offered(node.output.labels if node.output is not None else ()))
            case "condition":
                return " | ".join(self.labels) or gives or kind
            case "embed":
                return _said(named, "vectors")
            case "agent":
                return _said(named, _tools(node.settings), gives)
            case _ if kind not in ICONS:
                return " ".join(part for part in (_said(kind, named), gives) if part)
            case _ if named:
                return f"{named} {gives}".rstrip()
            case _:
                return kind if node.output is None else f"→ {node.output}"

    def _sub_workflow(self, inner: WorkflowSettings) -> str:
        if inner.repeat_until is not None:
            return f"until {inner.repeat_until.source}, at most {inner.max_iterations}"
        count = len(inner.workflow.nodes)
        return "" if self.framed else f"{count} node{'' if count == 1 else 's'}"

    def live(self, *, figures: bool = True) -> str:
        """Return what happens, or has happened, where that says more than what the node is."""
        told = self.told
        if told is None:
            return ""
        match shown_state(told):
            case NodeState.RUNNING if told.expands is not None:
                return self._inside(told)
            case NodeState.RUNNING if len(told.attempts) > 1 and figures:
                tries = self._tries(told)
                return f"{f'try {tries}' if tries > 1 else f'turn {len(told.attempts)}'} · {self.what()}"
            case NodeState.RETRYING:
                error = told.attempts[-1].error if told.attempts else None
                again = f"try {self._tries(told) + 1}" if told.attempts and figures else ""
                return _said(cause(error) if error else "", again) or "trying again"
            case NodeState.WAITING:
                return _said("your turn", _offered(told.options), self._inside(told))
            case NodeState.FAILED:
                return self._failed(told)
            case NodeState.SKIPPED:
                return _skipped(told.reason or "")
            case NodeState.CANCELLED:
                return "cancelled"
            case NodeState.SUCCEEDED if told.error is not None:
                return f"fallback · {cause(told.error)}"
            case NodeState.SUCCEEDED | NodeState.CACHED:
                return self._given(told)
            case _:
                return ""

    def _tries(self, told: NodeSnapshot) -> int:
        """Return how often it was tried; an agent's model answers several times in one try."""
        if self.node.kind != "agent":
            return len(told.attempts)
        open_ = told.attempts[-1].error is None
        return sum(attempt.error is not None for attempt in told.attempts) + open_

    def _inside(self, told: NodeSnapshot) -> str:
        """Return where a sub-workflow stands."""
        if told.expands != "nodes" or self.inner is None:
            return ""
        number = ""
        if self.inner.repeat_until is not None:
            number = f"iteration {told.iterations}/{self.inner.max_iterations}"
        if self.framed:
            return number
        active = [names_of(part.name)[-1] for part in latest(told) if part.state in _ACTIVE]
        more = f" +{len(active) - 1}" if len(active) > 1 else ""
        return _said(number, active[0] + more if active else "")

    def _failed(self, told: NodeSnapshot) -> str:
        why = cause(told.error) if told.error is not None else "failed"
        if told.expands != "nodes" or self.framed:
            return why
        where = next((names_of(part.name)[-1] for part in latest(told) if part.state is NodeState.FAILED), "")
        return f"{where}: {why}" if where else why

    def _given(self, told: NodeSnapshot) -> str:
        """Return the output, where it is short or a short word can be said about it."""
        if told.expands == "items":
            return _said(self.fan or "", "no items") if not told.parts else ""
        if self.inner is not None and self.inner.repeat_until is not None and told.iterations:
            return f"{told.iterations} iteration{'' if told.iterations == 1 else 's'}"
        if self.node.kind == "human":
            return _beginning(told.output)
        if self.node.kind == "embed":
            return _vectors(told.output)
        return (label_of(told.output) or "") if self.labels else ""

    def figure(self) -> str:
        """Return the one number of the card."""
        told = self.told
        if told is None:
            return ""
        match told.state:
            case NodeState.RUNNING if told.expands is not None:
                return self._progress(told)
            case NodeState.RUNNING:
                return characters(len(told.streamed)) if told.streamed else ""
            case NodeState.RETRYING:
                left = self._left()
                return "" if left is None else f"in {max(0, round(left))} s"
            case NodeState.SUCCEEDED | NodeState.FAILED | NodeState.CANCELLED if told.expands == "items":
                good, count = with_output(told.parts.values()), len(told.parts)
                return part_of(good, count) if good < count else short(count) if count else ""
            case NodeState.CACHED:
                return "cached"
            case NodeState.FAILED if told.error is not None and told.error.attempts > 1:
                return f"{told.error.attempts} tries"
            case NodeState.SUCCEEDED | NodeState.CANCELLED:
                return "" if told.latency is None else duration(told.latency)
            case _:
                return ""

    def _progress(self, told: NodeSnapshot) -> str:
        if told.expands == "nodes" and self.inner is not None and self.inner.repeat_until is not None:
            return ""  # the iteration is counted already
        return part_of(told.done, len(told.parts)) if told.parts else ""

    def items(self) -> tuple[str, ...]:
        """Return the segments at the foot of the card: while its parts are worked on, and when some of them failed."""
        told = self.told
        if told is None or not told.parts or self.framed:
            return ()
        parts = latest(told)
        if told.state.is_final and not any(part.state is NodeState.FAILED for part in parts):
            return ()
        return segments(parts)

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


def _said(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _offered(options: Sequence[Any]) -> str:
    text = " | ".join(map(str, options))
    return text if len(text) <= _MOST_OPTIONS else ""


def _skipped(reason: str) -> str:
    if needed := _NEEDS.match(reason):
        return f"needs {names_of(needed[1])[-1]}"
    return "not taken" if _NOT_TAKEN.match(reason) else "skipped"


def _beginning(answer: Any) -> str:
    text = label_of(answer)
    return "answered" if text is None else " ".join(text[:_MOST_READ].split())


def _tools(settings: Any) -> str:
    """Return the names of an agent's tools, or how many there are."""
    names = [tool.name for tool in getattr(settings, "tools", ())]
    return ", ".join(names) if len(names) <= _NAMED_TOOLS else f"{len(names)} tools"


def _vectors(output: Any) -> str:
    if not isinstance(output, list) or not output:
        return ""
    first = output[0]
    if isinstance(first, list):
        return f"{len(output):,} × {len(first):,}"  # noqa: RUF001 (the sign of multiplication is meant)
    return f"{len(output):,} dimensions"
