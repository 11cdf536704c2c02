"""The order in which nodes can run: who waits for whom, by number, so that running costs little."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


NOBODY: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ExecutionPlan:
    """Nodes as numbers, in the order of their definition.

    Attributes:
        names: Name of each node.
        predecessors: For each node, the nodes that it waits for.
        successors: For each node, the nodes that wait for it.
        order: The order in which one slot runs them: first come, first served, and of nodes that come at the same
            moment the one defined first.
        branches: For each node that decides, the nodes that run only for some of its labels, and for which.
        any_joins: Nodes that need one of the edges that lead to them, not all.
        composites: Nodes that do no work themselves but open into others: fan-outs and sub-workflows.
        people: Nodes that wait for a person.
    """

    names: tuple[str, ...]
    predecessors: tuple[tuple[int, ...], ...]
    successors: tuple[tuple[int, ...], ...]
    order: tuple[int, ...]
    branches: Mapping[int, Mapping[int, frozenset[str]]] = field(default_factory=dict)
    any_joins: frozenset[int] = NOBODY
    composites: frozenset[int] = NOBODY
    people: frozenset[int] = NOBODY

    @cached_property
    def index(self) -> dict[str, int]:
        """Number of each node by its name."""
        return {name: number for number, name in enumerate(self.names)}

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Length of the longest way to each node. For drawing: a run knows no levels."""
        levels = [0] * len(self.names)
        for number in self.order:
            for follower in self.successors[number]:
                levels[follower] = max(levels[follower], levels[number] + 1)
        return tuple(levels)

    @property
    def roots(self) -> tuple[int, ...]:
        """The nodes that wait for nothing."""
        return tuple(number for number, before in enumerate(self.predecessors) if not before)

    def needed_for(self, names: Iterable[str]) -> ExecutionPlan:
        """Return the plan of these nodes and everything they wait for. Raises KeyError for an unknown name."""
        keep: set[int] = set()
        stack = [self.index[name] for name in names]
        while stack:
            number = stack.pop()
            if number not in keep:
                keep.add(number)
                stack.extend(self.predecessors[number])
        if len(keep) == len(self.names):
            return self
        kept = sorted(keep)
        renumbered = {old: new for new, old in enumerate(kept)}
        return ExecutionPlan(
            names=tuple(self.names[old] for old in kept),
            predecessors=tuple(tuple(renumbered[p] for p in self.predecessors[old]) for old in kept),
            successors=tuple(tuple(renumbered[s] for s in self.successors[old] if s in keep) for old in kept),
            order=tuple(renumbered[old] for old in self.order if old in keep),
            branches={
                renumbered[source]: {renumbered[target]: labels for target, labels in targets.items() if target in keep}
                for source, targets in self.branches.items()
                if source in keep
            },
            any_joins=frozenset(renumbered[old] for old in self.any_joins if old in keep),
            composites=frozenset(renumbered[old] for old in self.composites if old in keep),
            people=frozenset(renumbered[old] for old in self.people if old in keep),
        )


def flat_plan(names: tuple[str, ...], *, composites: bool = False, people: bool = False) -> ExecutionPlan:
    """Return the plan of nodes that do not wait for each other, all of one sort: the items of a fan-out."""
    everyone = range(len(names))
    nothing: tuple[tuple[int, ...], ...] = ((),) * len(names)
    return ExecutionPlan(
        names, nothing, nothing, tuple(everyone),
        composites=frozenset(everyone) if composites else NOBODY,
        people=frozenset(everyone) if people else NOBODY,
    )  # fmt: skip


def make_plan(names: Sequence[str], predecessors: Mapping[str, Iterable[str]]) -> ExecutionPlan | list[str]:
    """Order the nodes, or return a cycle.

    Kahn's algorithm (Kahn 1962, Communications of the ACM 5(11)); linear in nodes and edges, without recursion.

    Args:
        names: The nodes, in the order of their definition.
        predecessors: For each node, the different nodes that it waits for.

    Returns:
        The plan; or, if there is none, the names along one cycle, the first of them again at the end.
    """
    index = {name: number for number, name in enumerate(names)}
    before = [tuple(index[p] for p in predecessors[name]) for name in names]
    after: list[list[int]] = [[] for _ in names]
    for number, waits_for in enumerate(before):
        for p in waits_for:
            after[p].append(number)
    left = [len(waits_for) for waits_for in before]
    queue = deque(number for number, count in enumerate(left) if not count)
    order: list[int] = []
    while queue:
        number = queue.popleft()
        order.append(number)
        for follower in after[number]:
            left[follower] -= 1
            if not left[follower]:
                queue.append(follower)
    if len(order) < len(names):
        return [names[number] for number in _cycle(before, {n for n, count in enumerate(left) if count})]
    return ExecutionPlan(tuple(names), tuple(before), tuple(tuple(a) for a in after), tuple(order))


def _cycle(before: Sequence[tuple[int, ...]], stuck: set[int]) -> list[int]:
    """Walk against the arrows among nodes that all have a stuck predecessor, until one comes again."""
    number = min(stuck)
    seen: dict[int, int] = {}
    path: list[int] = []
    while number not in seen:
        seen[number] = len(path)
        path.append(number)
        number = next(p for p in before[number] if p in stuck)
    cycle = path[seen[number] :][::-1]
    first = cycle.index(min(cycle))
    cycle = cycle[first:] + cycle[:first]
    return [*cycle, cycle[0]]
