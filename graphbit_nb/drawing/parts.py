"""What the parts of a node amount to: items of a fan-out, nodes of a sub-workflow or of its latest iteration."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from graphbit_nb.core.states import NodeState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphbit_nb.core.snapshot import NodeSnapshot

MOST_SEGMENTS = 24
_SEGMENTS = {
    NodeState.SUCCEEDED: "done", NodeState.CACHED: "cached", NodeState.RUNNING: "run", NodeState.RETRYING: "run",
    NodeState.WAITING: "wait", NodeState.FAILED: "fail",
}  # fmt: skip
_FIRST_SEEN = ("fail", "wait", "run", "", "done", "cached")  # what a segment that stands for several items shows
_WORKING = frozenset({NodeState.READY, NodeState.RUNNING, NodeState.RETRYING})


def latest(told: NodeSnapshot) -> list[NodeSnapshot]:
    """Return the items of a fan-out, or the nodes of a sub-workflow: in a loop those of the latest iteration."""
    parts = list(told.parts.values())
    current = f"{told.name}#{told.iterations}."
    return [part for part in parts if part.name.startswith(current)] if told.iterations > 1 else parts


def shown_state(told: NodeSnapshot) -> NodeState:
    """Return the state that a node is shown in: it waits for a person when all that is left of its parts does."""
    if not told.parts or told.state is not NodeState.RUNNING:
        return told.state
    states = {shown_state(part) for part in latest(told)}
    return NodeState.WAITING if NodeState.WAITING in states and not states & _WORKING else NodeState.RUNNING


def segments(parts: Iterable[NodeSnapshot]) -> tuple[str, ...]:
    """Return what the bar at the foot of a card shows of the parts of its node."""
    return merged([_SEGMENTS.get(shown_state(part), "") for part in parts])


def merged(items: Sequence[str]) -> tuple[str, ...]:
    """Return at most 24 segments; one that stands for several items shows what most needs to be seen."""
    if len(items) <= MOST_SEGMENTS:
        return tuple(items)
    bounds = [len(items) * i // MOST_SEGMENTS for i in range(MOST_SEGMENTS + 1)]
    groups = (set(items[a:b]) for a, b in pairwise(bounds))
    return tuple(next((item for item in _FIRST_SEEN if item in group), "") for group in groups)


def with_output(parts: Iterable[NodeSnapshot]) -> int:
    """Return how many parts gave something."""
    return sum(part.state.has_output for part in parts)
