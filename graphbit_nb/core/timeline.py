"""What a run did when: for each step the stretches of time that it waited, asked and worked. A fold of its snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbit_nb.core.node_snapshot import Attempt, NodeSnapshot
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.core.states import NodeState

Doing = Literal["slot", "limit", "retry", "call", "stream", "tool", "code", "person", "engine"]
"""What a stretch of time went by with: waiting for a slot, for a limit of ours, or for the next attempt; the time to
the first token, or to the whole answer of a call that does not stream; the rest of it; tools; code of the node, or of
the engine around its calls; a person; and, between two steps, what the engine takes to go from one to the next."""

WAITS: frozenset[Doing] = frozenset({"slot", "limit", "retry", "person"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of time of one step. Times are seconds since 1970."""

    doing: Doing
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One step of a run in time.

    Attributes:
        path: Which; a composite comes before its parts.
        depth: How many steps it is inside of.
        state: How it ended, or stands.
        arrived: When its inputs were there (seconds since 1970).
        ended: When it ended, or the time to which the run is looked at.
        stretches: What it did in between, without gaps, in order; a composite's are those of its parts.
        is_composite: Whether it opened into others.
        retries: How often it was tried again.
    """

    path: str
    depth: int
    state: NodeState
    arrived: float
    ended: float
    stretches: tuple[Stretch, ...]
    is_composite: bool = False
    retries: int = 0

    @property
    def seconds(self) -> float:
        """From its inputs to its end."""
        return self.ended - self.arrived


def bars_of(snapshot: RunSnapshot, now: float | None = None) -> list[Bar]:
    """Return a bar for each step that has begun, in the order of the workflow.

    Args:
        snapshot: The run, at any moment.
        now: Where steps that have not ended are cut (seconds since 1970); None is the run's end, else its latest time.
    """
    end = end_of(snapshot, now)
    return [bar for node in snapshot.nodes.values() for bar in _bars(node, 0, end)]


def end_of(snapshot: RunSnapshot, now: float | None = None) -> float:
    """Return the time to which a run is looked at: `now`, else its end, else the last time that is known of it."""
    if snapshot.finished is not None:
        return snapshot.finished
    if now is not None:
        return now
    known = [snapshot.started or 0.0]
    for node in snapshot.index.values():
        known += [time for time in (node.ready, node.started, node.finished) if time is not None]
        known += [time for call in node.attempts for time in (call.started, call.finished) if time is not None]
    return max(known)


def arrival(node: NodeSnapshot) -> float | None:
    """Return when a step's inputs were there; None when it never came so far."""
    if node.ready is not None and (node.started is None or node.ready <= node.started):
        return node.ready
    return node.started


def _bars(node: NodeSnapshot, depth: int, end: float) -> Iterator[Bar]:
    arrived = arrival(node)
    if arrived is None:
        return
    ended = max(arrived, end if node.finished is None else node.finished)
    yield Bar(
        path=node.name, depth=depth, state=node.state, arrived=arrived, ended=ended,
        stretches=() if node.parts else stretches_of(node, end), is_composite=bool(node.parts),
        retries=sum(call.delay is not None for call in node.attempts),
    )  # fmt: skip
    for part in node.parts.values():
        yield from _bars(part, depth + 1, end)


def stretches_of(node: NodeSnapshot, end: float) -> tuple[Stretch, ...]:
    """Return what a step that opened into nothing did, from its inputs to its end, without gaps.

    Args:
        node: The step.
        end: Where it is cut if it has not ended.
    """
    arrived = arrival(node)
    if arrived is None:
        return ()
    line = _Line(arrived, max(arrived, end if node.finished is None else node.finished))
    if node.started is None:
        line.to(line.end, "slot")
        return tuple(line.done)
    line.to(node.started, "slot")
    if node.question is not None:
        line.to(line.end, "person")
    for number, call in enumerate(node.attempts, 1):
        _call(line, call)
        if call.delay is not None and call.finished is not None:
            line.to(call.finished + call.delay, "retry")
            if number < len(node.attempts):
                line.to(node.attempts[number].started, "slot")  # the wait is over, and others have its place
        _tools(line, call)
    line.to(line.end, "code")
    return tuple(line.done)


def _call(line: _Line, call: Attempt) -> None:
    line.to(call.started, "code")
    finished = line.end if call.finished is None else call.finished
    if call.limited is not None:
        line.to(finished if call.sent is None else call.sent, "limit")
    if call.first_token is not None and call.source is None:
        line.to(min(line.at + call.first_token, finished), "call")
        line.to(finished, "stream")
    else:
        line.to(finished, "call")


def _tools(line: _Line, call: Attempt) -> None:
    for tool in sorted(call.tools, key=lambda tool: tool.started):
        line.to(tool.started, "code")
        line.to(tool.finished, "tool")


class _Line:
    """Stretches that follow each other from one time to another; what would go back, or past the end, is cut."""

    def __init__(self, start: float, end: float) -> None:
        self.at = start
        self.end = end
        self.done: list[Stretch] = []

    def to(self, time: float, doing: Doing) -> None:
        """Go on to a time."""
        time = min(time, self.end)
        if time <= self.at:
            return
        if self.done and self.done[-1].doing == doing:
            self.done[-1] = Stretch(doing, self.done[-1].start, time)
        else:
            self.done.append(Stretch(doing, self.at, time))
        self.at = time


def total(stretches: Iterable[Stretch], doing: frozenset[Doing]) -> float:
    """Return how many seconds of these went by with one of these."""
    return sum(stretch.seconds for stretch in stretches if stretch.doing in doing)
